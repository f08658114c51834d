"""The prompt: a text area that sends on Enter, grows with its text, remembers, and completes."""

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import TextArea

from rlm_tui.text import safe_text
from rlm_tui.tui.widgets.prompt_history import PromptHistory

__all__ = ["CompletionWanted", "LargePaste", "PromptArea", "PromptHistory", "PromptSent"]

MAX_LINES = 8
LARGE_PASTE_CHARS = 2_000
_SHOWN_CHOICES = 8
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_REFERENCE = re.compile(r"(?:^|\s)@([^\s@]*)$")

CompletionKind = Literal["entry", "command"]


class PromptSent(Message):
    """The person sent a prompt."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class LargePaste(Message):
    """A long text was pasted; it was not put into the prompt."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class CompletionWanted(Message):
    """The word at the cursor can be completed: `prefix` is what stands after its `@` or `/`."""

    def __init__(self, prefix: str, kind: CompletionKind) -> None:
        super().__init__()
        self.prefix = prefix
        self.kind = kind


class ChoiceLines(Widget):
    """The choices of a completion, above the prompt."""

    DEFAULT_CSS = "ChoiceLines { height: auto; max-height: 8; background: $panel; padding: 0 1; margin: 0 1; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.choices: tuple[tuple[str, str], ...] = ()
        self.chosen = 0
        self.display = False

    def show(self, choices: Sequence[tuple[str, str]]) -> None:
        """Show `(text, note)` choices; none hides the list."""
        self.choices = tuple(choices[:_SHOWN_CHOICES])
        self.chosen = 0
        self.display = bool(self.choices)
        self.refresh(layout=True)

    def move(self, by: int) -> None:
        """Choose another."""
        self.chosen = (self.chosen + by) % len(self.choices)
        self.refresh()

    def render(self) -> Content:
        """Return one line a choice."""
        lines = []
        for number, (text, note) in enumerate(self.choices):
            style = "bold $accent" if number == self.chosen else "$foreground"
            mark = "▸ " if number == self.chosen else "  "
            parts = [
                (mark + safe_text(text, newlines=False), style),
                (f"  {safe_text(note, newlines=False)}", "$text-muted"),
            ]
            lines.append(Content.assemble(*parts))
        return Content("\n").join(lines)


class PromptArea(TextArea):
    """Where the person writes. `choices` is the widget that shows completions."""

    DEFAULT_CSS = """
    PromptArea { height: 3; border: round $faint; background: $ground; padding: 0 1; }
    PromptArea:focus { border: round $accent; }
    PromptArea .text-area--cursor-line { background: $ground; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "Send, or accept the completion", show=False),
        Binding("ctrl+j,shift+enter", "newline", "New line", show=False),
        Binding("up", "earlier", "Line up, or the prompt before", show=False),
        Binding("down", "later", "Line down, or the next prompt", show=False),
    ]

    def __init__(self, history: PromptHistory, *, id: str | None = None) -> None:
        super().__init__(
            id=id, soft_wrap=True, show_line_numbers=False, tab_behavior="focus", highlight_cursor_line=False,
            placeholder="Ask, @ file or entry, / command, ! shell",
        )  # fmt: skip
        self._history = history
        self._place: int | None = None
        self._draft = ""
        self._lines = 1
        self.choices = ChoiceLines(id="choices")

    async def _on_key(self, event: events.Key) -> None:
        """Handle our keys in the order in which they came.

        A priority binding would be checked before letters that still wait in this widget's queue, so that a prompt
        that arrives in one piece would be sent empty.
        """
        action = {
            "enter": self.action_send, "ctrl+j": self.action_newline, "shift+enter": self.action_newline,
            "up": self.action_earlier, "down": self.action_later,
        }.get(event.key)  # fmt: skip
        if action is None and self.choices.display:
            action = {"tab": self._take_choice, "escape": self._hide_choices}.get(event.key)
        if action is not None:
            event.stop()
            event.prevent_default()
            action()
            return
        await super()._on_key(event)

    # --- sending ---------------------------------------------------------------------------------------

    def action_send(self) -> None:
        """Send what is written; with completions shown, take the chosen one."""
        if self.choices.display:
            self._take_choice()
            return
        text = self.text.strip("\n")
        if not text.strip():
            return
        self._history.add(text)
        self._place, self._draft = None, ""
        self.text = ""
        self.post_message(PromptSent(text))

    def action_newline(self) -> None:
        """Start a new line."""
        self.insert("\n")

    async def _on_paste(self, event: events.Paste) -> None:
        """Take a paste without control characters; a long one goes to the screen instead."""
        event.stop()
        event.prevent_default()
        text = _UNWANTED.sub("", event.text.replace("\r\n", "\n").replace("\r", "\n"))
        if len(text) > LARGE_PASTE_CHARS:
            self.post_message(LargePaste(text))
        elif text:
            self.replace(text, *self.selection)

    # --- history ---------------------------------------------------------------------------------------

    def action_earlier(self) -> None:
        """Go up a line; from the first one, to the prompt before."""
        if self.choices.display:
            self.choices.move(-1)
        elif self.cursor_at_first_line and self.selection.start == self.selection.end:
            self._go_history(-1)
        else:
            self.action_cursor_up()

    def action_later(self) -> None:
        """Go down a line; from the last one, to the next prompt."""
        if self.choices.display:
            self.choices.move(1)
        elif self.cursor_at_last_line and self._place is not None:
            self._go_history(1)
        else:
            self.action_cursor_down()

    def _go_history(self, by: int) -> None:
        prompts = self._history.prompts
        if self._place is None:
            if by > 0 or not prompts:
                return
            self._draft, self._place = self.text, len(prompts)
        place = max(0, self._place + by)
        self._place = None if place >= len(prompts) else place
        self.text = self._draft if self._place is None else prompts[place]
        self.move_cursor(self.document.end)

    # --- completing ------------------------------------------------------------------------------------

    def offer(self, choices: Sequence[tuple[str, str]]) -> None:
        """Show completions as `(text, note)`; the text replaces the word at the cursor, its mark included."""
        self.choices.show(choices if self._wanted() is not None else ())

    def _wanted(self) -> tuple[str, CompletionKind] | None:
        """Return what could be completed at the cursor."""
        row, column = self.cursor_location
        line = self.document.get_line(row)[:column]
        if row == 0 and line.startswith("/") and " " not in line:
            return line[1:], "command"
        found = _REFERENCE.search(line)
        return (found[1], "entry") if found else None

    def _take_choice(self) -> None:
        text, _ = self.choices.choices[self.choices.chosen]
        wanted = self._wanted()
        self.choices.show(())
        if wanted is not None:
            row, column = self.cursor_location
            self.replace(text + " ", (row, column - len(wanted[0]) - 1), (row, column))

    def _hide_choices(self) -> None:
        self.choices.show(())

    # --- growing ---------------------------------------------------------------------------------------

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Grow or shrink with the text, and ask for completions."""
        event.stop()
        self._fit()
        wanted = self._wanted()
        if wanted is not None:
            self.post_message(CompletionWanted(*wanted))
        elif self.choices.display:
            self.choices.show(())

    def on_resize(self) -> None:
        """Fit again where the width changed."""
        self._fit()

    def _fit(self) -> None:
        lines = max(1, min(MAX_LINES, self.wrapped_document.height))
        if lines != self._lines:
            self._lines = lines
            self.styles.height = lines + 2
