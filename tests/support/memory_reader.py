"""A context in memory: plain entries over plain strings behind the reader's protocol, for tests of the screen."""

import re
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from threading import Event as CancelFlag

from rlm_tui.context.entry import Entry, Hit, IndexState, RankReply, SearchReply, Slice, Stats
from rlm_tui.context.reader import DEFAULT_DEADLINE_MS
from rlm_tui.errors import ContextError, PatternError
from rlm_tui.events import EntryKind


class MemoryReader:
    """Implements `ContextReader` over `(kind, label, text)` triples; `append` grows it."""

    def __init__(self, pieces: Iterable[tuple[EntryKind, str, str]] = ()) -> None:
        self._texts: list[str] = []
        self._entries: list[Entry] = []
        self._starts: list[int] = []
        self.chars = 0
        for kind, label, text in pieces:
            self.append(kind, label, text)

    @property
    def entry_count(self) -> int:
        return len(self._entries)

    def append(self, kind: EntryKind, label: str, text: str) -> Entry:
        """Add an entry at the end and return it."""
        entry = Entry(len(self._entries), kind, label, self.chars, len(text))
        self._entries.append(entry)
        self._texts.append(text)
        self._starts.append(self.chars)
        self.chars += len(text)
        return entry

    def supersede(self, number: int) -> None:
        """Mark entry `number` as no longer current."""
        old = self._entries[number]
        self._entries[number] = Entry(number, old.kind, old.label, old.start, old.chars, superseded=True)

    def read(self, offset: int, length: int) -> str:
        if offset < 0 or length < 0 or offset > self.chars:
            raise ContextError(f"There is no offset {offset} in a context of {self.chars} characters.")
        pieces = []
        place = max(0, bisect_right(self._starts, offset) - 1)
        while length > 0 and place < len(self._texts):
            low = offset - self._starts[place]
            piece = self._texts[place][low : low + length]
            pieces.append(piece)
            length -= len(piece)
            offset += len(piece)
            place += 1
        return "".join(pieces)

    def slice(self, offset: int, length: int) -> Slice:
        text = self.read(offset, length)
        spanned = tuple(e for e in self._entries if e.start < offset + len(text) and offset < e.end)
        return Slice(offset, len(text), text, spanned)

    def entries(
        self,
        *,
        kind: EntryKind | None = None,
        label: str | None = None,
        after: int = -1,
        limit: int = 100,
        superseded: bool = False,
    ) -> list[Entry]:
        found: list[Entry] = []
        for entry in self._entries[after + 1 :]:
            if len(found) >= limit:
                break
            if _fits(entry, kind, label) and (superseded or not entry.superseded):
                found.append(entry)
        return found

    def entry(self, number: int) -> Entry:
        if not 0 <= number < len(self._entries):
            raise ContextError(f"There is no entry {number}; the last is {len(self._entries) - 1}.")
        return self._entries[number]

    def entry_at(self, offset: int) -> Entry | None:
        if not 0 <= offset < self.chars:
            return None
        return self._entries[bisect_right(self._starts, offset) - 1]

    def line_of(self, offset: int) -> tuple[int, int]:
        entry = self.entry_at(offset)
        if entry is None:
            raise ContextError(f"There is no offset {offset} in the context.")
        before = self._texts[entry.number][: offset - entry.start]
        return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1

    def offset_of_line(self, entry: int, line: int) -> int:
        text = self._texts[self.entry(entry).number]
        place = 0
        for _ in range(line - 1):
            found = text.find("\n", place)
            if found < 0 or found + 1 >= len(text):
                break
            place = found + 1
        return self._entries[entry].start + place

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
        try:
            compiled = re.compile(pattern, re.MULTILINE)
        except re.error as problem:
            raise PatternError(f"The pattern does not compile: {problem}. Try a literal search.") from None
        return self._collect(pattern, compiled, max_results, kind, label, deadline_ms, cancel)

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
        compiled = re.compile(re.escape(text), re.IGNORECASE if ignore_case else 0)
        return self._collect(text, compiled, max_results, kind, label, deadline_ms, cancel)

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
        reply = self.find(
            query, max_results=max_results, kind=kind, label=label, deadline_ms=deadline_ms, cancel=cancel
        )
        return RankReply(query, reply.total_found, True, reply.partial, reply.elapsed_ms, reply.hits)

    def view(self, spans: Iterable[tuple[int, int]]) -> "MemoryReader":
        """Return a copy that holds only the entries which the spans touch; enough for a screen, not for a sub-call."""
        wanted = list(spans)
        return MemoryReader(
            (entry.kind, entry.label, self._texts[entry.number])
            for entry in self._entries
            if any(start < entry.end and entry.start < end for start, end in wanted)
        )

    def reachable(self, start: int, end: int) -> list[tuple[int, int]]:
        low, high = max(0, start), min(end, self.chars)
        return [(low, high)] if low < high else []

    def stats(self) -> Stats:
        by_type: dict[str, dict[str, int]] = {}
        for entry in self._entries:
            figures = by_type.setdefault(entry.kind, {"entries": 0, "characters": 0})
            figures["entries"] += 1
            figures["characters"] += entry.chars
        size = sum(len(text.encode()) for text in self._texts)
        return Stats(self.chars, size, len(self._entries), by_type, (), (), 0, IndexState())

    def _collect(
        self,
        shown: str,
        compiled: "re.Pattern[str]",
        max_results: int,
        kind: EntryKind | None,
        label: str | None,
        deadline_ms: int,
        cancel: CancelFlag | None,
    ) -> SearchReply:
        if not shown:
            raise PatternError("The pattern is empty; type what to look for.")
        began = time.monotonic()
        hits: list[Hit] = []
        total = 0
        reason = ""
        for entry, match in self._matches(compiled, kind, label):
            if cancel is not None and cancel.is_set():
                reason = "cancelled"
                break
            if (time.monotonic() - began) * 1000 > deadline_ms:
                reason = "deadline"
                break
            total += 1
            if len(hits) < max_results:
                offset = entry.start + match.start()
                line, column = self.line_of(offset) if offset < self.chars else (1, 1)
                length = match.end() - match.start()
                hits.append(Hit(offset, length, entry.number, entry.label, line, column, match.group()[:200]))
        elapsed = (time.monotonic() - began) * 1000
        return SearchReply(shown, total, not reason, bool(reason), elapsed, tuple(hits), reason)

    def _matches(
        self, compiled: "re.Pattern[str]", kind: EntryKind | None, label: str | None
    ) -> "Iterator[tuple[Entry, re.Match[str]]]":
        for entry in self._entries:
            if _fits(entry, kind, label) and not entry.superseded:
                for match in compiled.finditer(self._texts[entry.number]):
                    yield entry, match


def _fits(entry: Entry, kind: EntryKind | None, label: str | None) -> bool:
    if kind is not None and entry.kind != kind:
        return False
    if label is None:
        return True
    if any(mark in label for mark in "*?["):
        return fnmatchcase(entry.label, label)
    return label in entry.label
