"""What every command keeps to: help with an example, exit codes, one sentence for an error, never a traceback."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from rlm_tui import __version__
from rlm_tui.cli.options import app_options, session_flags
from rlm_tui.cli.root import COMMANDS, HIDDEN, root
from rlm_tui.config.crash import report_crash
from rlm_tui.config.paths import Paths
from tests.cli.conftest import Cli
from tests.conftest import RunCommand


def every_command() -> Iterator[tuple[str, ...]]:
    context = click.Context(root)
    for name in (*COMMANDS, *HIDDEN):
        yield (name,)
        command = root.get_command(context, name)
        if isinstance(command, click.Group):
            yield from ((name, below) for below in command.commands)


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_has_help_with_an_example(cli: Cli, words: tuple[str, ...]) -> None:
    done = cli(*words, "--help")
    assert done.code == 0
    assert "Example:" in done.out or "Instead:" in done.out
    assert done.err == ""


def test_help_names_flags_and_commands(cli: Cli) -> None:
    done = cli("--help")
    assert done.code == 0
    for word in ("--continue", "--session", "--model", "--sub-model", "--mode", "--agent", "--approval", "--theme",
                 "--no-mouse", "--prompt", "--attach", *COMMANDS):  # fmt: skip
        assert word in done.out
    assert cli("--version").out == f"rlm-tui {__version__}\n"


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("stat", 2, ["`rlm-tui status`"]),
        ("contxt", 2, ["`rlm-tui context`"]),
        ("zzzz", 2, ["--help"]),
        ("a-file", 2, ["not a folder", "--attach"]),
        (". other", 2, ["One folder"]),
        ("-m x run", 2, ["put it first"]),
        ("--mode fast", 2, ["'tools'", "'repl'"]),
        ("--approval never", 2, ["'ask'", "'auto'"]),
        ("--no-such", 2, ["--no-such"]),
        (". --attach missing.txt", 2, ["missing.txt", "does not exist"]),
        (".", 2, ["needs a terminal", "rlm-tui run"]),
        ("run --max-calls 0 hello", 2, ["whole number of at least 1", "unlimited"]),
        ("run --timeout soon hello", 2, ["--timeout", "'soon'"]),
        ("run -C nowhere hello", 2, ["nowhere"]),
        ("context frobnicate", 2, ["frobnicate"]),
        ("context find x --session s --path .", 2, ["not both"]),
        ("context find x --session nope", 2, ["nope", "rlm-tui sessions"]),
        ("context find x --path nope", 2, ["nope"]),
        ("ingest nope", 2, ["nope"]),
        ("sessions rename nope title", 2, ["nope"]),
        ("log", 1, ["no sessions yet"]),
        ("log nope", 2, ["nope"]),
        ("serve", 1, ["no server", "rlm-tui run", "from rlm_tui import RLM"]),
        ("stop --now", 1, ["rlm-tui run"]),
        ("restart", 1, ["rlm-tui run"]),
        ("setup x", 1, ["rlm-tui run"]),
    ],
)
def test_a_failure_is_one_line_on_stderr(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, code: int, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").touch()
    done = cli(*line.split())
    assert done.code == code, done
    assert done.out == ""
    assert done.err.startswith("rlm-tui: ")
    assert done.err.count("\n") == 1
    for word in words:
        assert word in done.err


def test_an_error_cannot_drive_the_terminal(cli: Cli) -> None:
    assert "\x1b" not in cli("\x1b]0;title\x07").err


def test_an_empty_prompt_is_wrong_usage(rlm_tui: RunCommand) -> None:
    done = rlm_tui("run", stdin=" \n")
    assert (done.code, done.out) == (2, "")
    assert "no prompt" in done.err


def test_an_unexpected_error_leaves_a_file_and_a_sentence(
    cli: Cli, home: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS, "broken", ("tests.cli.broken:broken", "Fail."))
    monkeypatch.setenv("SOME_API_KEY", "sk-0123456789abcdefghij")
    done = cli("broken")
    assert done.code == 1
    assert done.err.count("\n") == 1
    (file,) = home.logs.iterdir()
    assert str(file) in done.err
    text = file.read_text()
    assert "ZeroDivisionError" in text
    assert "sk-0123456789abcdefghij" not in text + done.err


def test_a_crash_that_cannot_be_written_is_still_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    assert "could not be written" in report_crash(ValueError("x"), Paths(blocked, blocked))


def test_an_interrupt_ends_with_130_and_no_traceback(session: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "rlm_tui", "log", "-f"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    assert session.is_dir()
    for line in process.stdout:
        if b"TurnFinished" in line:
            break
    time.sleep(0.1)  # it is waiting for more now
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in err


def test_a_closed_pipe_is_no_error(home: Paths) -> None:
    assert home.home.is_absolute()
    command = f"{sys.executable} -m rlm_tui config show --defaults | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("# rlm-tui:", "")


def test_flags_become_settings_and_attachments_paths(home: Paths, tmp_path: Path) -> None:
    note = tmp_path / "note.md"
    note.touch()
    flags = session_flags("a/b", "", "repl", "plan")
    options = app_options(tmp_path, flags, [str(note), str(note.parent)], prompt="hello", continue_=True)
    assert options.paths == home
    settings = options.loaded.settings
    assert (settings.model.name, settings.model.mode, settings.permissions.approval) == ("a/b", "repl", "plan")
    assert (options.attach, options.continue_, options.prompt) == ((note, tmp_path), True, "hello")


def test_settings_that_cannot_be_used_do_not_stop_a_command(cli: Cli, home: Paths) -> None:
    home.make(home.config_dir)
    home.config_file.write_text("[ui]\nthem = 'nord'\n[model]\nname = 'a/b'\n")
    done = cli("config", "show", "--json")
    assert done.code == 0
    assert f"{home.config_file}:2" in done.err
    shown = json.loads(done.out)
    assert shown["settings"]["model"]["name"] == "a/b"
    assert shown["origin"] == {"model.name": f"{home.config_file}:4"}
    assert shown["problems"][0]["line"] == 2
