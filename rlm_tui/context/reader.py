"""The reading face of the context: what tools, sub-calls, the screen and replay are given.

The session's store implements it over everything; a sub-call's view implements it over the spans that the call
was given, by the same offsets. All methods are thread-safe. `read`, `slice`, `entry`, `entry_at`, `entries` and
`line_of` answer in well under a millisecond and may run on the screen's thread; `search`, `find` and `rank` are
for worker threads.
"""

from collections.abc import Iterable
from threading import Event as CancelFlag
from typing import Protocol

from rlm_tui.context.entry import Entry, RankReply, SearchReply, Slice, Stats
from rlm_tui.events import EntryKind

DEFAULT_DEADLINE_MS = 5_000


class ContextReader(Protocol):
    """Read access to entries and text by session offset."""

    @property
    def chars(self) -> int:
        """Characters in the whole context: valid offsets are 0 up to this, also in a view."""
        ...

    @property
    def entry_count(self) -> int:
        """Entries in the whole context, superseded ones included: valid numbers are 0 up to this."""
        ...

    def read(self, offset: int, length: int) -> str:
        """Return at most `length` characters from `offset`, across entries; clipped at the context's end.

        Raises `ContextError` for a negative offset or length, one past the end, or a place outside a view.
        """
        ...

    def slice(self, offset: int, length: int) -> Slice:
        """Return `read` with the entries that the text runs across."""
        ...

    def entries(
        self,
        *,
        kind: EntryKind | None = None,
        label: str | None = None,
        after: int = -1,
        limit: int = 100,
        superseded: bool = False,
    ) -> list[Entry]:
        """Return up to `limit` entries numbered above `after`, in order.

        `label` keeps labels that contain it, or that match it where it has a glob character.
        """
        ...

    def entry(self, number: int) -> Entry:
        """Return entry `number`. Raises `ContextError` when there is none."""
        ...

    def entry_at(self, offset: int) -> Entry | None:
        """Return the entry that holds `offset`, or None past the end or outside a view."""
        ...

    def line_of(self, offset: int) -> tuple[int, int]:
        """Return the 1-based line and column of `offset` within its entry."""
        ...

    def offset_of_line(self, entry: int, line: int) -> int:
        """Return the offset at which 1-based `line` of `entry` starts, clipped to its last line."""
        ...

    def search(
        self,
        pattern: str,
        *,
        max_results: int = 50,
        kind: EntryKind | None = None,
        label: str | None = None,
        deadline_ms: int = DEFAULT_DEADLINE_MS,
        cancel: CancelFlag | None = None,
    ) -> SearchReply:
        """Find matches of an RE2 pattern (`^` and `$` at line ends), in offset order, in current entries.

        A match lies within one entry. Raises `PatternError` for a pattern that does not compile or is empty,
        `ContextError` for a `max_results` below 0. `max_results=0` counts only.
        """
        ...

    def find(
        self,
        text: str,
        *,
        max_results: int = 50,
        kind: EntryKind | None = None,
        label: str | None = None,
        ignore_case: bool = False,
        deadline_ms: int = DEFAULT_DEADLINE_MS,
        cancel: CancelFlag | None = None,
    ) -> SearchReply:
        """Find a literal text, exactly (or by simple case folding); otherwise as `search`."""
        ...

    def rank(
        self,
        query: str,
        *,
        max_results: int = 10,
        kind: EntryKind | None = None,
        label: str | None = None,
        deadline_ms: int = DEFAULT_DEADLINE_MS,
        cancel: CancelFlag | None = None,
    ) -> RankReply:
        """Rank passages (some 4,000 characters each) by BM25; each hit's offset and length are the passage's."""
        ...

    def view(self, spans: Iterable[tuple[int, int]]) -> "ContextReader":
        """Return a reader of these `(start, end)` spans alone, by the same offsets.

        Raises `ContextError` for a span that this reader does not wholly reach itself.
        """
        ...

    def reachable(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the parts of `[start, end)` that this reader reaches: all of it, or in a view what it was given."""
        ...

    def stats(self) -> Stats:
        """Return the counts of this reader: in a view, of the view."""
        ...
