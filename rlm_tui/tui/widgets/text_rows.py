"""Rows of the context's text at character offsets: soft wrap of any size of text without counting its rows.

A position is a character offset, never a row number, so a jump to any of hundreds of millions of characters lays
out one screen and nothing else. The text falls into *paragraphs*: lines, and for very long lines the chunks
between multiples of `GRID`. Where a paragraph starts is decided by the few thousand characters around it alone,
so rows found going down and rows found going up are the same rows. Offsets are code points; widths are cells.
"""

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise

from rich.cells import get_character_cell_size

from rlm_tui.context.entry import Entry
from rlm_tui.context.reader import ContextReader
from rlm_tui.text import safe_text

GRID = 4096
_MARGIN = GRID // 2
_LONGEST = 2 * GRID  # a paragraph cannot be longer: see `_breaks_at`
_LOOK_BACK = _LONGEST + GRID + _MARGIN
TAB_CELLS = 4
_CACHED_PARAGRAPHS = 256
_WINDOW = 8 * GRID


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the screen: characters `[start, end)`, a line end included; or the header above an entry.

    A header row is empty (`start == end`) and stands before the first row of its entry.
    """

    start: int
    end: int
    header: bool = False


def character_cells(character: str) -> int:
    """Return how many cells a character of shown text takes: 0, 1, 2, or `TAB_CELLS` for a tab."""
    if character == "\t":
        return TAB_CELLS
    if " " <= character < "\u0300":
        return 1
    return get_character_cell_size(character)


def shown(text: str) -> str:
    """Return `text` as it may be drawn, one character for one character; tabs stay tabs."""
    if text.isascii() and text.isprintable():
        return text
    return "\t".join(safe_text(piece) for piece in text.split("\t"))


def wrap(text: str, width: int) -> list[int]:
    """Return where the rows of one paragraph start, from 0, for rows of at most `width` cells.

    A line end at the end of `text` takes no room, nor do spaces that fall on the edge. Rows break after a space
    when there is one in their second half, else between any two characters; a combining mark stays with what it
    combines with.
    """
    body = text.removesuffix("\n")
    if "\t" not in body and body.isascii():
        return _wrap_narrow(body, width)
    return _wrap_measured(shown(body), max(1, width))


def _wrap_narrow(body: str, width: int) -> list[int]:
    width = max(1, width)
    starts = [0]
    start, length = 0, len(body)
    while length - start > width:
        space = body.rfind(" ", start + width // 2, start + width + 1)
        start = space + 1 if space >= 0 else start + width
        if start < length:
            starts.append(start)
    return starts


def _wrap_measured(body: str, width: int) -> list[int]:
    starts = [0]
    start = used = 0
    last_space = used_at_space = -1
    for index, character in enumerate(body):
        cells = character_cells(character)
        if used + cells > width and index > start:
            if character == " ":
                last_space, used_at_space = index + 1, used  # it hangs over the edge; what follows starts a row
                continue
            if last_space > start and used_at_space * 2 >= width:
                start, used = last_space, used - used_at_space
                starts.append(start)
            if used + cells > width and index > start:
                start, used = index, 0
                starts.append(start)
            last_space = -1
        used += cells
        if character in " \t":
            last_space, used_at_space = index + 1, used
    return starts


class TextRows:
    """The rows of a reader's whole text at one width. `width=None` means no wrap: a paragraph is a row.

    Reads a bounded number of characters around each position that it is asked about. A reader may grow between
    calls: call `forget` then.
    """

    def __init__(self, reader: ContextReader, width: int | None) -> None:
        self.reader = reader
        self.width = width
        self._paragraphs: OrderedDict[int, tuple[int, list[int]]] = OrderedDict()
        self._entry: Entry | None = None
        self._window = (0, "")

    def forget(self) -> None:
        """Drop what was remembered of the text."""
        self._paragraphs.clear()
        self._entry = None
        self._window = (0, "")

    def read(self, offset: int, length: int) -> str:
        """Return text of the reader. A screen is laid out and drawn from one piece that is read once."""
        first, text = self._window
        at = offset - first
        if at < 0 or at + length > len(text):
            if length > _WINDOW // 2:
                return self.reader.read(offset, length)
            first = max(0, offset - _WINDOW // 4)
            text = self.reader.read(first, _WINDOW)
            self._window = (first, text)
            at = offset - first
        return text[at : at + length]

    # --- asking for rows -------------------------------------------------------------------------------

    def row_at(self, offset: int) -> Row | None:
        """Return the row that holds `offset` (clipped into the text); None when there is no text."""
        if self.reader.chars <= 0:
            return None
        offset = max(0, min(offset, self.reader.chars - 1))
        start = self._paragraph_start(offset)
        end, starts = self._paragraph(start)
        index = bisect_right(starts, offset) - 1
        return Row(starts[index], starts[index + 1] if index + 1 < len(starts) else end)

    def first_row(self, row: Row) -> Row:
        """Return the header above `row` when there is one, else `row`: where a jump to an entry should begin."""
        return Row(row.start, row.start, header=True) if not row.header and self._starts_entry(row.start) else row

    def rows_from(self, row: Row, count: int) -> list[Row]:
        """Return `row` and the rows after it, `count` in all or as many as there are."""
        rows: list[Row] = [row]
        offset = row.end
        chars = self.reader.chars
        start = self._paragraph_start(offset) if offset < chars else chars
        while len(rows) < count and offset < chars:
            end, starts = self._paragraph(start)
            if start == offset and rows[-1] != (header := Row(offset, offset, header=True)):
                rows.extend([header] if self._starts_entry(offset) else [])
            first = bisect_right(starts, offset) - 1
            bounds = [*starts[first:], end]
            rows.extend(Row(low, high) for low, high in pairwise(bounds))
            start = offset = end
        return rows[:count]

    def rows_before(self, row: Row, count: int) -> list[Row]:
        """Return up to `count` rows that stand right before `row`, in order."""
        found: list[Row] = []
        offset = row.start
        if not row.header and self._starts_entry(offset):
            found.append(Row(offset, offset, header=True))
        while len(found) < count and offset > 0:
            start = self._paragraph_start(offset - 1)
            _, starts = self._paragraph(start)
            bounds = [*starts[: bisect_right(starts, offset - 1)], offset]
            pairs = list(pairwise(bounds))
            found.extend(Row(low, high) for low, high in reversed(pairs))
            if self._starts_entry(start):
                found.append(Row(start, start, header=True))
            offset = start
        return found[:count][::-1]

    def line_bounds(self, offset: int) -> tuple[int, int]:
        """Return start and end of the paragraph (a line, or a chunk of a long one) that holds `offset`."""
        start = self._paragraph_start(max(0, min(offset, self.reader.chars - 1)))
        return start, self._paragraph(start)[0]

    # --- finding paragraphs ----------------------------------------------------------------------------

    def _starts_entry(self, offset: int) -> bool:
        entry = self._entry_at(offset)
        return entry is not None and entry.start == offset

    def _entry_at(self, offset: int) -> Entry | None:
        entry = self._entry
        if entry is None or not entry.start <= offset < entry.end:
            entry = self._entry = self.reader.entry_at(offset)
        return entry

    def _paragraph(self, start: int) -> tuple[int, list[int]]:
        """Return the end of the paragraph that starts at `start`, and where its rows start."""
        known = self._paragraphs.get(start)
        if known is None:
            end = self._paragraph_end(start)
            if self.width is None:
                starts = [start]
            else:
                starts = [start + index for index in wrap(self.read(start, end - start), self.width)]
            known = self._paragraphs[start] = (end, starts)
            if len(self._paragraphs) > _CACHED_PARAGRAPHS:
                self._paragraphs.popitem(last=False)
        return known

    def _paragraph_start(self, offset: int) -> int:
        if offset in self._paragraphs:
            return offset
        entry = self._entry_at(offset)
        floor = entry.start if entry is not None else 0
        low = max(floor, offset - _LOOK_BACK)
        newline = self.read(low, offset - low).rfind("\n")
        line_start = low + newline + 1 if newline >= 0 else low if low == floor else -1
        grid = offset - offset % GRID
        while grid > max(line_start, floor):
            if self._breaks_at(grid):
                return grid
            grid -= GRID
        return max(line_start, floor)

    def _paragraph_end(self, start: int) -> int:
        entry = self._entry_at(start)
        ceiling = entry.end if entry is not None else self.reader.chars
        text = self.read(start, min(_LONGEST, ceiling - start))
        newline = text.find("\n")
        end = start + newline + 1 if newline >= 0 else start + len(text)
        grid = start - start % GRID + GRID
        while grid < end:
            if self._breaks_at(grid):
                return grid
            grid += GRID
        return end

    def _breaks_at(self, grid: int) -> bool:
        """Whether a line is cut at `grid`: no line starts or ends within `_MARGIN` characters of it.

        So lines of fewer than `GRID` characters are never cut, no chunk is shorter than `_MARGIN` characters,
        and none is as long as `_LONGEST`.
        """
        entry = self._entry_at(grid)
        low, high = grid - _MARGIN, grid + _MARGIN
        if entry is not None and (low < entry.start or high > entry.end):
            return False
        if entry is None and (low < 0 or high > self.reader.chars):
            return False
        return "\n" not in self.read(low, high - low)
