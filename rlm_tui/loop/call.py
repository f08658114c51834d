"""One call: a language model that is asked, runs tools, and is asked again until it answers.

A call is one node of the trace. The root call of a turn and every sub-call run this same loop; they differ in what
they see (`CallSpec`) and in what surrounds them (`Surroundings`: the engine).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as CancelFlag
from typing import Any, Protocol

import msgspec

from rlm_tui import events as ev
from rlm_tui.config.settings import CaptureSettings
from rlm_tui.context.reader import ContextReader
from rlm_tui.errors import ContextError, ModelError, SessionError, ToolError
from rlm_tui.loop.acting import PLAIN, Acting
from rlm_tui.loop.answers import parse_answer
from rlm_tui.loop.budget import Budget, BudgetExceeded
from rlm_tui.loop.citations import find_citations
from rlm_tui.loop.deltas import DeltaBuffer
from rlm_tui.loop.fenced import fenced_requests, only_cells, results_message
from rlm_tui.models.port import Message, ModelClient, ModelPart, ModelRequest, ReasoningPart, ReplyPart
from rlm_tui.session.session import Session
from rlm_tui.text import one_line
from rlm_tui.tools.port import Permits, Person, SubCalls, Tool, ToolResult, ToolRun
from rlm_tui.tools.registry import Registry

MAX_REPLIES = 60
"""Replies of one call; a model that still calls tools then is stopped with its best answer so far."""

_REMIND_FROM = 5
_ANSWER_TRIES = 3


@dataclass(frozen=True, slots=True)
class CallSpec:
    """What a call is about: its number and place in the tree, its task, and what it may see and use."""

    number: int
    parent: int
    depth: int
    purpose: str
    prompt: str
    model: str
    context: ContextReader
    registry: Registry
    spans: tuple[ev.Span, ...] = ()
    request: str = ""
    index: int = -1
    agent: str = ""
    schema: dict[str, Any] | None = None
    stream: bool = True
    reasoning: str = ""
    memo_key: str = ""
    budget: Budget | None = None
    """A sub-call's own part of the budget; None: the turn's."""
    acting: Acting = PLAIN
    """The agent that the call acts as."""
    client: ModelClient | None = None
    """The client of the call's own model; None: the session's for its depth."""


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """How a call ended. `error` is empty where it answered; then `kind` says which kind of failure it was."""

    number: int
    answer: str
    citations: tuple[ev.Citation, ...] = ()
    usage: ev.Usage = ev.Usage()
    cost: float | None = None
    value: Any = None
    kind: str = ""
    error: str = ""
    finish: str = "stop"
    entry: int = -1


class Surroundings(Protocol):
    """What a call needs of the engine."""

    session: Session
    budget: Budget
    capture: CaptureSettings
    project: Path
    permits: Permits
    person: Person

    def prompt_messages(self, spec: CallSpec, current: Sequence[Message]) -> tuple[Message, ...]:
        """Return the whole prompt for the call's messages so far, fitted to the window."""
        ...

    def ask(
        self, request: ModelRequest, spec: CallSpec, on_restart: Callable[[], None]
    ) -> AsyncGenerator[ModelPart, None]:
        """Return the model's parts, with retries and the shared gate around the client.

        `on_restart` is called when a reply was cut off and begins anew.
        """
        ...

    def learn(self, spec: CallSpec, messages: tuple[Message, ...], reported: int) -> None:
        """Calibrate the token estimate by what the provider counted."""
        ...

    def sub_calls(self, spec: CallSpec) -> SubCalls:
        """Return the sub-calls that tools of this call can make."""
        ...

    def next_request(self) -> str:
        """Return a new tool request's id."""
        ...

    def memo_key(self, spec: CallSpec, tools_used: AbstractSet[str]) -> str:
        """Return the key under which the call's answer may be given to an equal one; empty for none."""
        ...

    def keep_answer(self, spec: CallSpec, answer: str) -> int:
        """Put a sub-call's answer into the context; return its entry, or -1 where it is not kept."""
        ...


@dataclass(slots=True)
class Call:
    """One running call. `run` takes it to its end and never raises but for cancellation."""

    spec: CallSpec
    around: Surroundings
    messages: list[Message] = field(default_factory=list)
    usage: ev.Usage = ev.Usage()
    cost: float | None = 0.0
    best: str = ""
    replies: int = 0
    answer: str | None = None
    """What a tool ended the call with; it has not passed through the prompt."""
    tools_used: set[str] = field(default_factory=set)
    calls_tools: bool = False
    """Whether the model has called a tool the provider's way: its code blocks are then only shown."""

    @property
    def budget(self) -> Budget:
        """What this call spends from."""
        return self.spec.budget or self.around.budget

    def record(self, event: ev.AnyEvent) -> None:
        """Record an event as this call's."""
        self.around.session.record(event, call=self.spec.number, parent=self.spec.parent, depth=self.spec.depth)

    async def run(self, first: Message) -> CallOutcome:
        """Ask, run tools, ask again, until an answer; return how it ended."""
        self.messages.append(first)
        try:
            return self._finish(await self._converse())
        except BudgetExceeded as error:
            self.record(error.event())
            return self._fail("budget", str(error))
        except ModelError as error:
            self.best = self.best or error.partial
            return self._fail(error.kind, str(error))
        except SessionError as error:
            return self._fail("internal", str(error))
        except asyncio.CancelledError:
            self._fail("cancelled", "Cancelled.")
            raise

    async def _converse(self) -> tuple[ReplyPart, Any]:
        tries = 0
        while True:
            reply = await self._ask()
            if reply.requests:
                self.messages += await self._run_tools(reply)
                if self.answer is None:
                    continue
                reply, self.answer = msgspec.structs.replace(reply, text=self.answer, finish="stop"), None
            value, problem = self._check(reply)
            if not problem:
                return reply, value
            tries += 1
            if tries >= _ANSWER_TRIES:
                raise ModelError("bad_reply", f"{self.spec.model} gave no usable answer: {problem}.")
            self.messages.append(Message("user", f"That was not usable: {problem}. Answer again."))

    def _check(self, reply: ReplyPart) -> tuple[Any, str]:
        if self.spec.schema is not None:
            return parse_answer(reply.text, self.spec.schema)
        if reply.text.strip():
            return None, ""
        if reply.finish == "length":
            return None, "the reply was cut by the output limit before any text"
        return None, "the reply was empty"

    def _finish(self, outcome: tuple[ReplyPart, Any]) -> CallOutcome:
        reply, value = outcome
        citations = find_citations(reply.text, self.spec.context)
        entry = self.around.keep_answer(self.spec, reply.text)
        key = self.around.memo_key(self.spec, self.tools_used) if reply.finish == "stop" else ""
        self.record(ev.CallFinished(reply.text, citations, self.usage, self.cost, entry, reply.finish, key))
        return CallOutcome(
            self.spec.number, reply.text, citations, self.usage, self.cost, value, finish=reply.finish, entry=entry
        )

    def _fail(self, kind: str, message: str) -> CallOutcome:
        self.record(ev.CallFailed(kind, message, self.usage, self.cost))
        return CallOutcome(self.spec.number, self.best, (), self.usage, self.cost, None, kind, message)

    # --- asking ----------------------------------------------------------------------------------------

    async def _ask(self) -> ReplyPart:
        self.budget.check()
        if self.replies >= MAX_REPLIES:
            raise BudgetExceeded(
                "replies", MAX_REPLIES, self.replies, f"The call did not come to an answer in {MAX_REPLIES} replies."
            )
        self.replies += 1
        prompt = self.around.prompt_messages(self.spec, self.messages)
        request = ModelRequest(
            self.spec.model, prompt, self.spec.registry.schemas, stream=self.spec.stream,
            reasoning=self.spec.reasoning, response_schema=self.spec.schema if not self.spec.registry.schemas else None,
            cache_until=len(prompt) - 1, call=self.spec.number, depth=self.spec.depth, task=self.spec.prompt,
            fenced=only_cells(self.spec.registry),
        )  # fmt: skip
        reply = await self._stream(request)
        self.around.learn(self.spec, prompt, reply.usage.input_tokens)
        return await self._take(reply)

    async def _stream(self, request: ModelRequest) -> ReplyPart:
        deltas = DeltaBuffer(self.record)
        stream = self.around.ask(request, self.spec, deltas.drop)
        try:
            async for part in stream:
                if isinstance(part, ReplyPart):
                    deltas.flush()
                    return part
                if request.stream:  # what comes whole is told by the reply itself
                    deltas.add(part.text, reasoning=isinstance(part, ReasoningPart))
        finally:
            deltas.flush()
            await stream.aclose()
        raise ModelError("bad_reply", f"{self.spec.model} ended without a reply. Try again.")

    async def _take(self, reply: ReplyPart) -> ReplyPart:
        requests = tuple(
            msgspec.structs.replace(request, request=self.around.next_request()) for request in reply.requests
        )
        self.calls_tools = self.calls_tools or bool(requests)
        fenced = () if requests else fenced_requests(reply, self.spec.registry, python=not self.calls_tools)
        requests += tuple(msgspec.structs.replace(cell, request=self.around.next_request()) for cell in fenced)
        reply = msgspec.structs.replace(reply, requests=requests)
        self.usage += reply.usage
        self.cost = None if self.cost is None or reply.cost is None else self.cost + reply.cost
        self.budget.spend(reply.usage, reply.cost)
        self.record(
            ev.ReplyFinished(
                reply.text, reply.model, reply.requests, reply.reasoning, reply.usage, reply.cost, reply.finish,
                round(reply.elapsed_ms, 1), round(reply.first_token_ms, 1), reply.extra, bool(fenced),
            )
        )  # fmt: skip
        await self.around.session.synced()
        if reply.text.strip():
            self.best = reply.text
        asked = () if fenced else reply.requests
        self.messages.append(Message("assistant", reply.text, requests=asked, extra=reply.extra))
        return reply

    # --- tools -----------------------------------------------------------------------------------------

    async def _run_tools(self, reply: ReplyPart) -> list[Message]:
        """Run what the reply asked for; return one result a request, in order, whatever happened."""
        groups = self._groups(reply.requests)
        results: list[Message] = []
        for group in groups:
            if len(group) == 1:
                results.append(await self._run_tool(group[0]))
            else:
                results += await asyncio.gather(*(self._run_tool(request) for request in group))
        if reply.requests and not self.messages[-1].requests:
            results = [results_message([message.content for message in results])]
        note = self._reminder()
        if note and results:
            last = results[-1]
            results[-1] = msgspec.structs.replace(last, content=f"{last.content}\n\n{note}")
        return results

    def _reminder(self) -> str:
        """Return what the model must know of its limits now: few replies left, or a budget that shrinks."""
        lines = []
        left = MAX_REPLIES - self.replies
        if left <= _REMIND_FROM:
            lines.append(f"({left} replies left in this call: answer soon with your best inference.)")
        scarce = self.budget.scarce()
        if scarce:
            lines.append(f"(Nearly used up: {scarce} left. Submit your best inference soon.)")
        return "\n".join(lines)

    def _groups(self, requests: Sequence[ev.ToolRequest]) -> list[list[ev.ToolRequest]]:
        """Return runs of requests that may go at the same time; a tool that changes things goes alone."""
        groups: list[list[ev.ToolRequest]] = []
        for request in requests:
            parallel = request.name in self.spec.registry and self.spec.registry.tool(request.name).parallel
            if parallel and groups and groups[-1] and self._all_parallel(groups[-1]):
                groups[-1].append(request)
            else:
                groups.append([request])
        return groups

    def _all_parallel(self, requests: Sequence[ev.ToolRequest]) -> bool:
        names = self.spec.registry
        return all(request.name in names and names.tool(request.name).parallel for request in requests)

    async def _run_tool(self, request: ev.ToolRequest) -> Message:
        started = time.perf_counter()
        cancel = CancelFlag()
        self.tools_used.add(request.name)
        if self.answer is not None:
            self.record(ev.ToolRequested(request.request, request.name, {}))
            return self._end_tool(request, started, ToolResult("Not run: the answer was given.", "not run", ok=False))
        try:
            tool, arguments, plain = self.spec.registry.parse(request.name, request.arguments)
        except ToolError as error:
            self.record(ev.ToolRequested(request.request, request.name, {}))
            return self._end_tool(request, started, ToolResult(str(error), one_line(str(error), 120), ok=False))
        self.record(ev.ToolRequested(request.request, request.name, plain))
        try:
            result = await self._execute(tool, arguments, plain, request, cancel)
        except asyncio.CancelledError:
            cancel.set()
            data = {"cancelled": True}
            self._end_tool(request, started, ToolResult("Cancelled.", "cancelled", ok=False, data=data))
            raise
        return self._end_tool(request, started, result)

    async def _execute(
        self, tool: Tool, arguments: Any, plain: dict[str, Any], request: ev.ToolRequest, cancel: CancelFlag
    ) -> ToolResult:
        # What a tool with effects gives depends on what its call did before; the others repeat over the same spans.
        own = self.spec.depth == 0 or not tool.parallel
        key = f"{self.spec.number if own else self.spec.spans}:{tool.name}:{plain}"
        run = ToolRun(
            request.request, self.spec.number, self.spec.depth, self.spec.context, self.around.sub_calls(self.spec),
            self.around.project, cancel, lambda text: self.record(ev.ToolOutput(request.request, text)),
            self.around.permits.at_most(self.spec.acting.approval), self.around.person,
        )  # fmt: skip
        try:
            self.budget.admit_repeat(key)
            return await tool.run(arguments, run)
        except BudgetExceeded as error:
            self.record(error.event())
            return ToolResult(str(error), one_line(str(error), 120), ok=False)
        except (ToolError, ContextError) as error:
            return ToolResult(str(error), one_line(str(error), 120), ok=False)

    def _end_tool(self, request: ev.ToolRequest, started: float, result: ToolResult) -> Message:
        text, entry = result.text, -1
        self.answer = result.answer if self.answer is None else self.answer
        if result.capture is not None and len(result.capture) >= self.around.capture.min_chars:
            entries = self.around.session.append_parts(
                "tool", result.label or request.name, result.capture, self.around.capture.max_chars,
                call=self.spec.number,
            )  # fmt: skip
            entry = entries[0].number
            text += f"\n(the whole output is in the context: [{entries[0].start}-{entries[-1].end}])"
        self.record(
            ev.ToolFinished(
                request.request, request.name, result.ok, text, result.summary,
                round((time.perf_counter() - started) * 1000, 2), result.spans, entry, dict(result.data),
            )
        )  # fmt: skip
        return Message("tool", text, provider_id=request.provider_id or request.request, name=request.name)
