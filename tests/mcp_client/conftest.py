"""Real servers, each a program of its own, and a record of what the person was told."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import pytest_asyncio

from rlm_tui.config.settings import McpSettings
from rlm_tui.context.store import ContextStore
from rlm_tui.errors import ToolError
from rlm_tui.mcp_client.servers import Level, Servers
from rlm_tui.tools.port import Person, ToolResult, ToolRun
from rlm_tui.tools.registry import Registry
from tests.support.work import AnsweringPerson, EchoingSubCalls, RecordingPermits

PLAIN = Path(__file__).parent.parent / "support" / "mcp" / "plain.py"
OFFICIAL = PLAIN.with_name("official.py")


def plain(*words: str, **settings: Any) -> McpSettings:
    """Return settings of the plain server; `words` are its arguments, its kind first."""
    return McpSettings(command=(sys.executable, str(PLAIN), *(words or ("good",))), **settings)


class Bench:
    """Servers with everything around them that a test looks at."""

    def __init__(self, home: Path, environ: dict[str, str], settings: dict[str, McpSettings]) -> None:
        self.notices: list[tuple[str, str]] = []
        self.changes = 0
        self.permits = RecordingPermits(home)
        self.servers = Servers(settings, home, home, self._told, self._changed, environ)
        self.context = ContextStore(home)
        self._home = home

    def _told(self, level: Level, text: str) -> None:
        self.notices.append((level, text))

    def _changed(self) -> None:
        self.changes += 1

    def notice(self, words: str) -> str:
        """Return the one notice that holds `words`."""
        (found,) = [text for _, text in self.notices if words in text]
        return found

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(30):
            while not true():
                await asyncio.sleep(0.01)

    def state(self, name: str) -> str:
        """Return a server's state."""
        return next(status.state for status in self.servers.status() if status.name == name)

    async def use(self, name: str, person: Person | None = None, **arguments: Any) -> ToolResult:
        """Run a tool as a model would call it. Raises `ToolError`."""
        tool, checked, _ = Registry(self.servers.tools()).parse(name, _json(arguments))
        run = ToolRun(
            "t1", 1, 0, self.context, EchoingSubCalls(), self._home, Event(), lambda text: None, self.permits,
            person or AnsweringPerson(),
        )  # fmt: skip
        result: ToolResult = await tool.run(checked, run)
        return result

    async def refusal(self, name: str, person: Person | None = None, **arguments: Any) -> str:
        """Run a tool that must fail; return what the model is told."""
        with pytest.raises(ToolError) as caught:
            await self.use(name, person, **arguments)
        return str(caught.value)


def _json(arguments: dict[str, Any]) -> str:
    import json

    return json.dumps(arguments)


MakeBench = Callable[..., Bench]


@pytest_asyncio.fixture
async def make(tmp_path: Path) -> AsyncIterator[MakeBench]:
    made: list[Bench] = []

    def bench(environ: dict[str, str] | None = None, **settings: McpSettings) -> Bench:
        bench = Bench(tmp_path, {"PATH": "/usr/bin:/bin"} if environ is None else environ, settings)
        made.append(bench)
        bench.servers.start()
        return bench

    yield bench
    for one in made:
        await one.servers.close()
        one.context.close()
