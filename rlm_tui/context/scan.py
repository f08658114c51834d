"""Run a pattern over tapes: in order, on two threads, within a deadline.

The ranges that can hold a match (`scan_plan`) are cut into units of work which take about as long as a person
does not notice; each is searched on its own, so that a deadline or a cancelled flag acts after the running one.
Results are those of the pattern run over each entry separately: non-overlapping, leftmost, empty matches left out.
"""

import atexit
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rlm_tui.context.pattern import CompiledPattern
from rlm_tui.context.scan_plan import Piece, ScanArea, line_end, line_start, plan

__all__ = ["COUNT_ON_SECONDS", "ScanArea", "ScanResult", "scan"]

COUNT_ON_SECONDS = 0.04
"""How long matches are counted beyond the limit, where that is enough to count them all; else the total is given
as a lower bound after a tenth of it."""

_UNIT_SECONDS = 0.008
_POLL_SECONDS = 0.02
_GRACE_SECONDS = 0.03
_FIRST_UNIT = 32_768
_SMALLEST_UNIT = 8_192
_LARGEST_UNIT = 4 << 20
_ONE_THREAD_BYTES = 1 << 20
_SMALL_REST = 1 << 20
_WORTH_SHARING_SECONDS = 1e-4
_CALLS_TO_JUDGE_BY = 64
_BACKTRACK_BYTES = 4 << 20
_FIRST_PROBE = 16_384
_PROBE_GROWTH = 8

_END_SECONDS = 2.0
_PROBES_TO_JUDGE_BY = 32
_WORTH_PROBING_BYTES = 4_096

Span = tuple[int, int, int]
_running: "set[_Work]" = set()


@dataclass(frozen=True)
class ScanResult:
    """What a scan found.

    `spans` are `(area, first byte, end byte)` in order, at most the limit. `total` counts all matches when `exact`,
    else those seen. `partial` says that not everything was searched though the limit was not reached, and `reason`
    why: `deadline` or `cancelled`.
    """

    spans: list[Span]
    total: int
    exact: bool
    partial: bool
    reason: str


def scan(
    areas: Sequence[ScanArea],
    pattern: CompiledPattern,
    *,
    limit: int,
    deadline_ms: float,
    cancel: threading.Event | None = None,
    count: bool = True,
    threads: int = 2,
) -> ScanResult:
    """Search the entries of `areas` for `pattern`.

    Once `limit` matches are found, the rest is counted if that takes `COUNT_ON_SECONDS` at most; a limit of 0 counts
    only, up to the deadline. Without `count` a scan ends at the limit. `deadline_ms` counts from the call. An engine
    that is stuck in one long call is left behind: RE2 ends soon, the other one by the deadline.
    """
    clock = _Clock(deadline_ms / 1000, cancel, COUNT_ON_SECONDS if count else 0.0)
    pieces = plan(list(areas), pattern)
    work = _Work(list(areas), pattern, pieces, limit, clock)
    if pieces:
        work.start(threads if sum(piece.end - piece.start for piece in pieces) > _ONE_THREAD_BYTES else 1)
        work.wait()
    return work.result()


@atexit.register
def _end_all() -> None:
    """End what still runs: a thread inside an engine while Python ends would abort the process."""
    for work in list(_running):
        work.end()


class _Clock:
    """When to stop: a deadline, a cancelled flag, or enough counted."""

    def __init__(self, seconds: float, cancel: threading.Event | None, count_on: float) -> None:
        self._count_on = count_on
        self.deadline = time.perf_counter() + seconds
        self._cancel = cancel
        self._end = self.deadline
        self._counting_since = 0.0
        self.counting = False

    def count_on(self, left: int) -> None:
        """The limit is reached with `left` bytes to search: go on for a moment, in which it shows how long a large
        rest would take; a small one is not judged by a moment in which the machine may have been busy elsewhere."""
        if not self.counting:
            self.counting = True
            self._counting_since = time.perf_counter()
            seconds = self._count_on if left <= _SMALL_REST else self._count_on / 10
            self._end = min(self.deadline, self._counting_since + seconds)

    def expect(self, seconds: float) -> None:
        """While counting: the rest takes about `seconds`. Allow them if that is soon enough."""
        if self.counting and time.perf_counter() + seconds <= self._counting_since + self._count_on:
            self._end = min(self.deadline, self._counting_since + self._count_on)

    @property
    def cancelled(self) -> bool:
        return self._cancel is not None and self._cancel.is_set()

    @property
    def remaining(self) -> float:
        return self._end - time.perf_counter()

    def stop(self) -> None:
        """Stop at once."""
        self._end = 0.0

    def over(self) -> bool:
        return time.perf_counter() >= self._end or self.cancelled


class _Unit:
    """Some pieces searched as one: its first matches, and how many it has."""

    def __init__(self, number: int, pieces: list[Piece]) -> None:
        self.number = number
        self.pieces = pieces
        self.spans: list[Span] = []
        self.total = 0

    @property
    def bytes(self) -> int:
        return sum(piece.end - piece.start for piece in self.pieces)


class _Work:
    """Hands out units to threads and gathers what they find, in order."""

    def __init__(
        self, areas: list[ScanArea], pattern: CompiledPattern, pieces: list[Piece], limit: int, clock: _Clock
    ) -> None:
        self._areas = areas
        self._views = [memoryview(area.buffer) for area in areas]
        self._mixed = pattern.may_cross_lines and not pattern.text_anchors
        self._pattern = pattern
        self._probe = pattern.probe
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._unit_bytes = _FIRST_UNIT
        self._units = self._cut(pieces)
        self._bytes_left = sum(piece.end - piece.start for piece in pieces)
        self._handed_out = 0
        self._active: dict[int, _Unit] = {}
        self._waiting: dict[int, _Unit] = {}
        self._in_order: list[Span] = []
        self._next = 0
        self._total = 0
        self._calls = 0
        self._seconds = 0.0
        self._left_out = False
        self._failure: Exception | None = None
        self._running = 0
        self._finished = threading.Event()

    def start(self, threads: int) -> None:
        """Begin on `threads` threads."""
        self._running = threads
        _running.add(self)
        for number in range(threads):
            threading.Thread(target=self._run, args=(number,), name="rlm-scan", daemon=True).start()

    def wait(self) -> None:
        """Return when all is searched, or shortly after the clock says stop."""
        while not self._finished.wait(min(_POLL_SECONDS, max(self._clock.remaining, 0.0))):
            if self._clock.over():
                self._finished.wait(_GRACE_SECONDS)
                return

    def _run(self, number: int) -> None:
        try:
            while self._is_worth_it(number) and not self._clock.over() and (unit := self._take()) is not None:
                began = time.perf_counter()
                complete = self._search(unit)
                self._put(unit, complete, time.perf_counter() - began)
        except Exception as error:  # noqa: BLE001  raised again by `result`, in the thread that asked
            self._failure = error
            self._clock.stop()
        finally:
            with self._lock:
                self._running -= 1
                if not self._running:
                    _running.discard(self)
                    self._finished.set()

    def end(self) -> None:
        """Stop, and wait until the threads have let go of the engine."""
        self._clock.stop()
        self._finished.wait(_END_SECONDS)

    def _is_worth_it(self, number: int) -> bool:
        """Whether a thread besides the first helps: handing over the GIL costs more than a short call takes."""
        if number == 0 or self._calls < _CALLS_TO_JUDGE_BY:
            return True
        return self._seconds / self._calls > _WORTH_SHARING_SECONDS

    def result(self) -> ScanResult:
        """Return what is found so far; raises what a thread raised."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            complete = not (self._left_out or self._active or self._waiting) and next(self._units, None) is None
            unordered = {number: (list(unit.spans), unit.total) for number, unit in self._active.items()}
            unordered |= {number: (unit.spans, 0) for number, unit in self._waiting.items()}
            spans = self._in_order + [span for number in sorted(unordered) for span in unordered[number][0]]
            total = max(self._total + sum(extra for _, extra in unordered.values()), len(spans[: self._limit]))
        cancelled = self._clock.cancelled and not complete
        partial = cancelled or not (complete or self._clock.counting)
        reason = "cancelled" if cancelled else "deadline" if partial else ""
        return ScanResult(spans[: self._limit], total, complete, partial, reason)

    def _take(self) -> _Unit | None:
        with self._lock:
            pieces = next(self._units, None)
            if pieces is None:
                return None
            unit = _Unit(self._handed_out, pieces)
            self._active[unit.number] = unit
            self._handed_out += 1
            return unit

    def _put(self, unit: _Unit, complete: bool, seconds: float) -> None:
        with self._lock:
            self._total += unit.total
            self._calls += unit.total + len(unit.pieces)
            self._seconds += seconds
            self._left_out |= not complete
            self._waiting[unit.number] = self._active.pop(unit.number)
            while complete and (ready := self._waiting.pop(self._next, None)) is not None:
                self._in_order += ready.spans
                self._next += 1
            if len(self._in_order) >= self._limit > 0:
                self._clock.count_on(self._bytes_left)
            pace = unit.bytes / max(seconds, 1e-6)
            self._bytes_left -= unit.bytes
            self._clock.expect(self._bytes_left / pace)
            wanted = min(int(pace * _UNIT_SECONDS), self._unit_bytes * 4)
            self._unit_bytes = max(_SMALLEST_UNIT, min(wanted, _LARGEST_UNIT))

    # --- units -------------------------------------------------------------------------------------------------

    def _cut(self, pieces: list[Piece]) -> Iterator[list[Piece]]:
        """Group small pieces, and cut large ones at line ends where no match can cross a line."""
        gathered: list[Piece] = []
        room = self._unit_bytes
        for piece in pieces:
            for part in self._parts(piece):
                gathered.append(part)
                room -= part.end - part.start
                if room <= 0:
                    yield gathered
                    gathered, room = [], self._unit_bytes
        if gathered:
            yield gathered

    def _parts(self, piece: Piece) -> Iterator[Piece]:
        start = piece.start
        while not self._pattern.text_anchors and piece.end - start > self._unit_bytes:
            end, following = self._cut_after(piece, start + self._unit_bytes)
            yield piece._replace(start=start, end=end)
            start = following
        if start < piece.end:
            yield piece._replace(start=start)

    def _cut_after(self, piece: Piece, place: int) -> tuple[int, int]:
        """Return where a part that reaches `place` can end, and where the next one starts."""
        if not self._mixed:
            end = line_end(self._views[piece.area], place, piece.end)
            return end, end
        area = self._areas[piece.area]
        entry = int(area.ends.searchsorted(place))
        end = min(int(area.ends[entry]), piece.end)
        return end, end if end == piece.end else int(area.starts[entry + 1])

    # --- one unit ----------------------------------------------------------------------------------------------

    def _search(self, unit: _Unit) -> bool:
        """Search a unit; return False when the clock stopped it."""
        for piece in unit.pieces:
            try:
                for start, end in self._matches(piece):
                    if end > start:
                        unit.total += 1
                        if len(unit.spans) < self._limit:
                            unit.spans.append((piece.area, start, end))
                            if len(unit.spans) == self._limit and unit.number == self._next:
                                self._clock.count_on(self._bytes_left)
                    if self._clock.over():
                        return False
            except TimeoutError:
                return False
            if self._clock.over():
                return False
        return True

    def _matches(self, piece: Piece) -> Iterator[tuple[int, int]]:
        """Yield the matches in a piece by their place on the tape, empty ones among them."""
        view = self._views[piece.area][piece.low : piece.high]
        found = self._run_over(view, piece.start - piece.low, piece.end - piece.low)
        shifted = ((start + piece.low, end + piece.low) for start, end in found)
        return self._within_entries(piece, view, shifted) if self._mixed else shifted

    def _within_entries(self, piece: Piece, view: Any, found: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Pass on matches that lie in one entry; after the first that does not, search the rest entry by entry.

        Up to that one, matches are those of each entry alone: a pattern's choices over one entry are among those
        that it has over the run of entries, in the same order, as a line feed looks like the end of a text to
        everything but `\\A` and `\\z`.
        """
        area = self._areas[piece.area]
        entry = int(area.ends.searchsorted(piece.start, side="right"))
        low, high = int(area.starts[entry]), int(area.ends[entry])
        for start, end in found:
            if end > high and start < piece.end:
                entry = int(area.ends.searchsorted(start, side="right"))
                if entry == len(area.ends):
                    return
                low, high = int(area.starts[entry]), int(area.ends[entry])
            if end == start or low <= start <= end <= high:
                yield start, end
                continue
            place = max(start, low)
            while place < piece.end:
                for start, end in self._run_over(view, place - piece.low, min(high, piece.end) - piece.low):
                    yield start + piece.low, end + piece.low
                entry += 1
                if entry == len(area.ends):
                    return
                place, high = int(area.starts[entry]), int(area.ends[entry])
            return

    def _run_over(self, view: Any, pos: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the matches in a range of a view, however long it is."""
        pattern = self._pattern
        if pattern.engine == "regex":
            return self._backtracked(view, pos, end)
        if end - pos <= max(self._unit_bytes, _SMALLEST_UNIT):
            return pattern.finditer(view, pos, end) if self._probe is None else self._probed(view, pos, end)
        if pattern.max_bytes is not None and not pattern.text_anchors and pattern.max_bytes < _LARGEST_UNIT:
            return self._stepwise(view, pos, end, pattern.max_bytes)
        return self._unbounded(view, pos, end)

    def _probed(self, view: Any, pos: int, end: int) -> Iterator[tuple[int, int]]:
        """Run the pattern over the lines alone that hold the literal it needs; over all where most lines do."""
        probe, found, first = self._probe, 0, pos
        while pos < end and (hit := probe.search(view, pos, end)) is not None:
            found += 1
            if found >= _PROBES_TO_JUDGE_BY and (hit.start() - first) < found * _WORTH_PROBING_BYTES:
                self._probe = None
                break
            start = max(pos, line_start(view, hit.start(), pos))
            pos = min(end, line_end(view, hit.end(), end))
            yield from self._pattern.finditer(view, start, pos)
        else:
            return
        yield from self._pattern.finditer(view, pos, end)

    def _stepwise(self, view: Any, pos: int, end: int, reach: int) -> Iterator[tuple[int, int]]:
        """Search step by step, each step seeing as far beyond its end as a match can reach."""
        while pos < end:
            stop = min(pos + max(self._unit_bytes, reach), end)
            after = stop
            for start, finish in self._pattern.finditer(view, pos, min(stop + reach, end)):
                if start >= stop:
                    break
                yield start, finish
                after = max(after, finish)
            pos = after
            yield pos, pos

    def _unbounded(self, view: Any, pos: int, end: int) -> Iterator[tuple[int, int]]:
        """Search at one go, as no end is known for a match, if that can be done in time."""
        probe = _FIRST_PROBE
        while pos + probe < end:
            began = time.perf_counter()
            found = self._pattern.program.search(view, pos, pos + probe)
            seconds = time.perf_counter() - began
            if found is not None:
                break
            if seconds * (end - pos) / probe > self._clock.remaining:
                raise TimeoutError
            probe *= _PROBE_GROWTH
        yield from self._pattern.finditer(view, pos, end)

    def _backtracked(self, view: Any, pos: int, end: int) -> Iterator[tuple[int, int]]:
        """Search with the engine that can be timed, in slices of whole lines where the text is very long."""
        while pos < end:
            stop = line_end(view, pos + _BACKTRACK_BYTES, end) if end - pos > 2 * _BACKTRACK_BYTES else end
            remaining = self._clock.remaining
            if remaining <= 0:
                raise TimeoutError
            yield from self._pattern.finditer(view, pos, stop, timeout_s=remaining)
            pos = stop
