"""Search with a pattern or for a literal text: areas in, hits with offsets, lines and snippets out."""

import time
from collections.abc import Sequence
from threading import Event as CancelFlag
from typing import TYPE_CHECKING

from rlm_tui.context.areas import Area, areas_of
from rlm_tui.context.entry import Hit, SearchReply
from rlm_tui.context.lines import line_and_column_at, snippet
from rlm_tui.context.reading import choose
from rlm_tui.context.refs import Refs
from rlm_tui.context.segment import Segment
from rlm_tui.context.spans import Spans
from rlm_tui.errors import ContextError
from rlm_tui.events import EntryKind

if TYPE_CHECKING:
    from rlm_tui.context.pattern import CompiledPattern

INGEST_RUNNING = "ingest running"


def search_refs(
    refs: Refs,
    pattern: str,
    *,
    spans: Spans | None,
    literal: bool = False,
    ignore_case: bool = False,
    max_results: int,
    kind: EntryKind | None,
    label: str | None,
    deadline_ms: int,
    cancel: CancelFlag | None,
    building: bool,
    count: bool = True,
) -> SearchReply:
    """Search the current entries of `refs`; see `ContextReader.search` and `find`."""
    from rlm_tui.context.pattern import compile_pattern
    from rlm_tui.context.scan import ScanArea, scan

    if max_results < 0:
        raise ContextError(f"max_results is 0 or more (got {max_results}).")
    compiled: CompiledPattern = compile_pattern(pattern, literal=literal, ignore_case=ignore_case)
    areas = areas_of(refs, choose(refs, kind=kind, label=label, superseded=False, spans=spans), spans)
    scanned = [
        ScanArea(
            area.source.tape.buffer,
            area.starts,
            area.ends,
            area.source.blooms() if compiled.required and isinstance(area.source, Segment) else None,
        )
        for area in areas
    ]
    began = time.perf_counter()
    result = scan(scanned, compiled, limit=max_results, deadline_ms=deadline_ms, cancel=cancel, count=count)
    hits = hits_of(refs, areas, result.spans[:max_results])
    return SearchReply(
        pattern=pattern,
        total_found=result.total,
        total_is_exact=result.exact and not building,
        partial=result.partial or building,
        elapsed_ms=round((time.perf_counter() - began) * 1000, 3),
        hits=tuple(hits),
        reason=result.reason or (INGEST_RUNNING if building else ""),
    )


def hits_of(refs: Refs, areas: Sequence[Area], found: Sequence[tuple[int, int, int]]) -> list[Hit]:
    """Turn byte spans `(area, start, end)` into hits."""
    return [_hit(refs, areas[area], start, end) for area, start, end in found]


def _hit(refs: Refs, area: Area, start: int, end: int) -> Hit:
    piece = area.piece_at(start)
    number = int(area.number[piece])
    source, seq = refs.place(number)
    table, tape = source.table, source.tape
    line, column = line_and_column_at(source, seq, start)
    return Hit(
        offset=int(refs.start[number]) + tape.char_of(start) - table.char_start[seq],
        length=len(tape.text(start, end)),
        entry=number,
        label=table.label[seq],
        line=line,
        column=column,
        snippet=snippet(source, int(area.low[piece]), int(area.high[piece]), start),
    )
