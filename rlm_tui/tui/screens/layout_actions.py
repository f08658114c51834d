"""What a person can do about the panes' places and sizes."""

from typing import TYPE_CHECKING, Literal

from textual import events
from textual.screen import Screen

from rlm_tui.tui.arrangement import Arrangement, load_arrangement, save_arrangement

if TYPE_CHECKING:
    from rlm_tui.config.options import AppOptions

_STEP = 4
_STACKED_ROWS = 40


class LayoutActions(Screen[None]):
    """Layouts and sizes; remembered for the project at once."""

    arrangement = Arrangement()
    dragged: Literal["", "chat", "browser"] = ""
    """The pane whose edge the mouse drags."""

    if TYPE_CHECKING:
        options: AppOptions
        narrow: bool

        def zoom_to(self, name: str) -> None: ...
        def tell(self, text: str, severity: str = "information") -> None: ...

    def load_arrangement(self) -> None:
        """Arrange the panes as they were left in this project."""
        settings = self.options.loaded.settings
        file = self.options.paths.home / "arrangements.json"
        self.arrangement = load_arrangement(file, self.options.project, settings.ui.layout)
        self.place_panes()

    def place_panes(self) -> None:
        """Put the panes where the arrangement says, as far as the terminal has room."""
        layout = self.arrangement.layout
        stacked = layout == "stacked" and self.size.height >= _STACKED_ROWS
        self.set_class(stacked, "stacked")
        self.set_class(layout == "chat", "chat-only")
        left, browser = self.query_one("#left"), self.query_one("#browser")
        share = f"{self.arrangement.chat}%"
        left.styles.width, left.styles.height = ("100%", share) if stacked else (share, "100%")
        browser.styles.height = f"{self.arrangement.browser}%"
        for pane in ("left", "browser"):
            whole = self.has_class({"left": "zoom-left", "browser": "zoom-context"}[pane])
            if whole or (pane == "left" and layout == "chat"):
                self.query_one(f"#{pane}").styles.clear_rule("width")
                self.query_one(f"#{pane}").styles.clear_rule("height")

    def _rearrange(self, arrangement: Arrangement) -> None:
        self.arrangement = arrangement
        self.place_panes()
        try:
            save_arrangement(self.options.paths.home / "arrangements.json", self.options.project, arrangement)
        except OSError as error:
            self.tell(f"The layout holds for now but could not be saved: {error}", "warning")

    def do_next_layout(self) -> None:
        """Arrange the panes in the next of the layouts."""
        self._rearrange(self.arrangement.next_layout())
        self.tell(f"Layout: {self.arrangement.layout}")

    def do_wider(self) -> None:
        """Give the chat more room."""
        self._rearrange(self.arrangement.resized(chat=_STEP))

    def do_narrower(self) -> None:
        """Give the chat less room."""
        self._rearrange(self.arrangement.resized(chat=-_STEP))

    def do_taller(self) -> None:
        """Give the context browser more room."""
        self._rearrange(self.arrangement.resized(browser=_STEP))

    def do_shorter(self) -> None:
        """Give the context browser less room."""
        self._rearrange(self.arrangement.resized(browser=-_STEP))

    # --- by mouse --------------------------------------------------------------------------------------

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the line between two panes."""
        self.dragged = self._edge_at(event.screen_x, event.screen_y) if event.button == 1 else ""
        if self.dragged:
            event.stop()
            self.capture_mouse()

    def _edge_at(self, column: int, row: int) -> Literal["", "chat", "browser"]:
        """Return the pane whose edge is at a cell of the screen."""
        right, trace = self.query_one("#right"), self.query_one("#trace-area")
        if trace.display and right.display and row == trace.region.y and trace.region.contains(column, row):
            return "browser"
        if right.display and self.query_one("#left").display and right.region.contains(column, row):
            on_edge = row == right.region.y if self.has_class("stacked") else column == right.region.x
            return "chat" if on_edge else ""
        return ""

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Let the line follow the mouse."""
        if not self.dragged:
            return
        if self.dragged == "browser":
            area, place = self.query_one("#right").region, event.screen_y
            changed = self.arrangement.with_shares(browser=100 * (place - area.y) // max(1, area.height))
        elif self.has_class("stacked"):
            area = self.query_one("#body").region
            changed = self.arrangement.with_shares(chat=100 * (event.screen_y - area.y) // max(1, area.height))
        else:
            area = self.query_one("#body").region
            changed = self.arrangement.with_shares(chat=100 * (event.screen_x - area.x) // max(1, area.width))
        if changed != self.arrangement:
            self.arrangement = changed
            self.place_panes()

    def on_mouse_up(self) -> None:
        """Let go, and remember the sizes."""
        if self.dragged:
            self.dragged = ""
            self.release_mouse()
            self._rearrange(self.arrangement)
