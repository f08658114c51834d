"""Heights of many things one below the other, with positions in logarithmic time (a Fenwick tree).

P. M. Fenwick, "A new data structure for cumulative frequency tables", Software: Practice and Experience 24 (1994).
"""

from collections.abc import Iterable


class Heights:
    """Heights in lines, by number from 0. `total` is their sum."""

    def __init__(self, heights: Iterable[int] = ()) -> None:
        self._heights = list(heights)
        self._tree = [0, *self._heights]
        size = len(self._tree)
        for at in range(1, size):
            above = at + (at & -at)
            if above < size:
                self._tree[above] += self._tree[at]
        self.total = sum(self._heights)

    def __len__(self) -> int:
        return len(self._heights)

    def __getitem__(self, number: int) -> int:
        return self._heights[number]

    def append(self, height: int) -> None:
        """Add one at the end."""
        self._heights.append(height)
        at = len(self._heights)
        below, value = at - 1, height
        while below > at - (at & -at):
            value += self._tree[below]
            below -= below & -below
        self._tree.append(value)
        self.total += height

    def set(self, number: int, height: int) -> None:
        """Change one."""
        change = height - self._heights[number]
        if not change:
            return
        self._heights[number] = height
        self.total += change
        at = number + 1
        while at < len(self._tree):
            self._tree[at] += change
            at += at & -at

    def start(self, number: int) -> int:
        """Return the first line of `number`: the sum of all heights before it."""
        total, at = 0, number
        while at > 0:
            total += self._tree[at]
            at -= at & -at
        return total

    def find(self, line: int) -> tuple[int, int]:
        """Return which one holds `line`, and the line within it; things without height hold none.

        Raises IndexError where `line` is not in `0 .. total - 1`.
        """
        if not 0 <= line < self.total:
            raise IndexError(line)
        at, step = 0, 1 << (len(self._tree) - 1).bit_length()
        while step:
            ahead = at + step
            if ahead < len(self._tree) and self._tree[ahead] <= line:
                at = ahead
                line -= self._tree[ahead]
            step >>= 1
        return at, line
