"""One gate for all calls of a provider: so many at once, and none while it asks to wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

DEFAULT_LIMIT = 16


class _Lane:
    """One provider's calls. `open_at` is a moment of the loop's clock, in seconds."""

    def __init__(self, limit: int) -> None:
        self.slots = asyncio.Semaphore(limit)
        self.open_at = 0.0
        self.running = 0


class Gate:
    """Shared by root calls and sub-calls of one engine, in one event loop.

    A call holds its slot for one request to the provider only, never while its sub-calls run, so calls that wait for
    each other cannot block the gate.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._lanes: dict[str, _Lane] = {}

    @asynccontextmanager
    async def slot(self, provider: str) -> AsyncIterator[None]:
        """Hold one of the provider's slots; waits for one, and for the end of a pause."""
        lane = self._lane(provider)
        async with lane.slots:
            await self._until_open(lane)
            lane.running += 1
            try:
                yield
            finally:
                lane.running -= 1

    def pause(self, provider: str, seconds: float) -> None:
        """Let no further call of the provider begin for `seconds`; a longer pause that is in force stays."""
        lane = self._lane(provider)
        lane.open_at = max(lane.open_at, asyncio.get_running_loop().time() + seconds)

    def paused_for(self, provider: str) -> float:
        """Return how many seconds a pause still lasts; 0 where there is none."""
        return max(0.0, self._lane(provider).open_at - asyncio.get_running_loop().time())

    def running(self, provider: str) -> int:
        """Return how many calls of the provider are under way."""
        return self._lane(provider).running

    async def _until_open(self, lane: _Lane) -> None:
        loop = asyncio.get_running_loop()
        while (left := lane.open_at - loop.time()) > 0:  # noqa: ASYNC110 - it may be prolonged while it is waited for
            await asyncio.sleep(left)

    def _lane(self, provider: str) -> _Lane:
        lane = self._lanes.get(provider)
        if lane is None:
            lane = self._lanes[provider] = _Lane(self._limit)
        return lane
