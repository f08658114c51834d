"""The parts of a context that a view may reach."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator

from rlm_tui.errors import ContextError

_NAMED_SPANS = 5


class Spans:
    """Sorted, merged `[start, end)` ranges of session offsets; ranges that overlap or touch become one."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Raises `ContextError` for a range that starts below 0 or ends before it starts."""
        merged: list[tuple[int, int]] = []
        for start, end in sorted(ranges):
            if start < 0 or end < start:
                raise ContextError(f"[{start}, {end}) is not a span: it needs 0 <= start <= end.")
            if start == end:
                continue
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        self._ranges = tuple(merged)
        self._starts = [start for start, _ in merged]

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._ranges)

    def __len__(self) -> int:
        return len(self._ranges)

    @property
    def chars(self) -> int:
        """Characters in all ranges."""
        return sum(end - start for start, end in self._ranges)

    def around(self, offset: int) -> tuple[int, int] | None:
        """Return the range that holds `offset`."""
        index = bisect_right(self._starts, offset) - 1
        if index >= 0 and offset < self._ranges[index][1]:
            return self._ranges[index]
        return None

    def overlapping(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield what `[start, end)` has in common with each range."""
        index = max(0, bisect_right(self._starts, start) - 1)
        for first, last in self._ranges[index:]:
            if first >= end:
                return
            if last > start:
                yield max(first, start), min(last, end)

    def describe(self) -> str:
        """Name the first few ranges, for a message."""
        if not self._ranges:
            return "none"
        named = ", ".join(f"[{start}, {end})" for start, end in self._ranges[:_NAMED_SPANS])
        more = len(self._ranges) - _NAMED_SPANS
        return f"{named} and {more} more" if more > 0 else named
