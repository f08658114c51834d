"""What a session's tail was sealed into: long sessions keep little text in memory and open again quickly.

A `SegmentSealed` says that the entries that were appended among numbers `first` to `last` lie, in this order, in a
segment of the session's own folder. The log still holds their text, so a segment that is lost costs nothing but
time: its entries go to the tail again.
"""

from collections.abc import Iterable
from pathlib import Path

from rlm_tui.context.layout import SegmentRef
from rlm_tui.context.store import ContextStore
from rlm_tui.errors import ContextError
from rlm_tui.events import EntryAppended, SegmentSealed
from rlm_tui.session.codec import DamagedLine, decode_line

SEAL_CHARS = 8_000_000
MOST_TAIL_CHARS = 32_000_000
_SHARE = 8

SEGMENTS = "segments"
_MARK = b"SegmentSealed"


def seal_from(sealed_chars: int) -> int:
    """Return the characters in the tail from which on it is worth a segment, when `sealed_chars` are sealed already.

    Every segment that a ranking has to look at costs it time, so they grow with the session and stay few.
    """
    return min(MOST_TAIL_CHARS, max(SEAL_CHARS, sealed_chars // _SHARE))


def sealed_segments(log: Path) -> list[SegmentSealed]:
    """Return what a log says was sealed, in order; damaged records are left out."""
    found: list[SegmentSealed] = []
    try:
        file = log.open("rb")
    except OSError:
        return found
    with file:
        for line in file:
            if _MARK not in line:
                continue
            try:
                event = decode_line(line).event
            except DamagedLine:
                continue
            if isinstance(event, SegmentSealed):
                found.append(event)
    return found


class SealedEntries:
    """Gives entries of a log that is folded their place in the session's own segments."""

    def __init__(self, events: Iterable[SegmentSealed], directory: Path, context: ContextStore) -> None:
        """Open what can be opened; what cannot is in `problems`, and its entries are folded from the log.

        `chars` counts the characters that were placed.
        """
        self.problems: list[str] = []
        self.chars = 0
        self._context = context
        self._open: list[tuple[int, int, int]] = []
        for event in events:
            path = directory / event.path
            ref = SegmentRef(event.segment, event.sha, str(path.absolute()), "", 0, 0, ())
            try:
                self._open.append((event.first, event.last, context.open_sealed(ref)))
            except ContextError as error:
                self.problems.append(f"{error} Its text was taken from the log instead.")
        self._next = [0] * len(self._open)

    def place(self, event: EntryAppended) -> bool:
        """Add an entry from the segment that holds it; return False where none does."""
        for index, (first, last, source) in enumerate(self._open):
            if first <= event.entry <= last:
                seq = self._next[index]
                self._next[index] += 1
                if self._context.sealed_chars(source, seq) != event.chars:
                    return False
                self._context.append_sealed(source, seq)
                self.chars += event.chars
                return True
        return False


def sealed_event(ref: SegmentRef, first: int, last: int, directory: Path) -> SegmentSealed:
    """Return the event for a tail that was just sealed under the session folder `directory`."""
    return SegmentSealed(ref.segment, ref.sha, str(Path(ref.path).relative_to(directory.absolute())), first, last)
