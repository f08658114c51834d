"""Questions that wait for the person: brought up as they come, answered on the engine's thread; and the rules."""

from typing import TYPE_CHECKING

from textual.screen import Screen

from rlm_tui.errors import RlmTuiError
from rlm_tui.permissions.reply import APPROVALS, Reply
from rlm_tui.text import one_line
from rlm_tui.tui.screens.approval import ApprovalDialog, QuestionDialog
from rlm_tui.tui.screens.dialogs import Choice, ChooseDialog

if TYPE_CHECKING:
    from rlm_tui.loop.assistant import Assistant
    from rlm_tui.permissions.policy import Policy
    from rlm_tui.session.state import SessionState
    from rlm_tui.tui.bridge import Bridge

_MODES = {
    "ask": "everything that writes, runs or reaches out asks",
    "edit": "edits in the project run unasked",
    "plan": "nothing changes",
    "auto": "commands and edits run unasked, inside the sandbox",
}


class AskingActions(Screen[None]):
    """Permission dialogs, questions and `/permissions`."""

    asking: str = ""
    """The request that a dialog is up for, empty for none."""
    put_off: frozenset[str] = frozenset()
    """Requests that were put off: they come up again when they are asked for."""

    if TYPE_CHECKING:
        bridge: Bridge
        state: SessionState

        def tell(self, text: str, severity: str = "information") -> None: ...

    @property
    def waiting(self) -> int:
        """How many questions wait for the person."""
        return len(self.state.pending_permissions) + len(self.state.pending_questions)

    def show_questions(self) -> None:
        """Bring up the oldest question that waits, where no dialog is up; take a dialog down that nobody waits for."""
        top = self.app.screen
        pending = {**self.state.pending_permissions, **self.state.pending_questions}
        if self.asking and self.asking not in pending:
            self.asking = ""
            if isinstance(top, ApprovalDialog | QuestionDialog):
                top.dismiss(None)
            return
        if self.asking or top is not self:
            return
        self.put_off &= frozenset(pending)
        request = next((name for name in pending if name not in self.put_off), None)
        if request is not None:
            self._bring_up(request)

    def do_answer(self) -> None:
        """Bring up what was put off."""
        self.put_off = frozenset()
        if self.waiting:
            self.show_questions()
        else:
            self.tell("No question waits for you.")

    def _bring_up(self, request: str) -> None:
        self.asking = request
        permission = self.state.pending_permissions.get(request)
        if permission is not None:
            self.app.push_screen(ApprovalDialog(permission, self.waiting), lambda reply: self._replied(request, reply))
            return
        question = self.state.pending_questions[request]
        self.app.push_screen(QuestionDialog(question), lambda answer: self._answered(request, answer))

    def _replied(self, request: str, reply: object) -> None:
        self._let_go(request, answered=reply is not None)
        if not isinstance(reply, Reply):
            return

        def work(assistant: "Assistant") -> None:
            try:
                assistant.approvals.answer(request, reply)
            except RlmTuiError as error:
                self.app.call_later(self.tell, str(error), "error")

        self.bridge.call(work)

    def _answered(self, request: str, answer: object) -> None:
        self._let_go(request, answered=answer is not None)
        if isinstance(answer, str):
            self.bridge.call(lambda assistant: assistant.approvals.answer_question(request, answer or None))

    def _let_go(self, request: str, *, answered: bool) -> None:
        if self.asking != request:
            return  # nobody waited for it any more, and the dialog was taken down
        self.asking = ""
        self.put_off |= {request}  # also what is answered, until the answer has come back as an event
        if not answered:
            self.tell("The question waits: ctrl+x a brings it up again.")
        self.call_later(self.show_questions)

    # --- the rules -------------------------------------------------------------------------------------

    def do_permissions(self) -> None:
        """Show what runs unasked; change the approval mode, or take rules back."""

        def work(assistant: "Assistant") -> None:
            self.app.call_later(self._show_policy, assistant.approvals.policy, assistant.shell.found.text)

        if not self.bridge.call(work):
            self.tell("The session is still being opened: try again in a moment.", "warning")

    def _show_policy(self, policy: "Policy", sandbox: str) -> None:
        choices = [
            Choice(f"mode:{mode}", f"{'●' if mode == policy.approval else '○'} {mode}", _MODES[mode])
            for mode in APPROVALS
        ]
        for name, rules in (("deny", policy.deny), ("ask", policy.ask), ("allow", policy.allow)):
            note = "enter takes it back" if name == "allow" else "from the configuration"
            choices += [Choice(f"{name}:{rule}", f"{name:<5} {rule}", note) for rule in rules]

        def chosen(value: str | None) -> None:
            kind, _, what = (value or "").partition(":")
            if kind == "mode":
                self.bridge.call(lambda assistant: assistant.set_approval(what))
                self.tell(f"Approval mode {what}: {_MODES[what]}.")
            elif kind == "allow":
                self._forget(what)
            elif kind:
                self.tell(f"This rule stands in the configuration: change it there ({one_line(what, 60)}).", "warning")

        hint = f"Commands: {one_line(sandbox, 80)}. Rules of the configuration come back with the next session."
        self.app.push_screen(ChooseDialog("Permissions", choices, hint=hint), chosen)

    def _forget(self, rule: str) -> None:
        def work(assistant: "Assistant") -> None:
            try:
                assistant.forget_rule(rule)
            except RlmTuiError as error:
                self.app.call_later(self.tell, str(error), "error")
            else:
                self.app.call_later(self.tell, f"The rule {rule} holds no longer.")

        self.bridge.call(work)
