"""A server's tool as a tool of ours: permission first, then the call, then a result that is bounded and captured."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from rlm_tui.errors import ToolError
from rlm_tui.mcp_client.facts import RemoteTool, short
from rlm_tui.mcp_client.server import Server
from rlm_tui.tools.port import Action, Arguments, ToolResult, ToolRun

_SHOWN_CHARS = 30_000
_KEPT_CHARS = 4_000_000
_AGREE = "Use it"


class ServerTool:
    """One tool of one server, offered as `server_tool` with its pinned description.

    `news` is the server's new description where it differs from the pinned one: the tool is used only after the
    person agreed to that (`agree` is called then).
    """

    arguments = Arguments
    aliases: Mapping[str, str] = {}
    parallel = False

    def __init__(
        self, name: str, server: Server, pinned: RemoteTool, news: RemoteTool | None, agree: Callable[[], None]
    ) -> None:
        self.name = name
        self.description = f"{pinned.description or 'A tool without a description.'}\n(of the MCP server {server.name})"
        self.parameters: Mapping[str, Any] = pinned.parameters
        self.pinned = pinned
        self.news = news
        self.server = server
        self._agree = agree

    async def run(self, arguments: dict[str, Any], run: ToolRun) -> ToolResult:
        shown = msgspec.json.format(msgspec.json.encode(arguments), indent=2).decode()
        preview = f"MCP server {self.server.name}, tool {self.pinned.name}\n{shown}"
        await run.permits.require(Action(f"mcp:{self.name}", self.name, writes=True, preview=preview), run.request)
        if self.news is not None:
            await self._ask_about_news(self.news, run)
        result = await self.server.call(self.pinned.name, arguments)
        return _result(self.name, result.text, result.ok)

    async def _ask_about_news(self, news: RemoteTool, run: ToolRun) -> None:
        question = (
            f"The MCP server {self.server.name} describes its tool {self.pinned.name} otherwise than before. "
            f"Before: {self.pinned.description or '(nothing)'} Now: {news.description or '(nothing)'}"
        )
        if news.parameters != self.pinned.parameters:
            question += " Its arguments changed too."
        try:
            answer = await run.person.ask(question, (_AGREE, "Do not use it"), run.request)
        except ToolError:
            answer = ""
        if answer != _AGREE:
            raise ToolError(
                f"{self.name} was not called: its server changed what the tool is said to do, and the person has not "
                "agreed to that. They can in /mcps. Go on without it."
            )
        self._agree()
        self.news = None


def _result(name: str, text: str, ok: bool) -> ToolResult:
    size = len(text)
    kept = text[:_KEPT_CHARS]
    shown = kept[:_SHOWN_CHARS]
    if size > len(shown):
        shown += f"\n… ({size:,} characters in all)"
    if size > len(kept):
        kept += f"\n… (the rest of {size:,} characters was not kept)"
    summary = f"{size:,} characters" if ok else f"error: {short(text, 100)}"
    return ToolResult(shown or "(an empty result)", summary, capture=kept, label=name, ok=ok)
