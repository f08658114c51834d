"""One thread with one event loop for all calls through litellm: changing loops makes it leave tasks behind."""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from rlm_tui.models.port import ModelClient, ModelPart, ModelRequest, ReplyPart

T = TypeVar("T")


class LLMThread:
    """Runs coroutines in its own loop and returns their results; errors are raised in the caller."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="llm", daemon=True)

    def run(self, work: Coroutine[Any, Any, T], seconds: float = 60.0) -> T:
        """Run `work` to its end. Raises `TimeoutError`."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    def ask(self, client: ModelClient, request: ModelRequest) -> tuple[list[ModelPart], ReplyPart]:
        """Return all parts of a reply but the last, and the last."""
        parts = self.run(collect(client.stream(request)))
        last = parts.pop()
        assert isinstance(last, ReplyPart)
        return parts, last

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self._cancel_rest())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _cancel_rest(self) -> None:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


async def collect(parts: AsyncIterator[ModelPart]) -> list[ModelPart]:
    """Return all parts."""
    return [part async for part in parts]
