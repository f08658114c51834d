"""The engine: turns, the tree of calls, sub-calls with their budgets, and cancelling any part of it.

Runs on one event loop (the engine thread's, or a headless program's) and knows no screen. Everything that happens
is recorded in the session; what a caller gets back is the event that ended the turn.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

from rlm_tui import events as ev
from rlm_tui.config.agents import BUILD
from rlm_tui.config.settings import BudgetSettings, CaptureSettings, Settings
from rlm_tui.context.entry import Entry
from rlm_tui.errors import ToolError
from rlm_tui.loop.acting import PLAIN, Acting, FindAgent, tightened
from rlm_tui.loop.budget import Budget
from rlm_tui.loop.call import Call, CallOutcome, CallSpec
from rlm_tui.loop.images import ShownImages, takes_images
from rlm_tui.loop.instructions import Instructions
from rlm_tui.loop.memo import PURE_TOOLS
from rlm_tui.loop.partial import found_so_far
from rlm_tui.loop.prompt import root_metadata, spans_text, sub_metadata
from rlm_tui.loop.subcalls import SubCallMaker, is_cancelling
from rlm_tui.loop.window import CHARS_PER_TOKEN, TokenEstimate, fit, no_images, prompt_tokens
from rlm_tui.models.gate import Gate
from rlm_tui.models.port import Message, ModelClient, ModelPart, ModelRequest
from rlm_tui.models.retry import RetryPolicy, with_retries
from rlm_tui.models.router import lane_of
from rlm_tui.session.session import Session
from rlm_tui.text import one_line
from rlm_tui.tools.chunking import spans_chars
from rlm_tui.tools.port import Nobody, NoPermits, Permits, Person
from rlm_tui.tools.registry import Registry
from rlm_tui.tools.work.registry import TASK, WORK_TOOLS

INLINE_CHARS = 120_000
"""Spans of at most this many characters (and 60 % of the window) stand in a sub-call's prompt themselves."""

_RECURSION = ("rlm_query", "rlm_map")


class Engine:
    """Runs turns of one session with one model (and one for sub-calls)."""

    def __init__(
        self,
        session: Session,
        client: ModelClient,
        registry: Registry,
        settings: Settings,
        project: Path,
        *,
        sub_client: ModelClient | None = None,
        call_ended: Callable[[int], Awaitable[None]] | None = None,
        prompts: Path | None = None,
        rules: Callable[[], str] = str,
    ) -> None:
        """`call_ended` is awaited with the number of each call after its end, however it ended.

        `prompts` is the person's own folder of system texts. `rules` returns the rules in force, asked once a turn;
        they are part of the system text of the root call and of sub-agents.
        """
        self.session = session
        self.client = client
        self.sub_client = sub_client or client
        self.registry = registry
        self.settings = settings
        self.project = project
        self.capture: CaptureSettings = settings.capture
        self.budget = Budget(settings.budget)
        self.gate = Gate(settings.budget.concurrency)
        self.retry = RetryPolicy()
        self.permits: Permits = NoPermits()
        self.person: Person = Nobody()
        self.tools_ready: Callable[[], Awaitable[None]] | None = None
        """Awaited before a turn's first call, with the prompt safe already: tools may still be on their way."""
        self.find_agent: FindAgent = _no_agent
        self._call_ended = call_ended
        self._instructions = Instructions(prompts)
        self._find_rules = rules
        self._rules = ""
        self._estimate = TokenEstimate()
        self.use_tools(registry)
        self.tasks: dict[int, asyncio.Task[CallOutcome]] = {}
        """Running sub-calls by number."""
        self.leaves: dict[str, asyncio.Task[CallOutcome]] = {}
        """Running sub-calls by memo key: an equal one waits for the first instead of paying too."""
        self.branched: set[int] = set()
        """Calls that made sub-calls, so that they are no leaves."""
        self._turn_task: asyncio.Task[CallOutcome] | None = None
        self._prompt_entry: Entry | None = None
        self._metadata = ""
        self._images = ShownImages(session.directory)

    def use_tools(self, registry: Registry) -> None:
        """Use other tools from the next call on."""
        self.registry = registry
        acting = (*WORK_TOOLS, *registry.foreign)
        deepest = registry.without((*_RECURSION, TASK))
        self._registries = {
            (False, True): registry, (False, False): registry.without(acting),
            (True, True): deepest, (True, False): deepest.without(acting),
        }  # fmt: skip

    # --- a turn ----------------------------------------------------------------------------------------

    async def run_turn(
        self,
        prompt: str,
        *,
        budget: BudgetSettings | None = None,
        agent: Acting = PLAIN,
        images: tuple[ev.Image, ...] = (),
    ) -> ev.TurnFinished | ev.TurnInterrupted:
        """Answer one prompt as `agent` and return how the turn ended. One turn at a time. `images` are kept already.

        The prompt is durable before anything else happens. Raises `SessionError` only when it cannot be written.
        """
        started = time.monotonic()
        number = self.session.state.turns[-1].number + 1 if self.session.state.turns else 1
        self.budget = Budget(tightened(budget or self.settings.budget, agent.limits))
        self.branched.clear()
        self._rules = self._find_rules()
        self._prompt_entry = self._keep_prompt(number, prompt)
        entry = self._prompt_entry.number if self._prompt_entry is not None else -1
        self.session.record(ev.TurnStarted(number, prompt, entry, _shown_name(agent), images))
        self.session.barrier()
        outcome = await self._run_root(prompt, agent)
        # what a typed command printed is in the context as the tool's
        kept = agent.own_tools is None
        return self._end_turn(number, outcome, (time.monotonic() - started) * 1000, kept=kept)

    def _keep_prompt(self, number: int, prompt: str) -> Entry | None:
        if len(prompt) < self.capture.user_min_chars or not prompt:
            return None
        return self.session.append_parts("user", f"#{number}", prompt, self.capture.max_chars)[0]

    async def _run_root(self, prompt: str, agent: Acting) -> CallOutcome:
        spec = CallSpec(
            self.next_call(), 0, 0, "root", prompt, agent.model or self.session.state.model, self.session.context,
            agent.allowed(self.registry_at(0)), agent=_shown_name(agent),
            reasoning=self.session.state.settings.get("reasoning", self.settings.model.reasoning),
            acting=agent, client=agent.client,
        )  # fmt: skip
        self.budget.admit_call(0)
        self._metadata = self._root_metadata(())
        self._turn_task = asyncio.create_task(self._run_first(spec), name="root call")
        try:
            async with asyncio.timeout(self.budget.limits.seconds):
                return await self._turn_task
        except TimeoutError:
            error = self.budget.out_of_time()
            self.session.record(error.event(), call=spec.number)
            return self._ended_early(spec, "budget", str(error))
        except asyncio.CancelledError:
            if is_cancelling():
                raise
            return self._ended_early(spec, "cancelled", "Interrupted. What was found so far is kept.")
        finally:
            self._turn_task = None

    async def _run_first(self, spec: CallSpec) -> CallOutcome:
        if self.tools_ready is not None and spec.acting.own_tools is None:
            await self.tools_ready()
        images = await asyncio.to_thread(self._images.urls_of, self.session.state.turns[-1])
        return await self.run_call(
            replace(spec, registry=spec.acting.allowed(self.registry_at(0))),
            Message("user", spec.prompt, images=images),
        )

    def _ended_early(self, spec: CallSpec, kind: str, message: str) -> CallOutcome:
        node = self.session.state.node_of_call(spec.number)
        best = next((text for text in reversed(node.replies) if text.strip()), "") if node is not None else ""
        return CallOutcome(spec.number, best, kind=kind, error=message)

    def _end_turn(
        self, number: int, outcome: CallOutcome, elapsed_ms: float, *, kept: bool
    ) -> ev.TurnFinished | ev.TurnInterrupted:
        node = self.session.state.turns[-1].node
        cost = node.cost if node.cost_known else None
        model = self.session.state.model
        if outcome.kind == "budget" and not outcome.answer:
            outcome = replace(outcome, answer=found_so_far(node))
        if kept and outcome.answer and len(outcome.answer) >= self.capture.assistant_min_chars:
            self.session.append_parts("assistant", f"#{number}", outcome.answer, self.capture.max_chars)
        if not outcome.error:
            event: ev.TurnFinished | ev.TurnInterrupted = ev.TurnFinished(
                number, outcome.answer, model, outcome.citations, node.usage, cost, node.calls,
                "length" if outcome.finish == "length" else "done", round(elapsed_ms, 1),
            )  # fmt: skip
        else:
            reason = {"cancelled": "interrupted", "budget": "budget"}.get(outcome.kind, "failed")
            event = ev.TurnInterrupted(
                number, reason, model, outcome.answer, outcome.error, outcome.citations, node.usage, cost, node.calls,
                round(elapsed_ms, 1),
            )  # fmt: skip
        self.session.record(event)
        self.session.barrier()
        return event

    # --- calls -----------------------------------------------------------------------------------------

    async def run_call(self, spec: CallSpec, first: Message) -> CallOutcome:
        """Run one call to its end, however that is; it is recorded from start to end."""
        call = Call(spec, self)
        call.record(
            ev.CallStarted(
                spec.purpose, spec.model, spec.prompt, spec.spans, spec.request, spec.index, spec.agent,  # type: ignore[arg-type]  # a purpose by construction
            )
        )  # fmt: skip
        await self.client_of(spec).warm_up()
        try:
            return await call.run(first)
        finally:
            if self._call_ended is not None:
                await self._call_ended(spec.number)

    def client_of(self, spec: CallSpec) -> ModelClient:
        """Return the client that a call's model is reached by."""
        return spec.client or (self.client if spec.depth == 0 else self.sub_client)

    def next_call(self) -> int:
        """Return a new call's number; taken at once, since many calls are made before the first one starts."""
        self.session.state.last_call += 1
        return self.session.state.last_call

    def next_request(self) -> str:
        """Return a new tool request's id, `t1`, `t2`, ... in its session."""
        self.session.state.last_request += 1
        return f"t{self.session.state.last_request}"

    def registry_at(self, depth: int, *, work: bool = True) -> Registry:
        """Return the tools of a call at `depth`: at the deepest none that recurse, and without `work` none that act."""
        limit = self.budget.limits.depth
        return self._registries[limit is not None and depth >= limit, work]

    def ask(
        self, request: ModelRequest, spec: CallSpec, on_restart: Callable[[], None]
    ) -> AsyncGenerator[ModelPart, None]:
        """Return the model's parts. A failure that may pass is recorded and the reply begins anew."""
        client = self.client_of(spec)

        def on_retry(event: ev.ModelRetry) -> None:
            on_restart()
            self.session.record(event, call=spec.number, parent=spec.parent, depth=spec.depth)

        lane = lane_of(request.model, self.settings)
        return with_retries(client, request, self.retry, self.gate, on_retry, restart=True, provider=lane)

    def memo_key(self, spec: CallSpec, tools_used: AbstractSet[str]) -> str:
        """Return the call's memo key where it was a leaf after all, else an empty string."""
        return spec.memo_key if spec.number not in self.branched and tools_used <= PURE_TOOLS else ""

    def learn(self, spec: CallSpec, messages: tuple[Message, ...], reported: int) -> None:
        """Calibrate the token estimate by what the provider counted."""
        self._estimate.learn(messages, spec.registry.schemas, reported)

    def keep_answer(self, spec: CallSpec, answer: str) -> int:
        """Put a sub-call's answer into the context as an `answer` entry; the root's becomes `assistant` later."""
        if spec.depth == 0 or not answer:
            return -1
        label = f"call {spec.number}: {one_line(spec.prompt, 60)}"
        return self.session.append_parts("answer", label, answer, self.capture.max_chars, call=spec.number)[0].number

    # --- prompts ---------------------------------------------------------------------------------------

    def system_text(self, spec: CallSpec) -> str:
        """Return the instructions of a call."""
        text = self._instructions.text(spec.purpose, spec.model, spec.registry)
        if spec.purpose not in ("root", "task"):
            return text
        own = spec.acting.text.strip()
        return (
            "\n".join([text, *([f"# Your part: {spec.acting.name}\n\n{own}\n"] if own else []), self._rules]).rstrip(
                "\n"
            )
            + "\n"
        )

    def prompt_messages(self, spec: CallSpec, current: Sequence[Message]) -> tuple[Message, ...]:
        """Return the whole prompt for a call's messages so far, fitted to the window."""
        limits = self.client_of(spec).limits(spec.model)
        room = prompt_tokens(self.settings.window, limits)
        system = Message("system", self.system_text(spec))
        if spec.depth > 0:
            return fit(system, (), current, room, self._estimate, spec.registry.schemas).messages
        first = Message("user", f"{current[0].content}\n\n{self._metadata}", images=current[0].images)
        turns = self.session.state.turns[:-1]
        # another model may have been shown what this one does not take
        shown = self._images.urls_of if takes_images(spec.model, limits) else no_images
        prompt = fit(system, turns, [first, *current[1:]], room, self._estimate, spec.registry.schemas, shown)
        if prompt.hidden_turns and "not shown" not in self._metadata:
            self._metadata = self._root_metadata(prompt.hidden_turns)
            return self.prompt_messages(spec, current)
        return prompt.messages

    def _root_metadata(self, hidden: tuple[int, ...]) -> str:
        entry = self._prompt_entry
        return root_metadata(
            self.session.context.stats(), self.project,
            prompt_span=(entry.start, entry.end) if entry is not None else None,
            hidden=self._hidden_text(hidden), budget=self.budget.remaining_text(0),
        )  # fmt: skip

    def _hidden_text(self, hidden: tuple[int, ...]) -> str:
        if not hidden:
            return ""
        first = next((t.entry for t in self.session.state.turns if t.number == hidden[0] and t.entry >= 0), None)
        where = f" from offset {self.session.context.entry(first).start} on" if first is not None else ""
        return (
            f"turns {hidden[0]}-{hidden[-1]} of this conversation are not shown; their text is in the context"
            f"{where} (entries of type user and assistant)"
        )

    def sub_message(self, spec: CallSpec) -> Message:
        """Return the message that opens a sub-call: its task, what it may see, and the text where that is small."""
        spans = tuple((span.start, span.end) for span in spec.spans)
        chars = spans_chars(spans)
        room = prompt_tokens(self.settings.window, self.client_of(spec).limits(spec.model))
        inlined = chars <= min(INLINE_CHARS, int(room * CHARS_PER_TOKEN * 0.6))
        if spec.purpose == "llm":
            return Message("user", f"{spec.prompt}\n\n{spans_text(spec.context, spans)}" if spans else spec.prompt)
        parts = [
            spec.prompt, "",
            sub_metadata(spans, chars, budget=(spec.budget or self.budget).remaining_text(spec.depth), inlined=inlined),
        ]  # fmt: skip
        if spec.schema is not None:
            parts += ["", f"Answer with JSON alone that fits this schema: {_compact(spec.schema)}"]
        if inlined:
            parts += ["", spans_text(spec.context, spans)]
        return Message("user", "\n".join(parts))

    # --- sub-calls -------------------------------------------------------------------------------------

    def sub_calls(self, spec: CallSpec) -> SubCallMaker:
        """Return the sub-calls that tools of this call can make."""
        return SubCallMaker(self, spec)

    # --- cancelling ------------------------------------------------------------------------------------

    def interrupt(self) -> bool:
        """Stop the running turn with all its calls; return whether there was one."""
        if self._turn_task is None:
            return False
        self._turn_task.cancel()
        return True

    def cancel_call(self, call: int) -> bool:
        """Stop one sub-call with its sub-tree; its caller is told and goes on. The root's number stops the turn."""
        task = self.tasks.get(call)
        if task is not None:
            task.cancel()
            return True
        node = self.session.state.node_of_call(call)
        return self.interrupt() if node is not None and node.kind == "turn" and node.running else False


def _shown_name(agent: Acting) -> str:
    return "" if agent.name == BUILD else agent.name


def _no_agent(name: str) -> Acting:
    raise ToolError(f"There is no agent {name!r}: leave `agent` empty.")


def _compact(schema: dict[str, object]) -> str:
    import msgspec

    return msgspec.json.encode(schema).decode()
