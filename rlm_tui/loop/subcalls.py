"""Sub-calls as the tools of a call make them: budgets before admission, the memo of leaves, fan-out in order."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rlm_tui import events as ev
from rlm_tui.config.settings import BudgetSettings
from rlm_tui.errors import ContextError
from rlm_tui.loop.acting import Acting, merged_limits
from rlm_tui.loop.answers import check_schema, parse_answer
from rlm_tui.loop.budget import Budget, BudgetExceeded
from rlm_tui.loop.call import CallOutcome, CallSpec
from rlm_tui.loop.citations import find_citations
from rlm_tui.loop.memo import leaf_key
from rlm_tui.session.nodes import Node
from rlm_tui.tools.chunking import spans_chars
from rlm_tui.tools.port import SubAnswer, SubTask
from rlm_tui.tools.registry import Registry

if TYPE_CHECKING:
    from rlm_tui.loop.engine import Engine

PLAIN_CHARS = 400_000
"""Most characters of spans that a plain question to a model may carry; there is no tool to read more with."""

_NO_TOOLS = Registry(())


class SubCallMaker:
    """The sub-calls of one call, as its tools make them."""

    def __init__(self, engine: "Engine", spec: CallSpec) -> None:
        self._engine = engine
        self._spec = spec

    async def query(self, task: SubTask, request: str) -> SubAnswer:
        """Run one sub-call to its end. Raises `ToolError` for a schema that is none."""
        _check(task)
        return await self._run(task, request, -1)

    async def map(self, tasks: list[SubTask], request: str) -> list[SubAnswer]:
        """Run many sub-calls, as many at a time as the budget allows; answers come back in order.

        Raises `ToolError` for a schema that is none; nothing has been asked then.
        """
        checked: list[Any] = []
        for task in tasks:
            if task.schema is not None and not any(task.schema is known for known in checked):
                _check(task)
                checked.append(task.schema)
        answers: list[SubAnswer | None] = [None] * len(tasks)
        places = iter(range(len(tasks)))
        refused: list[str] = []

        async def work() -> None:
            for place in places:
                answers[place] = await self._run(tasks[place], request, place, refused)

        workers = min(len(tasks), self._engine.settings.budget.concurrency)
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())
        return [answer for answer in answers if answer is not None]

    def remaining(self) -> Mapping[str, float]:
        """Return what is left of each budget that has a limit."""
        return self._budget.remaining()

    @property
    def _budget(self) -> Budget:
        return self._spec.budget or self._engine.budget

    # --- one sub-call ----------------------------------------------------------------------------------

    async def _run(self, task: SubTask, request: str, index: int, refused: list[str] | None = None) -> SubAnswer:
        """Run one sub-call; a refusal, failure or cancellation comes back as its `error`.

        `refused` is the batch's: a budget that one part has met is met by all after it, and recorded once.
        """
        engine, parent = self._engine, self._spec
        if task.plain and spans_chars(task.spans) > PLAIN_CHARS:
            return SubAnswer(0, "", _too_long(spans_chars(task.spans)))
        engine.branched.add(parent.number)
        try:
            spec = await self._keyed(self._make_spec(task, request, index))
            while (running := engine.leaves.get(spec.memo_key)) is not None:
                await asyncio.wait({running})
            known = engine.session.state.memo.get(spec.memo_key) if spec.memo_key else None
            if known is not None:
                return self._remembered(spec, known)
            if refused:
                return SubAnswer(0, "", refused[0])
            self._budget.admit_call(spec.depth)
        except ContextError as error:
            return SubAnswer(0, "", str(error))
        except BudgetExceeded as error:
            engine.session.record(error.event(), call=parent.number, parent=parent.parent, depth=parent.depth)
            if refused is not None:
                refused.append(str(error))
            return SubAnswer(0, "", str(error))
        return await self._ask(replace(spec, number=engine.next_call(), budget=self._share(task, spec.acting)))

    def _share(self, task: SubTask, acting: Acting) -> Budget | None:
        """Return what the sub-call spends from: its caller's budget, or a part of it with limits of its own."""
        limits = merged_limits(task.limits, acting.limits) if task.agent else task.limits
        if not limits:
            return self._spec.budget
        share = self._budget.part(limits_of(limits, self._budget.limits))
        share.calls = 1  # the sub-call itself
        return share

    def _make_spec(self, task: SubTask, request: str, index: int) -> CallSpec:
        engine, parent = self._engine, self._spec
        state, depth = engine.session.state, parent.depth + 1
        acting = engine.find_agent(task.agent).within(parent.acting) if task.agent else parent.acting
        inherits = not task.model and not state.sub_model
        model = task.model or state.sub_model or parent.model
        client = parent.client if inherits else None
        if task.agent and acting.client is not None:
            model, client = acting.model, acting.client
        registry = _NO_TOOLS if task.plain else engine.registry_at(depth, work=task.work)
        if task.work:
            beyond = [name for name in registry.names if name not in parent.registry]
            registry = acting.allowed(registry.without(beyond))
        return CallSpec(
            0, parent.number, depth, _purpose(task, index), task.prompt, model, parent.context.view(task.spans),
            registry,
            spans=tuple(ev.Span(start, end, "sent") for start, end in task.spans),
            request=request, index=index, agent=task.agent, schema=task.schema, stream=False,
            acting=acting, client=client,
        )  # fmt: skip

    async def _ask(self, spec: CallSpec) -> SubAnswer:
        engine = self._engine
        child = asyncio.create_task(engine.run_call(spec, engine.sub_message(spec)), name=f"call {spec.number}")
        engine.tasks[spec.number] = child
        if spec.memo_key:
            engine.leaves[spec.memo_key] = child
        try:
            async with asyncio.timeout(spec.budget.limits.seconds if spec.budget is not None else None):
                outcome = await child
        except TimeoutError:
            return self._out_of_time(spec)
        except asyncio.CancelledError:
            if is_cancelling():
                child.cancel()
                raise
            return SubAnswer(spec.number, "", "The sub-call was cancelled by the person.")
        finally:
            engine.tasks.pop(spec.number, None)
            engine.leaves.pop(spec.memo_key, None)
        return self._sub_answer(outcome)

    def _out_of_time(self, spec: CallSpec) -> SubAnswer:
        assert spec.budget is not None
        error = spec.budget.out_of_time()
        session = self._engine.session
        session.record(error.event(), call=spec.number, parent=spec.parent, depth=spec.depth)
        node = session.state.node_of_call(spec.number)
        best = next((text for text in reversed(node.replies) if text.strip()), "") if node is not None else ""
        return SubAnswer(spec.number, best, str(error))

    def _sub_answer(self, outcome: CallOutcome, *, memo: bool = False) -> SubAnswer:
        start = end = -1
        if outcome.entry >= 0:
            entry = self._engine.session.context.entry(outcome.entry)
            start, end = entry.start, entry.start + len(outcome.answer)
        return SubAnswer(
            outcome.number, outcome.answer, outcome.error, outcome.citations, outcome.usage, outcome.cost,
            outcome.value, memo=memo, start=start, end=end,
        )  # fmt: skip

    # --- the memo --------------------------------------------------------------------------------------

    async def _keyed(self, spec: CallSpec) -> CallSpec:
        return replace(spec, memo_key=await leaf_key(spec, self._engine.system_text(spec)))

    def _remembered(self, spec: CallSpec, known: Node) -> SubAnswer:
        """Record a call that an equal one has answered already, and return that answer: nothing is spent."""
        spec = replace(spec, number=self._engine.next_call())
        citations = find_citations(known.result, spec.context)
        session = self._engine.session
        started = ev.CallStarted(
            spec.purpose, spec.model, spec.prompt, spec.spans, spec.request, spec.index, spec.agent, memo=True,  # type: ignore[arg-type]  # a purpose by construction
        )  # fmt: skip
        finished = ev.CallFinished(known.result, citations, cost=0.0, entry=known.entry)
        for event in (started, finished):
            session.record(event, call=spec.number, parent=spec.parent, depth=spec.depth)
        value = parse_answer(known.result, spec.schema)[0] if spec.schema is not None else None
        outcome = CallOutcome(spec.number, known.result, citations, cost=0.0, value=value, entry=known.entry)
        return self._sub_answer(outcome, memo=True)


def _purpose(task: SubTask, index: int) -> str:
    if task.plain:
        return "llm"
    return "task" if task.work else "query" if index < 0 else "map"


def limits_of(limits: Mapping[str, float], around: BudgetSettings) -> BudgetSettings:
    """Return a sub-call's own limits as settings; depth, concurrency and repeats stay those around it."""
    calls, tokens = limits.get("calls"), limits.get("tokens")
    return BudgetSettings(
        depth=around.depth, concurrency=around.concurrency, repeats=around.repeats,
        calls=None if calls is None else int(calls), tokens=None if tokens is None else int(tokens),
        cost=limits.get("cost"), seconds=limits.get("seconds"),
    )  # fmt: skip


def is_cancelling() -> bool:
    """Whether the current task itself is being cancelled (and not only what it waits for)."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _check(task: SubTask) -> None:
    if task.schema is not None:
        check_schema(task.schema)


def _too_long(chars: int) -> str:
    return (
        f"The spans have {chars:,} characters, and one question without tools carries at most {PLAIN_CHARS:,}: "
        "give it less, or make a recursive call."
    )
