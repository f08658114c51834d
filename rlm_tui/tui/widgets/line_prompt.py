"""A one-line input in a pane: for a search, a place to go to, a filter. It costs no layout while one types."""

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import TextArea

from rlm_tui.tui.widgets.title_line import Part, TitleLine


class _Line(TextArea):
    """A text area of one line: Enter submits, Escape cancels."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key in ("enter", "escape", "ctrl+f"):
            event.stop()
            event.prevent_default()
            prompt = self.parent
            assert isinstance(prompt, LinePrompt)
            prompt.pressed(event.key)
            return
        await super()._on_key(event)

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        self.insert(" ".join(event.text.splitlines()))


class LinePrompt(Horizontal):
    """Asks for one line. Posts `Typed` while it is written, then `Answered` or `Cancelled`."""

    DEFAULT_CSS = """
    LinePrompt { height: 1; display: none; }
    LinePrompt.asking { display: block; }
    LinePrompt > #label { width: auto; min-width: 4; }
    LinePrompt > TextArea { width: 1fr; height: 1; border: none; padding: 0; background: $raised; }
    LinePrompt > TextArea:focus { border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+f", "switch", "Literal or pattern", show=False)]

    class Typed(Message):
        """The text changed."""

        def __init__(self, purpose: str, text: str) -> None:
            super().__init__()
            self.purpose = purpose
            self.text = text

    class Answered(Message):
        """Enter was pressed. `toggled` is the state of the `ctrl+f` switch."""

        def __init__(self, purpose: str, text: str, toggled: bool) -> None:
            super().__init__()
            self.purpose = purpose
            self.text = text
            self.toggled = toggled

    class Cancelled(Message):
        """Escape was pressed."""

        def __init__(self, purpose: str) -> None:
            super().__init__()
            self.purpose = purpose

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.purpose = ""
        self.toggled = False
        self._labels = ("", "")

    def compose(self) -> ComposeResult:
        """Lay out label and line."""
        yield TitleLine(id="label")
        yield _Line(compact=True, soft_wrap=False, show_line_numbers=False, highlight_cursor_line=False)

    def ask(self, purpose: str, label: str, text: str = "", *, toggled_label: str = "") -> None:
        """Show the line and take the focus. `toggled_label` makes `ctrl+f` switch to a second meaning."""
        self.purpose = purpose
        self._labels = (label, toggled_label)
        self.toggled = self.toggled and bool(toggled_label)
        line = self.query_one(_Line)
        line.text = text
        line.select_all()
        self.add_class("asking")
        self._show_label()
        line.focus()

    def close(self) -> None:
        """Hide the line."""
        self.remove_class("asking")

    def _show_label(self) -> None:
        label = self._labels[self.toggled]
        title = self.query_one("#label", TitleLine)
        title.styles.width = len(label) + 3
        title.show([Part(label, "accent")])

    def pressed(self, key: str) -> None:
        """Called by the line for the keys that end it."""
        text = self.query_one(_Line).text
        if key == "ctrl+f":
            self.action_switch()
            return
        self.close()
        self.post_message(
            self.Answered(self.purpose, text, self.toggled) if key == "enter" else self.Cancelled(self.purpose)
        )

    def action_switch(self) -> None:
        """Switch between the two meanings, where there are two."""
        if self._labels[1]:
            self.toggled = not self.toggled
            self._show_label()

    @on(TextArea.Changed)
    def _changed(self, message: TextArea.Changed) -> None:
        message.stop()
        if self.has_class("asking"):
            self.post_message(self.Typed(self.purpose, message.text_area.text))
