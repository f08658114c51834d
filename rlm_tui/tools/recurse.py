"""The tools of recursion: `rlm_query` (one sub-call) and `rlm_map` (one batch that the engine owns).

A sub-call is a whole RLM on the spans that it is given. The answers come back in order; a failed part is named,
never dropped; and each whole answer lies in the context, so that only its head passes through the caller's prompt.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Meta

from rlm_tui.context.reader import ContextReader
from rlm_tui.context.spans import Spans
from rlm_tui.errors import ToolError
from rlm_tui.tools.chunking import SpanPairs, chunk_spans, spans_chars
from rlm_tui.tools.port import Arguments, SubAnswer, SubTask, ToolResult, ToolRun

HEAD_CHARS = 4_000
"""Characters of one sub-call's answer that the caller is shown; the rest is read by offset."""

MAP_CHARS = 40_000
"""Characters of a map's result that the caller is shown; the whole becomes an entry then."""

_LEAST_HEAD_CHARS = 200
_FEW = 3

Pair = Annotated[list[int], Meta(min_length=2, max_length=2)]
SpanList = Annotated[
    list[Pair], Meta(description="Parts of the context as [[start, end], ...] in character offsets, end exclusive.")
]
Prompt = Annotated[str, Meta(description="The question or task for the sub-call, complete in itself.", min_length=1)]


class Limits(Arguments, frozen=True, kw_only=True):
    """What one sub-call, with all below it, may take of what is left."""

    max_calls: (
        Annotated[int, Meta(ge=1, description="Most calls that a sub-call may take, itself included.")] | None
    ) = None
    max_tokens: Annotated[int, Meta(ge=1, description="Most tokens, in and out, of a sub-call.")] | None = None
    max_cost: Annotated[float, Meta(gt=0, description="Most US dollars of a sub-call.")] | None = None
    timeout: Annotated[float, Meta(gt=0, description="Most seconds that a sub-call may take.")] | None = None

    def limits(self) -> dict[str, float]:
        """Return those that are set, by the names of budgets."""
        given = {"calls": self.max_calls, "tokens": self.max_tokens, "cost": self.max_cost, "seconds": self.timeout}
        return {what: amount for what, amount in given.items() if amount is not None}


class QueryArguments(Limits, frozen=True):
    prompt: Prompt
    spans: SpanList


class MapArguments(Limits, frozen=True):
    prompt: Prompt
    spans: Annotated[
        list[Pair] | None,
        Meta(description="One sub-call for each [start, end]; or, with chunk_chars, the parts to be cut up."),
    ] = None
    chunk_chars: (
        Annotated[int, Meta(description="Cut the spans (or everything) into parts of about this size.", ge=1)] | None
    ) = None
    schema: Annotated[dict[str, Any] | None, Meta(description="A JSON schema that every answer must fit.")] = None


class RlmQuery:
    """`rlm_query`: one sub-call on some spans."""

    name = "rlm_query"
    description = (
        "Ask a fresh copy of yourself about some spans of the context. It sees only those spans, has the same tools, "
        "and uses the same offsets. About 100,000 characters a sub-call work well."
    )
    arguments = QueryArguments
    aliases: Mapping[str, str] = {"query": "prompt", "question": "prompt", "span": "spans", "context": "spans"}
    parallel = True

    async def run(self, arguments: QueryArguments, run: ToolRun) -> ToolResult:
        spans, joined = _joined(checked_spans(arguments.spans, run.context))
        answer = await run.sub.query(SubTask(arguments.prompt, spans, limits=arguments.limits()), run.request)
        if answer.error:
            text = f"The sub-call failed: {answer.error}"
            if answer.answer:
                text += f"\nIts best answer so far:\n{_head(answer, HEAD_CHARS)}"
            return ToolResult(text, answer.error, ok=False)
        again = " (remembered)" if answer.memo else ""
        return ToolResult(
            joined + _head(answer, HEAD_CHARS), f"call {answer.call} on {spans_chars(spans):,} characters{again}"
        )


class RlmMap:
    """`rlm_map`: the same prompt over many parts, in parallel."""

    name = "rlm_map"
    description = (
        "Ask fresh copies of yourself the same question about many parts of the context at once, in parallel: one for "
        "each span, or over everything (or the spans) cut into parts of chunk_chars. Answers come back in order. "
        "Use it to aggregate or classify; for a lookup use search instead."
    )
    arguments = MapArguments
    aliases: Mapping[str, str] = {"query": "prompt", "question": "prompt", "chunk_size": "chunk_chars"}
    parallel = True

    async def run(self, arguments: MapArguments, run: ToolRun) -> ToolResult:
        limits = arguments.limits()
        tasks = [
            SubTask(arguments.prompt, part, schema=arguments.schema, limits=limits)
            for part in _parts(arguments, run.context)
        ]
        answers = await run.sub.map(tasks, run.request)
        failed = sum(1 for answer in answers if answer.error)
        remembered = sum(1 for answer in answers if answer.memo)
        covered = _chars_covered(tasks, answers)
        head = f"{len(answers) - failed} of {len(answers)} parts answered, {covered:,} characters covered"
        if failed:
            head += f", {failed} failed"
        room = max(_LEAST_HEAD_CHARS, MAP_CHARS // max(1, len(answers)))
        whole = "\n".join(_part_lines(tasks, answers, room))
        shown = whole if len(whole) <= 2 * MAP_CHARS else _cut(whole, MAP_CHARS)
        return ToolResult(
            f"{head}:\n{shown}", head + (f", {remembered} remembered" if remembered else ""),
            ok=failed < len(answers), capture=whole if shown is not whole else None, label=f"{self.name} results",
            data={"parts": len(answers), "failed": failed, "covered": covered, "remembered": remembered},
        )  # fmt: skip


def _parts(arguments: MapArguments, context: ContextReader) -> list[tuple[tuple[int, int], ...]]:
    if arguments.spans is None and arguments.chunk_chars is None:
        raise ToolError("rlm_map needs spans, or chunk_chars to cut up the context, or both.")
    spans = checked_spans(arguments.spans, context) if arguments.spans is not None else None
    if arguments.chunk_chars is None:
        return [(span,) for span in spans or ()]
    return chunk_spans(context, None if spans is None else _joined(spans)[0], arguments.chunk_chars)


def _joined(spans: SpanPairs) -> tuple[SpanPairs, str]:
    """Return spans without overlaps, and a line that says so where there were some. No text is paid twice."""
    merged = Spans(spans)
    if merged.chars == spans_chars(spans):
        return spans, ""
    return tuple(merged), f"(Overlapping spans were joined: {len(spans)} given, {len(merged)} read.)\n"


def _chars_covered(tasks: list[SubTask], answers: list[SubAnswer]) -> int:
    """Return how many distinct characters lie in parts that were answered."""
    return Spans(
        span for task, answer in zip(tasks, answers, strict=True) if not answer.error for span in task.spans
    ).chars


def checked_spans(pairs: list[list[int]], context: ContextReader) -> tuple[tuple[int, int], ...]:
    """Return the spans as pairs, checked against the context's bounds. Raises `ToolError`."""
    if not pairs:
        raise ToolError("spans is empty: give at least one [start, end].")
    total = context.chars
    for start, end in pairs:
        if not 0 <= start < end <= total:
            raise ToolError(f"[{start}, {end}] is not a span of the context: it needs 0 <= start < end <= {total}.")
    return tuple((start, end) for start, end in pairs)


def _head(answer: SubAnswer, most: int) -> str:
    where = f" [{answer.start}-{answer.end}]" if answer.start >= 0 else ""
    if len(answer.answer) <= most:
        return answer.answer
    return (
        f"{answer.answer[:most]}\n… ({len(answer.answer):,} characters in all; the whole answer is in the context"
        f"{where}: read it with rlm_get_context, or give those offsets to another sub-call)"
    )


def _part_lines(tasks: list[SubTask], answers: list[SubAnswer], room: int) -> Iterator[str]:
    """Yield a line for each part; neighbours that failed for the same reason share one."""
    parts = list(zip(tasks, answers, strict=True))
    number = 0
    while number < len(parts):
        task, answer = parts[number]
        last = number
        while answer.error and not answer.answer and last + 1 < len(parts) and parts[last + 1][1] == answer:
            last += 1
        if last - number < _FEW:
            last = number
            yield _part_text(number + 1, task, answer, room)
        else:
            end = parts[last][0].spans[-1][1]
            yield f"({number + 1})-({last + 1}) {task.spans[0][0]}-{end} FAILED: {answer.error}"
        number = last + 1


def _cut(text: str, most: int) -> str:
    kept = text[:most].rsplit("\n", 1)[0]
    return f"{kept}\n… ({len(text) - len(kept):,} more characters of results)"


def _part_text(number: int, task: SubTask, answer: SubAnswer, room: int) -> str:
    where = ", ".join(f"{start}-{end}" for start, end in task.spans[:3]) + (", …" if len(task.spans) > 3 else "")
    if answer.error:
        partial = f" Its best answer so far: {_head(answer, room)}" if answer.answer else ""
        return f"({number}) {where} FAILED: {answer.error}{partial}"
    return f"({number}) {where}: {_head(answer, room)}"


def recursion_tools() -> tuple[RlmQuery, RlmMap]:
    """Return the tools that make sub-calls."""
    return RlmQuery(), RlmMap()
