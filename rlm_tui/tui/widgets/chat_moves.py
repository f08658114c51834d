"""Moving through the chat and acting on it: messages, citations and links, folding, copying."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from rlm_tui.session.nodes import ChatItem
from rlm_tui.tui.widgets.chat_items import Fold, is_long_prompt
from rlm_tui.tui.widgets.line_view import LineView
from rlm_tui.tui.widgets.markdown.look import LinkTarget, SpanTarget
from rlm_tui.tui.widgets.strips import Target

_TARGET_REACH = 400
"""Lines that are looked through for the next target."""


class CitationChosen(Message):
    """The person chose a citation of the span `[start, end)`, in characters of the session's context."""

    def __init__(self, start: int, end: int) -> None:
        super().__init__()
        self.start = start
        self.end = end


class ChatMoves(LineView):
    """What a person does in the chat. The view says what lies where."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step_target(-1)", "Previous citation or link", show=False),
        Binding("right", "step_target(1)", "Next citation or link", show=False),
        Binding("enter", "choose", "Open the citation, or unfold", show=False),
        Binding("y", "copy", "Copy the selection, code block or message", show=False),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.pointed: int | None = None
        self.chosen: tuple[int, Target] | None = None

    # --- what the view gives ---------------------------------------------------------------------------

    def items(self) -> list[ChatItem]:
        """Return the items that are shown."""
        raise NotImplementedError

    def first_line(self, index: int) -> int:
        """Return the first line of an item."""
        raise NotImplementedError

    def item_at(self, line: int) -> int | None:
        """Return which item a line belongs to."""
        raise NotImplementedError

    def targets_of(self, line: int) -> tuple[Target, ...]:
        """Return what can be chosen on a line."""
        raise NotImplementedError

    def code_at(self, line: int) -> str:
        """Return the code block that a line is in, or nothing."""
        raise NotImplementedError

    def toggle(self, index: int) -> None:
        """Unfold an item, or fold it again."""
        raise NotImplementedError

    # --- messages --------------------------------------------------------------------------------------

    def move_message(self, by: int) -> None:
        """Bring the message before (-1) or after (1) the first line shown to the top."""
        messages = [
            item.index for item in self.items() if item.role == "user" or (item.role == "assistant" and item.parts)
        ]
        starts = [(self.first_line(index), index) for index in messages]
        if by < 0:
            found = next(((line, index) for line, index in reversed(starts) if line < self.top), None)
        else:
            found = next(((line, index) for line, index in starts if line > self.top), None)
        if found is None:
            self.scroll_to_line(0 if by < 0 else self.line_count())
            return
        self.pointed = found[1]
        self.cursor = (found[0], 0)
        self.scroll_to_line(found[0])

    def toggle_expanded(self) -> None:
        """Unfold or fold the item under the cursor where it can be, else the newest one that can."""
        here = self.item_at(self.cursor[0]) if self.has_focus else None
        items = self.items()
        if here is not None and _folds(items[here]):
            self.toggle(here)
            return
        newest = next((item.index for item in reversed(items) if _folds(item)), None)
        if newest is not None:
            self.toggle(newest)

    # --- targets ---------------------------------------------------------------------------------------

    def action_step_target(self, by: int) -> None:
        """Go to the next or previous citation, link or fold."""
        start = self.chosen[0] if self.chosen is not None else (self.top - 1 if by > 0 else self.top + self.page)
        if self.chosen is not None and not self.top <= start < self.top + self.page:
            start = self.top - 1 if by > 0 else self.top + self.page
            self.chosen = None
        for line in range(max(0, start), self.line_count()) if by > 0 else range(start, -1, -1):
            if abs(line - start) > _TARGET_REACH:
                break
            targets = list(self.targets_of(line))
            if self.chosen is not None and line == self.chosen[0]:
                old = self.chosen[1].start
                targets = [t for t in targets if (t.start > old if by > 0 else t.start < old)]
            if targets:
                self.chosen = (line, targets[0] if by > 0 else targets[-1])
                self.cursor = (line, self.chosen[1].start)
                self.show_line(line)
                self.repaint()
                return

    def action_choose(self) -> None:
        """Open the chosen citation; without one, unfold what is under the cursor."""
        if self.chosen is not None:
            self._act_on(self.chosen[1])
        else:
            self.toggle_expanded()

    def on_line_click(self, line: int, column: int, target: Target | None) -> None:  # noqa: ARG002 - the target says it
        """Open or unfold what was clicked."""
        self.chosen = None
        if target is not None:
            self._act_on(target)

    def _act_on(self, target: Target) -> None:
        match target.what:
            case SpanTarget(start, end):
                self.post_message(CitationChosen(start, end))
            case LinkTarget(url):
                self.copy_text(url, "the address")
            case Fold(item):
                self.toggle(item)
            case _:
                pass

    # --- copying ---------------------------------------------------------------------------------------

    def action_copy(self) -> None:
        """Copy the selection, else the code block under the cursor, else the whole message."""
        if self.selection is not None:
            self.copy_selection()
            return
        line = self.cursor[0]
        code = self.code_at(line)
        if code:
            self.copy_text(code, "the code")
            return
        index = self.item_at(line)
        if index is not None:
            self.copy_text(self.items()[index].text, "the message")


def _folds(item: ChatItem) -> bool:
    """Return whether there is more of an item than is shown at first."""
    return item.role in ("tool", "reasoning") or (item.role == "user" and is_long_prompt(item.text))
