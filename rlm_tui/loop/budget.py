"""Budgets over the whole tree of one turn, checked before anything is admitted.

Fan-out multiplies: three sub-calls each at depth 8 are 9,840 calls. So a call is admitted only while every budget
has room, and a retry counts as spend. Tokens are input and output tokens, cost is US dollars, time is seconds.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping

from rlm_tui.config.settings import BudgetSettings
from rlm_tui.errors import RlmTuiError
from rlm_tui.events import BudgetReached, Usage

_SCARCE = 0.25


class BudgetExceeded(RlmTuiError):
    """A budget has no room left. `what` names it; the message says what was reached."""

    def __init__(self, what: str, limit: float, used: float, message: str) -> None:
        super().__init__(message)
        self.what = what
        self.limit = limit
        self.used = used

    def event(self) -> BudgetReached:
        """Return the fact for the log."""
        return BudgetReached(self.what, self.limit, self.used, str(self))


class Budget:
    """What one turn may spend, and has spent. Every call of its tree shares one.

    A sub-call that was given limits of its own has a part of its caller's: what it spends counts in both, and either
    one refuses.
    """

    def __init__(
        self, limits: BudgetSettings, clock: Callable[[], float] = time.monotonic, *, whole: "Budget | None" = None
    ) -> None:
        """`whole` is the budget that this one is a part of."""
        self.limits = limits
        self._whole = whole
        self._clock = clock
        self._started = clock()
        self._repeats: Counter[str] = Counter()
        self.calls = 0
        self.tokens = 0
        self.cost = 0.0

    @property
    def seconds(self) -> float:
        """Seconds since the turn began."""
        return self._clock() - self._started

    def part(self, limits: BudgetSettings) -> "Budget":
        """Return a part of this budget with limits of its own, its clock starting now."""
        return Budget(limits, self._clock, whole=self)

    def admit_call(self, depth: int) -> None:
        """Count one more call at `depth` (0: root). Raises `BudgetExceeded` where there is no room for it."""
        limits = self.limits
        if limits.depth is not None and depth > limits.depth:
            raise BudgetExceeded(
                "depth", limits.depth, depth, f"Sub-calls may go {limits.depth} deep: answer from what you have."
            )
        self.check()
        if limits.calls is not None and self.calls >= limits.calls:
            whose = "turn" if self._whole is None else "sub-call"
            raise BudgetExceeded(
                "calls", limits.calls, self.calls,
                f"All {limits.calls} calls of this {whose} are used: submit your best answer from what you have.",
            )  # fmt: skip
        if self._whole is not None:
            self._whole.admit_call(depth)
        self.calls += 1

    def admit_repeat(self, key: str) -> None:
        """Count one more identical request. Raises `BudgetExceeded` when it was made too often."""
        if self._whole is not None:
            self._whole.admit_repeat(key)
            return
        limit = self.limits.repeats
        if limit is not None and self._repeats[key] >= limit:
            raise BudgetExceeded(
                "repeats", limit, self._repeats[key],
                f"This identical call was made {limit} times already and its result will not change: "
                "use what it gave, or ask something else.",
            )  # fmt: skip
        self._repeats[key] += 1

    def spend(self, usage: Usage, cost: float | None) -> None:
        """Count what a reply took."""
        self.tokens += usage.total_tokens
        self.cost += cost or 0.0
        if self._whole is not None:
            self._whole.spend(usage, cost)

    def check(self) -> None:
        """Raise `BudgetExceeded` when tokens, cost or time are used up."""
        if self._whole is not None:
            self._whole.check()
        limits = self.limits
        if limits.tokens is not None and self.tokens >= limits.tokens:
            raise BudgetExceeded(
                "tokens", limits.tokens, self.tokens,
                f"The budget of {limits.tokens:,} tokens is used up ({self.tokens:,}).",
            )  # fmt: skip
        if limits.cost is not None and self.cost >= limits.cost > 0:
            raise BudgetExceeded(
                "cost", limits.cost, self.cost, f"The budget of ${limits.cost:.4g} is used up (${self.cost:.4f})."
            )
        if limits.seconds is not None and self.seconds >= limits.seconds:
            raise self.out_of_time()

    def out_of_time(self) -> BudgetExceeded:
        """Return the error for a turn that took too long."""
        limit = self.limits.seconds or 0.0
        return BudgetExceeded("seconds", limit, self.seconds, f"The budget of {limit:g} seconds is used up.")

    def remaining(self) -> Mapping[str, float]:
        """Return what is left of each budget that has a limit."""
        limits = self.limits
        left = {
            "calls": None if limits.calls is None else limits.calls - self.calls,
            "tokens": None if limits.tokens is None else limits.tokens - self.tokens,
            "cost": None if limits.cost is None else limits.cost - self.cost,
            "seconds": None if limits.seconds is None else limits.seconds - self.seconds,
        }
        own = {what: max(0.0, amount) for what, amount in left.items() if amount is not None}
        whole = {} if self._whole is None else self._whole.remaining()
        return {what: min(d[what] for d in (own, whole) if what in d) for what in left if what in own or what in whole}

    def scarce(self) -> str:
        """Return what little is left of budgets of which a quarter or less is, as one short line."""
        limits = self.limits
        wholes = {"calls": limits.calls, "tokens": limits.tokens, "cost": limits.cost, "seconds": limits.seconds}
        parts = [
            _amount_text(what, left)
            for what, left in self.remaining().items()
            if (whole := wholes[what]) is not None and left <= whole * _SCARCE
        ]
        return ", ".join(parts)

    def remaining_text(self, depth: int) -> str:
        """Return what is left as one short line for a call at `depth`."""
        parts = [] if self.limits.depth is None else [f"depth {max(0, self.limits.depth - depth)}"]
        for what, amount in self.remaining().items():
            parts.append(_amount_text(what, amount))
        return ", ".join(parts) or "no limits"


def _amount_text(what: str, amount: float) -> str:
    return f"cost ${amount:.4f}" if what == "cost" else f"{what} {amount:,.0f}"
