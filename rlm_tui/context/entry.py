"""What the context store answers with: entries, hits, and counts. Plain frozen values, safe to hand to any thread.

Offsets and lengths are Unicode code points over the session's context; lines and columns are 1-based within an
entry; times are milliseconds.
"""

from msgspec import Struct

from rlm_tui.events import EntryKind

__all__ = ["Entry", "EntryKind", "Hit", "LeftOut", "RankReply", "SearchReply", "Slice", "Stats"]


class Entry(Struct, frozen=True):
    """One piece of context: characters `start` up to `end`. `superseded` entries are hidden from search."""

    number: int
    kind: EntryKind
    label: str
    start: int
    chars: int
    source: str = ""
    superseded: bool = False
    part: int = 0
    parts: int = 1
    at: float = 0.0

    @property
    def end(self) -> int:
        """One past the last offset."""
        return self.start + self.chars


class Hit(Struct, frozen=True):
    """One match. `snippet` is the line around it, at most some 200 characters, cut with `…`."""

    offset: int
    length: int
    entry: int
    label: str
    line: int
    column: int
    snippet: str
    score: float = 0.0


class SearchReply(Struct, frozen=True):
    """What a search found. `total_found` is the true total when `total_is_exact`, else a lower bound.

    `partial` says that not everything was searched; `reason` why (`deadline`, `cancelled`, `ingest running`).
    """

    pattern: str
    total_found: int
    total_is_exact: bool
    partial: bool
    elapsed_ms: float
    hits: tuple[Hit, ...]
    reason: str = ""


class RankReply(Struct, frozen=True):
    """The best passages for a query by BM25, best first; `lag` entries are not indexed yet."""

    query: str
    total_found: int
    total_is_exact: bool
    partial: bool
    elapsed_ms: float
    hits: tuple[Hit, ...]
    reason: str = ""
    lag: int = 0


class Slice(Struct, frozen=True):
    """A piece of text: what `rlm_get_context` returns. `entries` are those that it runs across."""

    offset: int
    length: int
    text: str
    entries: tuple[Entry, ...]


class LeftOut(Struct, frozen=True):
    """A file that is not in the context, and why (`binary`, `over 10 MB`, `secret`, `unreadable: …`, ...)."""

    path: str
    reason: str
    size: int = 0


class IndexState(Struct, frozen=True):
    """How far the derived indexes are. `lag` is in entries; `segments` counts sealed segments."""

    ranked_entries: int = 0
    lag: int = 0
    segments: int = 0
    blocks: int = 0
    building: bool = False


class Stats(Struct, frozen=True):
    """The whole context in figures, as `rlm_stats` and `context stats --json` give it."""

    characters: int
    bytes: int
    entries: int
    by_type: dict[str, dict[str, int]]
    sources: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    left_out_total: int
    index: IndexState
