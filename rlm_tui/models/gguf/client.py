"""The client of a GGUF model: waits until it is loaded, then asks it as it would any OpenAI-compatible server."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from msgspec import structs

from rlm_tui.config.schema import EndpointSettings, GgufSettings
from rlm_tui.models.gguf.file import PREFIX, path_of
from rlm_tui.models.gguf.server import Running, server_of
from rlm_tui.models.litellm_client import LiteLLMClient, Timeouts
from rlm_tui.models.port import Limits, Message, ModelPart, ModelRequest, ReplyPart, ToolSchema
from rlm_tui.models.tokens import TokenEstimator

_KEY = "GGUF_KEY"


class GgufClient:
    """Implements `ModelClient` for one GGUF file. Costs nothing; the window is the one it was loaded with."""

    def __init__(self, model: str, settings: GgufSettings, timeouts: Timeouts) -> None:
        """Raises `ModelError` at once where the file or the extra is missing; loads nothing yet."""
        self._server = server_of(path_of(model), settings)
        self._name = f"{PREFIX}/{self._server.path.stem}"
        self._timeouts = timeouts
        # waiting for another reply must not count against the time that this one may take to begin
        self._slots = asyncio.Semaphore(settings.parallel)
        self._tokens = TokenEstimator()
        self._asked: tuple[Running, LiteLLMClient] | None = None

    async def warm_up(self) -> None:
        """Load the model, and what speaks to it."""
        running, _ = await asyncio.gather(self._server.ready(), LiteLLMClient().warm_up())
        self._client(running)

    def limits(self, model: str) -> Limits:  # noqa: ARG002 - the port's; there is one model here
        """Return the window that the model is loaded with."""
        return Limits(context_tokens=self._server.context_tokens, input_price=0.0, output_price=0.0)

    def count_tokens(self, model: str, messages: tuple[Message, ...], tools: tuple[ToolSchema, ...]) -> int:
        """Estimate the prompt's tokens."""
        return self._tokens.count(model, messages, tools)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelPart, None]:
        """Ask once. See `ModelClient.stream`."""
        async with self._slots:
            client = self._client(await self._server.ready())
            async with contextlib.aclosing(client.stream(structs.replace(request, model=self._name))) as parts:
                async for part in parts:
                    if not isinstance(part, ReplyPart):
                        yield part
                        continue
                    self._tokens.learn(request, part.usage.input_tokens)
                    yield structs.replace(part, model=request.model, cost=0.0)

    def _client(self, running: Running) -> LiteLLMClient:
        if self._asked is None or self._asked[0] != running:
            endpoint = EndpointSettings(f"{running.address}/v1", _KEY)
            client = LiteLLMClient(
                endpoints={PREFIX: endpoint}, timeouts=self._timeouts, environ={_KEY: running.key}
            )  # fmt: skip
            self._asked = (running, client)
        return self._asked[1]
