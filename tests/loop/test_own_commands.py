"""Commands and skills of one's own: arguments, inserts under permissions, and what broken files do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rlm_tui import events as ev
from rlm_tui.config.commands import BUILT_IN_COMMANDS
from rlm_tui.errors import UsageError
from tests.loop.test_agents import last_result, opened, system_text
from tests.support.assistants import notices
from tests.support.scripted_server import ScriptedServer
from tests.support.scripted_turns import Text, Tool, Turn


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


async def asked(server: ScriptedServer, root: Path, template: str, prompt: str, **how: object) -> str:
    """Return the prompt that a model gets."""
    async with opened(server, root, own={"commands/test.md": template}, **how) as assistant:
        server.queue(Turn(Text("Fine.")))
        await assistant.ask(prompt)
        return assistant.session.state.turns[-1].prompt


@pytest.mark.parametrize(
    ("template", "prompt", "expected"),
    [
        ("Test $1 with $2.", "/test 'a b' c", "Test a b with c."),
        ("Test $1 with $2.", "/test a", "Test a with ."),
        ("Test $ARGUMENTS now.", "/test it 'all  of'", "Test it 'all  of' now."),
        ("Test it.", "/test quickly", "Test it.\n\nquickly"),
        ("Costs $10 and $ARG.", "/test", "Costs $10 and $ARG."),
        ("Say $1.", "/test it's", "Say it's."),
    ],
)
async def test_arguments_stand_where_the_template_says(
    server: ScriptedServer, tmp_path: Path, template: str, prompt: str, expected: str
) -> None:
    assert await asked(server, tmp_path, template, prompt) == expected


async def test_an_insert_holds_what_its_command_prints(server: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "seen.txt").write_text("hello $1\n")
    text = await asked(server, tmp_path, "It says:\n!`cat seen.txt`\nAbout $1?", "/test that")
    assert text == "It says:\nhello $1\nAbout that?"


async def test_what_was_typed_is_never_run(server: ScriptedServer, tmp_path: Path) -> None:
    text = await asked(server, tmp_path, "Look: $ARGUMENTS", "/test !`touch hacked`")
    assert text == "Look: !`touch hacked`"
    assert not (tmp_path / "project" / "hacked").exists()


async def test_an_insert_that_may_not_run_stops_the_command(server: ScriptedServer, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"/test was not sent: `touch x` did not run"):
        await asked(server, tmp_path, "Now !`touch x`", "/test")
    with pytest.raises(UsageError, match="approval mode plan"):
        await asked(server, tmp_path, "---\nagent: plan\n---\nNow !`touch x`", "/test", approval="auto")
    assert not (tmp_path / "project" / "x").exists()
    assert server.requests == []


async def test_agent_and_model_hold_for_the_commands_turn_alone(server: ScriptedServer, tmp_path: Path) -> None:
    template = "---\nagent: plan\nmodel: lab/other\n---\nGo.\n"
    async with opened(server, tmp_path, own={"commands/test.md": template}) as assistant:
        server.queue(Turn(Text("1")), Turn(Text("2")))
        await assistant.ask("/test")
        await assistant.ask("again")
        assert [request.body["model"] for request in server.requests] == ["other", "scripted"]
        assert "You are planning" in system_text(server, 0)
        assert "You are planning" not in system_text(server, 1)


async def test_two_of_one_name_and_names_of_ours_are_told(server: ScriptedServer, tmp_path: Path) -> None:
    own = {"commands/test.md": "mine", "commands/help.md": "no", "commands/empty.md": "---\ndescription: x\n---\n"}
    async with opened(server, tmp_path, own=own, trusted={"commands/test.md": "theirs"}) as assistant:
        text = notices(assistant)
        assert "command /test takes the place of" in text
        assert "/help is a command of rlm-tui" in text
        assert "empty.md: the command says nothing" in text
        server.queue(Turn(Text("ok")))
        await assistant.ask("/test")
        assert assistant.session.state.turns[-1].prompt == "theirs"


SKILL = "---\nname: release\ndescription: how releases are made\n---\nFirst bump the version.\n"


async def test_a_skill_is_listed_cheaply_and_read_on_demand(server: ScriptedServer, tmp_path: Path) -> None:
    own = {"skills/release/SKILL.md": SKILL, "skills/release/notes.txt": "x", "skills/bad/SKILL.md": "No head.\n"}
    async with opened(server, tmp_path, own=own) as assistant:
        assert "bad/SKILL.md:1: a skill needs a `description`" in notices(assistant)
        server.queue(
            Turn(Tool("skill", {"name": "nothing"})), Turn(Tool("skill", {"name": "release"})), Turn(Text("Done."))
        )
        end = await assistant.ask("Release")
        assert isinstance(end, ev.TurnFinished)
        told = str(server.requests[0].body)
        assert "release: how releases are made" in told
        assert "bump the version" not in told
        assert "The skills are: release" in last_result(server, 1)
        assert "bump the version" in last_result(server, 2)
        assert "notes.txt" in last_result(server, 2)


def test_the_programs_own_names_are_known_to_the_loader() -> None:
    from rlm_tui.tui import slash

    assert {name.removeprefix("/") for name, _ in slash.completions("")} <= set(BUILT_IN_COMMANDS)
