"""The tool of repl mode: `python` runs a cell in the call's own REPL.

What a cell prints is shown to the model up to a length; the whole of it becomes an entry then. Calls to models that
a cell makes are sub-calls like those of `rlm_query`: traced, budgeted, stopped with their caller.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated

from msgspec import Meta

from rlm_tui.redact import redact
from rlm_tui.repl.pool import ReplPool
from rlm_tui.repl.process import CellResult
from rlm_tui.text import one_line
from rlm_tui.tools.port import Arguments, ToolResult, ToolRun
from rlm_tui.tools.repl_calls import ReplCalls

PYTHON = "python"
"""The tool's name."""

SHOWN_CHARS = 10_000
"""Characters of a cell's output that the model is shown."""

CELL_SECONDS = 60.0
"""Seconds that a cell may compute; waiting for models and searches does not count."""

_SHOWN_TAIL_CHARS = 3_000
_STREAMED_CHARS = 20_000


class PythonArguments(Arguments, frozen=True):
    code: Annotated[str, Meta(description="Python code. Variables stay for later cells; print what you want to see.")]


class Python:
    """`python`: one cell."""

    name = PYTHON
    description = (
        "Run a cell in your persistent Python REPL. `context` is read lazily there; llm_query, rlm_query and their "
        "_batched forms ask models; answer['ready'] = True or FINAL(value) ends the task with that answer."
    )
    arguments = PythonArguments
    aliases: Mapping[str, str] = {"cell": "code", "source": "code", "script": "code", "input": "code"}
    parallel = False

    def __init__(self, pool: ReplPool, *, seconds: float = CELL_SECONDS) -> None:
        self._pool = pool
        self._seconds = seconds

    async def run(self, arguments: PythonArguments, run: ToolRun) -> ToolResult:
        repl, fresh = await self._pool.get(run.call, run.depth)
        calls = ReplCalls(run)
        first = not repl.state
        result = await repl.run(
            arguments.code, calls.serve, seconds=self._seconds, fresh=fresh, output=_first_part(run.output)
        )
        output = await asyncio.to_thread(redact, result.output)
        notes = [f"Variables of earlier cells are gone: {result.lost}."] if result.lost else []
        if first and repl.state != "SANDBOXED":
            notes.append(f"This REPL is not wholly sandboxed: {repl.state}.")
        if result.gone:
            notes.append("All variables are gone; the next cell starts anew.")
        text = "\n".join(part for part in (*notes, _shown(output), _ending(result)) if part)
        return ToolResult(
            text,
            _summary(result, output, calls.asked),
            spans=calls.touched(),
            capture=output if len(output) > SHOWN_CHARS else None,
            label=f"python cell {repl.cells}",
            ok=not result.error,
            data={"sandbox": repl.state, "cell": repl.cells, "error": result.error, "calls": calls.asked},
            answer=result.answer,
        )


def _first_part(output: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that passes on the beginning of what it is given; the log need not hold megabytes of it."""
    left = _STREAMED_CHARS

    def pass_on(text: str) -> None:
        nonlocal left
        if left > 0:
            output(redact(text[:left]))
            left -= len(text)

    return pass_on


def _shown(output: str) -> str:
    if len(output) <= SHOWN_CHARS:
        return output.rstrip("\n")
    head = output[: SHOWN_CHARS - _SHOWN_TAIL_CHARS]
    left_out = len(output) - SHOWN_CHARS
    return f"{head}\n… ({left_out:,} characters left out here) …\n{output[-_SHOWN_TAIL_CHARS:]}".rstrip("\n")


def _ending(result: CellResult) -> str:
    lines = []
    if result.dropped:
        lines.append(f"({result.dropped:,} more characters of output were too much to keep: print less.)")
    if result.answer is not None:
        lines.append(f"(The answer was submitted: {len(result.answer):,} characters.)")
    elif not result.output and not result.error:
        lines.append("(No output.)")
    if result.variables and result.answer is None:
        lines.append(f"variables: {', '.join(result.variables)}")
    return "\n".join(lines)


def _summary(result: CellResult, output: str, asked: int) -> str:
    parts = [result.error or f"{len(output):,} characters of output"]
    if asked:
        parts.append(f"{asked:,} model calls")
    if result.answer is not None:
        parts.append(f"answered with {len(result.answer):,} characters")
    return one_line(", ".join(parts), 120)
