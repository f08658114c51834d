"""Where each entry of a session lies: a table of references in session order, safe to read while it grows.

A reference is `(start, chars, source, seq, byte_start, n_bytes)`: session offsets on the left, a place on a tape
on the right. Offsets are dense and never change, whatever lies between entries on a tape; resolving one is a
bisection.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlm_tui.context.table import Source
from rlm_tui.errors import ContextError
from rlm_tui.events import ENTRY_KINDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KIND_CODES = {kind: code for code, kind in enumerate(ENTRY_KINDS)}


@dataclass(frozen=True)
class Refs:
    """The references as they were at one moment: `count` rows of each column are valid, and none of these
    changes, except that an entry may become `superseded`. `version` differs between any two states.

    Columns are numpy arrays of one row an entry; `source` indexes `sources`, `seq` the entry in its source.
    """

    count: int
    chars: int
    version: int
    sources: tuple[Source, ...]
    names: tuple[str, ...]
    start: "NDArray[np.int64]"
    n_chars: "NDArray[np.int64]"
    source: "NDArray[np.int64]"
    seq: "NDArray[np.int64]"
    byte_start: "NDArray[np.int64]"
    n_bytes: "NDArray[np.int64]"
    kind: "NDArray[np.uint8]"
    superseded: "NDArray[np.bool_]"

    def index_at(self, offset: int) -> int:
        """Return the number of the entry that holds `offset`, which must lie within the context."""
        return int(self.start.searchsorted(offset, side="right")) - 1

    def place(self, number: int) -> tuple[Source, int]:
        """Return the source of entry `number` and its sequence number there."""
        return self.sources[self.source[number]], int(self.seq[number])


_COLUMNS = ("start", "n_chars", "source", "seq", "byte_start", "n_bytes", "kind", "superseded")
_FIRST_CAPACITY = 256


class RefTable:
    """The growing table behind `Refs`. One thread at a time changes it; `now` may be read by any.

    Rows are written beyond what any published state shows and then published as a new state, so readers need no
    lock.
    """

    def __init__(self) -> None:
        import numpy as np

        types = {"kind": np.uint8, "superseded": np.bool_}
        self._columns: dict[str, Any] = {
            name: np.zeros(_FIRST_CAPACITY, dtype=types.get(name, np.int64)) for name in _COLUMNS
        }
        self._sources: tuple[Source, ...] = ()
        self._names: tuple[str, ...] = ()
        self._count = 0
        self._chars = 0
        self._version = 0
        self.now = self._state()

    def add_source(self, source: Source, name: str) -> int:
        """Add something that entries lie on and return its index. `name` is what its entries come from."""
        self._sources = (*self._sources, source)
        self._names = (*self._names, name)
        return len(self._sources) - 1

    def source(self, index: int) -> Source:
        """Return the source that `add_source` gave `index` to."""
        return self._sources[index]

    def add(self, source: int, seqs: Sequence[int]) -> tuple[int, int]:
        """Give the next numbers and offsets to entries `seqs` of a source; return the first of each."""
        import numpy as np

        first, start, added = self._count, self._chars, len(seqs)
        self._reserve(first + added)
        table = self._sources[source].table
        rows = slice(first, first + added)
        sizes = np.array([table.n_chars[seq] for seq in seqs], dtype=np.int64)
        ends = start + sizes.cumsum()
        self._columns["n_chars"][rows] = sizes
        self._columns["start"][rows] = ends - sizes
        self._columns["kind"][rows] = [KIND_CODES[table.kind[seq]] for seq in seqs]
        self._columns["superseded"][rows] = False
        self._set_places(rows, source, seqs)
        self._count += added
        self._chars = int(ends[-1]) if added else start
        self._publish()
        return first, start

    def supersede(self, number: int) -> None:
        """Mark an entry as no longer current."""
        self._columns["superseded"][number] = True
        self._publish()

    def move(self, numbers: Sequence[int], source: int, seqs: Sequence[int]) -> None:
        """Let entries lie elsewhere, at the same offsets. States published before keep the old places."""
        table = self._sources[source].table
        for number, seq in zip(numbers, seqs, strict=True):
            if int(self._columns["n_chars"][number]) != table.n_chars[seq]:
                raise ContextError(f"The segment does not match the log: entry {number} has another length there.")
        for name in ("source", "seq", "byte_start", "n_bytes"):
            self._columns[name] = self._columns[name].copy()
        self._set_places(list(numbers), source, seqs)
        self._publish()

    def _set_places(self, rows: slice | list[int], source: int, seqs: Sequence[int]) -> None:
        table = self._sources[source].table
        self._columns["source"][rows] = source
        self._columns["seq"][rows] = seqs
        self._columns["byte_start"][rows] = [table.byte_start[seq] for seq in seqs]
        self._columns["n_bytes"][rows] = [table.n_bytes[seq] for seq in seqs]

    def _reserve(self, count: int) -> None:
        import numpy as np

        capacity = len(self._columns["start"])
        if count > capacity:
            larger = max(count, 2 * capacity)
            for name, column in self._columns.items():
                grown = np.zeros(larger, dtype=column.dtype)
                grown[: self._count] = column[: self._count]
                self._columns[name] = grown

    def _publish(self) -> None:
        self._version += 1
        self.now = self._state()

    def _state(self) -> Refs:
        columns = {name: column[: self._count] for name, column in self._columns.items()}
        return Refs(
            count=self._count,
            chars=self._chars,
            version=self._version,
            sources=self._sources,
            names=self._names,
            **columns,
        )
