"""A program that meets every kind of reply and fault, for the test that it prints nothing. Takes a base URL."""

import asyncio
import contextlib
import gc
import sys

from msgspec import structs

from rlm_tui.errors import ModelError
from rlm_tui.models.litellm_client import LiteLLMClient, Timeouts
from rlm_tui.models.port import Message, ModelRequest, ToolSchema
from rlm_tui.models.target import Endpoint

TOOL = ToolSchema("f", "d", {"type": "object", "properties": {}})
ASK = ModelRequest("test/m", (Message("system", "s"), Message("user", "Hi")), (TOOL,))


async def main(url: str) -> None:
    """Ask until the script at `url` has no turn left, then once cancelled, abandoned and unknown."""
    environ = {
        "ANTHROPIC_API_KEY": "k",
        "ANTHROPIC_API_BASE": url.removesuffix("/v1"),
        "OLLAMA_API_BASE": "http://127.0.0.1:9",
    }
    client = LiteLLMClient(
        endpoints={"test": Endpoint(url)}, timeouts=Timeouts(first_token_ms=150, whole_ms=150), environ=environ
    )
    await client.warm_up()
    models = [
        "test/m",
        "anthropic/claude-sonnet-4-5",
        "anthropic/unknown",
        "ollama_chat/none",
        "no-such-model",
        "nope/x",
    ]
    for model in models:
        for stream in (True, False):
            for _ in range(8):
                request = structs.replace(
                    ASK, model=model, stream=stream, reasoning="low", response_schema={"type": "object"}
                )
                with contextlib.suppress(ModelError):
                    async for _part in client.stream(request):
                        pass
                client.limits(model)
    task = asyncio.create_task(anext(client.stream(structs.replace(ASK, model="test/hang"))))
    await asyncio.sleep(0.1)
    task.cancel()
    abandoned = client.stream(structs.replace(ASK, model="test/trickle"))
    async for _part in abandoned:
        break
    del abandoned
    gc.collect()
    await asyncio.sleep(0.1)


asyncio.run(main(sys.argv[1]))
gc.collect()
