"""Budgets reached in every way, and whatever a model can get wrong about recursion: contained, told, shown."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from rlm_tui import events as ev
from rlm_tui.config.settings import BudgetSettings
from rlm_tui.session.session import Session
from tests.headless.test_run import environment, run
from tests.loop.conftest import DOCUMENT, MakeEngine
from tests.support.scripted_server import Hang, Request, ScriptedServer, Text, Tool, Turn, Usage


def _is_leaf(request: Request) -> bool:
    return "=== text ===" in request.prompt


def _once(tool: Tool, leaf: Turn | None = None) -> Any:
    """Return a script: the root makes one request and then answers with what came back."""

    def answer(request: Request) -> Turn:
        if _is_leaf(request):
            return leaf or Turn(Text("leaf"), Usage(10, 1))
        if request.tool_results:
            return Turn(Text(request.tool_results[-1]), Usage(10, 1))
        return Turn(tool, Usage(10, 1))

    return answer


def _reached(session: Session) -> list[str]:
    from rlm_tui.session.log import LOG_NAME, Damage, read_log

    records = read_log(session.directory / LOG_NAME)
    return [r.event.what for r in records if not isinstance(r, Damage) and isinstance(r.event, ev.BudgetReached)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"prompt": "p", "spans": [[0, 10**9]]}, "is not a span of the context"),
        ({"prompt": "p", "spans": [[-5, 10]]}, "is not a span of the context"),
        ({"prompt": "p", "spans": [[50, 50]]}, "is not a span of the context"),
        ({"prompt": "p", "spans": [[90, 10]]}, "is not a span of the context"),
        ({"prompt": "p", "spans": [[0, 10, 20]]}, "Expected `array`"),
        ({"prompt": "p", "spans": []}, "spans is empty"),
        ({"prompt": "p"}, "needs spans, or chunk_chars"),
        ({"prompt": "", "spans": [[0, 9]]}, "prompt"),
        ({"prompt": "p", "chunk_chars": 0}, "chunk_chars"),
        ({"prompt": "p", "spans": [[0, 9]], "schema": {"type": "integr"}}, "not a valid JSON schema"),
        ({"prompt": "p", "spans": [[0, 9]], "schema": {"$ref": "#"}}, "refers to itself without end"),
        ({"prompt": "p", "spans": [[0, 9]], "schema": {"$ref": "#/$defs/x"}}, "is not in it"),
        ({"prompt": "p", "spans": [[0, 9]], "schema": {"$ref": "http://127.0.0.1:1/s"}}, "only references into itself"),
        ({"prompt": "p", "spans": [[0, 9]], "schema": {"pattern": "("}}, "not a valid JSON schema"),
        ({"prompt": "p", "spans": [[0, 9]], "max_calls": 0}, "max_calls"),
    ],
)
async def test_bad_arguments_are_told_and_nothing_is_paid(
    make_engine: MakeEngine, server: ScriptedServer, arguments: dict[str, Any], words: str
) -> None:
    server.answer(_once(Tool("rlm_map", arguments)))
    end = await make_engine().run_turn("Map")
    assert isinstance(end, ev.TurnFinished)
    assert words in end.answer
    assert (end.calls, sum(map(_is_leaf, server.requests))) == (1, 0)


async def test_overlapping_spans_are_joined_and_counted_once(make_engine: MakeEngine, server: ScriptedServer) -> None:
    server.answer(_once(Tool("rlm_query", {"prompt": "p", "spans": [[0, 100], [50, 150]]})))
    end = await make_engine().run_turn("Ask")
    assert end.answer.startswith("(Overlapping spans were joined: 2 given, 1 read.)")
    assert server.requests[1].prompt.count("[0-150] doc.txt") == 1
    server.answer(_once(Tool("rlm_map", {"prompt": "p", "spans": [[0, 100], [50, 150]]})))
    engine = make_engine()
    engine.session.state.turns.clear()
    end = await engine.run_turn("Map")
    assert "2 of 2 parts answered, 150 characters covered" in end.answer


async def test_more_parts_than_calls_are_refused_in_one_line_and_one_event(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    server.answer(_once(Tool("rlm_map", {"prompt": "p", "chunk_chars": 10})))
    end = await make_engine(budget=BudgetSettings(calls=5)).run_turn("Map")
    assert isinstance(end, ev.TurnFinished)
    assert end.calls == 5
    assert end.answer.startswith("4 of ")
    assert end.answer.count("All 5 calls of this turn are used") == 1
    assert "Nearly used up: calls 0 left" in end.answer
    assert _reached(session) == ["calls"]


async def test_a_long_result_is_cut_for_the_model_and_kept_whole(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    server.answer(_once(Tool("rlm_map", {"prompt": "p", "chunk_chars": 15}), Turn(Text("much " * 80))))
    end = await make_engine(budget=BudgetSettings(calls=None)).run_turn("Map")
    assert len(end.answer) < 45_000
    assert "more characters of results)" in end.answer
    kept = session.context.entries(kind="tool")
    assert sum(entry.chars for entry in kept) > 80_000


async def test_a_sub_call_keeps_to_limits_of_its_own(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    def answer(request: Request) -> Turn:
        if _is_leaf(request):
            return Turn(Text("half way"), Tool("rlm_stats", {}), Usage(60, 40, always=True))
        return Turn(Text(request.tool_results[0])) if request.tool_results else Turn(
            Tool("rlm_query", {"prompt": "p", "spans": [[0, 99]], "max_tokens": 100})
        )  # fmt: skip

    server.answer(answer)
    end = await make_engine().run_turn("Ask")
    assert isinstance(end, ev.TurnFinished)
    assert "budget of 100 tokens is used up" in end.answer
    assert "Its best answer so far:\nhalf way" in end.answer
    assert _reached(session) == ["tokens"]


async def test_a_sub_call_that_hangs_ends_at_its_own_timeout(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    arguments = {"prompt": "p", "spans": [[0, 99]], "timeout": 0.2}
    server.answer(_once(Tool("rlm_query", arguments), Turn(Text("I beg"), Hang())))
    end = await make_engine().run_turn("Ask")
    assert isinstance(end, ev.TurnFinished)
    assert "budget of 0.2 seconds is used up" in end.answer
    assert await asyncio.to_thread(server.requests[1].closed.wait, 5)
    assert _reached(session) == ["seconds"]


async def test_limits_of_a_sub_call_hold_for_all_below_it(make_engine: MakeEngine, server: ScriptedServer) -> None:
    def answer(request: Request) -> Turn:
        words = request.prompt.split("\n", 1)[0]
        if words == "leaf":
            return Turn(Text("leaf"))
        if request.tool_results:
            return Turn(Text(request.tool_results[0]))
        if words == "middle":
            return Turn(Tool("rlm_map", {"prompt": "leaf", "chunk_chars": 20}))
        return Turn(Tool("rlm_query", {"prompt": "middle", "spans": [[0, 200]], "max_calls": 3}))

    server.answer(answer)
    end = await make_engine().run_turn("Ask")
    assert end.calls == 4
    assert "2 of " in end.answer
    assert "All 3 calls of this sub-call are used" in end.answer


async def test_a_child_that_loops_is_stopped_and_its_caller_told(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    server.answer(_once(Tool("rlm_query", {"prompt": "p", "spans": [[0, 99]]}), Turn(Tool("rlm_stats", {}))))
    end = await make_engine().run_turn("Ask")
    assert isinstance(end, ev.TurnFinished)
    assert "did not come to an answer in 60 replies" in end.answer
    assert {"repeats", "replies"} == set(_reached(session))
    assert session.state.nodes["call:2"].status == "failed"


@pytest.mark.parametrize("garbage", ["", "   \n", "\x00\x1b[2J\ufffd{]["])
async def test_a_child_that_answers_garbage_fails_alone(
    make_engine: MakeEngine, server: ScriptedServer, garbage: str
) -> None:
    arguments = {"prompt": "p", "spans": [[0, 99]], "schema": {"type": "object"}}
    server.answer(_once(Tool("rlm_map", arguments), Turn(Text(garbage))))
    end = await make_engine().run_turn("Ask")
    assert isinstance(end, ev.TurnFinished)
    assert "0 of 1 parts answered" in end.answer
    assert "gave no usable answer" in end.answer


async def test_recursion_past_the_limit_is_no_tool_and_says_why(
    make_engine: MakeEngine, server: ScriptedServer
) -> None:
    def answer(request: Request) -> Turn:
        if request.tool_results:
            return Turn(Text(request.tool_results[0]))
        return Turn(Tool("rlm_query", {"prompt": "deeper", "spans": [[0, 50]]}))

    server.answer(answer)
    end = await make_engine(budget=BudgetSettings(depth=1)).run_turn("Down")
    assert isinstance(end, ev.TurnFinished)
    assert end.calls == 2
    assert "There is no tool 'rlm_query'" in end.answer


async def test_what_sub_calls_found_is_the_best_answer_of_a_root_that_said_nothing(
    make_engine: MakeEngine, server: ScriptedServer
) -> None:
    server.answer(
        lambda request: Turn(Text("part found at [0-9]"), Usage(600, 1, always=True)) if _is_leaf(request)
        else Turn(Tool("rlm_query", {"prompt": "look", "spans": [[0, 99]]}), Usage(600, 1, always=True))
    )  # fmt: skip
    end = await make_engine(budget=BudgetSettings(tokens=1000)).run_turn("Ask")
    assert isinstance(end, ev.TurnInterrupted)
    assert end.reason == "budget"
    assert "What sub-calls found" in end.answer
    assert "part found at [0-9]" in end.answer


def test_flags_of_run_end_it_with_3_and_the_best_answer_so_far(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "a.txt").write_text(DOCUMENT)
    script = _once(Tool("rlm_stats", {}))
    with ScriptedServer(lambda r: Turn(Text("So far 7."), Tool("rlm_stats", {}), Usage(500, 9))) as server:
        env = environment(tmp_path, server)
        done = run(project, env, "-m", "openai/scripted", "--max-tokens", "900", "--max-repeats", "1", "Count")
        assert (done.returncode, done.stdout) == (3, "So far 7.\n")
        assert "900 tokens" in done.stderr
        server.answer(lambda r: Turn(Text("I think"), Hang()))
        done = run(project, env, "-m", "openai/scripted", "--timeout", "2", "--json", "Hang")
        last = json.loads(done.stdout.splitlines()[-1])["event"]
        assert (done.returncode, last["reason"], last["answer"]) == (3, "budget", "I think")
        server.answer(script)
        done = run(project, env, "-m", "openai/scripted", "--concurrency", "2", "--max-calls", "1", "Go")
        assert done.returncode == 0
