"""`/mcps`: the MCP servers of this session, what they offer, why one does not run, and what to do about it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from rlm_tui.errors import RlmTuiError
from rlm_tui.mcp_client.facts import RemoteResource, ServerStatus
from rlm_tui.text import one_line, safe_text
from rlm_tui.tui.screens.dialog import Dialog
from rlm_tui.tui.screens.dialogs import Choice, ChooseDialog

if TYPE_CHECKING:
    from rlm_tui.loop.assistant import Assistant
    from rlm_tui.tui.bridge import Bridge

_LOOK_AGAIN_S = 0.25
_NONE = (
    "No server is configured. One is named in config.toml, or in rlm-tui.toml of a folder that you trust:\n\n"
    '[mcp.files]\ncommand = ["mcp-files", "--root", "."]'
)
_KEYS = "enter: on or off   r: start again   o: attach a resource   a: agree to changes   esc: close"
_LOOKS = {"ready": ("●", "$good"), "starting": ("…", "$accent"), "failed": ("✗", "$bad"), "off": ("○", "$dim")}


class ServersScreen(Dialog[None]):
    """The list of servers and the details of the one at the cursor. `bridge` reaches the engine that owns them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", "Close", show=False),
        Binding("r", "restart", "Start again", show=False),
        Binding("o", "resources", "Attach a resource", show=False),
        Binding("a", "agree", "Agree to changed descriptions", show=False),
    ]

    def __init__(self, bridge: "Bridge") -> None:
        super().__init__(classes="dialog")
        self._bridge = bridge
        self._servers: tuple[ServerStatus, ...] = ()

    def compose(self) -> ComposeResult:
        """Lay out heading, list, details and keys."""
        with Vertical():
            yield Static(Content("MCP servers"), classes="heading", markup=False)
            yield OptionList(markup=False)
            with VerticalScroll(can_focus=False):
                yield Static(Content(""), id="server-details", markup=False)
            yield Static(Content(_KEYS), classes="hint", markup=False)

    def on_mount(self) -> None:
        """Look now, and again while the screen is shown."""
        self.query_one(OptionList).focus()
        self._look()
        self.set_interval(_LOOK_AGAIN_S, self._look)

    def _look(self) -> None:
        def work(assistant: "Assistant") -> None:
            self.app.call_later(self._take, assistant.mcp.status())

        self._bridge.call(work)

    def _take(self, servers: tuple[ServerStatus, ...]) -> None:
        if not self.is_attached:
            return
        if servers != self._servers or not servers:
            options = self.query_one(OptionList)
            at = options.highlighted or 0
            self._servers = servers
            options.clear_options()
            options.add_options([Option(_line(server)) for server in servers])
            if servers:
                options.highlighted = min(at, len(servers) - 1)
        self._show()

    @on(OptionList.OptionHighlighted)
    def _show(self) -> None:
        server = self._current()
        details = _details(server) if server is not None else Content(_NONE)
        self.query_one("#server-details", Static).update(details)

    def _current(self) -> ServerStatus | None:
        at = self.query_one(OptionList).highlighted
        return self._servers[at] if at is not None and at < len(self._servers) else None

    # --- what can be done ------------------------------------------------------------------------------

    def _do(self, work: "Callable[[Assistant], Awaitable[str]]") -> None:
        """Run something on the engine's loop and tell how it went."""

        def begin(assistant: "Assistant") -> None:
            assistant.spawn(self._told(work(assistant)), "mcp")

        self._bridge.call(begin)

    async def _told(self, work: Awaitable[str]) -> None:
        try:
            text = await work
        except RlmTuiError as error:
            text = str(error)
        if text:
            self.app.call_later(self._tell, text)

    def _tell(self, text: str) -> None:
        self.app.notify(safe_text(text), markup=False)

    @on(OptionList.OptionSelected)
    def _toggle(self) -> None:
        server = self._current()
        if server is None:
            return
        name, runs = server.name, server.state in ("ready", "starting")

        async def work(assistant: "Assistant") -> str:
            if runs:
                await assistant.mcp.disable(name)
                return f"{name} is off until you enable it, or the next session."
            assistant.mcp.enable(name)
            return ""

        self._do(work)

    def action_restart(self) -> None:
        """Start the server at the cursor again."""
        server = self._current()
        if server is None:
            return
        name = server.name

        async def work(assistant: "Assistant") -> str:
            await assistant.mcp.disable(name)
            assistant.mcp.enable(name)
            return ""

        self._do(work)

    def action_agree(self) -> None:
        """Agree to what the server's tools are said to do now."""
        server = self._current()
        if server is None or not any(tool.changed for tool in server.tools):
            return
        name = server.name

        async def work(assistant: "Assistant") -> str:
            return f"{assistant.mcp.agree(name)} changed descriptions of {name} are in force."

        self._do(work)

    def action_resources(self) -> None:
        """Choose a resource of the server and put it into the context."""
        server = self._current()
        if server is None:
            return
        name = server.name

        async def work(assistant: "Assistant") -> str:
            found = await assistant.mcp.resources(name)
            if not found:
                return f"{name} has no resources."
            self.app.call_later(self._choose, name, found)
            return ""

        self._do(work)

    def _choose(self, server: str, found: Sequence[RemoteResource]) -> None:
        choices = [Choice(one.uri, one.name or one.uri, f"{one_line(one.uri, 60)} {one.description}") for one in found]

        def chosen(uri: str | None) -> None:
            if uri:
                self._bridge.call(lambda assistant: assistant.spawn(assistant.attach_resource(server, uri), "resource"))

        self.app.push_screen(ChooseDialog(f"Resources of {safe_text(server, newlines=False)}", choices), chosen)


class ServerActions(Screen[None]):
    """`/mcps` of the main screen."""

    if TYPE_CHECKING:
        bridge: Bridge

    def do_mcps(self) -> None:
        """Show the MCP servers."""
        self.app.push_screen(ServersScreen(self.bridge))


def _line(server: ServerStatus) -> Content:
    mark, look = _LOOKS[server.state]
    changed = sum(tool.changed for tool in server.tools)
    notes: list[str] = [server.state]
    if server.state == "ready":
        notes.append(f"{len(server.tools)} tools")
    if changed:
        notes.append(f"{changed} changed")
    return Content.assemble(
        (f"{mark} ", look), (safe_text(server.name, newlines=False), "bold"), (f"  {', '.join(notes)}", "$text-muted")
    )  # fmt: skip


def _details(server: ServerStatus) -> Content:
    parts: list[tuple[str, str]] = [(f"\n{safe_text(server.where, newlines=False)}\n", "$dim")]
    if server.error:
        parts.append((f"{safe_text(server.error)}\n", "$bad"))
    if server.said and server.state == "failed":
        parts += [(f"  {safe_text(line, newlines=False)}\n", "$dim") for line in server.said[-6:]]
    if server.has_resources and server.state == "ready":
        parts.append(("has resources: o lists them\n", "$dim"))
    for tool in server.tools:
        parts += [(f"{safe_text(tool.name, newlines=False)}  ", "$accent"), (one_line(tool.description, 100), "")]
        if tool.changed:
            parts += [("\n  says now: ", "$warn"), (one_line(tool.new_description, 300), "")]
        parts.append(("\n", ""))
    return Content.assemble(*parts)
