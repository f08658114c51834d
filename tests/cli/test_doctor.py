"""The doctor: what is damaged is found, mended where it can be, and named where it cannot."""

import json
from pathlib import Path

import pytest

from rlm_tui.config.paths import Paths
from rlm_tui.context.corpus import Corpus
from rlm_tui.session.session import Session
from tests.cli.conftest import Cli


@pytest.fixture
def corpus(cli: Cli, home: Paths, tmp_path: Path) -> Corpus:
    project = tmp_path / "project"
    project.mkdir()
    (project / "a.py").write_text("alpha = 'ä東'\n" * 50)
    (project / "b.py").write_text("beta = 2")
    (project / "c.py").write_text("gamma = 3\n")
    assert cli("ingest", project).code == 0
    return Corpus(home.home, project)


def _only(corpus: Corpus, suffix: str) -> Path:
    (path,) = corpus.segments_directory.glob(f"[!.]*{suffix}")
    return path


def _states(cli: Cli, *arguments: str) -> tuple[int, list[str]]:
    printed = cli("doctor", "--json", *arguments)
    findings = json.loads(printed.out)["findings"]
    return printed.code, [finding["state"] for finding in findings if finding["where"] != "sandbox"]


def test_all_is_well(cli: Cli, corpus: Corpus) -> None:
    assert corpus.segments
    assert _states(cli) == (0, ["well", "well"])
    assert "All is well" in cli("doctor").out


def test_a_flipped_byte_in_the_middle_of_a_tape_is_mended(cli: Cli, corpus: Corpus) -> None:
    tape = _only(corpus, ".tape")
    whole = tape.read_bytes()
    tape.write_bytes(whole[:7] + b"?" + whole[8:])
    assert _states(cli) == (0, ["well", "mended"])
    assert tape.read_bytes() == whole
    assert _states(cli) == (0, ["well", "well"])


def test_a_lost_database_is_made_again_from_the_tape_so_that_sessions_stay_whole(
    cli: Cli, home: Paths, corpus: Corpus, tmp_path: Path
) -> None:
    session = Session.create(home.make(home.sessions), home.home, project=corpus.root, model="offline")
    for ref in corpus.segments:
        session.attach(ref)
    whole = session.context.read(0, session.context.chars)
    session.close()
    database = _only(corpus, ".duckdb")
    database.write_bytes(database.read_bytes()[:9_000])
    code, states = _states(cli)
    assert (code, states) == (0, ["well", "mended", "well"])
    again = Session.resume(session.directory, home.home)
    assert again.missing == []
    assert again.context.read(0, again.context.chars) == whole
    assert [hit.label for hit in again.context.rank("beta").hits] == ["b.py"]
    again.close()
    printed = json.loads(cli("doctor", "--json").out)
    (spare,) = printed["unneeded"]
    assert ".damaged-" in spare["path"]
    assert json.loads(cli("doctor", "--prune", "--yes", "--json").out)["freed_bytes"] == spare["bytes"]
    assert json.loads(cli("doctor", "--json").out)["unneeded"] == []


def test_what_neither_tape_nor_database_holds_is_read_again(cli: Cli, corpus: Corpus) -> None:
    _only(corpus, ".duckdb").unlink()
    _only(corpus, ".tape").unlink()
    assert _states(cli) == (0, ["well", "mended"])
    assert json.loads(cli("context", "stats", "--path", corpus.root, "--json").out)["entries"] == 3


def test_a_session_with_a_damaged_log_and_a_lost_text_names_both(cli: Cli, home: Paths, tmp_path: Path) -> None:
    session = Session.create(home.make(home.sessions), home.home, project=tmp_path, model="offline")
    session.append_entry("tool", "bash", "long " * 20_000)
    session.append_entry("tool", "bash", "short")
    session.close()
    log = session.directory / "events.jsonl"
    log.write_bytes(log.read_bytes().replace(b"short", b"shirt"))
    next((session.directory / "outputs").glob("[!.]*")).unlink()
    (session.directory / "outputs" / ".abc.1.part").write_text("cut")
    printed = cli("doctor")
    assert printed.code == 1
    assert "line 3 of the log cannot be read" in printed.out
    assert "the text of entry 0 (bash) is missing" in printed.out
    assert "1 unfinished files" in printed.out
    assert "2 left for you to look at" in printed.out


def test_a_database_of_a_newer_version_is_left_alone(cli: Cli, corpus: Corpus) -> None:
    import duckdb

    database = _only(corpus, ".duckdb")
    with duckdb.connect(str(database)) as connection:
        connection.execute("UPDATE segment SET format = 99")
    before = database.read_bytes()
    printed = cli("context", "find", "beta", "--path", corpus.root)
    assert printed.code == 1
    assert "newer version" in printed.err
    assert database.read_bytes() == before
    assert "newer version" in cli("doctor").out
    assert database.read_bytes() == before
