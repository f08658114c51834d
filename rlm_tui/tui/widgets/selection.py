"""A selection of cells over lines, as a pair of places; pure, so that it can be tested without a screen."""

import re
from dataclasses import dataclass

from rich.cells import cell_len

Place = tuple[int, int]
"""A line's number and a cell in it. A view may use other ordered pairs, such as an offset and a cell."""

_WORD = re.compile(r"[\w./:@#$%&+~-]+|\s+|.")


@dataclass(frozen=True, slots=True)
class Selection:
    """From `anchor`, where it began, to `head`, where it was taken to; both cells are in it."""

    anchor: Place
    head: Place

    @property
    def first(self) -> Place:
        """The earlier end."""
        return min(self.anchor, self.head)

    @property
    def last(self) -> Place:
        """The later end."""
        return max(self.anchor, self.head)

    def columns(self, line: int, width: int) -> tuple[int, int] | None:
        """Return the selected cells `[start, end)` of `line`, which is `width` cells wide, or None."""
        (first_line, first_cell), (last_line, last_cell) = self.first, self.last
        if not first_line <= line <= last_line:
            return None
        start = first_cell if line == first_line else 0
        end = last_cell + 1 if line == last_line else width
        return (start, min(end, width)) if start < min(end, width) else None

    def shifted(self, at: int, removed: int, added: int) -> "Selection | None":
        """Return the selection after `removed` lines at `at` became `added`; None where it lay in those lines."""
        anchor, head = (_shifted(place, at, removed, added) for place in (self.anchor, self.head))
        return Selection(anchor, head) if anchor is not None and head is not None else None


def _shifted(place: Place, at: int, removed: int, added: int) -> Place | None:
    line, cell = place
    if line < at + min(removed, added):
        return place
    if line < at + removed:
        return None
    return (line + added - removed, cell)


def word_cells(text: str, column: int) -> tuple[int, int]:
    """Return the cells `[start, end)` of the word (a path or an identifier is one) at the cell `column`."""
    cell = 0
    for match in _WORD.finditer(text):
        length = cell_len(match.group())
        if cell <= column < cell + length:
            return cell, cell + length
        cell += length
    return column, column + 1
