"""`!command`: a command that the person types instead of a question. It is a turn like any other, without a model.

The turn asks for `bash` once and answers with what that printed, so trace, context, replay and later prompts hold it as
they hold every tool. Typing a command is the permission to run it; a `deny` rule holds all the same.
"""

import json
from collections.abc import AsyncGenerator
from dataclasses import replace

from msgspec import structs

from rlm_tui.errors import ToolError
from rlm_tui.events import ToolRequest
from rlm_tui.loop.acting import Acting
from rlm_tui.models.port import Limits, Message, ModelPart, ModelRequest, ReplyPart, ToolSchema
from rlm_tui.permissions.policy import Deed, Policy
from rlm_tui.tools.port import Action, ToolResult, ToolRun
from rlm_tui.tools.registry import Registry
from rlm_tui.tools.work.shell import Bash, BashArguments, Shell

MARK = "!"
NAME = "shell"
"""What stands for a model in the trace."""

_SHOWN_LINES = 30
_SHOWN_CHARS = 3_000
_SECONDS = 3_600.0
"""Seconds that a typed command may take; Esc ends it earlier."""


def typed_command(text: str) -> str:
    """Return the command of a prompt that begins with `!`, else an empty string."""
    text = text.strip()
    return text.removeprefix(MARK).strip() if text.startswith(MARK) else ""


def acting_for(command: str, shell: Shell, policy: Policy) -> Acting:
    """Return what a turn acts as that runs `command` and nothing else."""
    return Acting(NAME, model=NAME, client=_OneCommand(command), own_tools=Registry((_TypedBash(shell, policy),)))


class _Typed:
    """The permits of a typed command: only what is forbidden is refused."""

    def __init__(self, policy: Policy) -> None:
        # of the modes, `ask` alone refuses nothing by itself
        self._policy = replace(policy, approval="ask")

    async def require(self, action: Action, request: str) -> None:  # noqa: ARG002 - the port's
        """Raise `ToolError` where a rule forbids the command."""
        decision = self._policy.decide(Deed(action.tool, action.target, action.paths, action.writes))
        if decision.verdict == "deny":
            raise ToolError(decision.reason)

    def at_most(self, approval: str) -> "_Typed":  # noqa: ARG002 - the port's
        """Return the same: no agent stands between the person and the command."""
        return self


class _TypedBash(Bash):
    """`bash` whose result ends the turn."""

    def __init__(self, shell: Shell, policy: Policy) -> None:
        super().__init__(shell)
        self._permits = _Typed(policy)

    async def run(self, arguments: BashArguments, run: ToolRun) -> ToolResult:
        """Run the command. What goes wrong ends the turn too, in words."""
        try:
            longer = structs.replace(arguments, timeout=_SECONDS)
            result = await super().run(longer, replace(run, permits=self._permits))
        except ToolError as error:
            return ToolResult(str(error), "not run", ok=False, answer=f"It did not run. {error}")
        return replace(result, answer=_answer(result))


def _answer(result: ToolResult) -> str:
    """Return what the chat shows: how it ended, and what it printed as far as that is short."""
    text = (result.capture or "").rstrip("\n")
    if not text:
        return f"({result.summary})"
    lines = text.split("\n")
    shown = "\n".join(lines[:_SHOWN_LINES])[:_SHOWN_CHARS]
    fence = "`" * max(3, _longest_run(shown) + 1)
    left = f"\n… {len(text) - len(shown):,} more characters: see the tool's result above.\n" if shown != text else ""
    return f"{fence}text\n{shown}\n{fence}\n{left}({result.summary})"


def _longest_run(text: str) -> int:
    longest = run = 0
    for character in text:
        run = run + 1 if character == "`" else 0
        longest = max(longest, run)
    return longest


class _OneCommand:
    """Implements `ModelClient`: asks for the command, and has nothing to say."""

    def __init__(self, command: str) -> None:
        self._arguments = json.dumps({"command": command})

    async def warm_up(self) -> None:
        """Do nothing: there is nothing to load."""

    def limits(self, model: str) -> Limits:  # noqa: ARG002 - the port's
        """Return no limits, at no price."""
        return Limits(input_price=0.0, output_price=0.0)

    def count_tokens(self, model: str, messages: tuple[Message, ...], tools: tuple[ToolSchema, ...]) -> int:  # noqa: ARG002 - the port's
        """Return 0."""
        return 0

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelPart, None]:
        """Ask for `bash`."""
        call = ToolRequest("", "bash", self._arguments, f"typed{request.call}")
        yield ReplyPart("", NAME, requests=(call,), cost=0.0, finish="tool_calls")
