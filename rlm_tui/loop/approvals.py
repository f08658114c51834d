"""Who is asked, and what comes of it: the policy first, then the person, then the policy with one more rule.

What asks waits here as long as it must; the question and its answer are facts of the log, so the screen, a replay and
an export know of them. Where nobody is there, whatever would ask is refused with a sentence that says how to allow it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from rlm_tui import events as ev
from rlm_tui.errors import ConfigError, RlmTuiError, ToolError, UsageError
from rlm_tui.loop.acting import stricter
from rlm_tui.permissions.policy import Decision, Deed, Policy
from rlm_tui.permissions.reply import APPROVALS, Reply
from rlm_tui.permissions.rules import parse_rule
from rlm_tui.session.session import Session
from rlm_tui.tools.port import Action, Permits


@dataclass(slots=True)
class _Waiting:
    deed: Deed
    bound: str
    answer: "asyncio.Future[Reply]"


class Approvals:
    """Permits and person of one session, for its tools. Its methods are called on the session's loop."""

    def __init__(self, session: Session, policy: Policy, *, attended: bool, keep: Callable[[str], None]) -> None:
        """`attended` is whether a person can be asked. `keep` keeps a rule for the project; it may raise
        `ConfigError`, which becomes a notice."""
        self.policy = policy
        self.attended = attended
        self._session = session
        self._keep = keep
        self._waiting: dict[str, _Waiting] = {}
        self._questions: dict[str, asyncio.Future[str | None]] = {}

    # --- what tools are given --------------------------------------------------------------------------

    async def require(self, action: Action, request: str) -> None:
        """Return when the action may go on; raise `ToolError` with the reason when it may not."""
        await self.require_within(action, request, "")

    def at_most(self, approval: str) -> Permits:
        """Return these permits under an approval mode where it is stricter than the session's."""
        return _Bounded(self, approval) if approval else self

    async def require_within(self, action: Action, request: str, bound: str) -> None:
        """Do as `require`, with `bound` as the loosest approval mode (empty: none)."""
        deed = Deed(action.tool, action.target, action.paths, action.writes)
        decision = await self._decide(deed, bound)
        if decision.verdict == "allow":
            return
        if decision.verdict == "deny":
            raise ToolError(f"Not allowed: {decision.reason} Do it another way, or tell the person.")
        if not self.attended:
            raise ToolError(f"Not allowed: {decision.reason} Nobody is here to ask. {_how_to_allow(decision)}")
        reply = await self._ask(deed, bound, action, decision, request)
        if reply.decision == "deny":
            why = f": {reply.reason}" if reply.reason else ". Ask what they want, or do it another way."
            raise ToolError(f"The person did not allow this{why}")

    async def ask(self, question: str, options: tuple[str, ...], request: str) -> str:
        """Return the person's answer. Raises `ToolError` when nobody is there, or they would not answer."""
        if not self.attended:
            raise ToolError("Nobody is there to answer. Decide yourself and say what you assumed.")
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._questions[request] = future
        self._session.record(ev.QuestionAsked(request, question, options))
        answer: str | None = None
        try:
            answer = await future
        finally:
            self._questions.pop(request, None)
            self._session.record(ev.QuestionAnswered(request, answer or "", answer is None))
        if answer is None:
            raise ToolError("The person would not answer. Decide yourself and say what you assumed.")
        return answer

    # --- what the person says --------------------------------------------------------------------------

    def answer(self, request: str, reply: Reply) -> None:
        """Answer the question for permission that `request` waits on; one that waits no longer needs no answer.

        Raises `UsageError` where the reply's rule cannot be read; then the question still waits.
        """
        waiting = self._waiting.get(request)
        if waiting is None or waiting.answer.done():
            return
        if reply.decision in ("session", "always"):
            try:
                rule = parse_rule(reply.rule)
            except ConfigError as error:
                raise UsageError(str(error)) from None
            self.policy = self.policy.allowing(rule)
            if reply.decision == "always":
                self._keep_rule(str(rule))
        waiting.answer.set_result(reply)
        if reply.decision in ("session", "always"):
            self._release()

    def answer_question(self, request: str, answer: str | None) -> None:
        """Answer a tool's question; None declines."""
        future = self._questions.get(request)
        if future is not None and not future.done():
            future.set_result(answer)

    def set_approval(self, approval: str) -> None:
        """Let another approval mode decide from now on; what waits and may go on by it goes on.

        Raises `UsageError` for a mode that there is not.
        """
        if approval not in APPROVALS:
            raise UsageError(f"There is no approval mode {approval!r}: choose one of {', '.join(APPROVALS)}.")
        self.policy = replace(self.policy, approval=approval)
        self._release()

    def forget(self, rule: str) -> None:
        """Let the allow rule that reads `rule` hold no longer."""
        self.policy = replace(self.policy, allow=tuple(kept for kept in self.policy.allow if str(kept) != rule))

    # --- inside ----------------------------------------------------------------------------------------

    def _policy_within(self, bound: str) -> Policy:
        approval = stricter(self.policy.approval, bound)
        return self.policy if approval == self.policy.approval else replace(self.policy, approval=approval)  # type: ignore[arg-type]  # one of two modes

    async def _decide(self, deed: Deed, bound: str) -> Decision:
        policy = self._policy_within(bound)
        if deed.tool == "bash":  # shfmt is a program of its own: a few milliseconds
            return await asyncio.to_thread(policy.decide, deed)
        return policy.decide(deed)

    async def _ask(self, deed: Deed, bound: str, action: Action, decision: Decision, request: str) -> Reply:
        waiting = _Waiting(deed, bound, asyncio.get_running_loop().create_future())
        self._waiting[request] = waiting
        self._session.record(
            ev.PermissionAsked(
                request, action.tool, action.target, decision.reason, decision.suggestion, action.preview,
                decision.warning,
            )
        )  # fmt: skip
        reply = Reply("deny", reason="cancelled")
        try:
            reply = await waiting.answer
        finally:
            self._waiting.pop(request, None)
            self._session.record(ev.PermissionAnswered(request, reply.decision, reply.rule, reply.reason))
        return reply

    def _release(self) -> None:
        """Let go on what waits and is allowed by now."""
        for waiting in list(self._waiting.values()):
            if not waiting.answer.done() and self._allowed_now(waiting):
                waiting.answer.set_result(Reply("session"))

    def _allowed_now(self, waiting: _Waiting) -> bool:
        try:
            return self._policy_within(waiting.bound).decide(waiting.deed).verdict == "allow"
        except RlmTuiError:
            return False

    def _keep_rule(self, rule: str) -> None:
        try:
            self._keep(rule)
        except ConfigError as error:
            self._session.record(ev.Notice("warning", str(error)))


@dataclass(frozen=True, slots=True)
class _Bounded:
    """The permits of an agent that is stricter than the session."""

    approvals: Approvals
    approval: str

    async def require(self, action: Action, request: str) -> None:
        await self.approvals.require_within(action, request, self.approval)

    def at_most(self, approval: str) -> Permits:
        return _Bounded(self.approvals, stricter(self.approval, approval))


def _how_to_allow(decision: Decision) -> str:
    if not decision.suggestion:
        return "Do it another way, or tell the person what they would have to do."
    return f"Do it another way, or tell the person that the rule {decision.suggestion} would allow it."
