"""Where a view of text is: a row that stands first, a cursor, and moves between them, all by character offset."""

from rlm_tui.context.reader import ContextReader
from rlm_tui.tui.widgets.scrolling import Scrolling
from rlm_tui.tui.widgets.text_rows import Row, TextRows


class TextPosition(Scrolling):
    """Scrolling by offsets instead of line numbers. `on_screen` are the rows shown, from the top.

    A view says how wide a row is (`row_width`), how many fit (`page`), and draws when it has `moved`.
    """

    cursor: tuple[int, int]
    reader: ContextReader | None = None
    rows: TextRows | None = None
    wrap = True
    shifted = 0
    cursor_offset = 0
    _anchor = Row(0, 0)
    _chars = 0
    on_screen: list[Row] = []

    @property
    def row_width(self) -> int:
        """Cells of text in a row."""
        raise NotImplementedError

    def moved(self) -> None:
        """Called when other rows are shown or the cursor moved."""
        raise NotImplementedError

    # --- content ---------------------------------------------------------------------------------------

    def set_reader(self, reader: ContextReader) -> None:
        """Show another text from its start."""
        self.reader = reader
        self._chars = reader.chars
        self._anchor = Row(0, 0)
        self.cursor_offset = self.shifted = 0
        self.rows = None
        self.relayout()

    def take_growth(self) -> bool:
        """Take in text that came since; return whether there was any. What is shown stays where it is."""
        if self.reader is None or self.rows is None or self.reader.chars == self._chars:
            return False
        self._chars = self.reader.chars
        self.relayout()
        return True

    def relayout(self) -> None:
        """Lay the visible rows out again from the present position, for a new width or height."""
        if self.reader is None:
            return
        width = self.row_width if self.wrap else None
        if self.rows is None or self.rows.width != width or self.rows.reader is not self.reader:
            self.rows = TextRows(self.reader, width)
        else:
            self.rows.forget()
        anchor = self.rows.row_at(self._anchor.start)
        if anchor is None:
            self.on_screen = []
            return
        at_header = self._anchor.header or self._anchor.start == 0
        self._show_from(self.rows.first_row(anchor) if at_header else anchor)

    def set_wrap(self, wrap: bool) -> None:
        """Wrap rows at the width, or not at all."""
        self.wrap, self.shifted = wrap, 0
        self.relayout()

    def _keep_within(self) -> None:
        """Fill the page after it grew."""
        self.top = 0
        if self.rows is not None and self.on_screen:
            self._show_from(self._anchor)

    def _show_from(self, row: Row) -> None:
        assert self.rows is not None
        page = max(1, self.page)
        visible = self.rows.rows_from(row, page)
        if len(visible) < page:
            visible = self.rows.rows_before(row, page - len(visible)) + visible
        before, self.on_screen = self.on_screen, visible
        self._anchor = visible[0]
        if visible != before:
            self.moved()

    # --- going somewhere -------------------------------------------------------------------------------

    def jump(self, offset: int) -> None:
        """Put the cursor on `offset` and show it below a few rows of what stands before."""
        if self.rows is None or self.reader is None:
            return
        row = self.rows.row_at(offset)
        if row is None:
            return
        self.cursor_offset = max(0, min(offset, self.reader.chars - 1))
        self.cursor = (self.cursor_offset, 0)
        if not self.wrap:
            self.shifted = 0
        if not any(shown.start <= offset < shown.end for shown in self.on_screen[1:-1]):
            above = self.rows.rows_before(row, max(1, self.page // 4))
            self._show_from(above[0] if above else row)
        self.moved()

    def jump_to_top(self, offset: int) -> None:
        """Put the cursor on `offset` and show its row first, below the header of its entry where it has one."""
        row = self.rows.row_at(offset) if self.rows is not None else None
        if self.rows is None or row is None:
            return
        self.cursor_offset = max(row.start, min(offset, row.end - 1))
        self.cursor = (self.cursor_offset, 0)
        self._show_from(self.rows.first_row(row))
        self.moved()

    def move_cursor(self, offset: int) -> None:
        """Put the cursor on `offset` and scroll as little as needed."""
        if self.rows is None:
            return
        row = self.rows.row_at(offset)
        if row is None:
            return
        self.cursor_offset = offset
        self.cursor = (offset, 0)
        if row not in self.on_screen:
            if self.on_screen and row.start < self.on_screen[0].end:
                self._show_from(self.rows.first_row(row))
            else:
                above = self.rows.rows_before(row, max(0, self.page - 1))
                self._show_from(above[0] if above else row)
        self.moved()

    def moved_offset(self, offset: int, lines: int, characters: int) -> int:
        """Return the offset so many rows and characters away; more than a row's characters mean its end."""
        if self.rows is None or self.reader is None or self.reader.chars == 0:
            return offset
        row = self.rows.row_at(offset)
        if row is None:
            return offset
        if lines:
            within = offset - row.start
            step = self._row_away(row, lines)
            return min(step.start + within, max(step.start, step.end - 1))
        if abs(characters) > self.reader.chars:
            return row.start if characters < 0 else max(row.start, row.end - 1)
        return max(0, min(offset + characters, self.reader.chars - 1))

    def _row_away(self, row: Row, lines: int) -> Row:
        """Return the text row `lines` rows from `row`, headers not counted."""
        assert self.rows is not None
        if lines > 0:
            found = [r for r in self.rows.rows_from(row, 2 * lines + 2) if not r.header]
            return found[min(lines, len(found) - 1)]
        found = [r for r in self.rows.rows_before(row, 2 * -lines + 2) if not r.header]
        return found[max(0, len(found) + lines)] if found else row

    # --- scrolling, as the base asks for it ------------------------------------------------------------

    def line_count(self) -> int:
        """Rows are not counted; this many are on the screen."""
        return len(self.on_screen)

    def scroll_by(self, lines: int) -> None:
        """Scroll by rows; the cursor stays where it is."""
        if self.rows is None or not self.on_screen or not lines:
            return
        if lines < 0:
            above = self.rows.rows_before(self.on_screen[0], -lines)
            if above:
                self._show_from(above[0])
            return
        rows = self.rows.rows_from(self.on_screen[0], lines + self.page)
        self._show_from(rows[max(0, min(lines, len(rows) - self.page))])

    def action_scroll_home(self) -> None:
        """Go to the start of the context."""
        self.move_cursor(0)

    def action_scroll_end(self) -> None:
        """Go to the end of the context."""
        if self.reader is not None:
            self.move_cursor(max(0, self.reader.chars - 1))

    def action_scroll(self, lines: int) -> None:
        """Move the cursor by rows."""
        self.move_cursor(self.moved_offset(self.cursor_offset, lines, 0))

    def action_page(self, pages: int) -> None:
        """Move the cursor by pages."""
        self.action_scroll(pages * max(1, self.page - 1))

    def thumb(self) -> tuple[int, int]:
        """Return the scrollbar's thumb, by offsets."""
        if self.reader is None or not self.on_screen or self.reader.chars == 0 or self.page < 1:
            return 0, 0
        start, end, chars = self.on_screen[0].start, self.on_screen[-1].end, self.reader.chars
        if start == 0 and end >= chars:
            return 0, 0
        length = max(1, round(self.page * (end - start) / chars))
        return round(start / max(1, chars - (end - start)) * (self.page - length)), length

    def drag_to(self, fraction: float) -> None:
        """Go to a fraction of the whole context."""
        if self.rows is None or self.reader is None or self.reader.chars == 0:
            return
        row = self.rows.row_at(round(fraction * (self.reader.chars - 1)))
        if row is not None:
            self._show_from(self.rows.first_row(row))
