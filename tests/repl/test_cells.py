"""A cell: what it shows, what it keeps, how it answers, and that being stopped costs nothing else."""

import asyncio
from typing import Any

import pytest

from rlm_tui.errors import ToolError
from rlm_tui.repl.process import Repl
from rlm_tui.repl.sandbox import Sandbox
from tests.repl.conftest import RunCell, serve_nothing


async def test_variables_stay_and_the_last_value_is_shown(cell: RunCell) -> None:
    first = await cell("import math\nwhole = [1, 2, 3]\nprint('out')\nwhole")
    assert (first.output, first.error) == ("out\n[1, 2, 3]\n", "")
    assert first.variables == ("whole (list of 3)",)
    assert (await cell("def total(): return sum(whole)")).output == ""
    assert (await cell("total() + math.floor(0.5)")).output == "6\n"


async def test_a_cell_that_raises_keeps_what_it_had(cell: RunCell) -> None:
    failed = await cell("answers = []\nfor n in (1, 2, 0, 3):\n    answers.append(6 // n)")
    assert failed.error == "ZeroDivisionError"
    assert '"<cell 1>", line 3' in failed.output
    assert "answers.append(6 // n)" in failed.output
    assert "worker.py" not in failed.output
    assert (await cell("answers")).output == "[6, 3]\n"


async def test_both_streams_and_stray_output_are_captured(cell: RunCell) -> None:
    result = await cell("import os, sys\nprint('out')\nprint('err', file=sys.stderr)\nos.write(2, b'stray\\n');")
    assert result.output == "out\nerr\n6\nstray\n"


async def test_surrogates_and_controls_cross_the_pipe(cell: RunCell) -> None:
    assert (await cell("print('\\ud800\\x00é🙂')")).output == "\ud800\x00é🙂\n"


async def test_a_syntax_error_is_shown_where_it_is(cell: RunCell) -> None:
    result = await cell("fine = 1\nthis is no python")
    assert result.error == "SyntaxError"
    assert "line 2" in result.output


async def test_output_arrives_while_the_cell_runs(repl: Repl) -> None:
    seen: list[str] = []
    code = "print('first', flush=True)\nrlm_query('wait')\nprint('second')"

    async def serve(name: str, arguments: dict[str, Any]) -> Any:
        assert seen == ["first\n"]
        return [{"answer": "done", "error": ""}]

    await repl.run(code, serve, seconds=5, output=seen.append)
    assert "".join(seen) == "first\nsecond\n"


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("answer['content'] = 'forty-two'; answer['ready'] = True", "forty-two"),
        ("answer = {'content': ['é', 1], 'ready': True}", '["é", 1]'),
        ("FINAL('said')", "said"),
        ("FINAL(42)", "42"),
        ("result = 'long' * 3\nFINAL_VAR('result')", "longlonglong"),
        ("result = {'a': [1, None]}\nFINAL_VAR(result)", '{"a": [1, null]}'),
        ("SUBMIT('sent')", "sent"),
        ("SUBMIT(answer='named')", "named"),
        ("SUBMIT(a=1, b='x')", '{"a": 1, "b": "x"}'),
        ("answer['content'] = 'not ready yet'", None),
        ("FINAL('')", None),
        ("FINAL('too early'); 1 / 0", None),
        ("FINAL_VAR('never_set')", None),
    ],
)
async def test_the_ways_to_answer(plain_repl: Repl, code: str, answer: str | None) -> None:
    result = await plain_repl.run(code, serve_nothing, seconds=5)
    assert result.answer == answer
    assert (await plain_repl.run("1", serve_nothing, seconds=5)).answer is None


async def test_an_answer_that_is_too_large_for_the_pipe_is_told(plain_repl: Repl) -> None:
    result = await plain_repl.run("FINAL('x' * 70_000_000)", serve_nothing, seconds=20)
    assert (result.answer, result.error) == (None, "RemoteError")
    assert "not submitted: 70,0" in result.output
    assert (await plain_repl.run("FINAL('shorter')", serve_nothing, seconds=5)).answer == "shorter"


async def test_a_half_set_answer_ends_with_its_call(plain_repl: Repl) -> None:
    await plain_repl.run("answer['content'] = 'old'", serve_nothing, seconds=5)
    kept = await plain_repl.run("answer['content']", serve_nothing, seconds=5)
    fresh = await plain_repl.run("answer['content']", serve_nothing, seconds=5, fresh=True)
    assert (kept.output, fresh.output) == ("'old'\n", "''\n")


async def test_an_answer_given_the_wrong_type_is_kept_as_content(plain_repl: Repl) -> None:
    await plain_repl.run("answer = 'just a text'", serve_nothing, seconds=5)
    result = await plain_repl.run("answer['ready'] = True", serve_nothing, seconds=5)
    assert result.answer == "just a text"


class _Models:
    """Answers `llm` and `rlm`; a prompt that holds `bad` fails."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []

    async def serve(self, name: str, arguments: dict[str, Any]) -> Any:
        if name not in ("llm", "rlm"):
            raise ToolError(f"no {name}")
        tasks = arguments["tasks"]
        self.batches.append(tasks)
        answers = [("", "refused") if "bad" in task["prompt"] else (task["prompt"].upper(), "") for task in tasks]
        return [{"answer": answer, "error": error} for answer, error in answers]


async def test_a_batch_is_one_call_and_keeps_order_and_failures(plain_repl: Repl) -> None:
    models = _Models()
    code = "got = llm_query_batched(['a', 'bad', 'c'])\n[(str(x), bool(x)) for x in got]"
    result = await plain_repl.run(code, models.serve, seconds=5)
    assert result.output == "1 of 3 calls failed (#1: refused)\n[('A', True), ('refused', False), ('C', True)]\n"
    assert len(models.batches) == 1
    await plain_repl.run("rlm_query_batched('same', [(0, 5), [(5, 7), (8, 9)]])", models.serve, seconds=5)
    assert [task["spans"] for task in models.batches[-1]] == [[[0, 5]], [[5, 7], [8, 9]]]
    await plain_repl.run("llm_query('about', 'a given text')", models.serve, seconds=5)
    assert models.batches[-1] == [{"prompt": "about\n\na given text", "spans": None}]


async def test_a_failed_question_raises_and_paid_replies_survive(plain_repl: Repl) -> None:
    models = _Models()
    code = "first = llm_query('one')\nlens = [len(x[9]) for x in llm_query_batched(['two', 'three'])]"
    result = await plain_repl.run(code, models.serve, seconds=5)
    assert result.error == "IndexError"
    assert "last_replies" in result.output
    assert (await plain_repl.run("first, last_replies", models.serve, seconds=5)).output == (
        "('ONE', ['ONE', 'TWO', 'THREE'])\n"
    )
    failed = await plain_repl.run("llm_query('bad')", models.serve, seconds=5)
    assert (failed.error, "\nRemoteError: refused\n" in failed.output) == ("RemoteError", True)


async def test_threads_may_ask_at_the_same_time(plain_repl: Repl) -> None:
    models = _Models()
    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(16) as threads: got = list(threads.map(llm_query, [f'q{n}' for n in range(40)]))\n"
        "got == [f'Q{n}' for n in range(40)]"
    )
    assert (await plain_repl.run(code, models.serve, seconds=20)).output == "True\n"


async def test_waiting_for_a_model_is_not_computing(plain_repl: Repl) -> None:
    async def slow(name: str, arguments: dict[str, Any]) -> Any:
        await asyncio.sleep(0.5)
        return [{"answer": "late", "error": ""}]

    assert (await plain_repl.run("llm_query('slow')", slow, seconds=0.3)).output == "'late'\n"


async def test_a_cancelled_cell_takes_its_calls_along_and_keeps_its_variables(sandbox: Sandbox) -> None:
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def hang(name: str, arguments: dict[str, Any]) -> Any:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    repl = Repl(sandbox)
    running = asyncio.create_task(repl.run("kept = 5\nllm_query('hang')", hang, seconds=5))
    await began.wait()
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    assert cancelled.is_set()
    after = await repl.run("kept", serve_nothing, seconds=5)
    assert (after.output, after.lost) == ("5\n", "")
    await repl.close()


async def test_a_worker_that_cannot_start_is_one_sentence() -> None:
    class Broken(Sandbox):
        def command(self, descriptor: int, info: int, output_chars: int) -> list[str]:
            return ["/bin/sh", "-c", "echo no such interpreter >&2; exit 3"]

    with pytest.raises(ToolError, match=r"does not start: no such interpreter\.$"):
        await Repl(Broken(False)).run("1", serve_nothing, seconds=5)
