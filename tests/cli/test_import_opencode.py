"""`rlm-tui import --from opencode`: sessions from database and export, settings, and files that are neither."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from rlm_tui.config.front_matter import read_front_matter
from rlm_tui.config.paths import Paths
from rlm_tui.session.session import fold_log
from rlm_tui.session.state import SessionState
from tests.cli.conftest import Cli

SAMPLES = Path(os.environ.get("RLM_TUI_CORPORA") or "/nowhere") / "opencode-sessions"
HOSTILE = "evil \x1b]52;c;aGk=\x07 [/b] \u202e"


def _times(created: int, completed: int) -> dict[str, Any]:
    return {"time": {"created": created, "completed": completed}}


def _reply(created: int, *, finish: str = "stop", **more: Any) -> dict[str, Any]:
    tokens = {"input": 100, "output": 10, "reasoning": 5, "cache": {"read": 50, "write": 0}}
    info = {"role": "assistant", "modelID": "m1", "providerID": "lab", "cost": 0.25, "tokens": tokens, "finish": finish}
    return {**info, **_times(created, created + 500), **more}


def _tool(name: str, given: dict[str, Any], output: str, **metadata: Any) -> dict[str, Any]:
    state = {"status": "completed", "input": given, "output": output, "title": name, "metadata": metadata}
    return {"type": "tool", "tool": name, "callID": "c1", "state": {**state, "time": {"start": 1500, "end": 1700}}}


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


SESSIONS: dict[str, tuple[str | None, list[tuple[dict[str, Any], list[dict[str, Any]]]]]] = {
    "ses_main1": (
        None,
        [
            ({"role": "user", "agent": "build", **_times(1000, 1000)}, [_text("Fix it 🚀"), {"type": "weird"}]),
            (
                _reply(1100, finish="tool-calls"),
                [
                    {"type": "reasoning", "text": "Hm."},
                    _tool("edit", {"filePath": "a.py"}, "ok", diff="--- a\n+++ b\n-x\n+y\n"),
                    _tool("task", {"prompt": "look", "subagent_type": "plan"}, "found", sessionId="ses_child1"),
                    _tool("bash", {"command": "ls"}, HOSTILE + "x" * 600),
                ],
            ),
            (_reply(2000), [_text("Fixed.")]),
            ({"role": "user", **_times(3000, 3000)}, [_text("More"), {"type": "file", "filename": "b.png"}]),
            (_reply(3100, error={"name": "MessageAbortedError", "data": {"message": "stopped"}}), [_text("Half")]),
        ],
    ),
    "ses_child1": ("ses_main1", [(_reply(1200), [_text("child answer")])]),
}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "xdg-data" / "opencode" / "opencode.db"
    file.parent.mkdir(parents=True)
    base = sqlite3.connect(file)
    base.execute("CREATE TABLE session (id, title, directory, time_created, parent_id)")
    base.execute("CREATE TABLE message (id, session_id, time_created, data)")
    base.execute("CREATE TABLE part (id, message_id, session_id, data)")
    for name, (parent, messages) in SESSIONS.items():
        base.execute("INSERT INTO session VALUES (?, ?, '/home/user/p', 1000, ?)", (name, HOSTILE, parent))
        for number, (info, parts) in enumerate(messages):
            key = f"{name}-{number}"
            base.execute("INSERT INTO message VALUES (?, ?, ?, ?)", (key, name, number, json.dumps(info)))
            for place, part in enumerate(parts):
                row = (f"{key}-{place}", key, name, json.dumps(part))
                base.execute("INSERT INTO part VALUES (?, ?, ?, ?)", row)
    base.execute("INSERT INTO part VALUES ('z', 'ses_main1-0', 'ses_main1', '{broken')")
    base.commit()
    base.close()
    return file


def test_a_database_becomes_sessions_once_and_is_left_as_it_was(cli: Cli, home: Paths, database: Path) -> None:
    before = database.read_bytes()
    done = cli("import", "--from", "opencode", database, "--json")
    assert done.code == 0, done.err
    (session,) = json.loads(done.out)["sessions"]
    assert session["new"]
    assert any("'weird'" in problem for problem in session["problems"])
    assert any("part z" in problem for problem in session["problems"])
    state = SessionState()
    assert fold_log(home.sessions / session["id"], home.home, state, None) == []
    first, second = state.turns
    assert (first.prompt, first.answer, first.reason) == ("Fix it 🚀", "Fixed.", "done")
    assert second.prompt == "More\n\n[attached: b.png]"
    assert second.reason == "interrupted"
    assert second.answer == "Half"
    assert state.calls == 3
    assert state.cost == pytest.approx(1.0), "the sub-agent's cost is in the total"
    assert state.usage.input_tokens == 4 * 150
    child = next(node for node in state.nodes.values() if node.kind == "call")
    assert (child.depth, child.result) == (1, "child answer")
    assert child.parent is not None
    assert child.parent.name == "task"
    assert any(node.data.get("diff") for node in state.nodes.values())
    assert state.imported_from == "opencode:ses_main1"
    assert database.read_bytes() == before
    again = json.loads(cli("import", "--from", "opencode", database, "--json").out)["sessions"]
    assert [(one["id"], one["new"]) for one in again] == [(session["id"], False)]
    assert cli("doctor").code == 0
    assert "\x1b" not in cli("import", "--from", "opencode", database, "--dry-run").out
    exported = cli("export", session["id"], "--format", "json")
    assert exported.code == 0
    assert "Fixed." in exported.out


@pytest.mark.parametrize("in_use", [False, True])
def test_nothing_is_left_beside_a_database_in_use_or_not(cli: Cli, database: Path, in_use: bool) -> None:
    writer = sqlite3.connect(database)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("UPDATE session SET title = 'Newest'")
    writer.commit()
    if not in_use:
        writer.close()
    before = sorted(path.name for path in database.parent.iterdir())
    done = cli("import", "--from", "opencode", database, "--json")
    assert done.code == 0, done.err
    assert len(json.loads(done.out)["sessions"]) == 1
    assert "Newest" in cli("sessions").out, "what only the log of the database holds is read too"
    assert sorted(path.name for path in database.parent.iterdir()) == before
    writer.close()


def test_an_exported_session_is_taken_too(cli: Cli, tmp_path: Path) -> None:
    messages = [{"info": info, "parts": parts} for info, parts in SESSIONS["ses_main1"][1]]
    data = {"info": {"id": "ses_x", "title": "T", "directory": "/p", "time": {"created": 1000}}, "messages": messages}
    file = tmp_path / "ses_x.json"
    file.write_text("Exporting session: ses_x\n" + json.dumps(data))
    done = cli("import", "--from", "opencode", file)
    assert done.code == 0, done.err
    assert "1 sessions imported" in done.out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "neither a database nor an exported session"),
        (b'{"messages": []}', "`info` and `messages` are missing"),
        (b"SQLite format 3\0" + b"x" * 200, "of another version of OpenCode, or damaged"),
        (b'{"info": {}, "messages": [3, {"info": 4}]}', ""),
    ],
)
def test_what_is_no_such_file_is_said_so(cli: Cli, tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "thing.bin"
    file.write_bytes(content)
    done = cli("import", "--from", "opencode", file)
    assert done.code == (2 if told else 0), done.err
    assert told in done.err


def test_a_database_that_is_laid_out_otherwise_is_said_so(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    base = sqlite3.connect(file)
    base.execute("CREATE TABLE session (id, name)")
    base.commit()
    base.close()
    done = cli("import", "--from", "opencode", file)
    assert done.code == 2
    assert "opencode export ID" in done.err


SETTINGS = """{ // mine
  "model": "google/gemini-x", /* and */ "theme": "tokyonight", "plugin": ["a//b"],
  "provider": {"my.lab": {"options": {"baseURL": "http://127.0.0.1:9/v1", "apiKey": "{env:LAB_KEY}"}},
               "other": {"options": {"apiKey": "sk-very-secret-value"}}},
  "mcp": {"notes": {"type": "local", "command": ["notes"], "environment": {"API_TOKEN": "hidden", "MODE": "x"}}},
  "agent": {"look": {"prompt": "Look.", "tools": {"write": false, "edit": false, "bash": false}}},
  "command": {"test": {"template": "Test $1", "description": "tests"}},
  "permission": {"bash": {"git push*": "deny", "git log*": "allow", "*": "allow"}},
  "keybinds": {"editor_open": "ctrl+o", "session_new": "<leader>n"},
}
"""


def test_settings_are_taken_over_without_keys_and_without_loosening(cli: Cli, home: Paths, tmp_path: Path) -> None:
    folder = tmp_path / "opencode"
    (folder / "agent").mkdir(parents=True)
    (folder / "opencode.jsonc").write_text(SETTINGS)
    (folder / "agent" / "docs.md").write_text("---\ndescription: d\nmode: subagent\n---\nWrite.\n")
    (folder / "agent" / "broken.md").write_text("---\na: [\n---\nx\n")
    (folder / "skill" / "pics").mkdir(parents=True)
    (folder / "skill" / "pics" / "SKILL.md").write_text("---\nname: pics\ndescription: p\n---\nLook.\n")
    (folder / "skill" / "pics" / "logo.png").write_bytes(b"\x89PNG\0\xff")
    done = cli("import", "--from", "opencode", folder, "--json")
    assert done.code == 0, done.err
    taken = json.loads(done.out)
    text = home.config_file.read_text()
    assert 'name = "gemini/gemini-x"' in text
    assert "[endpoints.my-lab]" in text
    assert 'API_TOKEN = "${NOTES_API_TOKEN}"' in text
    assert "secret" not in text + done.out
    assert "hidden" not in text + done.out
    assert 'deny = ["bash(git push*)"]' in text
    assert 'allow = ["bash(git log*)"]' in text
    look = read_front_matter("look.md", (home.config_dir / "agents" / "look.md").read_text(), [])
    assert look is not None
    assert look.values["approval"] == "plan"
    assert not {"write", "edit", "bash"} & set(look.values["tools"])
    told = "\n".join(taken["not_taken_over"])
    for word in (
        "plugin",
        "its key is not copied",
        "session_new",
        "broken.md:",
        "runs unasked",
        "logo.png: is no text",
    ):
        assert word in told
    shown = cli("agents")
    assert "docs" in shown.out
    assert shown.err == ""
    again = json.loads(cli("import", "--from", "opencode", folder, "--json").out)
    assert (again["set"], again["files"]) == ([], [])


def test_what_is_set_here_stays(cli: Cli, home: Paths, tmp_path: Path) -> None:
    home.make(home.config_dir)
    home.config_file.write_text('[model]\nname = "mine/m"\n')
    file = tmp_path / "opencode.json"
    file.write_text('{"model": "x/y", "theme": "nord"}')
    taken = json.loads(cli("import", "--from", "opencode", file, "--json", "--dry-run").out)
    assert (taken["set"], taken["kept"]) == (["ui.theme"], ["model.name"])
    assert "nord" not in home.config_file.read_text()
    cli("import", "--from", "opencode", file)
    assert 'name = "mine/m"' in home.config_file.read_text()
    broken = tmp_path / "sub" / "opencode.json"
    broken.parent.mkdir()
    broken.write_text('{\n "model": oops\n}')
    assert f"{broken}:2" in cli("import", "--from", "opencode", broken).out


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="RLM_TUI_CORPORA names no folder with opencode-sessions")
def test_the_public_samples_are_imported_whole(cli: Cli) -> None:
    done = cli("import", "--from", "opencode", SAMPLES / "opencode.db", "--json")
    sessions = json.loads(done.out)["sessions"]
    assert len(sessions) == 5
    assert not any(session["problems"] for session in sessions)
    for file in SAMPLES.glob("ses_*.json"):
        (one,) = json.loads(cli("import", "--from", "opencode", file, "--json").out)["sessions"]
        assert not one["new"]
