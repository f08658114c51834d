"""The floors: the same requests without a harness, by plain HTTP and by bare litellm, in the same run."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx

from tests.bench.harness.oracle import Oracle

CONCURRENCY = 16


def _body(words: str) -> dict[str, object]:
    return {"model": "scripted", "messages": [{"role": "user", "content": words}], "stream": False}


async def _batch(count: int, ask: Callable[[int], Awaitable[object]]) -> tuple[float, float]:
    """Return wall seconds, and CPU seconds a call, of `count` calls, 16 at a time."""
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one(number: int) -> None:
        async with slots:
            await ask(number)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one(number) for number in range(count)))
    return time.perf_counter() - wall, (time.process_time() - cpu) / count


async def http_leaves(oracle: Oracle, count: int) -> tuple[float, float]:
    """Return wall seconds, and CPU seconds a call, of leaves by plain HTTP."""
    async with httpx.AsyncClient(base_url=oracle.base_url) as client:
        await asyncio.gather(*(client.post("/chat/completions", json=_body("hello")) for _ in range(CONCURRENCY)))
        return await _batch(count, lambda n: client.post("/chat/completions", json=_body(f"LEAF {n}")))


async def http_round_trip(oracle: Oracle, count: int) -> float:
    """Return seconds of one request after the other, each."""
    async with httpx.AsyncClient(base_url=oracle.base_url) as client:
        await client.post("/chat/completions", json=_body("hello"))
        started = time.perf_counter()
        for _ in range(count):
            await client.post("/chat/completions", json=_body("hello"))
        return (time.perf_counter() - started) / count


async def litellm_loop(oracle: Oracle, count: int) -> float:
    """Return seconds of one streamed reply of bare litellm after the other, each with what was said before it."""
    import litellm

    messages: list[dict[str, object]] = [{"role": "user", "content": "TASK:noop"}]
    started = time.perf_counter()
    for step in range(count):
        reply = await litellm.acompletion(
            "openai/scripted", messages=messages, api_base=oracle.base_url, api_key="none", stream=True,
            stream_options={"include_usage": True},
        )  # fmt: skip
        async for _ in reply:
            pass
        call = {"id": str(step), "type": "function", "function": {"name": "rlm_get_context", "arguments": "{}"}}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": str(step), "content": "x"})
    return (time.perf_counter() - started) / count


async def litellm_leaves(oracle: Oracle, count: int) -> tuple[float, float]:
    """Return wall seconds, and CPU seconds a call, of leaves by bare litellm."""
    import litellm

    async def ask(words: str) -> object:
        return await litellm.acompletion(
            "openai/scripted", messages=[{"role": "user", "content": words}], api_base=oracle.base_url, api_key="none"
        )

    await asyncio.gather(*(ask("hello") for _ in range(CONCURRENCY)))
    return await _batch(count, lambda n: ask(f"LEAF {n}"))
