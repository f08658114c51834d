"""Whole turns in repl mode: a scripted model over HTTP, a real context, real workers."""

import asyncio
import json
import re
from pathlib import Path
from typing import Literal

import pytest

from rlm_tui import events as ev
from rlm_tui.config.settings import BudgetSettings, ModelSettings
from rlm_tui.session.log import LOG_NAME, read_log
from rlm_tui.session.session import Session
from rlm_tui.tools.recurse import recursion_tools
from tests.headless.test_run import environment, run
from tests.loop.conftest import DOCUMENT, MakeEngine
from tests.repl.conftest import PLAIN
from tests.support.scripted_server import Hang, Request, ScriptedServer, Text, Tool, Turn, failure


def _python(code: str) -> Turn:
    return Turn(Tool("python", {"code": code}))


def _results(request: Request) -> list[str]:
    """Return what tools gave in the current turn."""
    last = max(place for place, message in enumerate(request.messages) if message["role"] == "user")
    return [str(message["content"]) for message in request.messages[last:] if message["role"] == "tool"]


def _finished(session: Session) -> list[ev.ToolFinished]:
    session.barrier()
    records = read_log(session.directory / LOG_NAME)
    return [r.event for r in records if isinstance(r, ev.Envelope) and isinstance(r.event, ev.ToolFinished)]


async def test_a_turn_reads_asks_and_answers_without_its_answer_in_the_prompt(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    steps = iter(
        [
            _python("hit = context.find('NEEDLE')[0]\nprint(len(context), context[hit], hit.label)"),
            _python("said = llm_query_batched('What is here?', context.chunks(1500))\nlen(said)"),
            _python("report = '\\n'.join(said) + ' end' * 20_000\nFINAL_VAR('report')"),
        ]
    )
    server.answer(lambda r: Turn(Text("saw it")) if "What is here?" in r.prompt else next(steps))
    end = await make_engine().run_turn("Report")
    assert isinstance(end, ev.TurnFinished)
    assert end.answer == "saw it\nsaw it\nsaw it" + " end" * 20_000
    assert end.calls == 4
    roots = [r for r in server.requests if r.tool_names]
    assert roots[0].tool_names == ["python"]
    assert roots[1].tool_results[0].startswith(f"{len(DOCUMENT) + len('Report')} NEEDLE doc.txt")
    assert "variables: hit (Place)" in roots[1].tool_results[0]
    assert all(" end end" not in json.dumps(r.body) for r in server.requests)
    leaves = [r for r in server.requests if not r.tool_names]
    assert len(leaves) == 3
    assert {n.parent.name for n in session.state.nodes.values() if n.kind == "call" and n.parent} == {"python"}
    totals = session.state.coverage.totals()
    assert totals["sent"] >= len(DOCUMENT)
    assert totals["read"] > 0
    server.answer(lambda r: Turn(Text("again")))
    await make_engine().run_turn("And now?")
    assert len(json.dumps(server.requests[-1].body)) < 20_000


async def test_a_model_without_tool_calling_writes_blocks(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    server.queue(
        Turn(Text("I look.\n```repl\nn = len(context.search('value \\\\d+'))\nprint(n)\n```\n")),
        Turn(Text("```python\nanswer['content'] = f'{n} values'\nanswer['ready'] = True\n```")),
    )
    engine = make_engine()
    end = await engine.run_turn("Count")
    assert isinstance(end, ev.TurnFinished)
    assert end.answer == "50 values"
    second = server.requests[1].messages
    assert [m["role"] for m in second] == ["system", "user", "assistant", "user"]
    assert second[-1]["content"].startswith("Output of the cell:\n50\n")
    server.queue(Turn(Text("Nothing more.")))
    await engine.run_turn("Else?")
    third = server.requests[2].messages
    assert [m["role"] for m in third] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    assert "tool_calls" not in json.dumps(third)
    assert third[-2]["content"] == "50 values"
    assert session.state.turns[0].node.children[0].name == "python"


@pytest.mark.parametrize("tool_calls", ["schema", "auto"])
async def test_a_server_that_refuses_tools_is_told_of_none(
    make_engine: MakeEngine, server: ScriptedServer, tool_calls: Literal["schema", "auto"]
) -> None:
    server.answer(
        lambda r: failure(400, "this model does not support tools", type="invalid_request_error") if r.tool_names
        else Turn(Text("```repl\nFINAL(1 + 1)\n```"))
    )  # fmt: skip
    end = await make_engine(model=ModelSettings(tool_calls=tool_calls)).run_turn("Add")
    assert end.answer == "2"
    assert "response_format" not in server.requests[-1].body
    assert [m["role"] for m in server.requests[-1].messages] == ["system", "user"]


async def test_the_same_first_look_of_many_sub_calls_is_no_repeat(
    make_engine: MakeEngine, server: ScriptedServer
) -> None:
    server.answer(
        lambda r: Turn(Text(_results(r)[-1])) if _results(r)
        else _python("print('saw', len(context))") if r.prompt.startswith("SUB")
        else _python("print(rlm_query_batched([f'SUB {n}' for n in range(6)]))")
    )  # fmt: skip
    end = await make_engine(budget=BudgetSettings(repeats=3)).run_turn("Batch")
    assert end.answer.count("saw ") == 6


async def test_variables_stay_from_turn_to_turn_but_not_into_sub_calls(
    make_engine: MakeEngine, server: ScriptedServer
) -> None:
    look = (
        "print('mine' in globals(), context.spans, context[0:4])\ntry: context[30:40]\nexcept Exception as e: print(e)"
    )

    def answer(request: Request) -> Turn:
        results = _results(request)
        if results:
            return Turn(Text(results[-1]))
        if request.prompt.startswith("SUB"):
            return _python(look)
        return _python("mine = 1" if "first" in request.prompt else "print(mine)\nprint(rlm_query('SUB', (0, 20)))")

    server.answer(answer)
    engine = make_engine()
    await engine.run_turn("first")
    end = await engine.run_turn("second")
    assert end.answer.startswith("1\nFalse [(0, 20)] line\n")
    assert "[0, 20)" in end.answer


async def test_depth_and_calls_hold_for_what_code_asks(make_engine: MakeEngine, server: ScriptedServer) -> None:
    code = "print(rlm_query('deeper', (0, 9)))"
    server.answer(lambda r: Turn(Text(_results(r)[-1])) if _results(r) else _python(code))
    end = await make_engine(budget=BudgetSettings(depth=2)).run_turn("Go down")
    assert isinstance(end, ev.TurnFinished)
    assert end.calls == 3
    assert "Sub-calls may go 2 deep" in end.answer


async def test_a_batch_gets_what_the_budget_has_left(make_engine: MakeEngine, server: ScriptedServer) -> None:
    server.answer(
        lambda r: Turn(Text("leaf")) if not r.tool_names
        else Turn(Text(_results(r)[-1])) if _results(r)
        else _python("got = llm_query_batched([f'q{n}' for n in range(6)])\nprint([bool(x) for x in got])")
    )  # fmt: skip
    end = await make_engine(budget=BudgetSettings(calls=4)).run_turn("Fan out")
    assert end.calls == 4
    assert "3 of 6 calls failed" in end.answer
    assert "[True, True, True, False, False, False]" in end.answer


async def test_long_output_is_cut_for_the_model_and_whole_in_the_context(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    server.queue(_python("for n in range(5000): print(f'row {n}')"), Turn(Text("Read it.")))
    await make_engine().run_turn("Print")
    shown = server.requests[1].tool_results[0]
    assert "row 0\n" in shown
    assert "row 4999" in shown
    assert "characters left out here" in shown
    assert len(shown) < 11_000
    whole = "".join(f"row {n}\n" for n in range(5000))
    tools = session.context.entries(kind="tool")
    assert "".join(session.context.read(e.start, e.chars) for e in tools) == whole
    assert tools[0].label == "python cell 1"
    assert f"[{tools[0].start}-{tools[-1].end}]" in shown


async def test_a_failed_cell_is_shown_and_the_turn_goes_on(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    server.queue(_python("found = 7\nfound / 0"), _python("FINAL(found)"))
    end = await make_engine().run_turn("Fail")
    assert end.answer == "7"
    first, second = _finished(session)
    assert (first.ok, "ZeroDivisionError" in first.result, second.ok) == (False, True, True)
    assert first.data["sandbox"]


async def test_nothing_runs_after_the_answer(make_engine: MakeEngine, server: ScriptedServer, session: Session) -> None:
    server.queue(Turn(Tool("python", {"code": "FINAL('done')"}), Tool("python", {"code": "print('late')"})))
    end = await make_engine().run_turn("Two")
    assert end.answer == "done"
    assert len(server.requests) == 1
    assert [event.summary for event in _finished(session)][1] == "not run"


async def test_an_answer_must_fit_the_schema_of_its_call(make_engine: MakeEngine, server: ScriptedServer) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    server.queue(
        Turn(Tool("rlm_map", {"prompt": "count", "spans": [[0, 9]], "schema": schema})),
        _python("FINAL({'n': 'x'})"),
        _python("FINAL({'n': 7})"),
        Turn(Text("over")),
    )
    await make_engine(tools=recursion_tools()).run_turn("Count")
    assert "does not fit the schema" in server.requests[2].prompt
    assert '(1) 0-9: {"n": 7}' in server.requests[3].tool_results[0]


async def test_an_interrupt_stops_the_cell_and_the_next_turn_finds_its_variables(
    make_engine: MakeEngine, server: ScriptedServer, session: Session
) -> None:
    server.answer(
        lambda r: Turn(Hang()) if not r.tool_names
        else _python("late = 1\nllm_query('hang')") if "first" in r.prompt
        else _python("print(late)") if not _results(r)
        else Turn(Text(_results(r)[-1]))
    )  # fmt: skip
    engine = make_engine()
    turn = asyncio.create_task(engine.run_turn("first"))
    await asyncio.to_thread(server.wait_for_requests, 2)
    assert engine.interrupt()
    end = await turn
    assert isinstance(end, ev.TurnInterrupted)
    assert end.reason == "interrupted"
    end = await engine.run_turn("second")
    assert end.answer.startswith("1\n")


@pytest.mark.parametrize("pool", [PLAIN], indirect=True)
async def test_workers_of_sub_calls_end_with_them(make_engine: MakeEngine, server: ScriptedServer) -> None:
    server.answer(
        lambda r: Turn(Text(_results(r)[-1])) if _results(r)
        else _python("import os; print(os.getcwd())") if r.prompt.startswith("SUB")
        else _python("print(rlm_query_batched('SUB', [(0, 9), (9, 18)]))\nimport os; print(os.getcwd())")
    )  # fmt: skip
    end = await make_engine().run_turn("Batch")
    folders = [Path(name) for name in re.findall(r"[^\s'\[]*rlm-tui-repl-\w+", end.answer)]
    assert len(set(folders)) == 3
    assert [folder.exists() for folder in folders] == [False, False, True]


@pytest.mark.parametrize("words", [("--mode", "repl"), ()])
def test_the_flag_and_the_key_choose_the_mode(words: tuple[str, ...], server: ScriptedServer, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "a.py").write_text("ANSWER = 42\n")
    config = tmp_path / "config"
    config.mkdir()
    if not words:
        (config / "config.toml").write_text('[model]\nmode = "repl"\n')
    server.answer(lambda r: Turn(Text("```repl\nFINAL(context.find('ANSWER')[0].snippet)\n```")))
    done = run(project, environment(tmp_path, server), "-m", "openai/scripted", *words, "What is it?")
    assert (done.returncode, done.stdout) == (0, "ANSWER = 42\n"), done.stderr
