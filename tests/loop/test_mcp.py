"""A model that uses an MCP server's tool through the whole assistant, and a resource that joins the context."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from rlm_tui import events as ev
from rlm_tui.config.options import AppOptions
from rlm_tui.config.paths import Paths
from rlm_tui.config.settings import EndpointSettings, Loaded, ModelSettings, Settings, load_settings
from rlm_tui.loop.assistant import Assistant
from rlm_tui.models.port import ModelPart, ModelRequest
from tests.mcp_client.conftest import plain
from tests.support.scripted_server import ScriptedServer, Text, Tool, Turn
from tests.support.work import RecordingPermits


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest_asyncio.fixture
async def assistant(server: ScriptedServer, tmp_path: Path) -> AsyncIterator[Assistant]:
    project = tmp_path / "project"
    project.mkdir()
    settings = msgspec.structs.replace(
        Settings(),
        model=ModelSettings(name="lab/scripted"),
        endpoints={"lab": EndpointSettings(api_base=server.base_url)},
        mcp={"notes": plain(), "dead": plain("dead")},
    )
    opened = Assistant(
        AppOptions(project, Paths(tmp_path / "home", tmp_path / "config"), Loaded(settings, [], {})),
        lambda envelope: None,
        strict=True,
    )
    await opened.open()
    yield opened
    await opened.close()


async def test_a_model_uses_a_servers_tool_and_its_output_joins_the_context(
    assistant: Assistant, server: ScriptedServer
) -> None:
    assistant.engine.permits = RecordingPermits(assistant.options.project)
    server.queue(Turn(Tool("notes_big", {})), Turn(Tool("notes_echo", {"text": "hi"})), Turn(Text("Done.")))
    end = await assistant.ask("Use the notes")
    assert isinstance(end, ev.TurnFinished)
    told = [tool["function"]["name"] for tool in server.requests[0].body["tools"]]
    assert "notes_echo" in told
    assert not any(name.startswith("dead") for name in told)
    results = [m["content"] for m in server.requests[2].body["messages"] if m["role"] == "tool"]
    assert "the whole output is in the context" in results[0]
    assert results[1] == "hi"
    entries = [e for e in assistant.session.context.entries(kind="tool", after=-1, limit=99) if e.label == "notes_big"]
    assert sum(entry.chars for entry in entries) == 200_000


async def test_without_rules_in_force_the_tool_is_not_called(assistant: Assistant, server: ScriptedServer) -> None:
    server.queue(Turn(Tool("notes_echo", {"text": "hi"})), Turn(Text("Then not.")))
    await assistant.ask("Use the notes")
    (result,) = [m["content"] for m in server.requests[1].body["messages"] if m["role"] == "tool"]
    assert "Not allowed" in result


async def test_a_reasoning_effort_holds_from_the_next_turn_on(assistant: Assistant, server: ScriptedServer) -> None:
    asked: list[str] = []
    stream = assistant.engine.client.stream

    def listen(request: ModelRequest) -> AsyncIterator[ModelPart]:
        asked.append(request.reasoning)
        return stream(request)

    assistant.engine.client.stream = listen  # type: ignore[method-assign]  # listens, and passes on
    server.queue(Turn(Text("One.")), Turn(Text("Two.")))
    await assistant.ask("First")
    assistant.choose_reasoning("high")
    await assistant.ask("Second")
    assert asked == ["", "high"]


async def test_a_resource_joins_the_context_and_a_missing_server_is_a_notice(assistant: Assistant) -> None:
    await assistant.mcp.settled(30)
    await assistant.attach_resource("notes", "memo://one")
    (entry,) = assistant.session.context.entries(kind="file", after=-1, limit=9)
    assert entry.label == "mcp:notes:memo://one"
    assert assistant.session.context.read(entry.start, entry.chars).startswith("The text of memo://one.")
    before = assistant.session.context.entry_count
    await assistant.attach_resource("nowhere", "memo://one")
    assert assistant.session.context.entry_count == before


async def test_a_folder_that_is_not_trusted_starts_no_server(tmp_path: Path) -> None:
    project, paths = tmp_path / "project", Paths(tmp_path / "home", tmp_path / "config")
    project.mkdir()
    heard = tmp_path / "heard"
    words = json.dumps([*plain("good", str(heard)).command])
    (project / "rlm-tui.toml").write_text(f"[mcp.theirs]\ncommand = {words}\n")
    assistant = Assistant(AppOptions(project, paths, load_settings(paths, project, environ={})), lambda envelope: None)
    await assistant.open()
    try:
        await assistant.mcp.settled(30)
        await asyncio.sleep(0)
        assert assistant.mcp.status() == ()
        assert not heard.exists()
    finally:
        await assistant.close()
