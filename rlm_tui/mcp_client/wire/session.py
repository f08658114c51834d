"""One connection to a server: opened, asked for what it has, and asked to work.

Every answer is checked and turned into plain values here; every failure becomes a `ToolError` that names the server.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.client.session import IncomingMessage
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel, ValidationError

from rlm_tui import __version__
from rlm_tui.errors import ToolError
from rlm_tui.mcp_client.facts import (
    MAX_LISTED_NAME,
    MAX_MESSAGE_BYTES,
    MAX_RESOURCES,
    MAX_TOOLS,
    Launch,
    RemoteResource,
    RemoteResult,
    RemoteTool,
    cleaned_tool,
    short,
)
from rlm_tui.mcp_client.wire.content import resource_text, result_text
from rlm_tui.mcp_client.wire.guard import Guard, guarded
from rlm_tui.mcp_client.wire.http import http_transport
from rlm_tui.mcp_client.wire.loading import quieten
from rlm_tui.mcp_client.wire.stdio import stdio_transport

_PAGES = 50
_T = TypeVar("_T")
_Result = TypeVar("_Result", bound=BaseModel)


class Session:
    """An open connection. `guard.ended` is set when it is over."""

    def __init__(self, launch: Launch, client: Client, guard: Guard) -> None:
        self._launch = launch
        self._client = client
        self.guard = guard
        self.left_out: list[str] = []
        """Names of tools that cannot be offered."""

    @property
    def has_resources(self) -> bool:
        """Whether the server says that it has resources."""
        return self._client.server_capabilities.resources is not None

    async def tools(self) -> tuple[RemoteTool, ...]:
        """Return what the server offers. Raises `ToolError`."""
        if self._client.server_capabilities.tools is None:
            return ()
        found: dict[str, RemoteTool] = {}
        self.left_out = []
        cursor: str | None = None
        for _ in range(_PAGES):
            page = await self._within(
                self._client.list_tools(cursor=cursor, cache_mode="bypass"), "listing its tools",
                self._launch.start_timeout,
            )  # fmt: skip
            for tool in page.tools:
                cleaned = cleaned_tool(tool.name, tool.description or "", tool.input_schema)
                if cleaned is None or len(found) >= MAX_TOOLS or len(tool.name) > MAX_LISTED_NAME:
                    self.left_out.append(short(tool.name, 60))
                else:
                    found.setdefault(tool.name, cleaned)
            cursor = page.next_cursor
            if not cursor or len(found) >= MAX_TOOLS:
                break
        return tuple(found.values())

    async def call(self, tool: str, arguments: dict[str, Any]) -> RemoteResult:
        """Call a tool. Raises `ToolError` when it does not answer in time, or not as the protocol says.

        The answer's structure is not checked against the server's own schema: a schema can hold patterns that
        take for ever to check, and a model reads the text either way.
        """
        request = types.CallToolRequest(params=types.CallToolRequestParams(name=tool, arguments=arguments))
        result = await self._within(self._ask(request, types.CallToolResult), f"the tool {short(tool, 60)}")
        return RemoteResult(result_text(result), not result.is_error)

    async def resources(self) -> tuple[RemoteResource, ...]:
        """Return what the server can be asked for. Raises `ToolError`."""
        if not self.has_resources:
            return ()
        found: list[RemoteResource] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            page = await self._within(
                self._client.list_resources(cursor=cursor, cache_mode="bypass"), "listing its resources"
            )
            found += [
                RemoteResource(
                    item.uri, short(item.title or item.name), short(item.description or ""), short(item.mime_type or "")
                )
                for item in page.resources
                if len(item.uri) <= MAX_LISTED_NAME * 10
            ]  # fmt: skip
            cursor = page.next_cursor
            if not cursor or len(found) >= MAX_RESOURCES:
                break
        return tuple(found[:MAX_RESOURCES])

    async def read(self, uri: str) -> str:
        """Return the text of a resource. Raises `ToolError` where it has none."""
        request = types.ReadResourceRequest(params=types.ReadResourceRequestParams(uri=uri))
        result = await self._within(self._ask(request, types.ReadResourceResult), f"the resource {short(uri)}")
        text = resource_text(result)
        if text is None:
            raise ToolError(f"MCP server {self._launch.name}: {short(uri)} is no text, so it cannot be attached.")
        return text

    async def _ask(self, request: Any, kind: type[_Result]) -> _Result:
        return await self._client.session.send_request(request, kind)

    async def _within(self, work: Awaitable[_T], what: str, seconds: float = 0) -> _T:
        """Wait for an answer, at most the server's timeout; or until a message was dropped that may have been it."""
        name, seconds = self._launch.name, seconds or self._launch.timeout
        task = asyncio.ensure_future(work)
        dropped = asyncio.ensure_future(self.guard.dropped.wait())
        try:
            async with asyncio.timeout(seconds):
                await asyncio.wait({task, dropped}, return_when=asyncio.FIRST_COMPLETED)
                if not task.done():
                    raise ToolError(
                        f"MCP server {name}: a message of over {MAX_MESSAGE_BYTES >> 20} MiB was dropped during {what}."
                        " Ask for less."
                    )
                return task.result()
        except TimeoutError:
            raise ToolError(f"MCP server {name} did not answer within {seconds:g} s ({what}).") from None
        except ToolError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the library makes of a hostile server's words
            raise ToolError(f"MCP server {name}: {self._explained(error)} ({what}).") from None
        finally:
            dropped.cancel()
            await _cancelled(task)

    def _explained(self, error: Exception) -> str:
        if self.guard.ended.is_set() and self.guard.reason:
            return f"the connection is over: {self.guard.reason}"
        return explained(error)


async def _cancelled(task: "asyncio.Future[Any]") -> None:
    """Cancel a request and wait until its server was told; its end is nobody's concern any more."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


def explained(error: BaseException) -> str:
    """Return why a connection failed, in one line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case FileNotFoundError():
            return f"the program {short(str(error.filename or ''), 80)} was not found: install it, or mend `command`"
        case PermissionError():
            return f"the program {short(str(error.filename or ''), 80)} may not be run"
        case MCPError():
            return f"it answered with an error: {short(error.message)}"
        case ValidationError():
            return "its answer is not what the protocol says"
        case httpx2.ConnectError():
            return "nobody answers at its address"
        case TimeoutError() | httpx2.TimeoutException():
            return "it did not answer in time"
        case _:
            return short(str(error)) or type(error).__name__


@asynccontextmanager
async def connected(launch: Launch, said: deque[str], tools_changed: Callable[[], None]) -> AsyncIterator[Session]:
    """Connect to a server and yield the open session; `tools_changed` is called when it says so.

    Raises whatever the library, the program or the network raises: see `explained`. The guard's own reason, where
    it has one, is raised as `ToolError` instead.
    """
    quieten()
    guard = Guard()

    async def hear(message: IncomingMessage) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            tools_changed()

    transport = http_transport(launch) if launch.url else stdio_transport(launch, guard, said)
    client = Client(
        guarded(transport, guard),
        message_handler=hear,
        client_info=types.Implementation(name="rlm-tui", version=__version__),
        cache=None,
    )
    opened = False
    try:
        async with client:
            opened = True
            listening = asyncio.create_task(_listen(client, tools_changed), name=f"mcp {launch.name} changes")
            try:
                yield Session(launch, client, guard)
            finally:
                listening.cancel()
                await asyncio.wait({listening})
    except Exception:
        if opened or not guard.reason:
            raise
        raise ToolError(guard.reason) from None


async def _listen(client: Client, tools_changed: Callable[[], None]) -> None:
    """Hear of changed tools from servers that tell only those who ask."""
    capability = client.server_capabilities.tools
    if client.protocol_version not in MODERN_PROTOCOL_VERSIONS or capability is None or not capability.list_changed:
        return
    with contextlib.suppress(Exception):  # without it, changes show when the server is started the next time
        async with client.listen(tools_list_changed=True) as changes:
            async for _ in changes:
                tools_changed()
