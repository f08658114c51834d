"""`rlm-tui export`, `import` and `replay`, as people and scripts run them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlm_tui.config.paths import Paths
from tests.cli.conftest import Cli
from tests.support.generated_log import GeneratedLog, write_log


@pytest.fixture
def long_session(home: Paths) -> Path:
    return write_log(home.make(home.sessions), GeneratedLog(400, 6))


def test_formats_go_to_stdout_or_a_file(cli: Cli, long_session: Path, tmp_path: Path) -> None:
    done = cli("export", long_session.name)
    assert done.code == 0
    assert done.out.startswith("# ")
    assert "cannot be read" in done.err
    page = tmp_path / "page.html"
    done = cli("export", long_session.name, "-o", page, "--json")
    assert done.code == 0
    assert page.read_text().startswith("<!doctype html>")
    assert json.loads(done.out)["bytes"] == page.stat().st_size
    lines = cli("export", long_session.name, "--format", "jsonl").out.splitlines()
    assert json.loads(lines[0])["type"] == "rlm-tui-session"
    document = json.loads(cli("export", long_session.name, "--format", "json", "--exclude", "tools").out)
    assert "tools" not in document["parts"]


def test_nothing_is_overwritten_unasked(cli: Cli, long_session: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.md"
    target.write_text("mine")
    done = cli("export", long_session.name, "-o", target)
    assert (done.code, target.read_text()) == (2, "mine")
    assert "--force" in done.err
    assert cli("export", long_session.name, "-o", target, "--force").code == 0
    assert target.read_text() != "mine"
    assert cli("export", long_session.name, "-o", tmp_path).code == 2
    assert cli("export", long_session.name, "-o", tmp_path / "no" / "x.md").code == 2
    assert cli("export", "nothing-like-it").code == 2
    assert cli("export", long_session.name, "--exclude", "thoughts").code == 2


def test_a_full_disk_leaves_nothing_behind(long_session: Path, home: Paths, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "from rlm_tui.cli.root import run_command; sys.exit(run_command(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "export", long_session.name, "-o", str(folder / "a.jsonl")]
    environ = {**os.environ, "RLM_TUI_HOME": str(home.home)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert list(folder.iterdir()) == []


def test_an_export_is_imported_again(
    cli: Cli, long_session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for options, name in (((), "a.jsonl"), (("--bundle",), "a.zip")):
        assert cli("export", long_session.name, "-o", tmp_path / name, *options).code == 0
        done = cli("import", tmp_path / name, "--json")
        assert done.code == 0
        imported = json.loads(done.out)
        assert imported["imported_from"] == long_session.name
        assert imported["id"] != long_session.name
        listed = [json.loads(line) for line in cli("sessions", "--json").out.splitlines()]
        infos = {info["id"]: info for info in listed}
        same = ("turns", "calls", "tokens", "cost", "context_chars", "entries", "title")
        assert {k: infos[imported["id"]][k] for k in same} == {k: infos[long_session.name][k] for k in same}
    monkeypatch.setenv("RLM_TUI_HOME", str(tmp_path / "elsewhere"))
    assert cli("import", tmp_path / "a.jsonl").out.strip() == long_session.name
    (tmp_path / "x.jsonl").write_text("nonsense\n")
    assert cli("import", tmp_path / "x.jsonl").code == 2
    assert cli("import", tmp_path / "none").code == 2


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_schemas_are_printed(cli: Cli, kind: str) -> None:
    schema = json.loads(cli("export", "--schema", "--format", kind).out)
    assert schema["$schema"].endswith("2020-12/schema")


def test_a_replay_needs_a_terminal_and_a_session(cli: Cli, long_session: Path) -> None:
    done = cli("replay", long_session.name)
    assert done.code == 2
    assert "terminal" in done.err
    assert cli("replay", "nothing-like-it").code == 2
    assert cli("replay", "--speed", "1000", long_session.name).code == 2
