"""The memo of leaf sub-calls: what is asked again costs nothing, in its session, its forks, and after a kill."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from rlm_tui import events as ev
from rlm_tui.config.paths import Paths
from rlm_tui.session.library import fork_session
from rlm_tui.session.session import Session
from rlm_tui.tools.context import context_tools
from rlm_tui.tools.recurse import recursion_tools
from rlm_tui.tools.registry import Registry
from tests.headless.test_run import environment
from tests.loop.conftest import MODEL, MakeEngine
from tests.support.scripted_server import Hang, Request, ScriptedServer, Text, Tool, Turn, Usage, failure

SPANS = [[0, 100], [100, 200], [200, 300]]


def _is_leaf(request: Request) -> bool:
    return "=== text ===" in request.prompt


def _mapping(arguments: dict[str, object], name: str = "rlm_map") -> object:
    """Return a script: the root makes one request, then answers; leaves say where their text starts."""

    def answer(request: Request) -> Turn:
        if _is_leaf(request):
            return Turn(Text("saw " + request.prompt.split("=== text ===\n", 1)[1].split("]", 1)[0] + "]"), Usage(9, 1))
        if request.messages[-1]["role"] == "tool":
            return Turn(Text("done"), Usage(5, 1))
        return Turn(Tool(name, arguments), Usage(5, 1))

    return answer


def _leaves(server: ScriptedServer) -> int:
    return sum(map(_is_leaf, server.requests))


async def test_an_equal_leaf_is_remembered_marked_and_free(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    server.answer(_mapping({"prompt": "part", "spans": SPANS}))  # type: ignore[arg-type]  # a function of the request
    engine = make_engine()
    first = await engine.run_turn("Map")
    second = await engine.run_turn("Map once more")
    assert _leaves(server) == 3
    assert (first.calls, second.calls) == (4, 1)
    assert second.usage.total_tokens == 12
    again = [node for node in session.state.nodes.values() if node.kind == "call" and node.turn == 2]
    assert [(node.memo, node.result, node.usage.total_tokens) for node in again] == [
        (True, "saw [0-100]", 0), (True, "saw [100-200]", 0), (True, "saw [200-300]", 0),
    ]  # fmt: skip
    results = [m["content"] for m in server.requests[-1].messages if m["role"] == "tool"]
    assert results[0] == results[1]


async def test_equal_parts_of_one_map_are_paid_once(make_engine: MakeEngine, server: ScriptedServer) -> None:
    server.answer(_mapping({"prompt": "part", "spans": [[0, 100]] * 5}))  # type: ignore[arg-type]  # see above
    end = await make_engine().run_turn("Map")
    assert (_leaves(server), end.calls) == (1, 2)
    assert server.requests[-1].tool_results[0].count("saw [0-100]") == 5


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "another part", "spans": SPANS[:1]},
        {"prompt": "part", "spans": [[0, 99]]},
        {"prompt": "part", "spans": SPANS[:1], "schema": {"type": "string"}},
    ],
)
async def test_what_differs_is_asked(make_engine: MakeEngine, server: ScriptedServer, other: dict[str, object]) -> None:
    engine = make_engine()
    for arguments in ({"prompt": "part", "spans": SPANS[:1]}, other):
        server.answer(_mapping(arguments))  # type: ignore[arg-type]  # see above
        await engine.run_turn("Map")
    assert _leaves(server) >= 2


async def test_a_failed_leaf_is_asked_again(make_engine: MakeEngine, server: ScriptedServer) -> None:
    script = _mapping({"prompt": "part", "spans": SPANS[:2]})
    broken = [True]

    def answer(request: Request) -> Turn:
        if _is_leaf(request) and "[100-" in request.prompt and broken[0]:
            return failure(400, message="no")
        return script(request)  # type: ignore[operator, no-any-return]  # see above

    server.answer(answer)
    engine = make_engine()
    await engine.run_turn("Map")
    broken[0] = False
    await engine.run_turn("Map")
    assert _leaves(server) == 3


async def test_a_call_with_sub_calls_runs_again_but_its_leaves_do_not(
    make_engine: MakeEngine, server: ScriptedServer
) -> None:
    seen: Counter[str] = Counter()

    def answer(request: Request) -> Turn:
        words = request.prompt.split("\n", 1)[0]
        seen[words] += 1
        if words == "leaf" or request.messages[-1]["role"] == "tool":
            return Turn(Text(f"{words} done"))
        spans = [[0, 50]] if words == "middle" else [[0, 100]]
        return Turn(Tool("rlm_query", {"prompt": "leaf" if words == "middle" else "middle", "spans": spans}))

    server.answer(answer)
    engine = make_engine()
    await engine.run_turn("Go")
    await engine.run_turn("Go")
    assert (seen["leaf"], seen["middle"]) == (1, 4)


async def test_a_fork_remembers_too(
    make_engine: MakeEngine, server: ScriptedServer, session: Session, tmp_path: Path
) -> None:
    server.answer(_mapping({"prompt": "part", "spans": SPANS}))  # type: ignore[arg-type]  # see above
    engine = make_engine()
    await engine.run_turn("Map")
    fork = Session.resume(fork_session(Paths(tmp_path, tmp_path), session.directory), tmp_path)
    try:
        forked = type(engine)(
            fork, engine.client, Registry((*context_tools(), *recursion_tools())), engine.settings, tmp_path
        )
        end = await forked.run_turn("Map")
    finally:
        fork.close()
    assert fork.state.model == MODEL
    assert (_leaves(server), end.calls) == (3, 1)


def test_a_map_killed_in_the_middle_pays_for_no_finished_leaf_again(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "a.txt").write_text("".join(f"line {i:04}\n" for i in range(100)))
    spans = [[start, start + 100] for start in range(0, 1000, 100)]
    script = _mapping({"prompt": "part", "spans": spans})
    hanging = [True]

    def answer(request: Request) -> Turn:
        if hanging[0] and _is_leaf(request) and any(f"[{start}-" in request.prompt for start in range(600, 1000, 100)):
            return Turn(Hang())
        return script(request)  # type: ignore[operator, no-any-return]  # see above

    with ScriptedServer(answer) as server:
        env = environment(tmp_path, server)
        command = [sys.executable, "-m", "rlm_tui", "run", "-m", "openai/scripted", "--json", "Map it"]
        child = subprocess.Popen(command, cwd=project, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert child.stdout is not None
        finished = 0
        for line in child.stdout:
            event = json.loads(line)["event"]
            finished += event["type"] == "CallFinished"
            if finished == 6:
                break
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        before, hanging[0] = Counter(_place(r) for r in server.requests if _is_leaf(r)), False
        done = subprocess.run(
            [*command[:-1], "--continue", "Map it"], cwd=project, env=env, capture_output=True, timeout=60, check=True
        )
        after = Counter(_place(r) for r in server.requests if _is_leaf(r))
    assert sum(before.values()) == 10
    assert [after[place] for place in range(0, 1000, 100)] == [1] * 6 + [2] * 4
    events = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    last = events[-1]
    assert (last["type"], last["calls"], last["usage"]["input_tokens"]) == ("TurnFinished", 5, 2 * 5 + 4 * 9)
    assert sum(bool(event.get("memo")) for event in events if event["type"] == "CallStarted") == 6


def _place(request: Request) -> int:
    return int(request.prompt.split("=== text ===\n[", 1)[1].split("-", 1)[0])


def test_the_memo_key_is_no_part_of_an_event_without_one() -> None:
    from rlm_tui.session.codec import encode_line

    line = encode_line(ev.Envelope("s", 0, 0.0, ev.CallFinished("x"), 1))
    assert b"memo_key" not in line
