"""Ranked search over a context: BM25 passages of its segments and tails, as hits by session offset."""

import time
from threading import Event as CancelFlag
from typing import TYPE_CHECKING

from rlm_tui.context.core import StoreCore, segments_of, tails_of
from rlm_tui.context.entry import Hit, RankReply
from rlm_tui.context.lines import line_and_column_at, snippet
from rlm_tui.context.reading import choose
from rlm_tui.context.refs import Refs
from rlm_tui.context.searching import INGEST_RUNNING
from rlm_tui.context.segment import Segment
from rlm_tui.context.spans import Spans
from rlm_tui.context.table import Source
from rlm_tui.context.tail import Tail
from rlm_tui.errors import ContextError
from rlm_tui.events import EntryKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rlm_tui.context.ranked import RankedDoc, Ranking, RankPart

_INDEX_WAIT_SECONDS = 2.0  # far more than a batch takes, for the first one on a busy machine
_MORE = 8


def rank_refs(
    core: StoreCore,
    query: str,
    *,
    spans: Spans | None,
    max_results: int,
    kind: EntryKind | None,
    label: str | None,
    deadline_ms: int,
    cancel: CancelFlag | None,
) -> RankReply:
    """Rank the passages of current entries; see `ContextReader.rank`.

    What was appended a moment ago is waited for, shortly; what is not indexed then counts as `lag`.
    """
    if max_results < 0:
        raise ContextError(f"max_results is 0 or more (got {max_results}).")
    wait = min(_INDEX_WAIT_SECONDS, deadline_ms / 2_000)
    for tail in tails_of(core.refs):
        if not tail.retired:
            core.indexer.wait(tail, len(tail.table), wait)
    began = time.perf_counter()
    refs = core.refs
    chosen = choose(refs, kind=kind, label=label, superseded=False, spans=spans)
    hits, total, exact, reason = _ranked(core, refs, chosen, query, spans, max_results, deadline_ms, cancel)
    if core.building and not reason:
        reason = INGEST_RUNNING
    lag = sum(len(tail.table) - tail.ranked for tail in tails_of(refs))
    return RankReply(
        query=query,
        total_found=total,
        total_is_exact=exact and not reason and not lag,
        partial=bool(reason),
        elapsed_ms=round((time.perf_counter() - began) * 1000, 3),
        hits=tuple(hits),
        reason=reason,
        lag=lag,
    )


def _ranked(
    core: StoreCore,
    refs: Refs,
    chosen: "NDArray[np.int64]",
    query: str,
    spans: Spans | None,
    max_results: int,
    deadline_ms: int,
    cancel: CancelFlag | None,
) -> tuple[list[Hit], int, bool, str]:
    """Return hits, their total and whether it is exact, and why the ranking was cut, if it was."""
    sources, parts = _parts(refs, chosen)
    deadline = time.perf_counter() + deadline_ms / 1000
    limit = max(1, max_results)
    while True:
        if cancel is not None and cancel.is_set():
            return [], 0, False, "cancelled"
        ranking = _query(core, parts, query, limit, deadline - time.perf_counter())
        if ranking is None:
            return [], 0, False, "deadline"
        hits = _hits(refs, sources, ranking.docs, query, spans)
        complete = len(ranking.docs) >= ranking.total
        if spans is None or complete:
            return hits[:max_results], len(hits) if complete else ranking.total, True, ""
        if len(hits) >= max_results:
            return hits[:max_results], len(hits), False, ""
        limit *= _MORE  # the best passages of an entry may all lie outside of the view


def _parts(refs: Refs, chosen: "NDArray[np.int64]") -> "tuple[list[Segment | Tail], list[RankPart]]":
    """Return the indexed sources that chosen entries lie on, each with the entries that may be found."""
    from rlm_tui.context.ranked import RankPart

    sources: list[Segment | Tail] = []
    parts: list[RankPart] = []
    places = refs.source[chosen]
    known: list[Segment | Tail] = [*segments_of(refs), *tails_of(refs)]
    for source in known:
        seqs = refs.seq[chosen[places == _index(refs, source)]]
        if len(seqs) and (isinstance(source, Segment) or source.ranked):
            sources.append(source)
            parts.append(RankPart(source.schema, None if len(seqs) == len(source.table) else seqs))
    return sources, parts


def _index(refs: Refs, source: Source) -> int:
    return next(index for index, known in enumerate(refs.sources) if known is source)


def _query(core: StoreCore, parts: "list[RankPart]", query: str, limit: int, seconds: float) -> "Ranking | None":
    """Ask the index; None when the time is over."""
    import duckdb

    from rlm_tui.context.ranked import rank

    if seconds <= 0:
        return None
    try:
        with core.database.limited(seconds) as cursor:
            return rank(cursor, parts, query, limit=limit)
    except duckdb.InterruptException:
        return None


def _hits(
    refs: Refs, sources: "list[Segment | Tail]", docs: "list[RankedDoc]", query: str, spans: Spans | None
) -> list[Hit]:
    """Turn passages into hits, each clipped to the span that it lies in."""
    from rlm_tui.context.tokens import terms

    words = terms(query)
    numbers = [_numbers(refs, source) for source in sources]
    hits = []
    for doc in docs:
        source = sources[doc.part]
        number = numbers[doc.part][doc.entry_seq]
        start = int(refs.start[number]) + doc.char_start - source.table.char_start[doc.entry_seq]
        end = start + doc.n_chars
        if spans is None:
            hits.append(_hit(refs, number, start, end, doc.score, words))
        else:
            hits.extend(_hit(refs, number, low, high, doc.score, words) for low, high in spans.overlapping(start, end))
    return hits


def _numbers(refs: Refs, source: Source) -> dict[int, int]:
    rows = (refs.source == _index(refs, source)).nonzero()[0]
    return dict(zip(refs.seq[rows].tolist(), rows.tolist(), strict=True))


def _hit(refs: Refs, number: int, start: int, end: int, score: float, words: list[str]) -> Hit:
    source, seq = refs.place(number)
    table, tape = source.table, source.tape
    shift = table.char_start[seq] - int(refs.start[number])
    low, high = tape.byte_of(start + shift), tape.byte_of(end + shift)
    line, column = line_and_column_at(source, seq, low)
    text = tape.text(low, high)
    return Hit(
        offset=start,
        length=end - start,
        entry=number,
        label=table.label[seq],
        line=line,
        column=column,
        snippet=snippet(source, low, high, low + len(text[: _first_word(text, words)].encode())),
        score=round(score, 4),
    )


def _first_word(text: str, words: list[str]) -> int:
    """Return where the first of the words stands in a text, or 0."""
    lower = text.lower()
    if len(lower) != len(text):
        return 0
    places = [place for word in words if (place := lower.find(word)) >= 0]
    return min(places, default=0)
