"""Scrolling by whole lines, with a scrollbar's thumb in rows, apart from any widget's own way to scroll."""

from textual import events
from textual.actions import SkipAction

_WHEEL_LINES = 3


class Scrolling:
    """A position `top` in lines, and following the end. The view says how many lines there are and fit."""

    top: int
    follow: bool
    follows_end = False
    """Whether reaching the end means to stay there."""

    @property
    def page(self) -> int:
        """Rows on the screen."""
        raise NotImplementedError

    def line_count(self) -> int:
        """Return how many lines there are."""
        raise NotImplementedError

    def repaint(self) -> None:
        """Draw all again."""
        raise NotImplementedError

    @property
    def last_top(self) -> int:
        """The position that shows the end."""
        return max(0, self.line_count() - self.page)

    @property
    def at_end(self) -> bool:
        """Whether the end is shown."""
        return self.top >= self.last_top

    def scroll_to_line(self, number: int) -> None:
        """Show line `number` first, as far as the end allows."""
        top = max(0, min(number, self.last_top))
        self.follow = self.follows_end and top >= self.last_top
        if top != self.top:
            self.top = top
            self.repaint()

    def scroll_by(self, lines: int) -> None:
        """Scroll by so many lines."""
        self.scroll_to_line(self.top + lines)

    def show_line(self, number: int) -> None:
        """Scroll as little as needed to bring line `number` into view."""
        if number < self.top:
            self.scroll_to_line(number)
        elif number >= self.top + self.page > 0:
            self.scroll_to_line(number - self.page + 1)

    def thumb(self) -> tuple[int, int]:
        """Return the first row and the length of the scrollbar's thumb; no length where all is shown."""
        total, page = self.line_count(), self.page
        if total <= page or page < 1:
            return 0, 0
        length = max(1, round(page * page / total))
        return round(self.top / max(1, self.last_top) * (page - length)), length

    def drag_to(self, fraction: float) -> None:
        """Scroll to a fraction of the way from the start (0) to the end (1)."""
        self.scroll_to_line(round(fraction * self.last_top))

    def _keep_within(self) -> None:
        """Put the position where it may be after lines came or went."""
        self.top = self.last_top if self.follow else max(0, min(self.top, self.last_top))

    def pass_on(self) -> None:
        """Leave a key to whoever comes next. Raises SkipAction."""
        raise SkipAction

    def action_scroll(self, lines: int) -> None:
        """Scroll by so many lines."""
        self.scroll_by(lines)

    def action_page(self, pages: int) -> None:
        """Scroll by pages, with one line in common."""
        self.scroll_by(pages * max(1, self.page - 1))

    def action_scroll_home(self) -> None:
        """Go to the start."""
        self.scroll_to_line(0)

    def action_scroll_end(self) -> None:
        """Go to the end."""
        self.scroll_to_line(self.line_count())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Scroll with the wheel."""
        event.stop()
        self.scroll_by(_WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Scroll with the wheel."""
        event.stop()
        self.scroll_by(-_WHEEL_LINES)
