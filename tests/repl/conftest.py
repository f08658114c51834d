"""A REPL in each kind of sandbox, and an engine in repl mode whose model is scripted over real HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from rlm_tui.errors import ToolError
from rlm_tui.loop.engine import Engine
from rlm_tui.models.router import make_client
from rlm_tui.repl.pool import ReplPool
from rlm_tui.repl.process import CellResult, Repl
from rlm_tui.repl.sandbox import Sandbox, find_sandbox
from rlm_tui.session.session import Session
from rlm_tui.tools.port import Tool
from rlm_tui.tools.python_tool import Python
from rlm_tui.tools.registry import Registry
from tests.loop.conftest import MODEL, MakeEngine, lab_settings, server, session

__all__ = ["server", "session"]

PLAIN = Sandbox(False, "it was not asked for")
RunCell = Callable[..., Awaitable[CellResult]]


@pytest.fixture(params=["bubblewrap", "plain"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    """Each way to start a worker; what this machine cannot do is skipped."""
    if request.param == "plain":
        return PLAIN
    found = find_sandbox()
    if not found.wrapped:
        pytest.skip(found.why_not)
    return found


async def serve_nothing(name: str, arguments: dict[str, Any]) -> Any:
    """Answer no call but the size of an empty context."""
    if name == "size":
        return 0
    raise ToolError(f"{name} is not served in this test")


@pytest_asyncio.fixture
async def repl(sandbox: Sandbox) -> AsyncIterator[Repl]:
    made = Repl(sandbox)
    yield made
    await made.close()


@pytest_asyncio.fixture
async def plain_repl() -> AsyncIterator[Repl]:
    made = Repl(PLAIN)
    yield made
    await made.close()


@pytest.fixture
def cell(repl: Repl) -> RunCell:
    """Run a cell whose calls are not served."""

    async def run(code: str, seconds: float = 20.0) -> CellResult:
        return await repl.run(code, serve_nothing, seconds=seconds)

    return run


@pytest.fixture
def pool(request: pytest.FixtureRequest) -> ReplPool:
    """The REPLs of the test's session, by default as this machine can; a parameter chooses the sandbox."""
    return ReplPool(sandbox=getattr(request, "param", None))


@pytest_asyncio.fixture
async def make_engine(pool: ReplPool, session: Session, server: Any, tmp_path: Path) -> AsyncIterator[MakeEngine]:
    def make(*, seconds: float = 20.0, tools: Iterable[Tool] = (), **groups: object) -> Engine:
        settings = lab_settings(server, **groups)
        client = make_client(MODEL, settings, environ={})
        registry = Registry((Python(pool, seconds=seconds), *tools))
        engine = Engine(session, client, registry, settings, tmp_path, call_ended=pool.end_call)
        engine.retry = msgspec.structs.replace(engine.retry, base_ms=1, longest_ms=5)
        return engine

    yield make
    await pool.close()
