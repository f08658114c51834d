"""A scripted model that works on a project through the whole assistant, and a person who takes it back."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from rlm_tui import events as ev
from rlm_tui.config.options import AppOptions
from rlm_tui.config.paths import Paths
from rlm_tui.config.settings import EndpointSettings, Loaded, ModelSettings, Settings
from rlm_tui.errors import UsageError
from rlm_tui.loop.assistant import Assistant
from tests.support.scripted_server import Request, ScriptedServer, Text, Tool, Turn
from tests.support.work import RecordingPermits


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def options(server: ScriptedServer, tmp_path: Path) -> AppOptions:
    project = tmp_path / "project"
    project.mkdir()
    (project / "a.py").write_text("x = 1\n")
    settings = msgspec.structs.replace(
        Settings(),
        model=ModelSettings(name="lab/scripted"),
        endpoints={"lab": EndpointSettings(api_base=server.base_url)},
    )
    return AppOptions(project, Paths(tmp_path / "home", tmp_path / "config"), Loaded(settings, [], {}))


@pytest_asyncio.fixture
async def assistant(options: AppOptions) -> AsyncIterator[Assistant]:
    opened = Assistant(options, lambda envelope: None, strict=True)
    await opened.open()
    await opened.ingested()
    opened.engine.permits = RecordingPermits(options.project)
    yield opened
    await opened.close()


def _edit(old: str, new: str) -> tuple[Turn, Turn]:
    return Turn(Tool("edit", {"path": "a.py", "old_string": old, "new_string": new})), Turn(Text(f"Now {new}."))


async def test_a_change_is_snapshotted_undone_and_redone(assistant: Assistant, server: ScriptedServer) -> None:
    target = assistant.options.project / "a.py"
    server.queue(*_edit("x = 1", "x = 2"), *_edit("x = 2", "x = 3"))
    assert isinstance(await assistant.ask("Make it two"), ev.TurnFinished)
    await assistant.ask("Make it three")
    assert "read, list, glob and grep look at the disk" in str(server.requests[0].body["messages"][0])
    assert target.read_text() == "x = 3\n"
    taken = assistant.session.state.applied
    assert [snapshot.turn for snapshot in taken] == [1, 2]

    plan = assistant.undo.plan_undo()
    assert "restore" in plan.summary
    assert "-x = 3\n+x = 2\n" in plan.diff
    assert target.read_text() == "x = 3\n"
    assistant.undo.carry_out(plan)
    assert target.read_text() == "x = 2\n"
    assistant.undo.carry_out(assistant.undo.plan_undo())
    assert target.read_text() == "x = 1\n"
    with pytest.raises(UsageError, match="nothing to undo"):
        assistant.undo.plan_undo()
    assistant.undo.carry_out(assistant.undo.plan_redo())
    assistant.undo.carry_out(assistant.undo.plan_redo())
    assert target.read_text() == "x = 3\n"
    with pytest.raises(UsageError, match="nothing to redo"):
        assistant.undo.plan_redo()


async def test_the_persons_later_change_is_never_lost_unasked(assistant: Assistant, server: ScriptedServer) -> None:
    target = assistant.options.project / "a.py"
    server.queue(*_edit("x = 1", "x = 2"))
    await assistant.ask("Make it two")
    target.write_text("x = 2  # mine\n")
    plan = assistant.undo.plan_undo()
    assert [step.path for step in plan.conflicts] == [target]
    assert "would be lost" in plan.summary
    with pytest.raises(UsageError, match="may be lost"):
        assistant.undo.carry_out(plan)
    assert target.read_text() == "x = 2  # mine\n"
    target.write_text("x = 2  # mine, again\n")
    with pytest.raises(UsageError, match="changed since this was planned"):
        assistant.undo.carry_out(plan, force=True)
    assistant.undo.carry_out(assistant.undo.plan_undo(), force=True)
    assert target.read_text() == "x = 1\n"


@pytest.mark.parametrize("files", [True, False])
async def test_rewinding_takes_turns_out_of_the_conversation(
    assistant: Assistant, server: ScriptedServer, files: bool
) -> None:
    target = assistant.options.project / "a.py"
    server.queue(
        *_edit("x = 1", "x = 2"), Turn(Tool("write", {"path": "b.py", "content": "made\n"})), Turn(Text("Made.")),
        Turn(Text("Fine.")),
    )  # fmt: skip
    await assistant.ask("first words")
    await assistant.ask("second words")
    assistant.undo.carry_out(assistant.undo.plan_rewind(2, files=files))
    assert (assistant.options.project / "b.py").exists() is not files
    assert target.read_text() == "x = 2\n"
    with pytest.raises(UsageError, match="no turn 2"):
        assistant.undo.plan_rewind(2)
    await assistant.ask("third words")
    sent = str(server.requests[-1].body["messages"])
    assert "first words" in sent
    assert "second words" not in sent


async def test_undo_works_after_the_session_was_opened_again(
    assistant: Assistant, server: ScriptedServer, options: AppOptions
) -> None:
    server.queue(*_edit("x = 1", "x = 2"))
    await assistant.ask("Make it two")
    session = assistant.session.id
    await assistant.close()
    again = Assistant(replace(options, session=session), lambda envelope: None, strict=True)
    await again.open()
    again.undo.carry_out(again.undo.plan_undo())
    assert (options.project / "a.py").read_text() == "x = 1\n"
    await again.close()


async def test_without_permissions_nothing_is_changed_but_reading_works(
    assistant: Assistant, server: ScriptedServer
) -> None:
    assistant.engine.permits = RecordingPermits(assistant.options.project, allow=False)
    server.queue(
        Turn(Tool("read", {"path": "a.py"}), Tool("edit", {"path": "a.py", "old_string": "x", "new_string": "y"})),
        Turn(Text("I may not.")),
    )
    await assistant.ask("Change it")
    read, edit = server.requests[-1].tool_results
    assert read == "     1\tx = 1"
    assert "not allowed" in edit
    assert (assistant.options.project / "a.py").read_text() == "x = 1\n"
    assert assistant.session.state.applied == []


async def test_a_sub_agent_works_and_plain_sub_calls_only_look(assistant: Assistant, server: ScriptedServer) -> None:
    def answer(request: Request) -> Turn:
        tools = {tool["function"]["name"] for tool in request.body.get("tools", [])}
        if request.prompt.startswith("change x"):
            assert "edit" in tools
            if not request.tool_results:
                return Turn(Tool("edit", {"path": "a.py", "old_string": "x = 1", "new_string": "x = 5"}))
            return Turn(Text("changed it"))
        if request.prompt.startswith("only look"):
            assert "edit" not in tools
            return Turn(Text("looked"))
        if not request.tool_results:
            return Turn(
                Tool("task", {"prompt": "change x"}), Tool("rlm_query", {"prompt": "only look", "spans": [[0, 3]]})
            )
        return Turn(Text(" and ".join(request.tool_results)))

    server.answer(answer)
    end = await assistant.ask("delegate this")
    assert end.answer == "changed it and looked"
    assert (assistant.options.project / "a.py").read_text() == "x = 5\n"
