"""A view of lines that stays quick however many there are: the base of chat, context text and trace.

It scrolls by its own integer line number, so growing content never lays the screen out again; it draws its own
scrollbar in its last column (in the padding where there is some) and hands out cached, padded strips. What Textual
gives its own widgets, it therefore does itself: selecting with mouse and keys, copying, and hitting targets.
A view may have padding, but no border.
"""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from rlm_tui.tui.clipboard import LIMIT_BYTES, copy
from rlm_tui.tui.palette import Palette, default_palette
from rlm_tui.tui.widgets.scrolling import Scrolling
from rlm_tui.tui.widgets.selection import Place, Selection, word_cells
from rlm_tui.tui.widgets.strips import Target, copied_text, padded, restyled, target_at

_JOINED_LIMIT = 300
_DRAG_INTERVAL_S = 0.05
_COPIED_LINES = 200_000
_EXTENDING = {
    "up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1),
    "home": (0, -(10**9)), "end": (0, 10**9),
}  # fmt: skip


class LineView(Scrolling, Widget, can_focus=True):
    """Lines, numbered from 0. A view overrides `line_count` and `line_at`, and calls `content_changed`.

    Lines that come and go above what is shown are told by `lines_changed`, so that nothing moves under the eye.
    A view whose positions are not line numbers also overrides `row_strip`, `scroll_by`, `scroll_home`,
    `scroll_end`, `thumb`, `drag_to`, `place_at`, `moved_place`, `selected_columns` and `selected_text`.
    """

    DEFAULT_CSS = "LineView { width: 1fr; height: 1fr; }"
    ALLOW_SELECT: ClassVar[bool] = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll(-1)", "Up", show=False),
        Binding("down", "scroll(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown,space", "page(1)", "Page down", show=False),
        Binding("home", "scroll_home", "To the start", show=False),
        Binding("end", "scroll_end", "To the end", show=False),
        *(
            Binding(f"shift+{key}", f"extend('{key}')", f"Select {key}", show=False)
            for key in (*_EXTENDING, "pageup", "pagedown")
        ),
        Binding("escape", "clear_selection", "Clear the selection", show=False),
        Binding("y", "copy", "Copy the selection", show=False),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.top = 0
        self.follow = False
        self.selection: Selection | None = None
        self.cursor: Place = (0, 0)
        self._width = -1
        self._measured = (-1, 1, 0)
        self._base = Style()
        self._joined: dict[tuple[int, bool], tuple[Strip, Strip]] = {}
        self._hover: tuple[int, Target] | None = None
        self._press: Place | None = None
        self._grip: int | None = None
        self._drag_timer: Timer | None = None
        self._pointer = (0, 0)

    # --- what a view gives -----------------------------------------------------------------------------

    def line_count(self) -> int:
        """Return how many lines there are."""
        return 0

    def line_at(self, number: int) -> Strip | None:  # noqa: ARG002 - for views to use
        """Return a line; the same object while it has not changed. None is drawn as a blank line."""
        return None

    def width_changed(self) -> None:
        """Called when `text_width`, or the palette, is no longer what cached lines were made for."""

    def on_line_click(self, line: int, column: int, target: Target | None) -> None:
        """Called for a click (no drag) on the cell `column` of `line`."""

    def base_style(self) -> Style:
        """Return the style below everything."""
        return self.palette.style("text", on="ground")

    def repaint(self) -> None:
        """Draw all again."""
        self.refresh()

    # --- geometry and palette --------------------------------------------------------------------------

    @property
    def palette(self) -> Palette:
        """The app's palette, or the default one."""
        own = getattr(self.app, "palette", None)
        return own if isinstance(own, Palette) else default_palette()

    @property
    def text_width(self) -> int:
        """Cells of a line: the width without padding and scrollbar; at least 1."""
        if self._measured[0] != self.outer_size.width:
            self._measure()
        return self._measured[1]

    def _measure(self) -> None:
        """Take note of width and padding: Textual works them out anew each time, and a row asks several times."""
        width, gutter = self.outer_size.width, self.gutter
        self._measured = (width, max(1, width - gutter.left - max(1, gutter.right)), gutter.left)

    @property
    def page(self) -> int:
        """Rows of lines on the screen."""
        return self.size.height

    def palette_changed(self) -> None:
        """Drop what was drawn with the old palette."""
        self._width = -1
        self.refresh()

    def prepare(self) -> None:
        """See to it that cached lines fit the present width and palette."""
        self._measure()
        if self._width != self.text_width:
            self._width = self.text_width
            self._base = self.base_style()
            self._joined.clear()
            self.selection = None
            self.width_changed()
            self._keep_within()

    def on_resize(self) -> None:
        """Wrap again where the width changed, and keep to the end where it is followed."""
        self.prepare()
        self._keep_within()
        self.refresh()

    # --- drawing ---------------------------------------------------------------------------------------

    def row_strip(self, row: int) -> Strip | None:
        """Return the line on the screen's row `row`."""
        return self.line_at(self.top + row)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the rows of `crop` (cells of the widget, padding included)."""
        self._dirty_regions.clear()
        self.prepare()
        width, gutter = self.outer_size.width, self.gutter
        first, length = self.thumb()
        strips = []
        for y in range(crop.y, crop.bottom):
            row = y - gutter.top
            inside = 0 <= row < self.page
            strip = self._row(row if inside else None, first <= row < first + length)
            if crop.x or crop.right < width:
                strip = strip.crop(crop.x, crop.right)
            strips.append(strip)
        return strips

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        return self.render_lines(Region(0, y, self.outer_size.width, 1))[0]

    def _row(self, row: int | None, thumb: bool) -> Strip:
        line = self.row_strip(row) if row is not None else None
        if line is None:
            line = Strip.blank(self._width, self._base)
        key = (id(line), thumb)
        known = self._joined.get(key)
        if known is None or known[0] is not line:
            if len(self._joined) > _JOINED_LIMIT:
                self._joined.clear()
            known = self._joined[key] = (line, self._framed(line, thumb))
        strip = known[1]
        return strip if row is None else self._marked(strip, line, row)

    def _framed(self, line: Strip, thumb: bool) -> Strip:
        left = self._measured[2]
        right = max(0, self._measured[0] - left - self._width - 1)
        line = padded(line, self._width, self._base)
        bar = self._base + self.palette.style("dim" if self.has_focus else "faint")
        pieces = [Segment(" " * left, self._base), *line, Segment(" " * right, self._base)]
        pieces.append(Segment("▐" if thumb else " ", bar))
        return Strip([piece for piece in pieces if piece.text]).adjust_cell_length(self._measured[0], self._base)

    def _marked(self, strip: Strip, line: Strip, row: int) -> Strip:
        left = self._measured[2]
        if (
            self._hover is not None
            and self._hover[0] == row
            and target_at(line, self._hover[1].start) == self._hover[1]
        ):
            target = self._hover[1]
            strip = restyled(strip, left + target.start, left + target.end, Style(underline=True))
        columns = self.selected_columns(row)
        if columns is not None:
            strip = restyled(strip, left + columns[0], left + columns[1], self.palette.ground("selection"))
        return strip

    # --- content that changes --------------------------------------------------------------------------

    def content_changed(self, first: int = 0) -> None:
        """Say that lines from number `first` on are new; draws only what is on the screen."""
        top = self.top
        self._keep_within()
        row = max(0, first - self.top)
        if self.top != top or row == 0:
            self.refresh()
        elif row < self.page:
            self.refresh(Region(0, row, self.size.width, self.page - row))
            self.refresh(Region(self.size.width - 1, 0, 1 + self.gutter.right, self.page))

    def lines_changed(self, at: int, removed: int, added: int) -> None:
        """Say that `removed` lines at number `at` became `added`; what is shown below them stays where it is."""
        if removed == added:
            return
        if at + removed <= self.top:
            self.top += added - removed
        if self.cursor[0] >= at + removed:
            self.cursor = (self.cursor[0] + added - removed, self.cursor[1])
        if self._press is not None and self._press[0] >= at + removed:
            self._press = (self._press[0] + added - removed, self._press[1])
        if self.selection is not None:
            self.selection = self.selection.shifted(at, removed, added)

    # --- selecting -------------------------------------------------------------------------------------

    def place_at(self, row: int, column: int) -> Place:
        """Return the place on the screen's row and cell."""
        line = max(0, min(self.top + row, self.line_count() - 1))
        return (line, max(0, min(column, self.text_width - 1)))

    def moved_place(self, place: Place, lines: int, cells: int) -> Place:
        """Return the place so many lines and cells from `place`, and bring it into view."""
        line = max(0, min(place[0] + lines, self.line_count() - 1))
        self.show_line(line)
        return (line, max(0, min(place[1] + cells, self.text_width - 1)))

    def selected_columns(self, row: int) -> tuple[int, int] | None:
        """Return which cells of the screen's row are selected."""
        return None if self.selection is None else self.selection.columns(self.top + row, self._width)

    def selected_text(self) -> str:
        """Return what is selected, as it is to be copied."""
        if self.selection is None:
            return ""
        first, last = self.selection.first[0], min(self.selection.last[0], self.line_count() - 1)
        parts: list[str] = []
        for number in range(first, min(last, first + _COPIED_LINES) + 1):
            line = self.line_at(number)
            columns = self.selection.columns(number, self._width)
            if line is not None and columns is not None:
                parts.append(copied_text(line, *columns))
            parts.append(getattr(line, "joint", "\n"))
        return "".join(parts[:-1])

    def copy_selection(self) -> None:
        """Put what is selected into the clipboard, and say so."""
        self.copy_text(self.selected_text())

    def copy_text(self, text: str, what: str = "") -> None:
        """Put `text` into the clipboard and say how much it was; `what` names it."""
        if not text:
            return
        if copy(self.app, text):
            self.app.notify(f"Copied {what or f'{len(text):,} characters'}.", timeout=2, markup=False)
        else:
            self.app.notify(
                f"{len(text):,} characters are too many for the terminal's clipboard ({LIMIT_BYTES:,} bytes): "
                "they can be pasted in this program only; select less, or export the session.",
                severity="warning", markup=False,
            )  # fmt: skip

    def select(self, selection: Selection | None) -> None:
        """Select, or clear the selection."""
        if selection != self.selection:
            self.selection = selection
            self.refresh()

    def action_extend(self, key: str) -> None:
        """Take the selection one step further."""
        steps = _EXTENDING | {"pageup": (-self.page, 0), "pagedown": (self.page, 0)}
        start = self.selection
        if start is None:
            visible = self.place_at(0, 0) <= self.cursor <= self.place_at(self.page - 1, self.text_width)
            at = self.cursor if visible else self.place_at(0, 0)
            start = Selection(at, at)
        head = self.moved_place(start.head, *steps[key])
        self.cursor = head
        self.select(Selection(start.anchor, head))

    def action_clear_selection(self) -> None:
        """Clear the selection; with none, leave the key to others."""
        if self.selection is None:
            self.pass_on()
        self.select(None)

    def action_copy(self) -> None:
        """Copy what is selected."""
        self.copy_selection()

    # --- mouse -----------------------------------------------------------------------------------------

    def _where(self, event: events.MouseEvent) -> tuple[int, int]:
        return event.y - self.gutter.top, event.x - self.gutter.left

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Start a drag: of the scrollbar, or of a selection."""
        if event.button != 1:
            return
        event.stop()
        self.capture_mouse()
        row, column = self._where(event)
        if event.x >= self.outer_size.width - 1:
            first, length = self.thumb()
            self._grip = row - first if first <= row < first + length else length // 2
            self._drag_bar(row)
            return
        place = self.place_at(row, column)
        if event.shift and self.selection is not None:
            self._press = self.selection.anchor
            self.select(Selection(self._press, place))
        else:
            self._press = place
            self.select(None)
        self.cursor = place

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Drag, or show what lies under the pointer."""
        row, column = self._where(event)
        if self._grip is not None:
            self._drag_bar(row)
        elif self._press is not None:
            self._pointer = (row, column)
            if self.place_at(row, column) != self._press or self.selection is not None:
                self._drag_selection()
            if self._drag_timer is None and not 0 <= row < self.page:
                self._drag_timer = self.set_interval(_DRAG_INTERVAL_S, self._drag_selection)
        else:
            self._hover_at(row, column)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """End the drag; a drag of nothing is a click."""
        row, column = self._where(event)
        pressed, self._press = self._press, None
        on_bar, self._grip = self._grip is not None, None
        self.release_mouse()
        if self._drag_timer is not None:
            self._drag_timer.stop()
            self._drag_timer = None
        if pressed is None or on_bar or self.selection is not None or not 0 <= row < self.page:
            return
        line = self.row_strip(row)
        target = target_at(line, column) if line is not None else None
        self.on_line_click(self.top + row, column, target)

    def on_click(self, event: events.Click) -> None:
        """Select a word with the second click and a line with the third."""
        row, column = self._where(event)
        line = self.row_strip(row) if 0 <= row < self.page else None
        if event.chain < 2 or line is None or event.x >= self.outer_size.width - 1:
            return
        start, end = word_cells(line.text, column) if event.chain == 2 else (0, self.text_width)
        self.select(Selection(self.place_at(row, start), self.place_at(row, max(start, end - 1))))

    def on_leave(self) -> None:
        """Forget what the pointer was over."""
        self._set_hover(None)

    def on_focus(self) -> None:
        """Show the scrollbar as that of the pane in use."""
        self._joined.clear()
        self.refresh()

    def on_blur(self) -> None:
        """Show the scrollbar as that of a pane not in use."""
        self._joined.clear()
        self.refresh()

    def _drag_bar(self, row: int) -> None:
        _, length = self.thumb()
        room = max(1, self.page - length)
        self.drag_to(max(0.0, min(1.0, (row - (self._grip or 0)) / room)))

    def _drag_selection(self) -> None:
        row, column = self._pointer
        if self._press is None:
            return
        if row < 0:
            self.scroll_by(-1)
        elif row >= self.page:
            self.scroll_by(1)
        self.cursor = self.place_at(max(0, min(row, self.page - 1)), column)
        self.select(Selection(self._press, self.cursor))

    def _hover_at(self, row: int, column: int) -> None:
        line = self.row_strip(row) if 0 <= row < self.page else None
        target = target_at(line, column) if line is not None else None
        self._set_hover((row, target) if target is not None else None)

    def _set_hover(self, hover: tuple[int, Target] | None) -> None:
        if hover != self._hover:
            self._hover = hover
            self.refresh()
