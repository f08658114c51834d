"""Which entries a list shows, in which order: filtered and sorted in slices, so that no list is ever waited for."""

import time
from bisect import bisect_left
from typing import Literal

from rlm_tui.context.entry import Entry
from rlm_tui.context.reader import ContextReader
from rlm_tui.events import EntryKind
from rlm_tui.session.coverage import Coverage

Sort = Literal["offset", "size", "label"]
SORTS: tuple[Sort, ...] = ("offset", "size", "label")
_PAGE = 250
_MERGE_AT = 2_000


class EntryOrder:
    """Numbers of the entries that pass the filter, in order. Without filter and sort nothing is gathered at all.

    `work` gathers more; call it until `finished`, and again after `grew`.
    """

    def __init__(self, reader: ContextReader, coverage: Coverage) -> None:
        self.reader = reader
        self.coverage = coverage
        self.kind: EntryKind | None = None
        self.label = ""
        self.touched = False
        self.current = False
        self.sort: Sort = "offset"
        self.restart()

    def restart(self) -> None:
        """Begin anew, after a change of filter or sort."""
        self._keys: list[tuple[int | str, int]] = []
        self._pending: list[tuple[int | str, int]] = []
        self._after = -1
        self.finished = self.direct

    def grew(self) -> None:
        """The context has more entries than before."""
        self.finished = self.direct

    @property
    def filtered(self) -> bool:
        """Whether some entries may be left out."""
        return self.kind is not None or bool(self.label) or self.touched or self.current

    @property
    def direct(self) -> bool:
        """Whether row numbers are entry numbers."""
        return self.sort == "offset" and not self.filtered

    def __len__(self) -> int:
        return self.reader.entry_count if self.direct else len(self._keys)

    def number(self, row: int) -> int:
        """Return the entry number of a row."""
        return row if self.direct else self._keys[row][1]

    def row_of(self, number: int) -> int:
        """Return the row of an entry, or one near to where it would be."""
        if self.direct:
            return number
        if self.sort == "offset":
            return min(bisect_left(self._keys, (number, number)), max(0, len(self._keys) - 1))
        return next((row for row, key in enumerate(self._keys) if key[1] == number), 0)

    def work(self, budget_s: float) -> bool:
        """Gather for at most about `budget_s` seconds; return whether rows changed."""
        deadline = time.perf_counter() + budget_s
        changed = False
        while not self.finished:
            page = self.reader.entries(
                kind=self.kind, label=self.label or None, after=self._after, limit=_PAGE, superseded=not self.current
            )
            self._pending.extend((self._key(entry), entry.number) for entry in page if self._passes(entry))
            self.finished = len(page) < _PAGE
            if page:
                self._after = page[-1].number
            changed = self._merge() or changed
            if time.perf_counter() > deadline:
                break
        return changed

    def _merge(self) -> bool:
        """Sort what came in; seldom while there is much, since each time costs a walk over all."""
        enough = self.sort == "offset" or self.finished or len(self._pending) >= max(_MERGE_AT, len(self._keys))
        if not self._pending or not enough:
            return False
        self._keys.extend(self._pending)
        self._pending.clear()
        if self.sort != "offset":
            self._keys.sort()
        return True

    def _key(self, entry: Entry) -> int | str:
        if self.sort == "size":
            return -entry.chars
        return entry.label.casefold() if self.sort == "label" else entry.number

    def _passes(self, entry: Entry) -> bool:
        return not self.touched or self.coverage.strongest(entry.start, entry.end) is not None
