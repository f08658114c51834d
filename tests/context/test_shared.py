"""A corpus that somebody else built is used where it lies, and nothing there is written."""

import shutil
from pathlib import Path

import pytest

from rlm_tui.cli.root import run_command
from rlm_tui.config.paths import Paths
from rlm_tui.context.corpus import Corpus
from rlm_tui.context.shared import shared_segments
from rlm_tui.context.store import ContextStore


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A corpus folder of two files, one of which has changed since it was first read."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "a.py").write_text("alpha = 1\n")
    (project / "b.py").write_text("beta = 2\n")
    corpus = Corpus(tmp_path / "theirs", project)
    corpus.refresh()
    (project / "b.py").write_text("beta = 'changed'\n")
    corpus.refresh()
    place = tmp_path / "share"
    shutil.copytree(corpus.directory, place)
    shutil.rmtree(tmp_path / "theirs")
    shutil.rmtree(project)
    return place


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_corpus_folder_joins_with_what_is_current(shared: Path, tmp_path: Path) -> None:
    before = _files(shared)
    refs = shared_segments(shared)
    assert refs is not None
    store = ContextStore(tmp_path / "mine")
    store.attach_all(refs)
    assert [hit.label for hit in store.find("changed").hits] == ["b.py"]
    assert store.find("beta = 2").total_found == 0
    assert [hit.label for hit in store.rank("alpha").hits] == ["a.py"]
    store.close()
    assert _files(shared) == before


def test_one_database_file_joins_even_without_its_tape(shared: Path, tmp_path: Path) -> None:
    database = next(path for path in (shared / "segments").glob("*.duckdb"))
    alone = tmp_path / "alone" / database.name
    alone.parent.mkdir()
    shutil.copy(database, alone)
    refs = shared_segments(alone)
    assert refs is not None
    store = ContextStore(tmp_path / "mine")
    store.attach_all(refs)
    assert store.chars == refs[0].chars
    store.close()


def test_the_command_line_uses_both(
    shared: Path, home: Paths, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert home.home.is_absolute()
    assert run_command(["context", "find", "changed", "--path", str(shared)]) == 0
    assert "b.py:1:9" in capfd.readouterr().out
    database = next(path for path in (shared / "segments").glob("*.duckdb"))
    assert run_command(["context", "stats", "--path", str(database)]) == 0
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert run_command(["run", "Where is 'changed'?", "--attach", str(shared)]) == 0
    assert "b.py" in capfd.readouterr().out


def test_anything_else_is_read_as_text(tmp_path: Path) -> None:
    assert shared_segments(tmp_path) is None
