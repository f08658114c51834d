"""Undo and redo on the screen: what would change is shown first, and done when the person says so."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.screen import Screen

from rlm_tui.errors import RlmTuiError
from rlm_tui.text import safe_text
from rlm_tui.tui.screens.dialogs import Choice, ChooseDialog

if TYPE_CHECKING:
    from rlm_tui.loop.assistant import Assistant
    from rlm_tui.loop.undo import UndoPlan
    from rlm_tui.tui.bridge import Bridge

_PREVIEW_LINES = 18
_OTHER_LINES = 18
"""Lines of the dialog that are not the diff's."""


class UndoActions(Screen[None]):
    """`/undo` and `/redo`. The plan is made, and carried out, on the engine's thread."""

    if TYPE_CHECKING:
        bridge: Bridge

        def tell(self, text: str, severity: str = "information") -> None: ...

    def do_undo(self) -> None:
        """Take back the files of the assistant's last turn that changed any."""
        self.plan_change("Undo", lambda assistant: assistant.undo.plan_undo())

    def do_redo(self) -> None:
        """Bring back what was undone last."""
        self.plan_change("Redo", lambda assistant: assistant.undo.plan_redo())

    def plan_change(self, heading: str, make: "Callable[[Assistant], UndoPlan]") -> None:
        """Make a plan of a change, show it, and carry it out when the person says so."""

        def work(assistant: "Assistant") -> None:
            try:
                plan = make(assistant)
            except RlmTuiError as error:
                self.app.call_later(self.tell, str(error), "warning")
            else:
                self.app.call_later(self._confirm, heading, plan, plan.diff)

        if not self.bridge.call(work):
            self.tell("The session is still being opened: try again in a moment.", "warning")

    def _confirm(self, heading: str, plan: "UndoPlan", diff: str) -> None:
        files = f"{len(plan.steps)} file{'s' if len(plan.steps) != 1 else ''}"
        note = f"{files}, and lose changes that were made since" if plan.conflicts else files
        choices = [Choice("do", heading, note), Choice("keep", "Leave everything as it is")]
        if plan.conflicts:
            choices.reverse()
        room = self.app.size.height * 4 // 5 - _OTHER_LINES - len(plan.steps)
        shown = preview(plan, diff, max(2, min(_PREVIEW_LINES, room)))

        def chosen(value: str | None) -> None:
            if value == "do":
                self._carry_out(heading, plan)

        self.app.push_screen(ChooseDialog(f"{heading}: this will change", choices, hint=shown), chosen)

    def _carry_out(self, heading: str, plan: "UndoPlan") -> None:
        def work(assistant: "Assistant") -> None:
            try:
                assistant.undo.carry_out(plan, force=bool(plan.conflicts))
            except RlmTuiError as error:
                self.app.call_later(self.tell, str(error), "error")
            else:
                self.app.call_later(self.tell, f"{heading}: done.")

        self.bridge.call(work)


def preview(plan: "UndoPlan", diff: str, room: int) -> str:
    """Return the plan's summary and the first `room` lines of its diff, safe to show."""
    parts = diff.split("\n")[:-1]
    lines = [*plan.summary.splitlines(), "", *parts[:room]]
    if len(parts) > room:
        lines.append(f"… {len(parts) - room:,} more lines of the diff")
    return safe_text("\n".join(lines))
