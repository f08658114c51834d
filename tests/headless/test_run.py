"""`rlm-tui run` as scripts use it: answer, events, exit codes, and one clear sentence for all that can go wrong."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scripted_server import Hang, Request, ScriptedServer, Text, Tool, Turn, Usage, failure

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.py").write_text("ANSWER = 42\n")
    return folder


def environment(tmp_path: Path, server: ScriptedServer | None = None, **more: str) -> dict[str, str]:
    """Return an environment with a data home of its own, and the scripted server as OpenAI."""
    env = {key: value for key, value in os.environ.items() if not key.endswith(("_API_KEY", "_API_BASE"))}
    env |= {"RLM_TUI_HOME": str(tmp_path / "home"), "RLM_TUI_CONFIG": str(tmp_path / "config")}
    env |= {"PYTHONPATH": str(ROOT), **more}
    if server is not None:
        env |= {"OPENAI_API_BASE": server.base_url, "OPENAI_API_KEY": "sk-secret-0123456789abcdef"}
    return env


def run(project: Path, env: dict[str, str], *arguments: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    """Run `rlm-tui run ...` in the project."""
    return subprocess.run(
        [sys.executable, "-m", "rlm_tui", "run", *arguments], cwd=project, env=env, input=text, capture_output=True,
        text=True, timeout=90, check=False,
    )  # fmt: skip


def _recursive(request: Request) -> Turn:
    if "=== text ===" in request.prompt:
        return Turn(Text("42 [0-11]"), Usage(30, 3))
    if request.tool_results:
        return Turn(Text("It is 42, see [0-11]."), Usage(50, 5))
    return Turn(Tool("rlm_query", {"prompt": "value?", "spans": [[0, 12]]}), Usage(40, 4))


def test_every_event_is_a_line_and_the_last_one_ends_the_turn(
    project: Path, tmp_path: Path, server: ScriptedServer
) -> None:
    server.answer(_recursive)
    done = run(project, environment(tmp_path, server), "-m", "openai/scripted", "--json", "What is the answer?")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    last = lines[-1]["event"]
    assert last["type"] == "TurnFinished"
    assert last["answer"] == "It is 42, see [0-11]."
    assert last["citations"][0]["quote"] == "ANSWER = 42"
    assert last["calls"] == 2
    assert last["usage"] == {"input_tokens": 120, "output_tokens": 12}
    assert [line["seq"] for line in lines] == sorted(line["seq"] for line in lines)
    assert {line["depth"] for line in lines if line["event"]["type"] == "CallStarted" and "depth" in line} == {1}
    assert "sk-secret" not in done.stdout + done.stderr


def test_the_offline_model_needs_no_key_and_says_what_it_is(project: Path, tmp_path: Path) -> None:
    done = run(project, environment(tmp_path), text="Where is ANSWER set?")
    assert done.returncode == 0, done.stderr
    assert "offline" in done.stdout.splitlines()[0]
    assert "ANSWER = 42" in done.stdout


def test_a_session_is_continued_and_listed(project: Path, tmp_path: Path, server: ScriptedServer) -> None:
    server.answer(lambda request: Turn(Text(f"{sum(m['role'] == 'user' for m in request.messages)} so far")))
    env = environment(tmp_path, server)
    assert run(project, env, "-m", "openai/scripted", "first").stdout == "1 so far\n"
    assert run(project, env, "--continue", "second").stdout == "2 so far\n"
    listed = subprocess.run(
        [sys.executable, "-m", "rlm_tui", "sessions", "--json"],
        cwd=project,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    sessions = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(s["title"], s["turns"]) for s in sessions] == [("first", 2)]


def test_standard_input_can_be_attached(project: Path, tmp_path: Path) -> None:
    done = run(project, environment(tmp_path), "Where is the zebra?", "--attach", "-", text="a zebra stands here\n")
    assert done.returncode == 0, done.stderr
    assert "zebra stands here" in done.stdout


def test_a_budget_ends_with_the_best_answer_and_code_three(
    project: Path, tmp_path: Path, server: ScriptedServer
) -> None:
    server.answer(lambda request: Turn(Text("best so far"), Tool("rlm_stats", {}), Usage(9000, 9000, always=True)))
    config = tmp_path / "config"
    config.mkdir()
    (config / "config.toml").write_text("[budget]\ntokens = 1000\n")
    done = run(project, environment(tmp_path, server), "-m", "openai/scripted", "spend")
    assert (done.returncode, done.stdout) == (3, "best so far\n")
    assert "1,000 tokens" in done.stderr


@pytest.mark.parametrize(
    ("turn", "words"),
    [(failure(401), "OPENAI_API_KEY"), (failure(404), "openai/scripted"), (failure(400), "openai/scripted")],
)
def test_faults_are_one_sentence_and_code_one(
    turn: Turn, words: str, project: Path, tmp_path: Path, server: ScriptedServer
) -> None:
    server.answer(lambda request: turn)
    done = run(project, environment(tmp_path, server), "-m", "openai/scripted", "fail")
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("-m", "nonsense/model", "hi"), 1, "nonsense"),
        (("-m", "openai/gpt-x", "hi"), 1, "OPENAI_API_KEY"),
        (("   ",), 2, "prompt"),
        (("--session", "nosuch", "hi"), 2, "nosuch"),
        (("--wrong-flag", "hi"), 2, "--wrong-flag"),
        (("hi", "--attach", "/does/not/exist"), 2, "/does/not/exist"),
    ],
)
def test_wrong_use_says_what_to_do(
    arguments: tuple[str, ...], code: int, words: str, project: Path, tmp_path: Path
) -> None:
    done = run(project, environment(tmp_path), *arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_empty_project_is_no_error(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    done = run(empty, environment(tmp_path), "Where is anything?")
    assert done.returncode == 0, done.stderr
    assert "offline" in done.stdout


def test_an_interrupt_keeps_the_session(project: Path, tmp_path: Path, server: ScriptedServer) -> None:
    server.answer(lambda request: Turn(Text("beginning "), Hang()))
    before = len(server.requests)
    process = subprocess.Popen(
        [sys.executable, "-m", "rlm_tui", "run", "-m", "openai/scripted", "hang"], cwd=project,
        env=environment(tmp_path, server), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    server.wait_for_requests(before + 1, 60)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert out == "beginning \n"
    log = next((tmp_path / "home" / "sessions").glob("*/events.jsonl")).read_text()
    assert '"TurnInterrupted"' in log
