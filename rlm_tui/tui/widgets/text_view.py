"""The text of the context at any offset: wrapped, marked with what was touched and by which calls, searchable."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from rlm_tui.context.entry import Hit
from rlm_tui.context.reader import ContextReader
from rlm_tui.session.coverage import Touched
from rlm_tui.session.state import SessionState
from rlm_tui.text import one_line
from rlm_tui.tui.widgets.line_view import LineView
from rlm_tui.tui.widgets.marks import MARKS
from rlm_tui.tui.widgets.selection import Place
from rlm_tui.tui.widgets.strips import LineStrip, Target, padded
from rlm_tui.tui.widgets.syntax_window import SyntaxWindow
from rlm_tui.tui.widgets.text_paint import Patch, cells_before, entry_header, index_at_cell, paint
from rlm_tui.tui.widgets.text_position import TextPosition
from rlm_tui.tui.widgets.text_rows import Row
from rlm_tui.tui.widgets.touch_index import TouchIndex

_CACHED_STRIPS = 300
_NUMBERS_FROM = 44
_NAMES_SHOWN = 2
_NAME_CHARS = 24
_COPIED_CHARS = 2_000_000


class TextView(TextPosition, LineView):
    """Rows of the whole context's text. Lines are offsets here: a place is `(offset, 0)`.

    Posts `Moved` when it shows another part, `TouchesWanted` for the calls that touched a span.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("w", "toggle_wrap", "Wrap long lines, or not", show=False),
        Binding("number_sign", "toggle_numbers", "Offsets or line numbers", show=False),
        Binding("left", "shift(-8)", "To the left, unwrapped", show=False),
        Binding("right", "shift(8)", "To the right, unwrapped", show=False),
        Binding("t", "touches", "Calls that touched this", show=False),
    ]

    class Moved(Message):
        """Another part of the text is shown, or the cursor is elsewhere."""

    class TouchesWanted(Message):
        """Which calls touched `[start, end)`?"""

        def __init__(self, start: int, end: int) -> None:
            super().__init__()
            self.start = start
            self.end = end

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.line_numbers = False
        self.marked: tuple[int, int] | None = None
        self.hits: Sequence[Hit] = ()
        self.hit = -1
        self._state: SessionState | None = None
        self._touches: TouchIndex | None = None
        self._syntax = SyntaxWindow(self)
        self._strips: dict[tuple[Row, bool], LineStrip] = {}
        self._touched: tuple[tuple[int, int, int], list[Touched]] = ((-1, -1, -1), [])
        self._numbers: dict[int, int] = {}
        self._version = -1

    # --- content ---------------------------------------------------------------------------------------

    @property
    def colours_settled(self) -> bool:
        """Whether what is shown has all its colours: they come a moment after the text."""
        return self._syntax.settled

    def bind(self, reader: ContextReader, state: SessionState) -> None:
        """Show the text of `reader`, marked by the coverage of `state`."""
        self._state = state
        self._touches = TouchIndex(state.coverage)
        self.marked, self.hits, self.hit = None, (), -1
        self.set_reader(reader)
        self.redraw()

    def context_changed(self) -> None:
        """Take in text that is new and touches that are new."""
        if self.rows is None or self._state is None:
            return
        grew = self.take_growth()
        version = self._state.coverage.version
        if grew or version != self._version:
            self._version = version
            self.redraw()

    def show_span(self, start: int, end: int) -> None:
        """Go to `[start, end)` and mark it."""
        self.marked = (start, max(end, start + 1))
        self.select(None)
        self.jump(start)

    def set_hits(self, hits: Sequence[Hit], chosen: int) -> None:
        """Highlight what a search found; go to the hit `chosen` (-1 for none)."""
        self.hits, self.hit = hits, chosen
        self.redraw()
        if 0 <= chosen < len(hits):
            self.jump(hits[chosen].offset)

    def redraw(self) -> None:
        """Draw all rows anew."""
        self._strips.clear()
        self.refresh()

    def width_changed(self) -> None:
        """Rows have another width."""
        self.relayout()
        self.redraw()

    def palette_changed(self) -> None:
        """Draw with other colours, at the same place."""
        self._strips.clear()
        super().palette_changed()

    def on_focus(self) -> None:
        """Show the cursor's row as that of the pane in use."""
        self.redraw()
        super().on_focus()

    def on_blur(self) -> None:
        """Show the cursor's row as that of a pane not in use."""
        self.redraw()
        super().on_blur()

    # --- geometry --------------------------------------------------------------------------------------

    @property
    def lead(self) -> int:
        """Cells before the text: the number (in a view wide enough), a space, the mark, a space."""
        if self.text_width < _NUMBERS_FROM or self.reader is None:
            return 2
        return max(6, len(f"{self.reader.chars:,}")) + 3

    @property
    def row_width(self) -> int:
        """Cells of text in a row."""
        return max(1, self.text_width - self.lead)

    def moved(self) -> None:
        """Other rows are shown, or the cursor is on another."""
        self.refresh()
        self._syntax.wanted()
        self.post_message(self.Moved())

    # --- drawing ---------------------------------------------------------------------------------------

    def row_strip(self, row: int) -> Strip | None:
        """Draw the row on the screen's row `row`."""
        if not 0 <= row < len(self.on_screen):
            return None
        at = self.on_screen[row]
        here = not at.header and at.start <= self.cursor_offset < max(at.end, at.start + 1)
        known = self._strips.get((at, here))
        if known is None:
            if len(self._strips) > _CACHED_STRIPS:
                self._strips.clear()
            drawn = self._header_row(at) if at.header else self._text_row(row, at, here)
            known = self._strips[(at, here)] = drawn
        return known

    def colours_arrived(self) -> None:
        """The colours of the shown text are known now."""
        self.redraw()

    def _header_row(self, row: Row) -> LineStrip:
        base, palette = self.base_style(), self.palette
        entry = self.reader.entry_at(row.start) if self.reader is not None else None
        if entry is None:
            return padded(Strip([]), self.text_width, base)
        first, said, last = entry_header(
            entry.label, entry.kind, entry.chars, self.text_width - 1, superseded=entry.superseded
        )
        rule = base + palette.style("faint")
        strip = Strip([Segment(first, rule), Segment(said, base + palette.style("dim")), Segment(last, rule)])
        return padded(LineStrip(strip, lead=self.text_width), self.text_width, base)

    def _text_row(self, place: int, row: Row, here: bool) -> LineStrip:
        assert self.rows is not None  # the row is one of them
        palette = self.palette
        base = self.base_style()
        ground = base + palette.ground("raised") if here else base
        text = self.rows.read(row.start, row.end - row.start)
        start, drawn = row.start, text
        if not self.wrap:
            first = index_at_cell(text, self.shifted)
            drawn = text[first : first + self.row_width + 1]
            start += first
        segments = self._gutter(row, here, ground)
        segments += paint(
            drawn, ground, self._patches(start, start + len(drawn)), palette.style("warn"), palette.style("faint")
        )
        room = self.text_width - Strip(segments).cell_length - 3
        note = self._note(place, room)
        if note:
            gap = " " * (room + 2 - len(note))
            segments += [Segment(gap, ground), Segment(note, ground + palette.style("dim"))]
        joint = "\n" if text.endswith("\n") else ""
        return padded(LineStrip(segments, joint=joint, lead=self.lead), self.text_width, ground)

    def _gutter(self, row: Row, here: bool, ground: Style) -> list[Segment]:
        palette = self.palette
        how = self._state.coverage.strongest(row.start, row.end) if self._state is not None else None
        mark = Segment("│ ", ground + palette.style("faint"))
        if how is not None:
            mark = Segment(MARKS[how].gutter + " ", ground + palette.style(MARKS[how].role))
        elif self.lead == 2:
            mark = Segment("▸ " if here else "  ", ground + palette.style("accent"))
        if self.lead == 2:
            return [mark]
        number = self._number(row)
        style = palette.style("accent" if here and self.has_focus else "dim")
        return [Segment(f"{number:>{self.lead - 3}} ", ground + style), mark]

    def _number(self, row: Row) -> str:
        if not self.line_numbers:
            return f"{row.start:,}"
        assert self.reader is not None
        line = self._numbers.get(row.start)
        if line is None:
            if len(self._numbers) > _CACHED_STRIPS:
                self._numbers.clear()
            number, column = self.reader.line_of(row.start)
            line = self._numbers[row.start] = number if column == 1 else 0
        return f"{line:,}" if line else ""

    def _patches(self, start: int, end: int) -> list[Patch]:
        palette = self.palette
        patches: list[Patch] = [
            (low - start, high - start, palette.style(role)) for low, high, role in self._syntax.between(start, end)
        ]
        if self.marked is not None:
            patches.append((self.marked[0] - start, self.marked[1] - start, palette.ground("raised")))
        for number in self._hits_between(start, end):
            hit = self.hits[number]
            style = palette.style("ground", on="accent" if number == self.hit else "matched", underline=True)
            patches.append((hit.offset - start, hit.offset + hit.length - start, style))
        return patches

    def _hits_between(self, start: int, end: int) -> range:
        first = bisect_left(self.hits, start, key=lambda hit: hit.offset + hit.length)
        last = bisect_left(self.hits, end, key=lambda hit: hit.offset)
        return range(first, last)

    # --- which calls touched it ------------------------------------------------------------------------

    def touches_at(self, start: int, end: int, limit: int = 200) -> list[Touched]:
        """Return who touched `[start, end)`, newest first."""
        if self._touches is None:
            return []
        self._touches.update()
        return self._touches.at(start, end, limit)

    def _visible_touches(self) -> list[Touched]:
        assert self._state is not None
        key = (self.on_screen[0].start, self.on_screen[-1].end, self._state.coverage.version)
        if self._touched[0] != key:
            self._touched = (key, self.touches_at(key[0], key[1]))
        return self._touched[1]

    def _note(self, place: int, room: int) -> str:
        """Return who touched the row, where that differs from the row above, in at most `room` cells."""
        if self._state is None:
            return ""
        names, cited = self._touched_by(self.on_screen[place])
        above = self.on_screen[place - 1] if place > 0 else None
        if not names or (above is not None and not above.header and self._touched_by(above) == (names, cited)):
            return ""
        for shown in (_NAMES_SHOWN, 1, 0):
            words = list(names[:shown])
            words += [f"+{len(names) - shown}" if shown else f"{len(names)} calls"] if len(names) > shown else []
            words += ["cited"] if cited else []
            note = "◂ " + ", ".join(words)
            if len(note) <= room:
                return note
        return ""

    def _touched_by(self, row: Row) -> tuple[tuple[str, ...], bool]:
        """Return the names of the nodes that touched a row, newest first, and whether one cited it."""
        assert self._state is not None
        names: dict[str, None] = {}
        cited = False
        for touched in self._visible_touches():
            if touched.start < row.end and row.start < touched.end:
                node = self._state.nodes.get(touched.node)
                cited = cited or touched.how == "cited"
                if node is not None:
                    names[one_line(node.name, _NAME_CHARS)] = None
        return tuple(names), cited

    # --- places, selection, copy -----------------------------------------------------------------------

    def place_at(self, row: int, column: int) -> Place:
        """Return the offset of the character on the screen's row and cell."""
        if not self.on_screen or self.reader is None:
            return (0, 0)
        at = self.on_screen[max(0, min(row, len(self.on_screen) - 1))]
        text = self.reader.read(at.start, at.end - at.start).removesuffix("\n")
        index = index_at_cell(text, max(0, column - self.lead) + (0 if self.wrap else self.shifted))
        return (min(at.start + index, max(at.start, at.end - 1)), 0)

    def moved_place(self, place: Place, lines: int, cells: int) -> Place:
        """Return the place so many rows and characters from `place`, and bring it into view."""
        offset = self.moved_offset(place[0], lines, cells)
        self.move_cursor(offset)
        return (offset, 0)

    def selected_span(self) -> tuple[int, int] | None:
        """Return the selected characters `[start, end)`."""
        if self.selection is None:
            return None
        return self.selection.first[0], self.selection.last[0] + 1

    def selected_columns(self, row: int) -> tuple[int, int] | None:
        """Return which cells of the screen's row are selected."""
        span = self.selected_span()
        if span is None or self.reader is None or not 0 <= row < len(self.on_screen):
            return None
        at = self.on_screen[row]
        start, end = max(span[0], at.start), min(span[1], at.end)
        if at.header or start >= end:
            return None
        text = self.reader.read(at.start, at.end - at.start)
        shift = 0 if self.wrap else self.shifted
        low = self.lead + cells_before(text, start - at.start) - shift
        high = self.lead + cells_before(text, end - at.start) - shift
        low, high = max(low, self.lead), min(high, self.text_width)
        return (low, high) if low < high else None

    def selected_text(self) -> str:
        """Return the selected characters as they are in the context."""
        span = self.selected_span()
        if span is None or self.reader is None:
            return ""
        return self.reader.read(span[0], min(span[1] - span[0], _COPIED_CHARS))

    def cursor_span(self) -> tuple[int, int]:
        """Return the selected characters, else those of the cursor's row."""
        span = self.selected_span()
        if span is not None or self.rows is None:
            return span or (0, 0)
        row = self.rows.row_at(self.cursor_offset)
        return (row.start, row.end) if row is not None else (0, 0)

    def action_copy(self) -> None:
        """Copy the selection, or the cursor's line, below a line that says where it is."""
        if self.reader is None or self.rows is None or not self.reader.chars:
            return
        start, end = self.selected_span() or self.rows.line_bounds(self.cursor_offset)
        text = self.reader.read(start, min(end - start, _COPIED_CHARS))
        entry = self.reader.entry_at(start)
        label = f" {entry.label}" if entry is not None and entry.label else ""
        self.copy_text(
            f"[{start:,}-{start + len(text):,}]{label}\n{text}", f"{len(text):,} characters with their offsets"
        )

    def on_line_click(self, line: int, column: int, target: Target | None) -> None:  # noqa: ARG002 - any cell of the row
        """Put the cursor where it was clicked."""
        if 0 <= line < len(self.on_screen):
            self.move_cursor(self.place_at(line, column)[0])

    # --- actions ---------------------------------------------------------------------------------------

    def action_toggle_wrap(self) -> None:
        """Wrap long lines, or show each on one row."""
        self.set_wrap(not self.wrap)
        self.redraw()

    def action_toggle_numbers(self) -> None:
        """Number rows by offset, or by line of their entry."""
        self.line_numbers = not self.line_numbers
        self.redraw()

    def action_shift(self, cells: int) -> None:
        """Show what lies to the left or right of unwrapped rows."""
        if self.wrap:
            self.pass_on()
        self.shifted = max(0, self.shifted + cells)
        self.redraw()

    def action_touches(self) -> None:
        """Ask which calls touched the selection or the cursor's row."""
        start, end = self.cursor_span()
        if start < end:
            self.post_message(self.TouchesWanted(start, end))
