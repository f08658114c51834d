"""What a person can do about the panes' places and sizes."""

from typing import TYPE_CHECKING

from textual.screen import Screen

from rlm_tui.tui.arrangement import Arrangement, load_arrangement, save_arrangement

if TYPE_CHECKING:
    from rlm_tui.config.options import AppOptions

_STEP = 4
_STACKED_ROWS = 40


class LayoutActions(Screen[None]):
    """Layouts and sizes; remembered for the project at once."""

    arrangement = Arrangement()

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
