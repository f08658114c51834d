"""When a failed call is made again, and after how long."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from hashlib import blake2b

from msgspec import Struct

from rlm_tui.errors import ModelError
from rlm_tui.events import ModelRetry
from rlm_tui.models.gate import Gate
from rlm_tui.models.port import ModelClient, ModelPart, ModelRequest, ReplyPart
from rlm_tui.models.providers import prefix_of


class RetryPolicy(Struct, frozen=True):
    """Which failures are tried again (`kinds` of `ModelError`), how often, and how long apart, in milliseconds.

    The wait doubles with each attempt up to `longest_ms`, less a share of up to half that differs from call to call
    (Amazon's "equal jitter"); the share follows from `seed`, call and attempt alone. What a provider asks for with
    `Retry-After` is obeyed, up to `patience_ms`: a longer wait is the person's to decide, so the error is raised.
    """

    retries: int = 4
    base_ms: float = 500
    longest_ms: float = 30_000
    patience_ms: float = 120_000
    kinds: tuple[str, ...] = ("rate_limit", "connection", "timeout", "server", "cut")
    seed: int = 0

    def wait_ms(self, attempt: int, error: ModelError, call: int = 0) -> float | None:
        """Return the wait before the retry that follows failure `attempt` (1, 2, ...), or None to give up."""
        if error.kind not in self.kinds or attempt > self.retries:
            return None
        share = _share(self.seed, call, attempt)
        if error.retry_after is not None:
            asked = error.retry_after * 1000
            return None if asked > self.patience_ms else asked * (1 + share / 10)
        backoff = min(self.longest_ms, self.base_ms * 2.0 ** (attempt - 1))
        return float(backoff * (0.5 + share / 2))


def _share(seed: int, call: int, attempt: int) -> float:
    """Return a number in [0, 1) that looks random and is the same each time."""
    digest = blake2b(f"{seed}:{call}:{attempt}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


async def with_retries(
    client: ModelClient,
    request: ModelRequest,
    policy: RetryPolicy,
    gate: Gate,
    on_retry: Callable[[ModelRetry], None],
    *,
    restart: bool = False,
    provider: str = "",
) -> AsyncGenerator[ModelPart, None]:
    """Yield the parts of a reply, asking again after failures that may pass.

    Once a part was yielded, a failure is raised unless `restart`: then `on_retry` is called, whoever shows the parts
    drops them, and the reply begins anew. A rate limit holds back every call that shares `provider` (by default the
    model's prefix, see `LiteLLMClient.gate_name`). Raises the last `ModelError`. Close the generator (`aclosing`) to
    free slot and connection at once.
    """
    lane = provider or prefix_of(request.model) or request.model
    attempt = 0
    while True:
        shown = False
        try:
            async with gate.slot(lane), aclosing(_closable(client, request)) as parts:
                async for part in parts:
                    shown = shown or not isinstance(part, ReplyPart)
                    yield part
            return
        except ModelError as error:
            attempt += 1
            wait = policy.wait_ms(attempt, error, request.call)
            if wait is None or (shown and not restart):
                raise
            if error.kind == "rate_limit":
                gate.pause(lane, wait / 1000)
            on_retry(ModelRetry(attempt, round(wait), error.kind, str(error)))
        await asyncio.sleep(wait / 1000)


async def _closable(client: ModelClient, request: ModelRequest) -> AsyncGenerator[ModelPart, None]:
    """Yield the client's parts and close its iterator where that can be closed; the port asks for an iterator only."""
    parts = client.stream(request)
    try:
        async for part in parts:
            yield part
    finally:
        if isinstance(parts, AsyncGenerator):
            await parts.aclose()
