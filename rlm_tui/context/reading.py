"""Reading by offset, entry and line: what the store and its views have in common."""

import re
from abc import abstractmethod
from collections.abc import Callable
from fnmatch import translate
from threading import Event as CancelFlag
from typing import TYPE_CHECKING

from rlm_tui.context.entry import Entry, RankReply, SearchReply, Slice, Stats
from rlm_tui.context.lines import line_and_column, line_start
from rlm_tui.context.reader import DEFAULT_DEADLINE_MS, ContextReader
from rlm_tui.context.refs import KIND_CODES, Refs
from rlm_tui.context.spans import Spans
from rlm_tui.errors import ContextError
from rlm_tui.events import EntryKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Reading(ContextReader):
    """A `ContextReader` over references and, in a view, the spans that it may reach.

    Every method takes the references once and works on that state, so it is safe while entries are appended.
    """

    @property
    @abstractmethod
    def refs(self) -> Refs:
        """The references as they are now."""

    @property
    def spans(self) -> Spans | None:
        """What this reader may reach; None for everything."""
        return None

    @property
    def chars(self) -> int:
        return self.refs.chars

    @property
    def entry_count(self) -> int:
        return self.refs.count

    # --- text ----------------------------------------------------------------------------------------------

    def read(self, offset: int, length: int) -> str:
        refs = self.refs
        return read_text(refs, offset, self._end_of(refs, offset, length))

    def reachable(self, start: int, end: int) -> list[tuple[int, int]]:
        end = min(end, self.chars)
        if self.spans is None:
            return [(start, end)] if start < end else []
        return list(self.spans.overlapping(start, end))

    def slice(self, offset: int, length: int) -> Slice:
        refs = self.refs
        end = self._end_of(refs, offset, length)
        text = read_text(refs, offset, end)
        crossed: list[Entry] = []
        if offset < refs.chars:
            last = refs.index_at(max(offset, end - 1))
            crossed = [make_entry(refs, number) for number in range(refs.index_at(offset), last + 1)]
        return Slice(offset, len(text), text, tuple(entry for entry in crossed if entry.chars))

    def _end_of(self, refs: Refs, offset: int, length: int) -> int:
        """Check a place and return where reading it ends: clipped to the context, or the span around it."""
        if offset < 0 or length < 0:
            raise ContextError(f"Offset and length count from 0 (got {offset} and {length}).")
        if offset > refs.chars:
            raise ContextError(
                f"Offset {offset} is past the end: the context has {refs.chars} characters, 0 to {refs.chars}."
            )
        end = min(offset + length, refs.chars)
        if self.spans is None or end == offset:
            return end
        around = self.spans.around(offset)
        if around is None:
            raise self._outside(f"Offset {offset}", self.spans)
        return min(end, around[1])

    @staticmethod
    def _outside(what: str, spans: Spans) -> ContextError:
        return ContextError(f"{what} is outside of what this call was given; it may read {spans.describe()}.")

    # --- entries -------------------------------------------------------------------------------------------

    def entries(
        self,
        *,
        kind: EntryKind | None = None,
        label: str | None = None,
        after: int = -1,
        limit: int = 100,
        superseded: bool = False,
    ) -> list[Entry]:
        refs = self.refs
        if limit < 0:
            raise ContextError(f"A limit of entries is 0 or more (got {limit}).")
        chosen = choose(refs, kind=kind, label=None, superseded=superseded, spans=self.spans)
        chosen = chosen[chosen > after]
        if label is None:
            return [make_entry(refs, number) for number in chosen[:limit].tolist()]
        fits = label_filter(label)
        found: list[Entry] = []
        labels = [source.table.label for source in refs.sources]
        places = zip(chosen.tolist(), refs.source[chosen].tolist(), refs.seq[chosen].tolist(), strict=True)
        for number, source, seq in places:
            if len(found) >= limit:
                break
            if fits(labels[source][seq]):
                found.append(make_entry(refs, number))
        return found

    def entry(self, number: int) -> Entry:
        return make_entry(*self._visible(number))

    def _visible(self, number: int) -> tuple[Refs, int]:
        refs = self.refs
        if not 0 <= number < refs.count:
            raise ContextError(f"There is no entry {number}: the context has {refs.count}, counted from 0.")
        if self.spans is not None:
            start = int(refs.start[number])
            if next(self.spans.overlapping(start, start + int(refs.n_chars[number])), None) is None:
                raise self._outside(f"Entry {number}", self.spans)
        return refs, number

    def entry_at(self, offset: int) -> Entry | None:
        refs = self.refs
        if not 0 <= offset < refs.chars or (self.spans is not None and self.spans.around(offset) is None):
            return None
        return make_entry(refs, refs.index_at(offset))

    # --- lines ---------------------------------------------------------------------------------------------

    def line_of(self, offset: int) -> tuple[int, int]:
        refs = self.refs
        self._end_of(refs, offset, 1)
        if offset == refs.chars:
            raise ContextError(f"Offset {offset} is the context's end, no character lies there.")
        number = refs.index_at(offset)
        source, seq = refs.place(number)
        return line_and_column(source, seq, offset - int(refs.start[number]))

    def offset_of_line(self, entry: int, line: int) -> int:
        refs, number = self._visible(entry)
        source, seq = refs.place(number)
        return int(refs.start[number]) + line_start(source, seq, line)

    # --- searching -----------------------------------------------------------------------------------------

    @abstractmethod
    def search(
        self,
        pattern: str,
        *,
        max_results: int = 50,
        kind: EntryKind | None = None,
        label: str | None = None,
        deadline_ms: int = DEFAULT_DEADLINE_MS,
        cancel: CancelFlag | None = None,
    ) -> SearchReply: ...

    @abstractmethod
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
    ) -> SearchReply: ...

    @abstractmethod
    def rank(
        self,
        query: str,
        *,
        max_results: int = 10,
        kind: EntryKind | None = None,
        label: str | None = None,
        deadline_ms: int = DEFAULT_DEADLINE_MS,
        cancel: CancelFlag | None = None,
    ) -> RankReply: ...

    @abstractmethod
    def stats(self) -> Stats: ...


def make_entry(refs: Refs, number: int) -> Entry:
    """Return entry `number` of these references."""
    source, seq = refs.place(number)
    table = source.table
    return Entry(
        number,
        table.kind[seq],
        table.label[seq],
        int(refs.start[number]),
        int(refs.n_chars[number]),
        table.source[seq] or refs.names[refs.source[number]],
        bool(refs.superseded[number]),
        table.part[seq],
        table.parts[seq],
        table.at[seq],
    )


def read_text(refs: Refs, offset: int, end: int) -> str:
    """Return the characters `[offset, end)` of the context, across entries."""
    if end <= offset:
        return ""
    number = refs.index_at(offset)
    pieces: list[str] = []
    while offset < end:
        source, seq = refs.place(number)
        start = int(refs.start[number])
        stop = min(end, start + int(refs.n_chars[number]))
        if stop > offset:
            pieces.append(source.tape.characters(source.table.char_start[seq] + offset - start, stop - offset))
            offset = stop
        number += 1
    return pieces[0] if len(pieces) == 1 else "".join(pieces)


def choose(
    refs: Refs, *, kind: EntryKind | None, label: str | None, superseded: bool, spans: Spans | None
) -> "NDArray[np.int64]":
    """Return the numbers of the entries that fit, ascending. Raises `ContextError` for an unknown kind."""
    import numpy as np

    keep = np.ones(refs.count, dtype=np.bool_)
    if spans is not None:
        keep[:] = False
        for start, end in spans.overlapping(0, refs.chars):
            keep[refs.index_at(start) : refs.index_at(end - 1) + 1] = True
    if not superseded:
        keep &= ~refs.superseded
    if kind is not None:
        if kind not in KIND_CODES:
            raise ContextError(f"There is no entry type {kind!r}; choose one of {', '.join(KIND_CODES)}.")
        keep &= refs.kind == KIND_CODES[kind]
    numbers: NDArray[np.int64] = keep.nonzero()[0]
    if label is None:
        return numbers
    fits = label_filter(label)
    tables = [source.table.label for source in refs.sources]
    places = zip(numbers.tolist(), refs.source[numbers].tolist(), refs.seq[numbers].tolist(), strict=True)
    return np.array([number for number, source, seq in places if fits(tables[source][seq])], dtype=np.int64)


def label_filter(label: str) -> Callable[[str], bool]:
    """Return a test for labels: that they contain `label`, or match it where it has one of `*?[`."""
    if any(sign in label for sign in "*?["):
        matches = re.compile(translate(label)).match
        return lambda text: matches(text) is not None
    return lambda text: label in text
