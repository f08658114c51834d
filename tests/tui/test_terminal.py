"""The program in a real terminal: it paints, answers, leaves the terminal as it was, and sends nothing foreign."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.terminal import Terminal
from tests.support.scripted_server import Hang, Request, ScriptedServer, Text, Tool, Turn, Usage

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")

OPEN_ALTERNATE, CLOSE_ALTERNATE = b"\x1b[?1049h", b"\x1b[?1049l"
HOSTILE = "see \x1b]0;owned\x07\x1b]52;c;b3duZWQ=\x07\x9b31m\u202e [bold]x[/] done-marker"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.py").write_text("ANSWER = 42\n")
    (folder / "evil\x1b]0;name\x07.txt").write_text(HOSTILE)
    return folder


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def _terminal(project: Path, tmp_path: Path, *arguments: str, **env: str) -> Terminal:
    environ = {"RLM_TUI_HOME": str(tmp_path / "home"), "RLM_TUI_CONFIG": str(tmp_path / "config"), **env}
    return Terminal([sys.executable, "-m", "rlm_tui", str(project), *arguments], Path(__file__).parents[2], environ)


def _exit_code(terminal: Terminal, seconds: float = 15.0) -> int:
    import time

    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        terminal.read(0.05)
        pid, status = os.waitpid(terminal.pid, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
    raise TimeoutError("the program did not end")


def test_a_scripted_model_answers_with_a_sub_call(project: Path, tmp_path: Path, server: ScriptedServer) -> None:
    def answer(request: Request) -> Turn:
        if "=== text ===" in request.prompt:
            return Turn(Text("The answer is 42."), Usage(40, 6))
        if request.tool_results:
            return Turn(Text("It is ", "forty-two-marker."), Usage(60, 8))
        return Turn(Tool("rlm_query", {"prompt": "What is ANSWER?", "spans": [[0, 12]]}), Usage(50, 9))

    server.answer(answer)
    env = {"OPENAI_API_BASE": server.base_url, "OPENAI_API_KEY": "sk-test-secret-0123456789"}
    with _terminal(project, tmp_path, "-m", "openai/scripted", **env) as terminal:
        terminal.wait_for(b"entries")
        terminal.write(b"What is the answer?\r")
        terminal.wait_for(b"forty-two-marker", 60)
        terminal.write(b"\x04")
        assert _exit_code(terminal) == 0
    assert terminal.seen.rindex(CLOSE_ALTERNATE) > terminal.seen.index(OPEN_ALTERNATE)
    logs = list((tmp_path / "home" / "sessions").glob("*/events.jsonl"))
    assert len(logs) == 1
    text = logs[0].read_text()
    assert '"purpose":"query"' in text
    assert "sk-test-secret" not in text


def test_hostile_text_reaches_no_terminal(project: Path, tmp_path: Path, server: ScriptedServer) -> None:
    server.answer(
        lambda request: (
            Turn(Text(HOSTILE))
            if request.tool_results
            else Turn(
                Text(HOSTILE), Tool("rlm_get_context", {"offset": 0, "length": 500}), Tool(HOSTILE, {HOSTILE: HOSTILE})
            )
        )
    )
    env = {"OPENAI_API_BASE": server.base_url, "OPENAI_API_KEY": "x"}
    with _terminal(project, tmp_path, "-m", "openai/scripted", **env) as terminal:
        terminal.wait_for(b"entries")
        terminal.write(b"Show it \x1b[200~pasted \x1b]0;x\x07 text\x1b[201~\r")
        terminal.wait_for(b"done-marker", 60)
        for keys in (b"\t", b"\r", b"\t", b"d", b"\x1b"):
            terminal.write(keys)
            terminal.drain(0.5)
        terminal.write(b"\x1b")
    for forbidden in (b"\x1b]0;owned", b"\x1b]0;name", b"\x1b]52;c;b3duZWQ", "\x9b31m".encode(), b"\xe2\x80\xae"):
        assert forbidden not in terminal.seen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_restores_the_terminal_and_keeps_the_session(
    number: signal.Signals, project: Path, tmp_path: Path
) -> None:
    with _terminal(project, tmp_path) as terminal:
        terminal.wait_for(b"entries")
        os.kill(terminal.pid, number)
        assert _exit_code(terminal) == 128 + number
    assert CLOSE_ALTERNATE in terminal.seen
    log = next((tmp_path / "home" / "sessions").glob("*/events.jsonl"))
    assert '"SessionClosed"' in log.read_text().splitlines()[-1]


def test_a_prompt_survives_kill_nine(project: Path, tmp_path: Path, server: ScriptedServer) -> None:
    env = {"OPENAI_API_BASE": server.base_url, "OPENAI_API_KEY": "x"}
    server.answer(lambda request: Turn(Hang()))
    with _terminal(project, tmp_path, "-m", "openai/scripted", **env) as terminal:
        terminal.wait_for(b"entries")
        terminal.write(b"remember-this\r")
        server.wait_for_requests(1, 60)
        os.kill(terminal.pid, signal.SIGKILL)
        assert _exit_code(terminal) == -signal.SIGKILL
    log = next((tmp_path / "home" / "sessions").glob("*/events.jsonl"))
    assert "remember-this" in log.read_text()


def test_something_stands_on_the_screen_at_once_and_keys_typed_meanwhile_reach_the_prompt(
    project: Path, tmp_path: Path
) -> None:
    with _terminal(project, tmp_path) as terminal:
        terminal.wait_for("opening… ".encode(), 30)
        assert b"rlm-tui" in terminal.seen
        assert b"offline" not in terminal.seen, "nothing of the real screen is there yet"
        terminal.write("дальше".encode())
        terminal.wait_for("дальше".encode(), 30)
        terminal.write(b"\x03\x03")
        assert _exit_code(terminal) == 0


def test_a_start_that_fails_leaves_the_terminal_as_it_was(project: Path, tmp_path: Path) -> None:
    import termios

    with _terminal(project, tmp_path, PYTHONPATH=str(_without_textual(tmp_path))) as terminal:
        before = termios.tcgetattr(terminal.fd)
        assert _exit_code(terminal, 30) == 1
        assert terminal.seen.rindex(CLOSE_ALTERNATE) > terminal.seen.rindex(OPEN_ALTERNATE)
        assert termios.tcgetattr(terminal.fd)[3] == before[3]


def _without_textual(folder: Path) -> Path:
    """Return a folder that hides Textual behind a module that cannot be imported."""
    hidden = folder / "hiding"
    hidden.mkdir()
    (hidden / "textual.py").write_text("raise ImportError('broken on purpose')\n")
    return hidden
