"""A server at an address: streamable HTTP, with a largest size for what it sends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from mcp.client._transport import TransportStreams
from mcp.client.streamable_http import streamable_http_client

from rlm_tui.mcp_client.facts import MAX_MESSAGE_BYTES, Launch

_CONNECT_S = 10.0
_EVENT_STREAM = "text/event-stream"


class TooLarge(httpx2.StreamError):
    """A reply was larger than a message may be, or was packed, so that its size cannot be told."""


class _Bounded(httpx2.AsyncByteStream):
    """A reply's body that stops with an error where it becomes too long."""

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._inner:
            size += len(chunk)
            if size > MAX_MESSAGE_BYTES:
                raise TooLarge(f"a reply was larger than {MAX_MESSAGE_BYTES >> 20} MiB and was dropped")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _bound(response: httpx2.Response) -> None:
    """Refuse packed bodies, and limit the others; a stream of events is limited event by event instead."""
    if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise TooLarge("a reply was packed, which was not asked for, and was dropped")
    if not response.headers.get("content-type", "").lower().startswith(_EVENT_STREAM):
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream)


@asynccontextmanager
async def http_transport(launch: Launch) -> AsyncIterator[TransportStreams]:
    """Yield streams to and from the server at `launch.url`. Redirects stay within its origin."""
    async with (
        httpx2.AsyncClient(
            headers={**launch.headers, "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(_CONNECT_S, read=None),
            event_hooks={"response": [_bound]},
        ) as client,
        streamable_http_client(launch.url, http_client=client, max_sse_event_size=MAX_MESSAGE_BYTES) as streams,
    ):
        yield streams
