"""What part of the whole context was touched, and how: one strip of cells with figures below it.

The strip shows all of the context or a part of it, and the touches of the session or of one turn.
"""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from rlm_tui.session.coverage import Coverage, TurnCoverage
from rlm_tui.tui.numbers import compact_count, percent_text
from rlm_tui.tui.palette import Palette
from rlm_tui.tui.widgets.marks import LEGEND_ORDER, MARKS, UNTOUCHED_BAR
from rlm_tui.tui.widgets.title_line import palette_of

_ZOOM = 4


def bar_segments(coverage: Coverage, start: int, end: int, cells: int, palette: Palette, base: Style) -> list[Segment]:
    """Return `cells` cells for `[start, end)`: in each the mark of its strongest touch, by colour and by height."""
    segments: list[Segment] = []
    faint = base + palette.style("faint")
    for how in coverage.strip(start, end, cells):
        text, style = (UNTOUCHED_BAR, faint) if how is None else (MARKS[how].bar, base + palette.style(MARKS[how].role))
        if segments and segments[-1].style == style:
            segments[-1] = Segment(segments[-1].text + text, style)
        else:
            segments.append(Segment(text, style))
    return segments


class CoverageStrip(Widget, can_focus=True):
    """The strip of the context. Its cells are walked, selected, opened, and zoomed into by key and by mouse."""

    DEFAULT_CSS = "CoverageStrip { height: 2; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "Cell before", show=False),
        Binding("right", "step(1)", "Next cell", show=False),
        Binding("home", "step(-1000000)", "First cell", show=False),
        Binding("end", "step(1000000)", "Last cell", show=False),
        Binding("shift+left", "step(-1, True)", "Select the cell before", show=False),
        Binding("shift+right", "step(1, True)", "Select the next cell", show=False),
        Binding("enter", "choose", "Show this place", show=False),
        Binding("t", "calls", "Calls that touched the selected part", show=False),
        Binding("plus,equals_sign", "zoom(True)", "Zoom into the selected part", show=False),
        Binding("minus", "zoom(False)", "Zoom out", show=False),
        Binding("0", "zoom_all", "The whole context again", show=False),
        Binding("left_square_bracket", "turn(-1)", "Of one turn: the newest, then the one before", show=False),
        Binding("right_square_bracket", "turn(1)", "Of the turn after, then of the session", show=False),
    ]

    class PlaceChosen(Message):
        """A cell was chosen: go to `offset`."""

        def __init__(self, offset: int) -> None:
            super().__init__()
            self.offset = offset

    class CallsWanted(Message):
        """Which calls touched `[start, end)`, in the turn `turn` (0: in any)?"""

        def __init__(self, start: int, end: int, turn: int) -> None:
            super().__init__()
            self.start = start
            self.end = end
            self.turn = turn

    class CoverageChanged(Message):
        """Another turn's coverage is shown."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._whole = Coverage()
        self._of_turn: TurnCoverage | None = None
        self._chars = 0
        self._part: tuple[int, int] | None = None
        self._shown: tuple[int, int, int, int] | None = None
        self._figures: dict[str, str] = {}
        self._cell = 0
        self._anchor = 0
        self._here = (0, 0)
        self._dragging = False

    # --- content ---------------------------------------------------------------------------------------

    def bind(self, coverage: Coverage, chars: int) -> None:
        """Show `coverage` over the first `chars` characters."""
        self._whole = coverage
        if self._of_turn is not None:
            self._of_turn = TurnCoverage(coverage, self._of_turn.turn)
        self._shown = None
        self.update_figures(chars)

    @property
    def coverage(self) -> Coverage:
        """What is shown: the session's coverage, or one turn's."""
        return self._whole if self._of_turn is None else self._of_turn.coverage

    @property
    def turn(self) -> int:
        """The turn whose coverage is shown, 0 for the whole session."""
        return 0 if self._of_turn is None else self._of_turn.turn

    def update_figures(self, chars: int) -> None:
        """Take in what changed; draws only when something did. Some milliseconds for thousands of spans."""
        if self._of_turn is not None:
            self._of_turn.catch_up()
        coverage = self.coverage
        self._chars = chars
        low, high = self.part
        now = (coverage.version, low, high, self.size.width)
        if now == self._shown:
            return
        self._shown = now
        length = high - low
        self._figures = {how: percent_text(coverage.unions[how].covered(low, high), length) for how in LEGEND_ORDER}
        self._figures["untouched"] = percent_text(coverage.untouched(high, low), length)
        self.refresh()

    def show_here(self, start: int, end: int) -> None:
        """Mark the cells of the part that the text view shows."""
        if (start, end) != self._here:
            before, self._here = self._here_cells(), (start, end)
            if before != self._here_cells():
                self.refresh()

    def palette_changed(self) -> None:
        """Draw again."""
        self.refresh()

    # --- geometry --------------------------------------------------------------------------------------

    @property
    def part(self) -> tuple[int, int]:
        """The offsets that the strip shows."""
        return (0, self._chars) if self._part is None else self._part

    def _ends(self) -> tuple[str, str]:
        if self._part is None:
            return " 0 ", f" {compact_count(self._chars)} "
        return f" {self._part[0]:,} ", f" {self._part[1]:,} "

    @property
    def cells(self) -> int:
        """Cells of the strip itself."""
        first, last = self._ends()
        return max(1, self.size.width - len(first) - len(last))

    def _span_of(self, first: int, last: int) -> tuple[int, int]:
        """Return the offsets of the cells `first` to `last`, both included."""
        low, high = self.part
        start = low + (high - low) * first // self.cells
        return start, max(start + 1, low + (high - low) * (last + 1) // self.cells)

    @property
    def selected(self) -> tuple[int, int]:
        """The offsets of the selected cells."""
        return self._span_of(min(self._cell, self._anchor), max(self._cell, self._anchor))

    def offset_of_cell(self, cell: int) -> int:
        """Return the first offset of a cell, or of its strongest touch where it has one."""
        start, end = self._span_of(cell, cell)
        how = self.coverage.strongest(start, end)
        if how is None:
            return start
        low, high = start, end
        while high - low > 1:  # the touch may be anywhere in a cell of millions of characters
            middle = (low + high) // 2
            low, high = (low, middle) if self.coverage.unions[how].overlaps(low, middle) else (middle, high)
        return low

    def _here_cells(self) -> tuple[int, int]:
        low, high = self.part
        if high <= low or self._here[1] <= low or self._here[0] >= high:
            return 0, -1 if self._part is not None else 0
        first, last = (self.cells * (place - low) // (high - low) for place in self._here)
        first = min(max(first, 0), self.cells - 1)
        return first, min(max(last, first), self.cells - 1)

    # --- drawing ---------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw the strip (row 0) or the legend (row 1)."""
        palette = palette_of(self)
        base = palette.style("text", on="ground")
        strip = Strip(self._bar(palette, base) if y == 0 else self._legend(palette, base))
        return strip.adjust_cell_length(self.size.width, base)

    def _bar(self, palette: Palette, base: Style) -> list[Segment]:
        first, last = self._ends()
        dim = base + palette.style("dim" if self._part is None else "accent")
        bar = Strip(bar_segments(self.coverage, *self.part, self.cells, palette, base))
        low, high = sorted((self._cell, self._anchor)) if self.has_focus else self._here_cells()
        ground = palette.ground("cursor" if self.has_focus else "selection")
        pieces = bar.divide([low, high + 1, self.cells])
        marked = [Segment(text, (style or base) + ground) for text, style, _ in pieces[1]] if self._chars else pieces[1]
        return [Segment(first, dim), *pieces[0], *marked, *pieces[2], Segment(last, dim)]

    def _legend(self, palette: Palette, base: Style) -> list[Segment]:
        dim = base + palette.style("dim")
        of_turn = f" turn {self.turn} " if self.turn else ""
        segments = [Segment(of_turn, base + palette.style("accent")), Segment(" ", base)]
        words = self._legend_words(self.size.width - len(of_turn))
        for how, word in zip((*LEGEND_ORDER, None), words, strict=True):
            glyph, role = (UNTOUCHED_BAR, "faint") if how is None else (MARKS[how].bar, MARKS[how].role)
            segments += [Segment(glyph, base + palette.style(role)), Segment(f" {word}  ", dim)]
        return segments

    def _legend_words(self, room: int) -> list[str]:
        """Return names with figures, or as much of them as there is room for."""
        names = [*LEGEND_ORDER, "untouched"]
        figures = [self._figures.get(name, "") for name in names]
        full = [f"{name} {figure}" for name, figure in zip(names, figures, strict=True)]
        variants = [full, [words.replace(" %", "%") for words in full], [*names[:-1], full[-1]], names]
        fitting = (words for words in variants if sum(len(word) + 4 for word in words) - 1 <= room)
        return next(fitting, [name[0] for name in names])

    # --- choosing --------------------------------------------------------------------------------------

    def action_step(self, cells: int, select: bool = False) -> None:
        """Walk along the strip; with `select` what is walked over is selected. A part moves on at its ends."""
        wanted = self._cell + cells
        if self._part is not None and not 0 <= wanted < self.cells and abs(cells) == 1:
            wanted -= self._moved_on(cells)
        self._cell = max(0, min(wanted, self.cells - 1))
        if not select:
            self._anchor = self._cell
        self.refresh()

    def _moved_on(self, direction: int) -> int:
        """Show what comes after (or before) the part; return by how many cells what was shown has moved."""
        low, high = self.part
        length = high - low
        start = max(0, min(low + direction * length // 2, self._chars - length))
        self._part = (start, start + length)
        moved = (start - low) * self.cells // max(1, length)
        self._anchor = max(0, min(self._anchor - moved, self.cells - 1))
        self.update_figures(self._chars)
        return moved

    def action_choose(self) -> None:
        """Go to the chosen cell."""
        if self._chars:
            self.post_message(self.PlaceChosen(self.offset_of_cell(self._cell)))

    def action_calls(self) -> None:
        """Ask which calls touched the selected cells."""
        if self._chars:
            self.post_message(self.CallsWanted(*self.selected, self.turn))

    def action_zoom(self, into: bool) -> None:
        """Show the selected cells alone (a quarter of the part where one is selected), or four times as much."""
        low, high = self.part
        start, end = self.selected
        middle = (start + end) // 2
        if not into:
            length = (high - low) * _ZOOM
        elif self._cell != self._anchor:
            length = end - start
        else:
            length = (high - low) // _ZOOM
        length = max(length, min(self.cells, self._chars))  # a cell is a character at least
        begin = max(0, min(middle - length // 2, self._chars - length))
        self._part = (begin, begin + length) if length < self._chars else None
        self._to_cell_of(middle)

    def action_zoom_all(self) -> None:
        """Show the whole context."""
        middle = sum(self.selected) // 2
        self._part = None
        self._to_cell_of(middle)

    def _to_cell_of(self, offset: int) -> None:
        low, high = self.part
        cell = self.cells * (offset - low) // max(1, high - low)
        self._cell = self._anchor = max(0, min(cell, self.cells - 1))
        self.update_figures(self._chars)
        self.refresh()

    def action_turn(self, by: int) -> None:
        """Show the coverage of another turn: the session stands after the newest."""
        turns = [*sorted({touched.turn for touched in self._whole.touches if touched.turn}), 0]
        at = turns.index(self.turn) if self.turn in turns else len(turns) - 1
        turn = turns[max(0, min(at + by, len(turns) - 1))]
        if turn == self.turn:
            return
        self._of_turn = TurnCoverage(self._whole, turn) if turn else None
        self._shown = None
        self.update_figures(self._chars)
        self.post_message(self.CoverageChanged())

    def on_focus(self) -> None:
        """Begin where the text view is."""
        self._cell = self._anchor = max(0, self._here_cells()[0])
        self.refresh()

    def on_blur(self) -> None:
        """Show the text view's place again."""
        self.refresh()

    # --- mouse -----------------------------------------------------------------------------------------

    def _cell_at(self, event: events.MouseEvent) -> int:
        return max(0, min(event.x - len(self._ends()[0]), self.cells - 1))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Begin to select."""
        if event.y == 0 and event.button == 1:
            self._cell = self._anchor = self._cell_at(event)
            self._dragging = True
            self.capture_mouse()
            self.refresh()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Select on."""
        if self._dragging and self._cell != (cell := self._cell_at(event)):
            self._cell = cell
            self.refresh()

    def on_mouse_up(self) -> None:
        """Go to the cell that was clicked; what was dragged over stays selected."""
        if self._dragging:
            self._dragging = False
            self.release_mouse()
            if self._cell == self._anchor:
                self.action_choose()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in at the pointer."""
        self._scrolled(event, True)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out."""
        self._scrolled(event, False)

    def _scrolled(self, event: events.MouseEvent, into: bool) -> None:
        event.stop()
        self._cell = self._anchor = self._cell_at(event)
        self.action_zoom(into)

    def on_resize(self) -> None:
        """Figures stay; the cells are others."""
        self._cell, self._anchor = min(self._cell, self.cells - 1), min(self._anchor, self.cells - 1)
        self.refresh()
