"""The tools over the context: statistics, entries, text by offset, regular expressions, literal text, ranking.

Their results are log records with spans and never become entries: a search must not find itself. Every hit line
starts with `@OFFSET +LENGTH`, in the characters that `rlm_get_context` takes.
"""

import asyncio
from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from rlm_tui.context.entry import Entry, Hit, RankReply, SearchReply, Stats
from rlm_tui.errors import ToolError
from rlm_tui.events import EntryKind, Span, Touch
from rlm_tui.tools.port import Arguments, ToolResult, ToolRun

MAX_READ_CHARS = 100_000
"""Most characters that one `rlm_get_context` returns."""

_MAX_HITS = 1_000
_MAX_ENTRIES = 2_000

MaxResults = Annotated[int, Meta(description="Most results to return; the true total is always told.")]
KindFilter = Annotated[EntryKind | None, Meta(description="Only entries of this type.")]
LabelFilter = Annotated[
    str | None, Meta(description="Only entries whose label (for files, the path) contains this, or fits it as a glob.")
]


class StatsArguments(Arguments, frozen=True):
    """`rlm_stats` takes no arguments."""


class EntriesArguments(Arguments, frozen=True):
    type: KindFilter = None
    label: LabelFilter = None
    limit: Annotated[int, Meta(description="Most entries to list.")] = 100
    after: Annotated[int, Meta(description="List entries numbered above this.")] = -1


class GetContextArguments(Arguments, frozen=True):
    offset: Annotated[int, Meta(description="First character, 0-based.")]
    length: Annotated[int, Meta(description=f"Characters to read, at most {MAX_READ_CHARS}.")] = 4_000


class SearchArguments(Arguments, frozen=True):
    pattern: Annotated[
        str, Meta(description="An RE2 regular expression; ^ and $ match at line ends, (?i) ignores case.")
    ]
    max_results: MaxResults = 20
    type: KindFilter = None
    label: LabelFilter = None


class FindArguments(Arguments, frozen=True):
    text: Annotated[str, Meta(description="The exact text to find, not a pattern.")]
    max_results: MaxResults = 20
    type: KindFilter = None
    label: LabelFilter = None
    ignore_case: bool = False


class RankArguments(Arguments, frozen=True):
    query: Annotated[str, Meta(description="Words that the passages should be about.")]
    max_results: MaxResults = 10
    type: KindFilter = None
    label: LabelFilter = None


class RlmStats:
    """`rlm_stats`: the whole context in figures."""

    name = "rlm_stats"
    description = "Size of the context: characters, entries by type, sources, files left out, state of the indexes."
    arguments = StatsArguments
    aliases: Mapping[str, str] = {}
    parallel = True

    async def run(self, arguments: StatsArguments, run: ToolRun) -> ToolResult:  # noqa: ARG002 - takes none
        stats = await asyncio.to_thread(run.context.stats)
        return ToolResult(stats_text(stats), f"{stats.characters:,} characters, {stats.entries:,} entries")


class RlmGetEntries:
    """`rlm_get_entries`: a page of the list of entries."""

    name = "rlm_get_entries"
    description = "List entries (number, type, label, offsets, size) in order, optionally by type and label."
    arguments = EntriesArguments
    aliases: Mapping[str, str] = {"max_results": "limit", "path": "label", "start": "after", "offset": "after"}
    parallel = True

    async def run(self, arguments: EntriesArguments, run: ToolRun) -> ToolResult:
        limit = _bounded(arguments.limit, _MAX_ENTRIES, "limit")
        found = await asyncio.to_thread(
            run.context.entries, kind=arguments.type, label=arguments.label, after=arguments.after, limit=limit
        )
        lines = [entry_line(entry) for entry in found]
        if len(found) == limit and found:
            lines.append(f"(more may follow: call again with after={found[-1].number})")
        return ToolResult("\n".join(lines) or "No entries.", f"{len(found):,} entries")


class RlmGetContext:
    """`rlm_get_context`: text by offset and length."""

    name = "rlm_get_context"
    description = "Read text of the context by character offset and length. The first line names what was read."
    arguments = GetContextArguments
    aliases: Mapping[str, str] = {"start": "offset", "size": "length", "limit": "length", "count": "length"}
    parallel = True

    async def run(self, arguments: GetContextArguments, run: ToolRun) -> ToolResult:
        length = _bounded(arguments.length, MAX_READ_CHARS, "length")
        piece = await asyncio.to_thread(run.context.slice, arguments.offset, length)
        end = piece.offset + piece.length
        across = ", ".join(f"#{e.number} {e.label} ({e.start}-{e.end})" for e in piece.entries[:12])
        if len(piece.entries) > 12:
            across += f" and {len(piece.entries) - 12} more"
        head = f"[{piece.offset}-{end}] {piece.length:,} characters of {run.context.chars:,}; entries: {across}"
        if arguments.length > length:
            head += f" (at most {MAX_READ_CHARS:,} characters a read: go on at {end})"
        return ToolResult(
            f"{head}\n{piece.text}",
            f"{piece.length:,} characters, {across}" if piece.entries else "nothing there",
            spans=(Span(piece.offset, end, "read"),) if piece.length else (),
        )


class RlmSearch:
    """`rlm_search`: regular expressions over all current entries."""

    name = "rlm_search"
    description = "Find matches of a regular expression (RE2) in the whole context, in offset order."
    arguments = SearchArguments
    aliases: Mapping[str, str] = {"query": "pattern", "regex": "pattern", "text": "pattern", "limit": "max_results"}
    parallel = True

    async def run(self, arguments: SearchArguments, run: ToolRun) -> ToolResult:
        limit = _bounded(arguments.max_results, _MAX_HITS, "max_results")
        reply = await asyncio.to_thread(
            run.context.search, arguments.pattern, max_results=limit, kind=arguments.type, label=arguments.label,
            cancel=run.cancel,
        )  # fmt: skip
        return search_result(reply)


class RlmFind:
    """`rlm_find`: exact text over all current entries."""

    name = "rlm_find"
    description = "Find an exact text (no pattern) in the whole context, in offset order."
    arguments = FindArguments
    aliases: Mapping[str, str] = {"query": "text", "pattern": "text", "string": "text", "limit": "max_results"}
    parallel = True

    async def run(self, arguments: FindArguments, run: ToolRun) -> ToolResult:
        limit = _bounded(arguments.max_results, _MAX_HITS, "max_results")
        reply = await asyncio.to_thread(
            run.context.find, arguments.text, max_results=limit, kind=arguments.type, label=arguments.label,
            ignore_case=arguments.ignore_case, cancel=run.cancel,
        )  # fmt: skip
        return search_result(reply)


class RlmRank:
    """`rlm_rank`: passages by BM25."""

    name = "rlm_rank"
    description = "Rank passages of the context by how well they fit some words (BM25), best first."
    arguments = RankArguments
    aliases: Mapping[str, str] = {
        "pattern": "query", "text": "query", "queries": "query", "limit": "max_results", "k": "max_results",
    }  # fmt: skip
    parallel = True

    async def run(self, arguments: RankArguments, run: ToolRun) -> ToolResult:
        limit = _bounded(arguments.max_results, _MAX_HITS, "max_results")
        reply = await asyncio.to_thread(
            run.context.rank, arguments.query, max_results=limit, kind=arguments.type, label=arguments.label,
            cancel=run.cancel,
        )  # fmt: skip
        return search_result(reply)


CONTEXT_TOOLS = frozenset(tool.name for tool in (RlmStats, RlmGetEntries, RlmGetContext, RlmSearch, RlmFind, RlmRank))
"""The names of the tools over the context."""


def context_tools() -> tuple[RlmStats, RlmGetEntries, RlmGetContext, RlmSearch, RlmFind, RlmRank]:
    """Return the six tools over the context, in the order in which models are told of them."""
    return RlmStats(), RlmGetEntries(), RlmGetContext(), RlmSearch(), RlmFind(), RlmRank()


def _bounded(value: int, most: int, name: str) -> int:
    if value < 0:
        raise ToolError(f"{name} must not be negative; it was {value}.")
    return min(value, most)


def entry_line(entry: Entry) -> str:
    """Return an entry as one line: `#12 file src/retry.py 18204-22614 (4,410 characters)`."""
    old = " superseded" if entry.superseded else ""
    return f"#{entry.number} {entry.kind} {entry.label} {entry.start}-{entry.end} ({entry.chars:,} characters){old}"


def hit_line(hit: Hit) -> str:
    """Return a hit as one line: `@18915 +7 [entry 12] src/retry.py:30:5: the line around it`."""
    return f"@{hit.offset} +{hit.length} [entry {hit.entry}] {hit.label}:{hit.line}:{hit.column}: {hit.snippet}"


def search_result(reply: SearchReply | RankReply) -> ToolResult:
    """Return a search's reply for the model, with the true total or the bound said plainly."""
    total = f"{reply.total_found:,}" if reply.total_is_exact else f"at least {reply.total_found:,}"
    head = f"{total} found"
    if len(reply.hits) < reply.total_found or not reply.total_is_exact:
        head += f", {len(reply.hits)} shown"
    if reply.partial:
        head += f" (partial: {reply.reason or 'not everything was searched'})"
    lines = [head + ("." if not reply.hits else ":"), *(hit_line(hit) for hit in reply.hits)]
    how: Touch = "matched"
    return ToolResult(
        "\n".join(lines),
        f"{head}, {reply.elapsed_ms:.1f} ms",
        spans=tuple(Span(hit.offset, hit.offset + hit.length, how) for hit in reply.hits),
        data={"total": reply.total_found, "exact": reply.total_is_exact, "partial": reply.partial},
    )


def stats_text(stats: Stats) -> str:
    """Return the figures of a context as a few lines."""
    lines = [f"{stats.characters:,} characters ({stats.bytes:,} bytes) in {stats.entries:,} entries"]
    lines += [
        f"  {kind}: {n['entries']:,} entries, {n['characters']:,} characters" for kind, n in stats.by_type.items()
    ]
    lines += [f"source: {source}" for source in stats.sources]
    if stats.left_out_total:
        lines.append(f"left out: {stats.left_out_total:,} files or trees, such as")
        lines += [f"  {item.path}: {item.reason}" for item in stats.left_out[:10]]
    index = stats.index
    lines.append(f"ranked index: {index.ranked_entries:,} entries, {index.lag:,} behind")
    if index.building:
        lines.append("the project is still being read: totals are partial")
    return "\n".join(lines)
