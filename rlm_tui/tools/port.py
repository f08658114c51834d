"""The port of a tool: typed arguments in, a result for the model and facts for the trace out.

A tool declares its arguments as a frozen msgspec `Struct`; the JSON schema that the model sees and the check of
what the model sends both come from that one declaration.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as CancelFlag
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct

from rlm_tui.context.reader import ContextReader
from rlm_tui.errors import ToolError
from rlm_tui.events import Citation, Span, Usage


class Arguments(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every tool's arguments. A field's docstring goes into `Meta(description=...)`."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gives back.

    `text` is for the model. `summary` is one line for the trace. `spans` are the spans of context that the tool
    *returned*. `capture` is the whole output where it should become a `tool` entry (labelled `label`) when it is
    long enough; None for tools over the context, whose results never become entries. `data` is for the screen.
    `answer` ends the call with that answer, which does not pass through the prompt; None goes on.
    """

    text: str
    summary: str
    spans: tuple[Span, ...] = ()
    capture: str | None = None
    label: str = ""
    ok: bool = True
    data: Mapping[str, Any] = field(default_factory=dict)
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class SubAnswer:
    """The outcome of one sub-call: an answer, or an `error` sentence (then `answer` may hold a partial one).

    `value` is the parsed answer where a schema was asked for. `[start, end)` is where the whole answer lies in the
    context (an `answer` entry), or -1.
    """

    call: int
    answer: str
    error: str = ""
    citations: tuple[Citation, ...] = ()
    usage: Usage = Usage()
    cost: float | None = None
    value: Any = None
    memo: bool = False
    start: int = -1
    end: int = -1


@dataclass(frozen=True, slots=True)
class SubTask:
    """One sub-call to make: a prompt over spans of the context. `schema` asks for a JSON answer that fits it.

    `plain` asks a model once, without tools: the text of the spans stands in its prompt. `limits` is what this
    sub-call with all below it may take of what the caller has: any of calls, tokens, cost (US dollars), seconds.
    `work` gives the sub-call the working tools.
    """

    prompt: str
    spans: tuple[tuple[int, int], ...]
    schema: dict[str, Any] | None = None
    model: str = ""
    agent: str = ""
    plain: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)
    work: bool = False


class SubCalls(Protocol):
    """Sub-calls, as the loop makes them for tools. Budgets are checked before any call is admitted."""

    async def query(self, task: SubTask, request: str) -> SubAnswer:
        """Run one sub-call to its end. A refusal by a budget or a failure comes back as `error`."""
        ...

    async def map(self, tasks: list[SubTask], request: str) -> list[SubAnswer]:
        """Run many sub-calls concurrently; answers come back in the order of the tasks."""
        ...

    def remaining(self) -> Mapping[str, float]:
        """What is left of each budget that is set: depth, calls, tokens, cost, seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Action:
    """Something a tool is about to do that a person may want a say in.

    `target` is what a rule's pattern is matched against: a path, a whole command, an address. `paths` are the files
    concerned, resolved and absolute. `preview` is what the person sees before deciding: a diff, or the command.
    """

    tool: str
    target: str
    paths: tuple[Path, ...] = ()
    writes: bool = False
    preview: str = ""


class Permits(Protocol):
    """Who decides about actions: the rules in force, then the person."""

    async def require(self, action: Action, request: str) -> None:
        """Return when the action may go on; raise `ToolError` with the reason when it may not."""
        ...

    def at_most(self, approval: str) -> "Permits":
        """Return these permits under an approval mode where it is stricter than theirs; empty changes nothing."""
        ...


class Person(Protocol):
    """The person at the screen, as far as a tool may reach them."""

    async def ask(self, question: str, options: tuple[str, ...], request: str) -> str:
        """Return the person's answer. Raises `ToolError` when nobody is there to answer."""
        ...


class NoPermits:
    """Allows nothing: what a tool gets where no rules are in force."""

    async def require(self, action: Action, request: str) -> None:  # noqa: ARG002 - the port's signature
        """Raise `ToolError`."""
        raise ToolError(f"{action.tool} is not allowed here: no permissions are in force.")

    def at_most(self, approval: str) -> Permits:  # noqa: ARG002 - nothing is stricter
        """Return itself."""
        return self


class Nobody:
    """Stands in where no person is there."""

    async def ask(self, question: str, options: tuple[str, ...], request: str) -> str:  # noqa: ARG002 - the port's
        """Raise `ToolError`."""
        raise ToolError("Nobody is there to answer. Decide yourself and say what you assumed.")


@dataclass(frozen=True, slots=True)
class ToolRun:
    """What a running tool is given: the context it may read, sub-calls, and the project's folder.

    `output` shows a piece of output to the person while the tool runs. `cancel` is set when it should stop;
    blocking work in a thread watches it. A tool that changes, runs or reaches anything asks `permits` first.
    """

    request: str
    call: int
    depth: int
    context: ContextReader
    sub: SubCalls
    project: Path
    cancel: CancelFlag
    output: Callable[[str], None]
    permits: Permits = NoPermits()
    person: Person = Nobody()


class Tool(Protocol):
    """One tool. `aliases` map other names for an argument to ours (`query` for `pattern`).

    `parallel` tools change nothing outside the session, so several of one reply may run at once.
    """

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def arguments(self) -> type[Arguments]: ...

    @property
    def aliases(self) -> Mapping[str, str]: ...

    @property
    def parallel(self) -> bool: ...

    def run(self, arguments: Any, run: ToolRun) -> Awaitable[ToolResult]:
        """Do the work. Raises `ToolError` with a sentence for the model."""
        ...


@runtime_checkable
class SchemaTool(Tool, Protocol):
    """A tool that others describe: its arguments follow a JSON schema of theirs and reach `run` as a plain dict.

    Who described it checks the arguments too; here only names are checked, and no alias is resolved.
    """

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The JSON schema of the arguments, an object's."""
        ...
