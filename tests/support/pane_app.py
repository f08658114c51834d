"""The smallest app around one widget, with the colours of the default theme: for tests of single panes."""

from textual.app import App, ComposeResult
from textual.widget import Widget

from rlm_tui.tui.palette import default_palette


class PaneApp(App[None]):
    """Shows `pane` alone."""

    CSS = "Screen { background: $ground; }"

    def __init__(self, pane: Widget) -> None:
        self.palette = default_palette()
        super().__init__()
        self.pane = pane

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Give every role of the theme to style sheets."""
        return dict(self.palette.roles)

    def compose(self) -> ComposeResult:
        """Show the pane."""
        yield self.pane
