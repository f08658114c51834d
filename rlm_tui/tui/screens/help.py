"""Help: every key, from the one registry and from the panes' own bindings."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from rlm_tui.tui.actions import ACTIONS, keys_text
from rlm_tui.tui.screens.dialog import Dialog


class HelpScreen(Dialog[None]):
    """All keys by group. `panes` are the panes whose own bindings are listed too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,q", "dismiss", "Close", show=False),
    ]

    def __init__(self, panes: Sequence[tuple[str, type[Widget]]]) -> None:
        super().__init__(classes="dialog")
        self._panes = panes

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
        groups: dict[str, list[tuple[str, str]]] = {}
        for action in ACTIONS:
            groups.setdefault(action.group, []).append((keys_text(action), action.label))
        for name, pane in self._panes:
            rows = [
                (b.key.replace(",", ", "), b.description)
                for b in pane.BINDINGS
                if isinstance(b, Binding) and b.description
            ]
            groups.setdefault(name, []).extend(rows)
        parts: list[tuple[str, str]] = []
        for group, rows in groups.items():
            parts.append((f"{group}\n", "bold"))
            for keys, label in rows:
                parts += [(f"  {keys:<22}", "$accent"), (f"{label}\n", "")]
            parts.append(("\n", ""))
        return Content.assemble(*parts)
