"""Watches what a server sends: too much too fast ends the connection, and how it ended is remembered.

Two buckets leak at a steady rate, one counts messages, one bytes. Bursts pass; a server that never stops fills one of
them. Lines that are no messages are counted for good.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any

from mcp.client._transport import TransportStreams
from mcp.shared._stream_protocols import ReadStream
from mcp.shared.message import SessionMessage

MESSAGES_A_SECOND = 200
MESSAGE_BURST = 3_000
GARBAGE_LINES = 100
BYTES_A_SECOND = 8 << 20
BYTE_BURST = 96 << 20

Item = SessionMessage | Exception


class Guard:
    """The record of one connection. `ended` is set when nothing more will come; `reason` says why, where known."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.reason = ""
        self.dropped = asyncio.Event()
        self._messages = _Bucket(MESSAGE_BURST, MESSAGES_A_SECOND)
        self._bytes = _Bucket(BYTE_BURST, BYTES_A_SECOND)
        self._garbage = 0

    def end(self, reason: str = "") -> None:
        """Note the end; the first reason stays."""
        self.reason = self.reason or reason
        self.ended.set()

    def drop(self) -> None:
        """Note that a message was too large and was dropped: whoever waits for one is told."""
        self.dropped.set()
        self.dropped = asyncio.Event()

    def admits(self, item: Item) -> bool:
        """Count one message; return False, with a reason, when it is one too many."""
        if isinstance(item, Exception):
            self._garbage += 1
            if self._garbage > GARBAGE_LINES:
                self.end(f"it sent {self._garbage} lines that are no messages of the protocol")
                return False
            return True
        if self._messages.overflows(1):
            self.end(f"it floods: over {MESSAGE_BURST:,} messages at once")
            return False
        return True

    def admits_bytes(self, size: int) -> bool:
        """Count bytes as they come in, messages or not; return False, with a reason, when they are too many."""
        if self._bytes.overflows(size):
            self.end(f"it floods: over {BYTE_BURST >> 20} MiB at once")
            return False
        return True


class _Bucket:
    """Holds `size`, loses `a_second`."""

    def __init__(self, size: float, a_second: float) -> None:
        self._size = size
        self._a_second = a_second
        self._level = 0.0
        self._at = time.monotonic()

    def overflows(self, amount: float) -> bool:
        now = time.monotonic()
        self._level = max(0.0, self._level - (now - self._at) * self._a_second) + amount
        self._at = now
        return self._level > self._size


class _Watched:
    """A stream of messages that stops where the guard says so."""

    def __init__(self, inner: ReadStream[Item], guard: Guard) -> None:
        self._inner = inner
        self._guard = guard

    @property
    def last_context(self) -> Any:
        """The sender's context variables, for streams that carry them."""
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> Item:
        """Return the next message."""
        return await self._inner.receive()

    async def aclose(self) -> None:
        """Close the stream."""
        await self._inner.aclose()

    def __aiter__(self) -> "_Watched":
        return self

    async def __anext__(self) -> Item:
        try:
            item = await self._inner.__anext__()
        except StopAsyncIteration:
            self._guard.end()
            raise
        if not self._guard.admits(item):
            raise StopAsyncIteration
        return item

    async def __aenter__(self) -> "_Watched":
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._inner.__aexit__(kind, error, trace)


@asynccontextmanager
async def guarded(
    transport: AbstractAsyncContextManager[TransportStreams], guard: Guard
) -> AsyncIterator[TransportStreams]:
    """Enter a transport and put the guard before its messages."""
    async with transport as (read, write):
        yield _Watched(read, guard), write
