"""A real session, a real context, and a scripted model over real HTTP through litellm."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from rlm_tui import events as ev
from rlm_tui.config.settings import EndpointSettings, Settings
from rlm_tui.loop.engine import Engine
from rlm_tui.models.router import make_client
from rlm_tui.session.session import Session
from rlm_tui.tools.context import context_tools
from rlm_tui.tools.recurse import recursion_tools
from rlm_tui.tools.registry import Registry
from tests.support.scripted_server import ScriptedServer

MODEL = "lab/scripted"
DOCUMENT = "".join(f"line {i}: value {i * 7}\n" for i in range(200)) + "the NEEDLE is here 🙂\n"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


def lab_settings(server: ScriptedServer, **groups: object) -> Settings:
    """Return settings whose endpoint `lab` is the scripted server; further groups replace the defaults."""
    endpoint = EndpointSettings(api_base=server.base_url)
    return msgspec.structs.replace(Settings(), endpoints={"lab": endpoint}, **groups)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    opened = Session.create(tmp_path / "sessions", tmp_path, project=tmp_path, model=MODEL)
    opened.append_entry("file", "doc.txt", DOCUMENT)
    yield opened
    opened.close()


MakeEngine = Callable[..., Engine]


@pytest_asyncio.fixture
async def make_engine(session: Session, server: ScriptedServer, tmp_path: Path) -> AsyncIterator[MakeEngine]:
    def make(**groups: object) -> Engine:
        settings = lab_settings(server, **groups)
        client = make_client(MODEL, settings, environ={})
        engine = Engine(session, client, Registry((*context_tools(), *recursion_tools())), settings, tmp_path)
        engine.retry = msgspec.structs.replace(engine.retry, base_ms=1, longest_ms=5)
        return engine

    yield make


def kinds(seen: list[ev.Envelope]) -> list[str]:
    """Return the names of the events, in order."""
    return [type(envelope.event).__name__ for envelope in seen]
