"""Turns over a scripted model: tools, sub-calls, budgets, faults, cancelling, and what the log says of them."""

import asyncio
from pathlib import Path

import pytest

from rlm_tui import events as ev
from rlm_tui.config.settings import BudgetSettings, CaptureSettings, WindowSettings
from rlm_tui.session.session import Session
from rlm_tui.session.state import SessionState
from tests.loop.conftest import DOCUMENT, MakeEngine
from tests.support.scripted_server import Drop, Hang, Request, ScriptedServer, Text, Tool, Turn, Usage, failure

NEEDLE = DOCUMENT.index("NEEDLE")


def _events(session: Session, kind: type) -> list[ev.AnyEvent]:
    from rlm_tui.session.log import LOG_NAME, Damage, read_log

    records = read_log(session.directory / LOG_NAME)
    return [r.event for r in records if not isinstance(r, Damage) and isinstance(r.event, kind)]


async def test_a_tool_is_run_and_its_result_goes_back(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    server.queue(
        Turn(Text("Let me look."), Tool("rlm_find", {"text": "NEEDLE"}), Usage(50, 20)),
        Turn(Text("It is at ", f"[{NEEDLE}-{NEEDLE + 6}]."), Usage(80, 10)),
    )
    end = await make_engine().run_turn("Where is the needle?")
    assert isinstance(end, ev.TurnFinished)
    assert end.answer == f"It is at [{NEEDLE}-{NEEDLE + 6}]."
    assert end.citations[0].quote == "NEEDLE"
    assert end.citations[0].label == "doc.txt"
    assert (end.usage.input_tokens, end.usage.output_tokens) == (130, 30)
    assert f"@{NEEDLE} +6 [entry 0] doc.txt:201:5: the NEEDLE is here" in server.requests[1].tool_results[0]
    assert session.state.coverage.totals() == {"matched": 6, "read": 0, "sent": 0, "cited": 6}


async def test_a_sub_call_sees_only_its_spans_by_the_same_offsets(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    def answer(request: Request) -> Turn:
        if "sub task" in request.prompt and "value 0" in request.prompt:
            if not request.tool_results:
                return Turn(
                    Tool("rlm_get_context", {"offset": NEEDLE, "length": 6}), Tool("rlm_find", {"text": "line 1:"})
                )
            return Turn(Text(" | ".join(request.tool_results)))
        if request.tool_results:
            return Turn(Text("done"))
        return Turn(Tool("rlm_query", {"prompt": "sub task", "spans": [[0, 100]]}))

    server.answer(answer)
    end = await make_engine().run_turn("Recurse, please")
    assert isinstance(end, ev.TurnFinished)
    assert end.calls == 2
    sub = session.state.nodes["call:2"]
    assert "outside" in sub.result
    assert "@16 +7 [entry 0]" in sub.result
    assert sub.parent is not None
    assert sub.parent.name == "rlm_query"
    assert session.state.coverage.totals()["sent"] == 100
    answers = session.context.entries(kind="answer")
    assert [session.context.read(e.start, e.chars) for e in answers] == [sub.result]


async def test_a_map_runs_in_order_and_names_what_failed(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    def answer(request: Request) -> Turn:
        if "part" in request.prompt and "=== text ===" in request.prompt:
            text = request.prompt.split("=== text ===\n", 1)[1]
            if text.startswith("[100-"):
                return failure(400, message="no")
            return Turn(Text(f"saw {text.splitlines()[0]}"))
        return (
            Turn(Text("done"))
            if request.tool_results
            else Turn(Tool("rlm_map", {"prompt": "part", "spans": [[0, 100], [100, 200], [200, 300]]}))
        )

    server.answer(answer)
    await make_engine().run_turn("Map it")
    result = server.requests[-1].tool_results[0]
    assert result.startswith("2 of 3 parts answered, 200 characters covered, 1 failed:")
    assert "(1) 0-100: saw [0-100] doc.txt" in result
    assert "(2) 100-200 FAILED:" in result
    assert "(3) 200-300: saw [200-300] doc.txt" in result
    calls = [(node.key, node.prompt, node.status) for node in session.state.nodes.values() if node.kind == "call"]
    assert calls == [("call:2", "part", "ok"), ("call:3", "part", "failed"), ("call:4", "part", "ok")]


async def test_an_answer_that_must_be_json_is_asked_for_again(make_engine: MakeEngine, server: ScriptedServer) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    replies = iter(["not json", '{"n": "x"}', 'Here: {"n": 7}'])

    def answer(request: Request) -> Turn:
        if "fits this schema" in str(request.messages[1]["content"]):
            return Turn(Text(next(replies)))
        return (
            Turn(Text("done"))
            if request.tool_results
            else Turn(Tool("rlm_map", {"prompt": "count", "spans": [[0, 100]], "schema": schema}))
        )

    server.answer(answer)
    await make_engine().run_turn("Count")
    assert 'Here: {"n": 7}' in server.requests[-1].tool_results[0]


async def test_depth_calls_and_repeats_are_refused_before_they_are_paid(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    def answer(request: Request) -> Turn:
        results = request.tool_results
        if "deeper" in request.prompt:
            if "rlm_query" not in request.tool_names:
                return Turn(Text("as deep as it goes"))
            return (
                Turn(Text(results[0])) if results else Turn(Tool("rlm_query", {"prompt": "deeper", "spans": [[0, 9]]}))
            )
        return (
            Turn(Text("end")) if len(results) >= 5 else Turn(Tool("rlm_query", {"prompt": "deeper", "spans": [[0, 9]]}))
        )

    server.answer(answer)
    end = await make_engine(budget=BudgetSettings(depth=2, calls=4, repeats=3)).run_turn("Go down")
    assert isinstance(end, ev.TurnFinished)
    assert end.calls == 4  # the root, two sub-calls, and their one leaf, which is remembered the second time
    reached = [event.what for event in _events(session, ev.BudgetReached) if isinstance(event, ev.BudgetReached)]
    assert set(reached) == {"calls", "repeats"}
    assert max(node.depth for node in session.state.nodes.values() if node.kind == "call") == 2


async def test_a_token_budget_ends_the_turn_with_the_best_answer(
    make_engine: MakeEngine, server: ScriptedServer
) -> None:
    server.queue(Turn(Text("So far: maybe."), Tool("rlm_stats", {}), Usage(900, 200, always=True)))
    end = await make_engine(budget=BudgetSettings(tokens=1000)).run_turn("Spend")
    assert isinstance(end, ev.TurnInterrupted)
    assert (end.reason, end.answer) == ("budget", "So far: maybe.")
    assert "1,000 tokens" in end.message


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (failure(401), "key"),
        (failure(404), "lab/scripted"),
        (failure(400, message="This model's maximum context length is 8192 tokens"), ""),
    ],
)
async def test_a_provider_fault_ends_the_turn_with_one_sentence(
    make_engine: MakeEngine, server: ScriptedServer, turn: Turn, words: str
) -> None:
    server.queue(turn)
    engine = make_engine()
    end = await engine.run_turn("Fail")
    assert isinstance(end, ev.TurnInterrupted)
    assert end.reason == "failed"
    assert words.lower() in end.message.lower()
    assert "Traceback" not in end.message
    server.queue(Turn(Text("Back again.")))
    again = await engine.run_turn("And now?")
    assert again.answer == "Back again."


async def test_a_cut_stream_is_asked_again_and_no_text_is_doubled(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    server.queue(
        failure(429, retry_after="0"),
        failure(500),
        Turn(Text("Half an "), Drop()),
        Turn(Text("Half an ", "answer, and the other half.")),
    )
    end = await make_engine().run_turn("Try")
    assert isinstance(end, ev.TurnFinished)
    assert end.answer == "Half an answer, and the other half."
    assert [item.text for item in session.state.items if item.role == "assistant"] == [end.answer]
    assert len(_events(session, ev.ModelRetry)) == 3


async def test_wrong_tools_and_arguments_are_answered_not_fatal(
    make_engine: MakeEngine, server: ScriptedServer
) -> None:
    server.queue(
        Turn(
            Tool("rlm_serch", {"pattern": "x"}),
            Tool("rlm_search", '{"pattern": "x'),
            Tool("rlm_search", {"query": "NEEDLE", "max": "5"}),
            Tool("rlm_search", {"patern": "x"}),
            Tool("rlm_search", {"pattern": "(unclosed"}),
            Tool("rlm_get_context", {"offset": 10**12}),
        ),
        Turn(Text("Understood.")),
    )
    end = await make_engine().run_turn("Be clumsy")
    assert isinstance(end, ev.TurnFinished)
    unknown, broken, aliased, misspelt, invalid, far = server.requests[1].tool_results
    assert "Did you mean rlm_search" in unknown
    assert "not valid JSON" in broken
    assert aliased.startswith("1 found")
    assert "rlm_search(pattern: string" in misspelt
    assert "rlm_find" in invalid
    assert "past the end" in far


async def test_an_interrupt_keeps_what_was_said_and_closes_the_connection(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    server.queue(Turn(Text("I begin to "), Hang()))
    engine = make_engine()
    turn = asyncio.create_task(engine.run_turn("Hang"))
    request = (await asyncio.to_thread(server.wait_for_requests, 1))[0]
    while not session.state.nodes["turn:1"].live_text:
        await asyncio.sleep(0.01)
    assert engine.interrupt()
    end = await turn
    assert isinstance(end, ev.TurnInterrupted)
    assert (end.reason, end.answer) == ("interrupted", "I begin to ")
    assert await asyncio.to_thread(request.closed.wait, 5)


async def test_one_sub_call_can_be_cancelled_and_its_caller_goes_on(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    def answer(request: Request) -> Turn:
        if "slow" in request.prompt and "=== text ===" in request.prompt:
            return Turn(Hang())
        return (
            Turn(Text("went on"))
            if request.tool_results
            else Turn(Tool("rlm_query", {"prompt": "slow", "spans": [[0, 9]]}))
        )

    server.answer(answer)
    engine = make_engine()
    turn = asyncio.create_task(engine.run_turn("Start"))
    await asyncio.to_thread(server.wait_for_requests, 2)
    assert engine.cancel_call(2)
    end = await turn
    assert end.answer == "went on"
    assert "cancelled" in server.requests[-1].tool_results[0]
    assert session.state.nodes["call:2"].status == "cancelled"


async def test_a_long_conversation_drops_whole_turns_and_says_where_they_are(
    make_engine: MakeEngine, server: ScriptedServer
) -> None:
    engine = make_engine(window=WindowSettings(max_tokens=4000, reserve=500))
    server.answer(lambda request: Turn(Text("word " * 600)))
    for number in range(6):
        await engine.run_turn(f"question {number}")
    last = server.requests[-1]
    shown = [m["content"] for m in last.messages if m["role"] == "user"]
    assert shown[-1].startswith("question 5")
    assert not any(text.startswith("question 0") for text in shown)
    assert "turns 1-" in shown[-1]
    assert last.messages[0] == server.requests[0].messages[0]


async def test_captured_answers_follow_the_thresholds(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    server.answer(lambda request: Turn(Text("long answer " * 20)))
    await make_engine(
        capture=CaptureSettings(min_chars=500, user_min_chars=5, assistant_min_chars=50, max_chars=100)
    ).run_turn("Hm?!")
    entries = session.context.entries(after=0)
    assert [(entry.kind, entry.chars) for entry in entries] == [
        ("assistant", 100),
        ("assistant", 100),
        ("assistant", 40),
    ]


async def test_what_was_seen_live_is_what_the_log_says(
    make_engine: MakeEngine, server: ScriptedServer, session: Session, tmp_path: Path
) -> None:
    server.queue(
        Turn(Text("Look"), Tool("rlm_search", {"pattern": "value \\d+"}), Usage(5, 5)),
        Turn(Text("Found."), Usage(9, 9)),
    )
    await make_engine().run_turn("Search")
    session.close()
    again = Session.resume(session.directory, tmp_path)
    live, replayed = session.state, again.state
    assert [_comparable(item) for item in replayed.items] == [_comparable(item) for item in live.items]
    assert {k: (n.status, n.usage, n.summary, n.spans) for k, n in replayed.nodes.items()} == {
        k: (n.status, n.usage, n.summary, n.spans) for k, n in live.nodes.items()
    }
    assert again.context.read(0, again.context.chars) == DOCUMENT + "Search"
    again.close()


def _comparable(item: object) -> tuple[object, ...]:
    return tuple(getattr(item, name) for name in ("role", "turn", "text", "node", "citations", "live"))


async def test_a_turn_that_a_crash_left_open_is_closed_and_not_run_again(
    session: Session, server: ScriptedServer, tmp_path: Path
) -> None:
    session.record(ev.TurnStarted(1, "lost?", -1))
    session.record(ev.CallStarted("root", "m", "lost?"), call=1)
    session.record(ev.ReplyFinished("partial", "m", (ev.ToolRequest("t1", "rlm_stats", "{}", "p"),)), call=1)
    session.close_files()
    again = Session.resume(session.directory, tmp_path)
    assert isinstance(again.state, SessionState)
    assert not again.state.busy
    assert again.state.turns[0].answer == "partial"
    assert server.requests == []
    again.close()
