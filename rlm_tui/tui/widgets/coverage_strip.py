"""What part of the whole context was touched, and how: one strip of cells with figures below it."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from rlm_tui.session.coverage import Coverage
from rlm_tui.tui.numbers import compact_count, percent_text
from rlm_tui.tui.palette import Palette
from rlm_tui.tui.widgets.marks import LEGEND_ORDER, MARKS, UNTOUCHED_BAR
from rlm_tui.tui.widgets.title_line import palette_of


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
    """The strip of the whole context. Its cells can be walked with the arrows, and chosen with Enter or a click."""

    DEFAULT_CSS = "CoverageStrip { height: 2; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "Cell before", show=False),
        Binding("right", "step(1)", "Next cell", show=False),
        Binding("home", "step(-1000000)", "First cell", show=False),
        Binding("end", "step(1000000)", "Last cell", show=False),
        Binding("enter", "choose", "Show this place", show=False),
    ]

    class PlaceChosen(Message):
        """A cell was chosen: go to `offset`."""

        def __init__(self, offset: int) -> None:
            super().__init__()
            self.offset = offset

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._coverage = Coverage()
        self._chars = 0
        self._shown: tuple[int, int, int] | None = None
        self._figures: dict[str, str] = {}
        self._cell = 0
        self._here = (0, 0)

    # --- content ---------------------------------------------------------------------------------------

    def bind(self, coverage: Coverage, chars: int) -> None:
        """Show `coverage` over the first `chars` characters."""
        self._coverage = coverage
        self._shown = None
        self.update_figures(chars)

    def update_figures(self, chars: int) -> None:
        """Take in what changed; draws only when something did. Some milliseconds for thousands of spans."""
        now = (self._coverage.version, chars, self.size.width)
        if now == self._shown:
            return
        self._shown, self._chars = now, chars
        totals = self._coverage.totals()
        self._figures = {how: percent_text(min(totals[how], chars), chars) for how in LEGEND_ORDER}
        self._figures["untouched"] = percent_text(max(0, self._coverage.untouched(chars)), chars)
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

    def _ends(self) -> tuple[str, str]:
        return " 0 ", f" {compact_count(self._chars)} "

    @property
    def cells(self) -> int:
        """Cells of the strip itself."""
        first, last = self._ends()
        return max(1, self.size.width - len(first) - len(last))

    def offset_of_cell(self, cell: int) -> int:
        """Return the first offset of a cell, or of its strongest touch where it has one."""
        start = self._chars * cell // self.cells
        end = max(start + 1, self._chars * (cell + 1) // self.cells)
        how = self._coverage.strongest(start, end)
        if how is None:
            return start
        low, high = start, end
        while high - low > 1:  # the touch may be anywhere in a cell of millions of characters
            middle = (low + high) // 2
            low, high = (low, middle) if self._coverage.unions[how].overlaps(low, middle) else (middle, high)
        return low

    def _here_cells(self) -> tuple[int, int]:
        if self._chars <= 0:
            return 0, 0
        first, last = (self.cells * place // self._chars for place in self._here)
        return min(first, self.cells - 1), min(max(last, first), self.cells - 1)

    # --- drawing ---------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw the strip (row 0) or the legend (row 1)."""
        palette = palette_of(self)
        base = palette.style("text", on="ground")
        strip = Strip(self._bar(palette, base) if y == 0 else self._legend(palette, base))
        return strip.adjust_cell_length(self.size.width, base)

    def _bar(self, palette: Palette, base: Style) -> list[Segment]:
        first, last = self._ends()
        dim = base + palette.style("dim")
        bar = Strip(bar_segments(self._coverage, 0, self._chars, self.cells, palette, base))
        low, high = (self._cell, self._cell) if self.has_focus else self._here_cells()
        ground = palette.ground("cursor" if self.has_focus else "selection")
        pieces = bar.divide([low, high + 1, self.cells])
        marked = [Segment(text, (style or base) + ground) for text, style, _ in pieces[1]] if self._chars else pieces[1]
        return [Segment(first, dim), *pieces[0], *marked, *pieces[2], Segment(last, dim)]

    def _legend(self, palette: Palette, base: Style) -> list[Segment]:
        dim = base + palette.style("dim")
        segments = [Segment(" ", base)]
        for how, words in zip((*LEGEND_ORDER, None), self._legend_words(), strict=True):
            glyph, role = (UNTOUCHED_BAR, "faint") if how is None else (MARKS[how].bar, MARKS[how].role)
            segments += [Segment(glyph, base + palette.style(role)), Segment(f" {words}  ", dim)]
        return segments

    def _legend_words(self) -> list[str]:
        """Return names with figures, or as much of them as there is room for."""
        names = [*LEGEND_ORDER, "untouched"]
        figures = [self._figures.get(name, "") for name in names]
        full = [f"{name} {figure}" for name, figure in zip(names, figures, strict=True)]
        variants = [full, [words.replace(" %", "%") for words in full], [*names[:-1], full[-1]], names]
        fitting = (words for words in variants if sum(len(word) + 4 for word in words) - 1 <= self.size.width)
        return next(fitting, [name[0] for name in names])

    # --- choosing --------------------------------------------------------------------------------------

    def action_step(self, cells: int) -> None:
        """Walk along the strip."""
        self._cell = max(0, min(self._cell + cells, self.cells - 1))
        self.refresh()

    def action_choose(self) -> None:
        """Go to the chosen cell."""
        if self._chars:
            self.post_message(self.PlaceChosen(self.offset_of_cell(self._cell)))

    def on_focus(self) -> None:
        """Begin where the text view is."""
        self._cell = self._here_cells()[0]
        self.refresh()

    def on_blur(self) -> None:
        """Show the text view's place again."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Go to the cell that was clicked."""
        cell = event.x - len(self._ends()[0])
        if event.y == 0 and 0 <= cell < self.cells:
            self._cell = cell
            self.action_choose()

    def on_resize(self) -> None:
        """Figures stay; the cells are others."""
        self.refresh()
