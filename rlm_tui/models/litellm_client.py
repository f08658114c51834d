"""Language models behind litellm: one request, a stream of our own parts.

Everything that can go wrong at this edge is decided here and not in litellm: deadlines, whether a reply is whole,
which error it is, that a cancelled reply closes its connection, that no key leaks. It makes exactly one HTTP request
a call; retries are `retry.with_retries`.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from msgspec import Struct

from rlm_tui.errors import ModelError
from rlm_tui.models import faults
from rlm_tui.models.accumulate import Accumulator
from rlm_tui.models.loading import is_loaded, load_litellm, warm_up
from rlm_tui.models.messages import cache_points, to_arguments
from rlm_tui.models.port import Limits, Message, ModelPart, ModelRequest, ToolSchema
from rlm_tui.models.prices import cost_of, limits_of, supports_cache
from rlm_tui.models.target import Endpoint, Target, gate_name, resolve
from rlm_tui.models.tokens import TokenEstimator

_CLOSE_SECONDS = 2.0
"""How long closing a connection may take before it is left to the transport."""


class Timeouts(Struct, frozen=True):
    """Deadlines in ms: to the first text of a stream, between its chunks, for all of it; and for a whole reply."""

    first_token_ms: float = 300_000
    idle_ms: float = 120_000
    total_ms: float = 3_600_000
    whole_ms: float = 900_000


class LiteLLMClient:
    """Implements `ModelClient` for every provider that litellm knows and for endpoints of the person's own.

    A model `NAME/model` goes to `endpoints[NAME]`; with `endpoint` set, every other model goes to that one. Keys are
    read from `environ` at each call and are never kept, logged or part of an error.
    """

    def __init__(
        self,
        *,
        endpoints: Mapping[str, Endpoint] | None = None,
        endpoint: str = "",
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._endpoints = dict(endpoints or {})
        self._endpoint = endpoint
        self._timeouts = timeouts
        self._environ = os.environ if environ is None else environ
        self._tokens = TokenEstimator()

    async def warm_up(self) -> None:
        """Import litellm and pay what its first call costs. Takes seconds; nothing leaves the machine."""
        await warm_up()

    def gate_name(self, model: str) -> str:
        """Return the name under which calls of `model` share a rate limit."""
        return gate_name(model, self._endpoints, self._endpoint)

    def limits(self, model: str) -> Limits:
        """Return what is known of `model`. Imports litellm. Unknown names have no known limits."""
        try:
            return limits_of(self._resolve(model))
        except ModelError:
            return Limits()

    def count_tokens(self, model: str, messages: tuple[Message, ...], tools: tuple[ToolSchema, ...]) -> int:
        """Estimate the prompt's tokens without importing anything."""
        return self._tokens.count(model, messages, tools)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelPart, None]:
        """Ask once. See `ModelClient.stream`; raises `ModelError` only."""
        target = self._resolve(request.model)
        litellm = load_litellm() if is_loaded() else await asyncio.to_thread(load_litellm)
        arguments = self._arguments(litellm, request, target)
        reply = _Reply(target, self._timeouts)
        parts = reply.streamed(litellm, arguments) if request.stream else reply.whole(litellm, arguments)
        try:
            async with contextlib.aclosing(parts):
                async for part in parts:
                    yield part
        finally:
            await reply.close()
        whole = reply.accumulator
        self._tokens.learn(request, whole.usage.input_tokens)
        yield whole.reply(
            request.model,
            target.prefix,
            cost=cost_of(target, whole.raw_usage),
            first_ms=reply.first_ms,
            elapsed_ms=reply.elapsed_ms,
        )

    def _resolve(self, model: str) -> Target:
        return resolve(model, self._endpoints, self._endpoint, self._environ)

    def _arguments(self, litellm: Any, request: ModelRequest, target: Target) -> dict[str, Any]:
        arguments = to_arguments(request, target.prefix)
        arguments |= {"model": target.model, "num_retries": 0, "max_retries": 0, "drop_params": True}
        # litellm's own limit is between bytes and for safety only: ours come first.
        arguments["timeout"] = self._timeouts.total_ms / 1000 + 60
        if target.api_base is not None:
            arguments["api_base"] = target.api_base
        if target.api_key is not None:
            arguments["api_key"] = target.api_key
        if target.headers:
            arguments["extra_headers"] = target.headers
        if not target.prefix and target.model not in litellm.model_cost:
            raise ModelError(
                "not_found",
                f"No model is called {target.model!r}: write PROVIDER/{target.model}, as `rlm-tui models` lists them.",
            )
        if not target.priced and target.prefix == "openai" and "tools" in arguments:
            # An endpoint of the person's own takes tools as they are written. In `extra_body` they are not walked
            # through, type by type, by litellm and OpenAI's client: with ten tools that is half the work of a call.
            arguments["extra_body"] = {"tools": arguments.pop("tools")}
        if supports_cache(target):
            arguments["cache_control_injection_points"] = cache_points(request)
        return arguments


class _Reply:
    """One exchange: its deadlines, its connection, what has arrived."""

    def __init__(self, target: Target, timeouts: Timeouts) -> None:
        self._target = target
        self._timeouts = timeouts
        self._started = time.perf_counter()
        self._stream: Any = None
        self.accumulator = Accumulator()
        self.first_ms = 0.0
        self.elapsed_ms = 0.0

    async def streamed(self, litellm: Any, arguments: dict[str, Any]) -> AsyncGenerator[ModelPart, None]:
        """Yield the parts of a streamed reply. Raises `ModelError`, `cut` where its end is missing."""
        limits = self._timeouts
        try:
            deadline = self._deadline(limits.first_token_ms)
            self._stream = await self._within(litellm.acompletion(**arguments), deadline, "no reply began")
            chunks = aiter(self._stream)
            while True:
                began = not self.accumulator.empty
                what = "nothing more arrived" if began else "no reply began"
                chunk = await self._within(anext(chunks, None), deadline, what)
                if chunk is None:
                    break
                for part in self.accumulator.add(chunk):
                    yield self._timed(part)
                if not self.accumulator.empty:
                    self._note_first()
                    deadline = self._deadline(limits.idle_ms)
        except ModelError:
            raise
        except Exception as error:  # noqa: BLE001 - litellm raises many classes, plain Exception among them
            raise self._fault(error) from None
        if _was_cut(self._stream):
            raise faults.cut(self._target, self.accumulator.text)
        for part in self.accumulator.close():
            yield self._timed(part)
        self._finish()

    async def whole(self, litellm: Any, arguments: dict[str, Any]) -> AsyncGenerator[ModelPart, None]:
        """Yield the parts of a reply that arrives at once."""
        try:
            deadline = self._deadline(self._timeouts.whole_ms)
            reply = await self._within(litellm.acompletion(**arguments), deadline, "no reply arrived")
            parts = [*self.accumulator.add_whole(reply), *self.accumulator.close()]
        except ModelError:
            raise
        except Exception as error:  # noqa: BLE001 - litellm raises many classes, plain Exception among them
            raise self._fault(error) from None
        if not self.accumulator.finish:
            raise faults.cut(self._target, self.accumulator.text)
        for part in parts:
            yield self._timed(part)
        self._note_first()
        self._finish()

    async def close(self) -> None:
        """Close the connection, finished or not; an unread rest would keep it open."""
        close = getattr(self._stream, "aclose", None)
        if close is None:
            return
        self._stream = None
        # A transport that fails while closing is closed.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await close()

    def _timed(self, part: ModelPart) -> ModelPart:
        self._note_first()
        return part

    def _note_first(self) -> None:
        if not self.first_ms:
            self.first_ms = (time.perf_counter() - self._started) * 1000

    def _finish(self) -> None:
        self.elapsed_ms = (time.perf_counter() - self._started) * 1000

    def _fault(self, error: Exception) -> ModelError:
        accumulator = self.accumulator
        return faults.to_model_error(error, self._target, partial=accumulator.text, begun=not accumulator.empty)

    def _deadline(self, milliseconds: float) -> tuple[float, float]:
        """Return the moment (`time.perf_counter`) at which to give up, and the limit in ms that sets it."""
        total = self._started + self._timeouts.total_ms / 1000
        moment = time.perf_counter() + milliseconds / 1000
        return (moment, milliseconds) if moment <= total else (total, self._timeouts.total_ms)

    async def _within(self, work: Any, deadline: tuple[float, float], what: str) -> Any:
        moment, limit_ms = deadline
        try:
            async with asyncio.timeout(moment - time.perf_counter()) as timer:
                return await work
        except TimeoutError as error:
            if not timer.expired():
                raise self._fault(error) from None
            raise faults.too_slow(self._target, what, limit_ms, self.accumulator.text) from None


def _was_cut(stream: Any) -> bool:
    """Tell whether a stream ended without its end. litellm then makes up a `stop`, and usage to go with it.

    What the provider itself sent is kept in the wrapper: a finish reason, or chunks with usage.
    """
    if not hasattr(stream, "received_finish_reason"):
        return False
    if stream.received_finish_reason or stream.intermittent_finish_reason:
        return False
    return all(getattr(chunk, "usage", None) is None for chunk in stream.chunks)
