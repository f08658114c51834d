"""Asking the person: what waits, what each answer does, and what happens where nobody is there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from rlm_tui import events as ev
from rlm_tui.config.options import AppOptions
from rlm_tui.config.paths import Paths
from rlm_tui.config.project_rules import project_rules
from rlm_tui.config.schema import PermissionSettings
from rlm_tui.config.settings import EndpointSettings, Loaded, ModelSettings, Settings
from rlm_tui.errors import UsageError
from rlm_tui.loop.assistant import Assistant
from rlm_tui.permissions.reply import Reply
from tests.support.scripted_server import ScriptedServer, Text, Tool, Turn


@pytest.fixture
def options(tmp_path: Path, server: ScriptedServer) -> AppOptions:
    project = tmp_path / "project"
    project.mkdir()
    (project / "a.py").write_text("x = 1\n")
    settings = msgspec.structs.replace(
        Settings(),
        model=ModelSettings(name="lab/scripted"),
        endpoints={"lab": EndpointSettings(api_base=server.base_url)},
    )
    return AppOptions(project, Paths(tmp_path / "home", tmp_path / "config"), Loaded(settings, [], {}))


class Person:
    """Answers what is asked by `say`, from the stream of events, as a screen does."""

    def __init__(self) -> None:
        self.assistant: Assistant | None = None
        self.asked: list[ev.PermissionAsked] = []
        self.answered: list[ev.PermissionAnswered] = []
        self.say: Callable[[ev.PermissionAsked], Reply | None] = lambda asked: Reply("once")
        self.answer: str | None = "blue"

    def __call__(self, envelope: ev.Envelope) -> None:
        event = envelope.event
        if isinstance(event, ev.PermissionAnswered):
            self.answered.append(event)
        if self.assistant is None:
            return
        loop, approvals = asyncio.get_running_loop(), self.assistant.approvals
        if isinstance(event, ev.PermissionAsked):
            self.asked.append(event)
            if reply := self.say(event):
                loop.call_soon(approvals.answer, event.request, reply)
        elif isinstance(event, ev.QuestionAsked):
            loop.call_soon(approvals.answer_question, event.request, self.answer)


@pytest.fixture
def person() -> Person:
    return Person()


@pytest_asyncio.fixture
async def assistant(options: AppOptions, person: Person) -> AsyncIterator[Assistant]:
    opened = Assistant(options, person, strict=True, attended=True)
    await opened.open()
    await opened.ingested()
    person.assistant = opened
    yield opened
    await opened.close()


def edit(old: str, new: str, path: str = "a.py") -> Turn:
    return Turn(Tool("edit", {"path": path, "old_string": old, "new_string": new}))


def result_of(assistant: Assistant, which: int = -1) -> str:
    return [node for node in assistant.session.state.nodes.values() if node.kind == "tool"][which].result


async def test_an_edit_waits_for_the_person_and_shows_its_diff(
    assistant: Assistant, person: Person, server: ScriptedServer
) -> None:  # fmt: skip
    server.queue(edit("x = 1", "x = 2"), Turn(Text("Done.")))
    await assistant.ask("Make it two")
    (asked,) = person.asked
    assert (asked.name, asked.what) == ("edit", "a.py")
    assert "-x = 1\n+x = 2\n" in asked.diff
    assert asked.rule == "edit(a.py)"
    assert [answer.decision for answer in person.answered] == ["once"]
    assert (assistant.options.project / "a.py").read_text() == "x = 2\n"
    assert not assistant.session.state.pending_permissions


async def test_a_refusal_with_its_reason_reaches_the_model(
    assistant: Assistant, person: Person, server: ScriptedServer
) -> None:  # fmt: skip
    person.say = lambda asked: Reply("deny", reason="keep it at one")
    server.queue(edit("x = 1", "x = 2"), Turn(Text("I left it.")))
    end = await assistant.ask("Make it two")
    assert isinstance(end, ev.TurnFinished)
    assert result_of(assistant) == "The person did not allow this: keep it at one"
    assert "keep it at one" in str(server.requests[-1].body["messages"][-1])
    assert (assistant.options.project / "a.py").read_text() == "x = 1\n"


async def test_for_the_session_it_is_not_asked_again_and_always_is_kept_for_the_project(
    assistant: Assistant, person: Person, server: ScriptedServer
) -> None:  # fmt: skip
    person.say = lambda asked: Reply("session", asked.rule)
    server.queue(edit("x = 1", "x = 2"), edit("x = 2", "x = 3"), Turn(Text("Done.")))
    await assistant.ask("Make it three")
    assert len(person.asked) == 1
    paths, project = assistant.options.paths, assistant.options.project
    assert project_rules(paths, project) == ()
    person.say = lambda asked: Reply("always", "bash(touch *)")
    server.queue(Turn(Tool("bash", {"command": "touch b"})), Turn(Text("Done.")))
    await assistant.ask("Make b")
    assert project_rules(paths, project) == ("bash(touch *)",)
    again = Assistant(assistant.options, lambda envelope: None, attended=True)
    await again.open()
    assert "bash(touch *)" in [str(rule) for rule in again.approvals.policy.allow]
    again.forget_rule("bash(touch *)")
    assert project_rules(paths, project) == ()
    assert again.approvals.policy.allow == ()
    await again.close()


async def test_a_rule_that_cannot_be_read_leaves_the_question_waiting(
    assistant: Assistant, person: Person, server: ScriptedServer
) -> None:  # fmt: skip
    def wrong_then_right(asked: ev.PermissionAsked) -> Reply:
        with pytest.raises(UsageError, match="no permission rule"):
            assistant.approvals.answer(asked.request, Reply("always", "bash("))
        return Reply("once")

    person.say = wrong_then_right
    server.queue(edit("x = 1", "x = 2"), Turn(Text("Done.")))
    await assistant.ask("Make it two")
    assert (assistant.options.project / "a.py").read_text() == "x = 2\n"


async def test_interrupting_takes_the_question_back(
    assistant: Assistant, person: Person, server: ScriptedServer
) -> None:  # fmt: skip
    def interrupt(asked: ev.PermissionAsked) -> None:
        asyncio.get_running_loop().call_soon(assistant.interrupt)

    person.say = interrupt
    server.queue(edit("x = 1", "x = 2"))
    end = await assistant.ask("Make it two")
    assert isinstance(end, ev.TurnInterrupted)
    assert not assistant.session.state.pending_permissions
    assert [(a.decision, a.reason) for a in person.answered] == [("deny", "cancelled")]
    assert (assistant.options.project / "a.py").read_text() == "x = 1\n"


async def test_a_change_of_mode_lets_go_on_what_waits(
    assistant: Assistant, person: Person, server: ScriptedServer
) -> None:  # fmt: skip
    def change(asked: ev.PermissionAsked) -> None:
        asyncio.get_running_loop().call_soon(assistant.set_approval, "edit")

    person.say = change
    server.queue(edit("x = 1", "x = 2"), edit("x = 2", "x = 3"), Turn(Text("Done.")))
    await assistant.ask("Make it three")
    assert len(person.asked) == 1
    assert (assistant.options.project / "a.py").read_text() == "x = 3\n"
    assert assistant.session.state.settings["approval"] == "edit"


async def test_planning_changes_nothing_and_asks_nothing(
    assistant: Assistant, person: Person, server: ScriptedServer
) -> None:  # fmt: skip
    assistant.set_approval("plan")
    server.queue(edit("x = 1", "x = 2"), Turn(Tool("bash", {"command": "rm a.py"})), Turn(Text("A plan.")))
    await assistant.ask("Make it two")
    assert person.asked == []
    assert "approval mode plan" in result_of(assistant, 0)
    assert "approval mode plan" in result_of(assistant, 1)
    assert (assistant.options.project / "a.py").read_text() == "x = 1\n"


async def test_questions_are_answered_or_declined(
    assistant: Assistant, person: Person, server: ScriptedServer
) -> None:  # fmt: skip
    ask = Turn(Tool("ask", {"question": "Which colour?", "options": ["red", "blue"]}))
    server.queue(ask, Turn(Text("Blue.")))
    await assistant.ask("Paint it")
    assert result_of(assistant) == "blue"
    person.answer = None
    server.queue(ask, Turn(Text("I took red.")))
    await assistant.ask("Paint it again")
    assert "would not answer" in result_of(assistant)
    assert not assistant.session.state.pending_questions


async def test_where_nobody_is_there_ask_means_deny_and_rules_decide(
    options: AppOptions, server: ScriptedServer
) -> None:  # fmt: skip
    rules = PermissionSettings(allow=("edit(a.py)", "bash(touch *)"), deny=("bash(touch c)",))
    loaded = Loaded(msgspec.structs.replace(options.loaded.settings, permissions=rules), [], {})
    alone = Assistant(_with(options, loaded), lambda envelope: None)
    await alone.open()
    await alone.ingested()
    server.queue(
        edit("x = 1", "x = 2"), Turn(Tool("write", {"path": "b.py", "content": "y\n"})),
        Turn(Tool("bash", {"command": "touch c"})), Turn(Text("Done.")),
    )  # fmt: skip
    await alone.ask("Work")
    assert (options.project / "a.py").read_text() == "x = 2\n"
    assert not (options.project / "b.py").exists()
    assert "Nobody is here to ask" in result_of(alone, 1)
    assert "edit(b.py) would allow it" in result_of(alone, 1)
    assert "The rule bash(touch c) forbids it" in result_of(alone, 2)
    await alone.close()


def _with(options: AppOptions, loaded: Loaded) -> AppOptions:
    return AppOptions(options.project, options.paths, loaded)
