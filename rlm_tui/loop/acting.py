"""What a call acts as: an agent's words, model, tools and limits, made ready for the engine.

An agent can only take away. Its approval mode holds where it is stricter than the session's, and what it makes calls
for has at most its own tools and permissions, however it is called itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from rlm_tui.config.agents import BUILD, Agent
from rlm_tui.config.schema import BudgetSettings
from rlm_tui.models.port import ModelClient
from rlm_tui.tools.registry import Registry
from rlm_tui.tools.work.registry import WORK_TOOLS

_APPROVALS = ("plan", "ask", "edit", "auto")
"""Approval modes, the strictest first."""


@dataclass(frozen=True, slots=True)
class Acting:
    """An agent as calls use it. `client` is None where its model is the session's."""

    name: str
    text: str = ""
    model: str = ""
    client: ModelClient | None = None
    approval: str = ""
    tools: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    own_tools: Registry | None = None
    """Tools instead of the session's, for what is no agent but a command that was typed."""

    def allowed(self, registry: Registry) -> Registry:
        """Return the tools of `registry` that this agent may use; those that only look at the context stay."""
        if self.own_tools is not None:
            return self.own_tools
        if not self.tools:
            return registry
        acting = {*WORK_TOOLS, *registry.foreign}
        return registry.without(
            name for name in registry.names if name in acting and not any(fnmatchcase(name, t) for t in self.tools)
        )

    def within(self, around: "Acting | None") -> "Acting":
        """Return this agent as the agent `around` may call it: never freer."""
        if around is None:
            return self
        return replace(self, approval=stricter(self.approval, around.approval))


PLAIN = Acting(BUILD)
"""The session's own way: nothing added, nothing taken away."""

FindAgent = Callable[[str], Acting]
"""Returns the agent of a name. Raises `ToolError` where there is none, or its model cannot be used."""


def acting_as(agent: Agent, client: Callable[[str], ModelClient]) -> Acting:
    """Return an agent ready for use; `client` makes the client of a model and may raise `ModelError`."""
    settings = agent.settings
    limits = {
        "calls": settings.max_calls, "tokens": settings.max_tokens, "cost": settings.max_cost,
        "seconds": settings.timeout,
    }  # fmt: skip
    return Acting(
        agent.name, settings.prompt, settings.model, client(settings.model) if settings.model else None,
        settings.approval, settings.tools, {what: most for what, most in limits.items() if most is not None},
    )  # fmt: skip


def stricter(one: str, other: str) -> str:
    """Return the stricter of two approval modes; an empty one says nothing."""
    if not one or not other:
        return one or other
    return min(one, other, key=_APPROVALS.index)


def tightened(budget: BudgetSettings, limits: Mapping[str, float]) -> BudgetSettings:
    """Return a budget that is no larger than `limits` in any respect."""

    def least(amount: float | None, most: float | None) -> float | None:
        given = [value for value in (amount, most) if value is not None]
        return min(given) if given else None

    calls, tokens = least(budget.calls, limits.get("calls")), least(budget.tokens, limits.get("tokens"))
    return BudgetSettings(
        depth=budget.depth, concurrency=budget.concurrency, repeats=budget.repeats,
        calls=None if calls is None else int(calls), tokens=None if tokens is None else int(tokens),
        cost=least(budget.cost, limits.get("cost")), seconds=least(budget.seconds, limits.get("seconds")),
    )  # fmt: skip


def merged_limits(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """Return the smaller of two limits, for each thing that either limits."""
    return {what: min(limits[what] for limits in (one, other) if what in limits) for what in {*one, *other}}
