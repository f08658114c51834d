"""Permission dialogs on the screen: a scripted model wants something, and the person decides by key."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from rlm_tui.tui.app import RlmTuiApp
from rlm_tui.tui.screens.approval import ApprovalDialog, QuestionDialog
from rlm_tui.tui.screens.dialogs import ChooseDialog
from rlm_tui.tui.screens.main import MainScreen
from tests.support.scripted_server import ScriptedServer, Text, Tool, Turn
from tests.tui.test_app import make_app, opened, until


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def app(tmp_path: Path, server: ScriptedServer) -> RlmTuiApp:
    project = tmp_path / "project"
    project.mkdir()
    (project / "a.py").write_text("x = 1\n")
    (project / "c.txt").write_text("other\n")
    (tmp_path / "home" / "config").mkdir(parents=True)
    (tmp_path / "home" / "config" / "config.toml").write_text(f'[endpoints.lab]\napi_base = "{server.base_url}"\n')
    return make_app(project, tmp_path / "home", {"model.name": "lab/scripted"})


def shown(app: RlmTuiApp) -> str:
    return "\n".join(str(widget.render()) for widget in app.screen.query("Static"))


async def dialog(app: RlmTuiApp) -> ApprovalDialog:
    await until(lambda: isinstance(app.screen, ApprovalDialog) and app.screen.armed, "the dialog")
    assert isinstance(app.screen, ApprovalDialog)
    return app.screen


async def ended(screen: MainScreen) -> None:
    await until(lambda: bool(screen.state.turns) and screen.state.turns[-1].ended, "the turn's end")


EDIT = Tool("edit", {"path": "a.py", "old_string": "x = 1", "new_string": "x = [/b] 2"})


async def test_an_edit_is_shown_and_allowed_once(app: RlmTuiApp, server: ScriptedServer, tmp_path: Path) -> None:
    server.queue(Turn(EDIT), Turn(Text("Done.")))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app)
        screen.send("Make it two")
        await dialog(app)
        assert "-x = 1" in shown(app)
        assert "+x = [/b] 2" in shown(app)
        assert (tmp_path / "project" / "a.py").read_text() == "x = 1\n"
        await pilot.press("y")
        await ended(screen)
        assert app.screen is screen
    assert (tmp_path / "project" / "a.py").read_text() == "x = [/b] 2\n"


async def test_a_command_is_shown_whole_with_hidden_characters_and_denied_with_a_reason(
    app: RlmTuiApp, server: ScriptedServer, tmp_path: Path
) -> None:  # fmt: skip
    command = "rm -rf build\u202e \u0430.txt " + "x" * 3000 + " END"
    server.queue(Turn(Tool("bash", {"command": command})), Turn(Text("Fine.")))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(app)
        screen.send("Clean up")
        asking = await dialog(app)
        text = shown(app)
        assert "Look twice: it deletes without asking" in text
        assert "\u202e" not in text
        assert "END" in text
        assert "not plain letters" in text
        asking.query_one("#reason", Input).focus()
        await pilot.press(*"keep it", "enter")
        await ended(screen)
    assert "keep it" in str(server.requests[-1].body["messages"][-1])


async def test_a_rule_is_edited_and_kept_and_taken_back(
    app: RlmTuiApp, server: ScriptedServer, tmp_path: Path
) -> None:  # fmt: skip
    touch = Turn(Tool("bash", {"command": "touch b.txt"}))
    server.queue(touch, touch, Turn(Text("Done.")))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app)
        screen.send("Touch it")
        asking = await dialog(app)
        rule = asking.query_one("#rule", Input)
        rule.value = "bash(touch"
        asking.query_one(OptionList).focus()
        await pilot.press("s")
        assert app.screen is asking, "a rule that cannot be read does not close the dialog"
        assert "no permission rule" in shown(app)
        rule.value = "bash(touch b.txt)"
        await pilot.press("s")
        await ended(screen)
        assert (tmp_path / "project" / "b.txt").exists()
        screen.prompt.text = "/permissions"
        screen.prompt.focus()
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ChooseDialog), "the rules")
        await pilot.press(*"touch", "enter")
        await until(lambda: app.screen is screen, "the main screen")
        rules: list[str] = ["?"]
        screen.bridge.call(lambda assistant: rules.__setitem__(slice(None), map(str, assistant.approvals.policy.allow)))
        await until(lambda: rules == [], "the rule to be gone")


async def test_keys_typed_as_it_comes_up_answer_nothing_and_escape_puts_it_off(
    app: RlmTuiApp, server: ScriptedServer
) -> None:  # fmt: skip
    server.queue(Turn(EDIT), Turn(Text("Done.")))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app)
        screen.send("Make it two")
        await until(lambda: isinstance(app.screen, ApprovalDialog), "the dialog")
        asking = app.screen
        assert isinstance(asking, ApprovalDialog)
        if not asking.armed:
            await pilot.press("y")
            if not asking.armed:
                assert app.screen is asking
        await dialog(app)
        await pilot.press("escape")
        await until(lambda: app.screen is screen, "the main screen")
        assert screen.waiting == 1
        await pilot.press("ctrl+x", "a")
        await dialog(app)
        await pilot.press("n")
        await ended(screen)
        assert screen.waiting == 0


async def test_interrupting_the_turn_takes_the_dialog_down(app: RlmTuiApp, server: ScriptedServer) -> None:
    server.queue(Turn(EDIT))
    async with app.run_test(size=(120, 40)):
        screen = await opened(app)
        screen.send("Make it two")
        await dialog(app)
        screen.bridge.call(lambda assistant: assistant.interrupt())
        await ended(screen)
        await until(lambda: app.screen is screen, "the main screen")


async def test_a_question_is_answered_from_its_options_or_freely(app: RlmTuiApp, server: ScriptedServer) -> None:
    ask = Turn(Tool("ask", {"question": "Which [b]colour[/]?", "options": ["red", "blue"]}))
    server.queue(ask, ask, Turn(Text("Painted.")))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(app)
        screen.send("Paint it")
        await until(lambda: isinstance(app.screen, QuestionDialog) and app.screen.armed, "the question")
        first = app.screen
        assert "Which [b]colour[/]?" in shown(app)
        await pilot.press("down", "enter")
        await until(
            lambda: isinstance(app.screen, QuestionDialog) and app.screen is not first and app.screen.armed,
            "the second question",
        )
        app.screen.query_one("#other", Input).focus()
        await pilot.press(*"green", "enter")
        await ended(screen)
    results = [m["content"] for m in server.requests[-1].body["messages"] if m["role"] == "tool"]
    assert results[0] == "blue"
    assert results[1].startswith("green")
