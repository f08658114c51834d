"""What part of the context was touched, how, and by which node of the trace.

Offsets and lengths are characters. For each way of touching, the union of all spans is kept as sorted disjoint
intervals, so that strips and sums cost a bisection a cell whatever the number of spans.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from itertools import pairwise

from rlm_tui.events import TOUCH_ORDER, Span, Touch


@dataclass(frozen=True, slots=True)
class Touched:
    """One span, and the trace node (by key) and turn that touched it."""

    start: int
    end: int
    how: Touch
    node: str
    turn: int


class IntervalUnion:
    """A set of characters as sorted, disjoint, non-adjacent half-open intervals."""

    __slots__ = ("_ends", "_starts", "total")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self.total = 0

    def add(self, start: int, end: int) -> None:
        """Add `[start, end)`; empty intervals are ignored."""
        if end <= start:
            return
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        if first < last:
            start = min(start, self._starts[first])
            end = max(end, self._ends[last - 1])
            self.total -= sum(self._ends[i] - self._starts[i] for i in range(first, last))
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]
        self.total += end - start

    def overlaps(self, start: int, end: int) -> bool:
        """Return whether any character of `[start, end)` is in the set."""
        index = bisect_right(self._ends, start)
        return start < end and index < len(self._starts) and self._starts[index] < end

    def covered(self, start: int, end: int) -> int:
        """Return how many characters of `[start, end)` are in the set."""
        first = bisect_right(self._ends, start)
        last = bisect_left(self._starts, end)
        return sum(min(self._ends[i], end) - max(self._starts[i], start) for i in range(first, last))

    def within(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the intervals that overlap `[start, end)`, whole and in order."""
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        return list(zip(self._starts[first:last], self._ends[first:last], strict=True))

    def parts(self) -> tuple[list[int], list[int], int]:
        """Return copies of the starts and the ends, and the total: what `restored` takes."""
        return self._starts.copy(), self._ends.copy(), self.total

    @classmethod
    def restored(cls, starts: list[int], ends: list[int], total: int) -> "IntervalUnion":
        """Return a union of its own from what `parts` returned."""
        union = cls()
        union._starts, union._ends, union.total = starts.copy(), ends.copy(), total
        return union

    def intervals(self) -> list[tuple[int, int]]:
        """Return the intervals in order."""
        return list(zip(self._starts, self._ends, strict=True))


@dataclass(slots=True)
class Coverage:
    """All touches of a session. `version` grows with each one, for caches of what was drawn."""

    touches: list[Touched] = field(default_factory=list)
    unions: dict[Touch, IntervalUnion] = field(default_factory=lambda: {how: IntervalUnion() for how in TOUCH_ORDER})
    version: int = 0

    def add(self, span: Span, node: str, turn: int) -> None:
        """Record that `node` touched `span` during `turn`."""
        self.touches.append(Touched(span.start, span.end, span.how, node, turn))
        self.unions[span.how].add(span.start, span.end)
        self.version += 1

    def strongest(self, start: int, end: int) -> Touch | None:
        """Return the strongest way in which any character of `[start, end)` was touched."""
        for how in reversed(TOUCH_ORDER):
            if self.unions[how].overlaps(start, end):
                return how
        return None

    def strip(self, start: int, end: int, cells: int) -> list[Touch | None]:
        """Return the strongest touch of each of `cells` equal parts of `[start, end)`."""
        if cells <= 0:
            return []
        width = max(0, end - start)
        bounds = [start + width * i // cells for i in range(cells + 1)]
        return [self.strongest(low, max(high, low + 1)) if low < end else None for low, high in pairwise(bounds)]

    def at(self, start: int, end: int, limit: int = 200) -> list[Touched]:
        """Return the touches that overlap `[start, end)`, newest first, at most `limit`."""
        found: list[Touched] = []
        for touched in reversed(self.touches):
            if touched.start < end and start < touched.end:
                found.append(touched)
                if len(found) >= limit:
                    break
        return found

    def totals(self) -> dict[Touch, int]:
        """Return how many characters were touched in each way."""
        return {how: self.unions[how].total for how in TOUCH_ORDER}

    def untouched(self, end: int, start: int = 0) -> int:
        """Return how many characters of `[start, end)` were touched in no way."""
        everything = IntervalUnion()
        for union in self.unions.values():
            for low, high in union.within(start, end):
                everything.add(max(start, low), min(high, end))
        return end - start - everything.total


class TurnCoverage:
    """The coverage of one turn alone. `whole` may grow: `catch_up` takes in what came since."""

    def __init__(self, whole: Coverage, turn: int) -> None:
        self.turn = turn
        self.coverage = Coverage()
        self._whole = whole
        self._taken = 0

    def catch_up(self) -> Coverage:
        """Return the turn's coverage as it is now."""
        touches = self._whole.touches
        for at in range(self._taken, len(touches)):
            touched = touches[at]
            if touched.turn == self.turn:
                self.coverage.add(Span(touched.start, touched.end, touched.how), touched.node, touched.turn)
        self._taken = len(touches)
        return self.coverage
