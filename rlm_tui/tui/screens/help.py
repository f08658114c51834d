"""Help: every key, from the one registry and from the panes' own bindings."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from rlm_tui.tui.actions import ACTIONS
from rlm_tui.tui.keymap import Keymap
from rlm_tui.tui.screens.dialog import Dialog

_NAMES_FROM = 110
"""Columns of the terminal from which there is room for the names that `[keys]` knows."""


class HelpScreen(Dialog[None]):
    """All keys by group. `panes` are the panes whose own bindings are listed too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q", "dismiss", "Close", show=False),
    ]

    def __init__(self, panes: Sequence[tuple[str, type[Widget]]], keymap: Keymap) -> None:
        super().__init__(classes="dialog")
        self._panes = panes
        self._keymap = keymap

    def compose(self) -> ComposeResult:
        """List the groups."""
        with Vertical():
            yield Static(Content("Keys"), classes="heading", markup=False)
            with VerticalScroll(can_focus=True):
                yield Static(self._text(), markup=False)
            yield Static(
                Content("Esc closes. Keys can be changed under [keys] in config.toml."), classes="hint", markup=False
            )

    def _text(self) -> Content:
        groups: dict[str, list[tuple[str, str, str]]] = {}
        for action in ACTIONS:
            groups.setdefault(action.group, []).append((self._keymap.text(action), action.label, action.name))
        for name, pane in self._panes:
            rows = [
                (b.key.replace(",", ", "), b.description, "")
                for b in pane.BINDINGS
                if isinstance(b, Binding) and b.description
            ]
            groups.setdefault(name, []).extend(rows)
        parts: list[tuple[str, str]] = []
        for group, rows in groups.items():
            parts.append((f"{group}\n", "bold"))
            for keys, label, name in rows:
                named = f"  {name}" if name and self.app.size.width >= _NAMES_FROM else ""
                parts += [(f"  {keys:<22}", "$accent"), (label, ""), (f"{named}\n", "$text-muted 70%")]
            parts.append(("\n", ""))
        return Content.assemble(*parts)
