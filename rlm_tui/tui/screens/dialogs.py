"""Small modal dialogs: choose one of a list, with a filter; and the leader key's one next key."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from rlm_tui.text import safe_text
from rlm_tui.tui.screens.dialog import Dialog
from rlm_tui.tui.widgets.columns import left

_SHOWN = 300
_PREVIEW_S = 0.15  # whoever runs through the list does not wait for each: a style sheet is worked out anew
_LEADER_SHARE, _LEADER_FRAME, _LEADER_CELLS = 0.8, 6, 94
"""What a dialog takes of the screen, what its frame and heading (or a key) take of that, and its widest text."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose: `value` is what the dialog returns, `label` and `note` are shown."""

    value: str
    label: str
    note: str = ""


class ChooseDialog(Dialog[str | None]):
    """A list with a filter. Returns the chosen value, or what was typed where `free` text is allowed, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss_none", "Close", show=False),
        Binding("down", "move(1)", "Down", show=False, priority=True),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
    ]

    def __init__(
        self,
        heading: str,
        choices: Sequence[Choice],
        *,
        hint: str = "",
        free: bool = False,
        preview: Callable[[str], None] | None = None,
    ) -> None:
        """`preview` is called with each value that the cursor comes to rest on."""
        super().__init__(classes="dialog")
        self._preview = preview
        self._preview_timer: Timer | None = None
        self._begin_at = ""
        self._heading = heading
        self._choices = list(choices)
        self._hint = hint
        self._free = free
        self._found: list[Choice] = []

    def compose(self) -> ComposeResult:
        """Lay out heading, filter, list and hint."""
        with Vertical():
            yield Static(Content(self._heading), classes="heading", markup=False)
            yield Input(placeholder="type to filter" + (" or to name another" if self._free else ""))
            yield OptionList(markup=False)
            if self._hint:
                yield Static(Content(self._hint), classes="hint", markup=False)

    def on_mount(self) -> None:
        """Fill the list and focus the filter."""
        self._fill("")
        at = next((at for at, choice in enumerate(self._found) if choice.value == self._begin_at), 0)
        if at:
            self.query_one(OptionList).highlighted = at
        self.query_one(Input).focus()

    def begin_at(self, value: str) -> None:
        """Put the cursor on a choice at the beginning, where the list has it."""
        self._begin_at = value

    @property
    def current(self) -> str | None:
        """The value of the choice at the cursor."""
        at = self.query_one(OptionList).highlighted
        return self._found[at].value if self._found and at is not None and at < len(self._found) else None

    def replace_choices(self, choices: Sequence[Choice]) -> None:
        """Take other choices (they may arrive late) and keep the filter."""
        self._choices = list(choices)
        if self.is_mounted:
            self._fill(self.query_one(Input).value)

    def _fill(self, words: str) -> None:
        wanted = words.casefold().split()
        self._found = [c for c in self._choices if all(w in f"{c.label} {c.note}".casefold() for w in wanted)][:_SHOWN]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(self._line(choice)) for choice in self._found])
        if self._found:
            options.highlighted = 0

    def _line(self, choice: Choice) -> Content:
        label = safe_text(choice.label, newlines=False)
        if not choice.note:
            return Content(label)
        return Content.assemble((label, ""), ("  " + safe_text(choice.note, newlines=False), "$text-muted"))

    def action_move(self, by: int) -> None:
        """Move the highlight while the filter keeps the focus."""
        options = self.query_one(OptionList)
        if self._found:
            options.highlighted = ((options.highlighted or 0) + by) % len(self._found)

    def action_dismiss_none(self) -> None:
        """Close without a choice."""
        self.dismiss(None)

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        if self._preview is None:
            return
        if self._preview_timer is not None:
            self._preview_timer.stop()
        self._preview_timer = self.set_timer(_PREVIEW_S, self._show_preview)

    def _show_preview(self) -> None:
        if self._preview is not None and self.current is not None and self.is_active:
            self._preview(self.current)

    @on(Input.Changed)
    def _filtered(self, message: Input.Changed) -> None:
        self._fill(message.value)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        highlighted = self.query_one(OptionList).highlighted
        if self._found and highlighted is not None:
            self.dismiss(self._found[highlighted].value)
        elif self._free and message.value.strip():
            self.dismiss(message.value.strip())

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        self.dismiss(self._found[message.option_index].value)


class LeaderDialog(Dialog[str | None]):
    """Waits for the one key after the leader key; shows what there is."""

    def __init__(self, keys: Sequence[tuple[str, str]], leader: str) -> None:
        super().__init__(classes="dialog")
        self._keys = keys
        self._leader = leader

    def compose(self) -> ComposeResult:
        """List the keys."""
        with Vertical():
            yield Static(Content(f"{self._leader}, then"), classes="heading", markup=False)
            yield Static(self._text(), markup=False)

    def _text(self) -> Content:
        """Return the keys, beside each other where there are too few rows for one below the other."""
        rows = max(1, int(self.app.size.height * _LEADER_SHARE) - _LEADER_FRAME)
        columns = -(-len(self._keys) // rows)
        rows = -(-len(self._keys) // columns)
        cells = min(_LEADER_CELLS, int(self.app.size.width * _LEADER_SHARE) - _LEADER_FRAME) // columns - _LEADER_FRAME
        parts: list[tuple[str, str]] = []
        for row in range(rows):
            for key, label in self._keys[row::rows]:
                parts += [(f"{key:>3}  ", "bold $accent"), (left(label, cells) if columns > 1 else label, "")]
            parts.append(("\n", ""))
        return Content.assemble(*parts).rstrip()

    def on_key(self, event: events.Key) -> None:
        """Return the key that was pressed."""
        event.stop()
        event.prevent_default()
        self.dismiss(None if event.key == "escape" else event.key)
