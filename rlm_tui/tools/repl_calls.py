"""What a cell of the REPL may ask for: reads and searches of its call's context, and calls to models."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, get_args

import msgspec

from rlm_tui.context.entry import Entry, Hit, RankReply, SearchReply
from rlm_tui.context.spans import Spans
from rlm_tui.errors import ToolError
from rlm_tui.events import EntryKind, Span, Touch
from rlm_tui.tools.chunking import SpanPairs, chunk_spans
from rlm_tui.tools.context import entry_line, hit_line
from rlm_tui.tools.port import SubAnswer, SubTask, ToolRun
from rlm_tui.tools.recurse import checked_spans

_MAX_HITS = 10_000
_MAX_ENTRIES = 10_000
_MAX_SPANS = 1_000
_KINDS = get_args(EntryKind)


class ReplCalls:
    """Answers the calls of one cell, and notes which spans of the context its code was given."""

    def __init__(self, run: ToolRun) -> None:
        self._run = run
        self._context = run.context
        self._touched: dict[Touch, list[tuple[int, int]]] = {"read": [], "matched": []}
        self.asked = 0
        """Calls to models that this cell made."""
        self._handlers: Mapping[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
            "size": self._size, "read": self._read, "search": self._search, "find": self._find, "rank": self._rank,
            "entries": self._entries, "stats": self._stats, "chunks": self._chunks, "spans": self._spans,
            "llm": self._llm, "rlm": self._rlm,
        }  # fmt: skip

    async def serve(self, name: str, arguments: dict[str, Any]) -> Any:
        """Answer one call. Raises `ToolError` and `ContextError` with a sentence for the model."""
        handler = self._handlers.get(name)
        if handler is None:
            raise ToolError(f"There is no call {name!r}.")
        try:
            return await handler(arguments)
        except (KeyError, TypeError, ValueError) as error:
            raise ToolError(f"{name}: wrong arguments ({error}).") from None

    def touched(self) -> tuple[Span, ...]:
        """Return the spans that were read or matched, merged; at most 1,000 of each."""
        return tuple(
            Span(start, end, how)
            for how, pairs in self._touched.items()
            for start, end in list(Spans(pairs))[:_MAX_SPANS]
        )

    # --- the context -----------------------------------------------------------------------------------

    async def _size(self, _: dict[str, Any]) -> int:
        return self._context.chars

    async def _read(self, arguments: dict[str, Any]) -> str:
        offset, length = int(arguments["offset"]), int(arguments["length"])
        text = await asyncio.to_thread(self._context.read, offset, length)
        self._touched["read"].append((offset, offset + len(text)))
        return text

    async def _search(self, arguments: dict[str, Any]) -> dict[str, Any]:
        pattern = str(arguments["pattern"])
        return self._hits(
            await asyncio.to_thread(
                self._context.search, pattern, **_filters(arguments, _MAX_HITS), cancel=self._run.cancel
            )
        )

    async def _find(self, arguments: dict[str, Any]) -> dict[str, Any]:
        text, ignore_case = str(arguments["text"]), bool(arguments.get("ignore_case"))
        return self._hits(
            await asyncio.to_thread(
                self._context.find, text, **_filters(arguments, _MAX_HITS), ignore_case=ignore_case,
                cancel=self._run.cancel,
            )
        )  # fmt: skip

    async def _rank(self, arguments: dict[str, Any]) -> dict[str, Any]:
        query = str(arguments["query"])
        return self._hits(
            await asyncio.to_thread(
                self._context.rank, query, **_filters(arguments, _MAX_HITS), cancel=self._run.cancel
            )
        )

    def _hits(self, reply: SearchReply | RankReply) -> dict[str, Any]:
        self._touched["matched"] += [(hit.offset, hit.offset + hit.length) for hit in reply.hits]
        partial = (reply.reason or "not everything was searched") if reply.partial else ""
        return {
            "total": reply.total_found,
            "exact": reply.total_is_exact,
            "partial": partial,
            "hits": [_hit_fields(hit) for hit in reply.hits],
        }

    async def _entries(self, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        after, limit = int(arguments.get("after", -1)), min(int(arguments.get("limit", 100)), _MAX_ENTRIES)
        found = await asyncio.to_thread(
            self._context.entries, kind=_kind(arguments), label=_label(arguments), after=after, limit=limit
        )
        return [_entry_fields(entry) for entry in found]

    async def _stats(self, _: dict[str, Any]) -> dict[str, Any]:
        figures: dict[str, Any] = msgspec.to_builtins(await asyncio.to_thread(self._context.stats))
        return figures

    async def _chunks(self, arguments: dict[str, Any]) -> list[tuple[int, int]]:
        chars = int(arguments["chars"])
        if chars < 1:
            raise ToolError(f"A chunk needs at least 1 character, not {chars}.")
        if not self._context.entries(limit=1):
            return []
        parts = await asyncio.to_thread(chunk_spans, self._context, None, chars)
        return [pair for part in parts for pair in Spans(part)]

    async def _spans(self, _: dict[str, Any]) -> list[tuple[int, int]]:
        return self._reach()

    def _reach(self) -> list[tuple[int, int]]:
        return list(Spans(self._context.reachable(0, self._context.chars)))

    # --- models ----------------------------------------------------------------------------------------

    async def _llm(self, arguments: dict[str, Any]) -> list[dict[str, str]]:
        return await self._ask(self._task(task, (), plain=True) for task in arguments["tasks"])

    async def _rlm(self, arguments: dict[str, Any]) -> list[dict[str, str]]:
        reach = tuple(self._reach())
        return await self._ask(self._task(task, reach, plain=False) for task in arguments["tasks"])

    def _task(self, task: dict[str, Any], otherwise: SpanPairs, *, plain: bool) -> SubTask:
        pairs = task["spans"]
        spans = otherwise if pairs is None else checked_spans(pairs, self._context)
        return SubTask(str(task["prompt"]), spans, plain=plain)

    async def _ask(self, tasks: Iterable[SubTask]) -> list[dict[str, str]]:
        wanted = list(tasks)
        self.asked += len(wanted)
        if len(wanted) == 1:
            answers = [await self._run.sub.query(wanted[0], self._run.request)]
        else:
            answers = await self._run.sub.map(wanted, self._run.request)
        return [_reply(answer) for answer in answers]


def _reply(answer: SubAnswer) -> dict[str, str]:
    error = answer.error
    if error and answer.answer:
        error += f" Its best answer so far: {answer.answer}"
    return {"answer": answer.answer, "error": error}


def _filters(arguments: dict[str, Any], most: int) -> dict[str, Any]:
    wanted = int(arguments["max_results"])
    if wanted < 0:
        raise ToolError(f"max_results must not be negative; it was {wanted}.")
    return {"max_results": min(wanted, most), "kind": _kind(arguments), "label": _label(arguments)}


def _kind(arguments: dict[str, Any]) -> EntryKind | None:
    kind: EntryKind | None = arguments.get("type")
    if kind is not None and kind not in _KINDS:
        raise ToolError(f"There is no type {kind!r}: the types are {', '.join(_KINDS)}.")
    return kind


def _label(arguments: dict[str, Any]) -> str | None:
    label = arguments.get("label")
    return None if label is None else str(label)


def _hit_fields(hit: Hit) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(hit)
    return fields | {"start": hit.offset, "end": hit.offset + hit.length, "line_text": hit_line(hit)}


def _entry_fields(entry: Entry) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(entry)
    return fields | {"type": entry.kind, "end": entry.end, "line_text": entry_line(entry)}
