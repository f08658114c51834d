"""`!command`: run as typed, kept like any tool's output, told to the model, and never run for anybody else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rlm_tui import events as ev
from rlm_tui.loop.assistant import Assistant
from rlm_tui.loop.typed_command import typed_command
from tests.loop.test_agents import opened
from tests.support.scripted_server import ScriptedServer
from tests.support.scripted_turns import Text, Turn


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


async def ran(assistant: Assistant, text: str) -> ev.TurnFinished:
    assistant.send(text, command=True)
    assert assistant.turns.running is not None
    await assistant.turns.running
    end = assistant.turns.last
    assert isinstance(end, ev.TurnFinished)
    return end


async def test_a_command_is_a_turn_that_later_prompts_know(server: ScriptedServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path, approval="plan") as assistant:
        end = await ran(assistant, "!echo one; echo two > made.txt; echo '```'")
        assert "one\n" in end.answer
        assert "exit code 0" in end.answer
        assert "````text" in end.answer, "a fence that what was printed cannot close"
        assert (tmp_path / "project" / "made.txt").read_text() == "two\n", "typing it is the permission, also in plan"
        node = next(node for node in assistant.session.state.nodes.values() if node.name == "bash")
        assert node.status == "ok"
        assert node.arguments == {"command": "echo one; echo two > made.txt; echo '```'"}, "as typed, and no more"
        assert (end.cost, server.requests) == (0.0, [])
        server.queue(Turn(Text("I saw it.")))
        await assistant.ask("What did it say?")
        messages = server.requests[0].body["messages"]
        assert [m["role"] for m in messages] == ["system", "user", "assistant", "tool", "assistant", "user"]
        assert messages[1]["content"].startswith("!echo one")
        assert "one" in messages[3]["content"]


async def test_long_output_is_kept_whole_once_and_shown_in_part(server: ScriptedServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as assistant:
        end = await ran(assistant, "!seq 1 5000")
        assert "more characters" in end.answer
        assert len(end.answer) < 4_000
        kinds = [entry.kind for entry in assistant.session.context.entries(limit=50)]
        assert kinds.count("tool") == 1
        assert kinds.count("assistant") == 0
        tool = next(entry for entry in assistant.session.context.entries(limit=50) if entry.kind == "tool")
        assert assistant.session.context.read(tool.start, tool.chars).endswith("5000\n")


async def test_a_failure_and_a_forbidden_command_are_told(server: ScriptedServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path, deny=("bash(rm *)",)) as assistant:
        assert "exit code 3" in (await ran(assistant, "! exit 3")).answer
        (tmp_path / "project" / "kept.txt").write_text("x")
        assert "forbids" in (await ran(assistant, "!rm kept.txt")).answer
        assert (tmp_path / "project" / "kept.txt").exists()


async def test_a_prompt_from_elsewhere_is_never_run(server: ScriptedServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as assistant:
        server.queue(Turn(Text("I run nothing.")))
        end = await assistant.ask("!touch hacked")
        assert end.model != "shell"
        assert len(server.requests) == 1
    assert not (tmp_path / "project" / "hacked").exists()


def test_what_is_a_command() -> None:
    assert typed_command(" !ls -l\n") == "ls -l"
    assert typed_command("ls!") == ""
    assert typed_command("!") == ""
