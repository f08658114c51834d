"""One server from start to end: connecting, what it offers, its calls, and why it is not there any more."""

import asyncio
import contextlib
import importlib
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rlm_tui.errors import ConfigError, ToolError
from rlm_tui.mcp_client.facts import Launch, RemoteResource, RemoteResult, RemoteTool, State, short
from rlm_tui.mcp_client.launching import masked, secrets_of

if TYPE_CHECKING:
    from rlm_tui.mcp_client.wire.session import Session

_STDERR_LINES = 20
_STOP_S = 4.0
_SETTLE_S = 0.2
"""After word of changed tools: what comes within this time is one change."""


class Server:
    """A server that runs on the current event loop. `changed` is called after each change of state or tools."""

    def __init__(
        self, name: str, launch: Callable[[], Launch], environ: Mapping[str, str], changed: Callable[["Server"], None]
    ) -> None:
        """`launch` says how it is started; what it raises (`ConfigError`) becomes the server's error."""
        self.name = name
        self.state: State = "off"
        self.error = ""
        self.tools: tuple[RemoteTool, ...] = ()
        self.left_out: tuple[str, ...] = ()
        self.has_resources = False
        self.launch: Launch | None = None
        self.said: deque[str] = deque(maxlen=_STDERR_LINES)
        self._make_launch = launch
        self._environ = environ
        self._changed = changed
        self._session: Session | None = None
        self._task: asyncio.Task[None] | None = None
        self._leave = asyncio.Event()
        self._relist: asyncio.Task[None] | None = None
        self._secrets: list[str] = []

    def start(self) -> None:
        """Begin to start; does nothing while it runs."""
        if self._task is not None and not self._task.done():
            return
        self.said.clear()
        self._leave = asyncio.Event()
        self._enter("starting")
        self._task = asyncio.create_task(self._run(), name=f"mcp {self.name}")

    async def stop(self) -> None:
        """End it and wait until its program is gone, for some seconds at most."""
        task, self._task = self._task, None
        if task is not None and not task.done():
            self._leave.set()
            if self.state == "starting":
                task.cancel()
            done, _ = await asyncio.wait({task}, timeout=_STOP_S)
            if not done:
                task.cancel()
                await asyncio.wait({task}, timeout=_STOP_S)
        self._enter("off")

    # --- its life --------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            launch = self.launch = self._make_launch()
            self._secrets = secrets_of(launch, self._environ)
            await self._live(launch)
        except asyncio.CancelledError:
            self._enter("off")
            raise
        except ConfigError as error:
            self._enter("failed", str(error))
        except ToolError as error:
            self._enter("failed", self._with_last_words(str(error)))
        except Exception as error:  # noqa: BLE001 - a server's end, whatever its library made of it, ends nothing else
            from rlm_tui.mcp_client.wire.session import explained

            self._enter("failed", self._with_last_words(explained(error)))
        finally:
            self._session = None
            if self._relist is not None:
                self._relist.cancel()

    async def _live(self, launch: Launch) -> None:
        wire = await asyncio.to_thread(importlib.import_module, "rlm_tui.mcp_client.wire.session")
        try:
            async with asyncio.timeout(launch.start_timeout) as limit:
                async with wire.connected(launch, self.said, self._tools_changed) as session:
                    self._take(session, await session.tools())
                    limit.reschedule(None)
                    self._session = session
                    self._enter("ready")
                    await self._until_over(session)
        except TimeoutError:
            if self.state != "starting":
                raise
            raise ToolError(f"it did not start within {launch.start_timeout:g} s") from None
        if not self._leave.is_set():
            raise ToolError(session.guard.reason or "the connection ended")

    async def _until_over(self, session: "Session") -> None:
        waits = {asyncio.ensure_future(self._leave.wait()), asyncio.ensure_future(session.guard.ended.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _take(self, session: "Session", tools: tuple[RemoteTool, ...]) -> None:
        self.tools = tools
        self.left_out = tuple(session.left_out)
        self.has_resources = session.has_resources

    def _tools_changed(self) -> None:
        if self._relist is None or self._relist.done():
            self._relist = asyncio.create_task(self._list_again(), name=f"mcp {self.name} tools")

    async def _list_again(self) -> None:
        await asyncio.sleep(_SETTLE_S)
        session = self._session
        if session is None:
            return
        with contextlib.suppress(ToolError):  # then what was listed before stays
            self._take(session, await session.tools())
            self._changed(self)

    def _enter(self, state: State, error: str = "") -> None:
        before = (self.state, self.error)
        self.state, self.error = state, masked(short(error, 400), self._secrets)
        if state != "ready":
            self._session = None
        if before != (self.state, self.error):
            self._changed(self)

    def _with_last_words(self, error: str) -> str:
        return f"{error}; its last words: {self.said[-1]}" if self.said else error

    # --- what it does ----------------------------------------------------------------------------------

    def _open(self) -> "Session":
        if self._session is None:
            why = f": {self.error}" if self.error else ""
            raise ToolError(f"MCP server {self.name} is not running{why}. The person can start it in /mcps.")
        return self._session

    async def call(self, tool: str, arguments: dict[str, Any]) -> RemoteResult:
        """Call a tool of it; secrets are masked in the answer. Raises `ToolError`."""
        try:
            result = await self._open().call(tool, arguments)
        except ToolError as error:
            raise ToolError(masked(str(error), self._secrets)) from None
        return RemoteResult(masked(result.text, self._secrets), result.ok)

    async def resources(self) -> tuple[RemoteResource, ...]:
        """Return what it can be asked for. Raises `ToolError`."""
        return await self._open().resources()

    async def read(self, uri: str) -> str:
        """Return the text of a resource, secrets masked. Raises `ToolError`."""
        return masked(await self._open().read(uri), self._secrets)
