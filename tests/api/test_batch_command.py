"""`rlm-tui batch` as a script uses it: results, resuming, `kill -9`, Ctrl+C, and what goes wrong."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunCommand
from tests.support.scripted_server import Hang, Request, ScriptedServer, Text, Turn, failure

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lab(server: ScriptedServer, tmp_path: Path) -> ScriptedServer:
    """The scripted server, configured as the endpoint `lab`."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text(f'[endpoints.lab]\napi_base = "{server.base_url}"\n')
    return server


def questions(path: Path, *lines: dict[str, Any] | str) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def results(path: Path) -> dict[Any, dict[str, Any]]:
    text = path.read_text()
    assert text.endswith("\n") or not text
    return {row["id"]: row for row in map(json.loads, text.splitlines())}


def asked(request: Request) -> str:
    return request.prompt.split("\n")[0]


def test_one_bad_line_spoils_nothing_else(rlm_tui: RunCommand, tmp_path: Path) -> None:
    (tmp_path / "cwd" / "notes.txt").write_text("the lion lies here\n")
    file = questions(
        tmp_path / "q.jsonl",
        {"id": "a", "prompt": "Where is the zebra?", "context": "one\nzebra stands here\n"},
        "not json",
        {"id": 3, "prompt": "Where is the lion?", "attach": "notes.txt"},
        {"id": "d", "prompt": "Where is it?", "attach": ["nowhere"]},
        {"id": "e", "prompt": "Where is the oak?", "context": [{"label": "plants", "text": "an oak\n"}, "more"]},
    )
    out = tmp_path / "out.jsonl"
    done = rlm_tui("batch", file, "-o", out)
    assert done.code == 1
    assert done.out == ""
    assert done.err.splitlines()[-1].startswith("rlm-tui: 3 answered, 2 failed")
    rows = results(out)
    assert "zebra stands here" in rows["a"]["answer"]
    assert rows["a"]["citations"][0]["quote"] == "zebra stands here"
    assert (rows["a"]["model"], rows["a"]["reason"], rows["a"]["cost"], rows["a"]["line"]) == ("offline", "done", 0, 1)
    assert "notes.txt" in rows[3]["answer"]
    assert "plants" in rows["e"]["answer"]
    assert rows[None]["error"]["kind"] == "bad_line"
    assert rows[None]["line"] == 2
    assert "nowhere" in rows["d"]["error"]["message"]
    assert not (tmp_path / "home").exists(), "no session is kept unasked"


def test_only_what_has_no_answer_is_asked_again(rlm_tui: RunCommand, tmp_path: Path) -> None:
    lines = [{"id": n, "prompt": f"Where is animal{n}?", "context": f"animal{n} here\n"} for n in range(3)]
    file = questions(tmp_path / "q.jsonl", *lines, {"id": "late", "prompt": "Where is the oak?", "attach": "late.txt"})
    out = tmp_path / "out.jsonl"
    assert rlm_tui("batch", file, "-o", out).code == 1
    first = results(out)
    assert [n for n, row in first.items() if "error" in row] == ["late"]
    (tmp_path / "cwd" / "late.txt").write_text("an oak\n")
    second = rlm_tui("batch", file, "-o", out)
    assert second.code == 0, second.err
    assert "1 answered, 3 answered before" in second.err
    assert "an oak" in results(out)["late"]["answer"]
    assert {n: row for n, row in results(out).items() if n != "late"} == {n: first[n] for n in range(3)}
    assert len(out.read_text().splitlines()) == 4


def start(tmp_path: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "rlm_tui", "batch", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_whatever_ends_it_finished_lines_stay(
    number: signal.Signals, rlm_tui: RunCommand, tmp_path: Path, lab: ScriptedServer
) -> None:
    file = questions(tmp_path / "q.jsonl", *({"id": n, "prompt": f"number {n}"} for n in range(5)))
    out = tmp_path / "out.jsonl"
    hanging = ("number 3", "number 4")
    lab.answer(lambda request: Turn(Text("a"), Hang()) if asked(request) in hanging else Turn(Text("paid")))
    process = start(tmp_path, str(file), "-o", str(out), "-m", "lab/scripted", "--concurrency", "2")
    lab.wait_for_requests(5, 60)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert set(results(out)) == {0, 1, 2}
    if number != signal.SIGKILL:
        assert process.returncode == 130
        assert "3 answered" in err
        assert "Traceback" not in err
        assert all(request.closed.wait(5) for request in lab.requests if asked(request) in hanging)
        return
    with out.open("a") as file_:
        file_.write('{"id": 3, "line": 4, "answ')  # as if it had been torn while it was written
    before = len(lab.requests)
    lab.answer(lambda request: Turn(Text("later")))
    again = rlm_tui("batch", file, "-o", out, "-m", "lab/scripted")
    assert again.code == 0, again.err
    assert sorted(map(asked, lab.requests[before:])) == list(hanging)
    assert [results(out)[n]["answer"] for n in range(5)] == ["paid"] * 3 + ["later"] * 2


def test_a_budget_is_an_answer_and_a_failure_says_its_cost(
    rlm_tui: RunCommand, tmp_path: Path, lab: ScriptedServer
) -> None:
    file = questions(tmp_path / "q.jsonl", {"id": "slow", "prompt": "slow"}, {"id": "key", "prompt": "key"})
    lab.answer(lambda request: failure(401) if asked(request) == "key" else Turn(Text("begun "), Hang()))
    done = rlm_tui("batch", file, "-m", "lab/scripted", "--timeout", "1")
    rows = {row["id"]: row for row in map(json.loads, done.out.splitlines())}
    assert rows["slow"]["reason"] == "budget"
    assert "seconds" in rows["slow"]["message"]
    assert rows["key"]["error"]["kind"] == "auth"
    assert rows["key"]["calls"] == 1
    assert "1 of them ended by a budget" in done.err
    assert done.code == 1


def test_many_lines_share_one_context_and_keep_their_sessions(rlm_tui: RunCommand, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "zoo.txt").write_text("".join(f"animal{n} stands here\n" for n in range(8)))
    lines = "".join(json.dumps({"id": n, "prompt": f"Where is animal{n}?"}) + "\n" for n in range(8))
    done = rlm_tui("batch", "-", "--attach", folder, "--keep", "--concurrency", "8", stdin=lines)
    assert done.code == 0, done.err
    rows = {row["id"]: row for row in map(json.loads, done.out.splitlines())}
    assert all(f"animal{n} stands here" in rows[n]["answer"] for n in range(8))
    listed = [json.loads(line)["id"] for line in rlm_tui("sessions", "--json").out.splitlines()]
    assert sorted(listed) == sorted(row["session"] for row in rows.values())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nosuch.jsonl",), 2, "nosuch.jsonl"),
        (("q.jsonl", "-o", "q.jsonl"), 2, "holds the questions"),
        (("q.jsonl", "-o", "notes.txt"), 2, "Line 1 of"),
        (("q.jsonl", "-o", "no/such/folder.jsonl"), 1, "No such file"),
        (("q.jsonl", "-m", "nonsense/model"), 1, "nonsense"),
        (("q.jsonl", "--concurrency", "0"), 2, "concurrency"),
        (("q.jsonl", "--attach", "nowhere"), 2, "nowhere"),
    ],
)
def test_wrong_use_is_one_sentence_and_changes_nothing(
    arguments: tuple[str, ...], code: int, words: str, rlm_tui: RunCommand, tmp_path: Path
) -> None:
    cwd = tmp_path / "cwd"
    questions(cwd / "q.jsonl", {"id": 1, "prompt": "p"})
    (cwd / "notes.txt").write_text("mine\n")
    before = {path.name: path.read_text() for path in cwd.iterdir()}
    done = rlm_tui("batch", *arguments)
    assert done.code == code, done.err
    assert words in done.err
    assert "Traceback" not in done.err
    assert {path.name: path.read_text() for path in cwd.iterdir()} == before
