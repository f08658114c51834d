"""A page of plain lines over the screen: figures, a diff, an explanation."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from rlm_tui.text import safe_text
from rlm_tui.tui.screens.dialog import Dialog

_MOST_LINES = 5_000


class ReportScreen(Dialog[None]):
    """Shows `lines` under a heading; `diff` colours lines as a diff's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "Close", show=False),
        Binding("c,ctrl+c", "copy", "Copy all", show=False, priority=True),
    ]

    def __init__(self, heading: str, lines: Sequence[str], *, diff: bool = False) -> None:
        super().__init__(classes="dialog wide")
        self._heading = heading
        self._lines = lines
        self._diff = diff

    def compose(self) -> ComposeResult:
        """Lay out heading, text and hint."""
        with Vertical():
            yield Static(Content(safe_text(self._heading, newlines=False)), classes="heading", markup=False)
            with VerticalScroll(can_focus=True):
                yield Static(self._text(), markup=False)
            yield Static(Content("c copies it   esc closes"), classes="hint", markup=False)

    def on_mount(self) -> None:
        """Let the keys scroll."""
        self.query_one(VerticalScroll).focus()

    def _text(self) -> Content:
        shown = self._lines[:_MOST_LINES]
        parts = [(safe_text(line, newlines=False) + "\n", self._style(line)) for line in shown]
        if len(self._lines) > _MOST_LINES:
            parts.append((f"… {len(self._lines) - _MOST_LINES:,} more lines: c copies all\n", "$text-muted"))
        return Content.assemble(*parts).rstrip()

    def _style(self, line: str) -> str:
        if not self._diff:
            return ""
        if line.startswith(("+++", "---", "@@")):
            return "$text-muted"
        return {"+": "$success", "-": "$error"}.get(line[:1], "")

    def action_copy(self) -> None:
        """Copy the whole text."""
        self.app.copy_to_clipboard("\n".join(self._lines))
        self.app.notify("Copied.", markup=False)
