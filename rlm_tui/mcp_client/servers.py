"""All servers of a session: started together, offered as tools, shown to the person, and ended together.

Lives on the engine's event loop. Nothing here raises because of a server: what goes wrong is told by `notice`.
"""

import asyncio
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from rlm_tui.config.settings import McpSettings
from rlm_tui.errors import UsageError
from rlm_tui.mcp_client.facts import RemoteResource, RemoteTool, ServerStatus, ToolStatus, short
from rlm_tui.mcp_client.launching import launch_of
from rlm_tui.mcp_client.pins import Pins, pin_key
from rlm_tui.mcp_client.server import Server
from rlm_tui.mcp_client.tool import ServerTool

_WAIT_S = 10.0
_TOOL_NAME_CHARS = 64
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]+")
_MAX_RESOURCE_CHARS = 20_000_000

Level = Literal["info", "warning", "error"]
Notice = Callable[[Level, str], None]


class Servers:
    """The servers that the settings name.

    `notice(level, text)` tells the person something; `tools_changed()` is called when `tools()` gives others.
    """

    def __init__(
        self,
        settings: Mapping[str, McpSettings],
        project: Path,
        home: Path,
        notice: Notice,
        tools_changed: Callable[[], None],
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = dict(settings)
        self._notice = notice
        self._tools_changed = tools_changed
        self._pins = Pins(home)
        self._told: dict[str, str] = {}
        self._closing = False
        environ = os.environ if environ is None else environ
        self._servers = {
            name: Server(name, partial(launch_of, name, one, project, environ), environ, self._server_changed)
            for name, one in self._settings.items()
        }
        self._tools: tuple[ServerTool, ...] = ()
        self._moved = asyncio.Event()

    # --- starting and ending ---------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to start every server that is enabled; nothing is waited for."""
        for name, one in self._settings.items():
            if one.enabled:
                self._servers[name].start()

    async def settled(self, seconds: float = _WAIT_S) -> None:
        """Wait until no server is starting any more, for some seconds at most."""
        try:
            async with asyncio.timeout(seconds):
                while any(server.state == "starting" for server in self._servers.values()):
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            late = [name for name, server in self._servers.items() if server.state == "starting"]
            self._tell("late", "warning", f"Still starting, so without tools for now: MCP server {', '.join(late)}.")

    async def close(self) -> None:
        """End every server."""
        self._closing = True
        await asyncio.gather(*(server.stop() for server in self._servers.values()))

    def enable(self, name: str) -> None:
        """Start a server, or start it again. Raises `UsageError` for an unknown one."""
        self._told.pop(name, None)
        self._known(name).start()

    async def disable(self, name: str) -> None:
        """End a server until it is enabled again or the session ends. Raises `UsageError` for an unknown one."""
        await self._known(name).stop()

    def _known(self, name: str) -> Server:
        server = self._servers.get(name)
        if server is None:
            known = ", ".join(self._servers) or "none; add `[mcp.NAME]` to the configuration"
            raise UsageError(f"There is no MCP server {name!r}. The servers are: {known}.")
        return server

    # --- what they offer -------------------------------------------------------------------------------

    def tools(self) -> tuple[ServerTool, ...]:
        """Return the tools of all servers that run."""
        return self._tools

    def status(self) -> tuple[ServerStatus, ...]:
        """Return every server as people see it."""
        return tuple(self._status_of(server) for server in self._servers.values())

    def _status_of(self, server: Server) -> ServerStatus:
        one = self._settings[server.name]
        return ServerStatus(
            server.name, short(one.url or " ".join((*one.command, *one.args))), server.state, server.error,
            tuple(
                ToolStatus(
                    tool.name, tool.pinned.description, tool.news is not None,
                    tool.news.description if tool.news is not None else "",
                )
                for tool in self._tools
                if tool.server is server
            ),
            server.has_resources, tuple(server.said),
        )  # fmt: skip

    def agree(self, name: str) -> int:
        """Accept the new descriptions of a server's tools; return how many. Raises `UsageError`."""
        server = self._known(name)
        news = [tool for tool in self._tools if tool.server is server and tool.news is not None]
        for tool in news:
            self._pin(server, {tool.pinned.name: tool.news} if tool.news is not None else {})
        if news:
            self._offer()
        return len(news)

    async def resources(self, name: str) -> tuple[RemoteResource, ...]:
        """Return what a server can be asked for. Raises `UsageError` and `ToolError`."""
        return await self._known(name).resources()

    async def read(self, name: str, uri: str) -> tuple[str, str]:
        """Return label and text of a resource. Raises `UsageError` and `ToolError`."""
        text = await self._known(name).read(uri)
        if len(text) > _MAX_RESOURCE_CHARS:
            text = text[:_MAX_RESOURCE_CHARS]
            self._notice("warning", f"Only the first {_MAX_RESOURCE_CHARS:,} characters of {short(uri)} were attached.")
        return f"mcp:{name}:{short(uri)}", text

    # --- changes ---------------------------------------------------------------------------------------

    def _server_changed(self, server: Server) -> None:
        self._moved.set()
        if self._closing:
            return
        if server.state == "failed":
            self._tell(server.name, "error", f"MCP server {server.name}: {server.error}. The rest works on; see /mcps.")
        elif server.state == "ready":
            self._told.pop(server.name, None)
            if server.left_out:
                names = ", ".join([*server.left_out[:5], *(["…"] if len(server.left_out) > 5 else [])])
                text = f"MCP server {server.name}: tools that cannot be offered: {names}."
                self._tell(f"{server.name} left out", "warning", text)
        self._offer()

    def _tell(self, topic: str, level: Level, text: str) -> None:
        """Tell something once, until it changes."""
        if self._told.get(topic) != text:
            self._told[topic] = text
            self._notice(level, text)

    def _offer(self) -> None:
        """Make the tools anew from what the servers that run say now."""
        names: set[str] = set()
        offered: list[ServerTool] = []
        for server in self._servers.values():
            if server.state != "ready" or server.launch is None:
                continue
            pinned = self._pinned(server)
            for tool in server.tools:
                name = offered_name(server.name, tool.name)
                if name in names:
                    self._tell(
                        name, "warning", f"MCP server {server.name} has two tools called {name}: one is left out."
                    )
                    continue
                names.add(name)
                old = pinned[tool.name]
                news = tool if old.fingerprint != tool.fingerprint else None
                offered.append(ServerTool(name, server, old, news, partial(self._agreed, server, tool)))
        before = [(tool.name, tool.pinned, tool.news) for tool in self._tools]
        self._tools = tuple(offered)
        if before != [(tool.name, tool.pinned, tool.news) for tool in offered]:
            self._tools_changed()

    def _pinned(self, server: Server) -> dict[str, RemoteTool]:
        """Return the pinned descriptions of a server's tools; a tool that is seen the first time is pinned now."""
        assert server.launch is not None
        pinned = self._pins.of(pin_key(server.launch))
        new = {tool.name: tool for tool in server.tools if tool.name not in pinned}
        if new and pinned:
            names = ", ".join(short(name, 40) for name in list(new)[:5])
            self._tell(f"{server.name} new", "info", f"MCP server {server.name} has new tools: {names}.")
        changed = [tool.name for tool in server.tools if pinned.get(tool.name, tool).fingerprint != tool.fingerprint]
        if changed:
            names = ", ".join(short(name, 40) for name in changed[:5])
            text = (
                f"MCP server {server.name} describes tools otherwise than before ({names}): you are asked before use."
            )
            self._tell(f"{server.name} changed", "warning", text)
        self._pin(server, new)
        return {**pinned, **new}

    def _pin(self, server: Server, tools: dict[str, RemoteTool]) -> None:
        assert server.launch is not None
        try:
            self._pins.pin(pin_key(server.launch), tools)
        except OSError as error:
            self._tell("pins", "warning", f"Descriptions of MCP tools could not be kept: {error.strerror or error}.")

    def _agreed(self, server: Server, tool: RemoteTool) -> None:
        self._pin(server, {tool.name: tool})
        self._offer()

    def __iter__(self) -> Iterator[Server]:
        return iter(self._servers.values())


def offered_name(server: str, tool: str) -> str:
    """Return the name a model uses for a server's tool: letters, digits, `-`, `_`, at most 64, as providers want."""
    return _NOT_IN_NAMES.sub("_", f"{server}_{tool}")[:_TOOL_NAME_CHARS]
