"""The one line above a pane: its name, what it shows, and the keys that matter; what does not fit is left out."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from rlm_tui.tui.palette import Palette, default_palette


class Part(NamedTuple):
    """A word of the line in a role of the palette. `right` parts stand at the right end."""

    text: str
    role: str = "dim"
    bold: bool = False
    right: bool = False


def palette_of(widget: Widget) -> Palette:
    """Return the app's palette, or the default one in an app that has none."""
    own = getattr(widget.app, "palette", None)
    return own if isinstance(own, Palette) else default_palette()


class TitleLine(Widget):
    """Shows parts from left to right, two cells apart. The caller has made their text safe."""

    DEFAULT_CSS = "TitleLine { height: 1; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._parts: tuple[Part, ...] = ()

    def show(self, parts: Sequence[Part]) -> None:
        """Show these parts; draws only when they differ from those shown."""
        if tuple(parts) != self._parts:
            self._parts = tuple(parts)
            self.refresh()

    def palette_changed(self) -> None:
        """Draw again."""
        self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is but one row
        """Draw the line."""
        palette, width = palette_of(self), self.size.width
        base = palette.style("text", on="ground")
        left_parts, used = self._fitting([part for part in self._parts if not part.right], width - 1)
        right_parts, used_right = self._fitting([part for part in self._parts if part.right], width - 4 - used)
        segments = [Segment(" ", base)]
        segments += [Segment(part.text + "  ", base + palette.style(part.role, bold=part.bold)) for part in left_parts]
        segments.append(Segment(" " * max(0, width - 2 - used - used_right), base))
        segments += [Segment("  " + part.text, base + palette.style(part.role, bold=part.bold)) for part in right_parts]
        return Strip(segments).adjust_cell_length(width, base)

    def _fitting(self, parts: list[Part], room: int) -> tuple[list[Part], int]:
        fitting: list[Part] = []
        used = 0
        for part in parts:
            cells = cell_len(part.text) + 2
            if used + cells > room + 2:
                break
            fitting.append(part)
            used += cells
        return fitting, used
