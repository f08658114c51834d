"""Slash commands with words after them, agents by key, and pages of figures."""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from rlm_tui.tui.app import RlmTuiApp
from rlm_tui.tui.screens.dialogs import ChooseDialog
from rlm_tui.tui.screens.main import MainScreen
from rlm_tui.tui.screens.report import ReportScreen
from tests.tui.test_app import make_app, opened, until


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.py").write_text("limit = 1\n")
    (folder / "b.py").write_text("other = 2\n")
    return folder


async def _say(pilot: Pilot[None], screen: MainScreen, text: str) -> None:
    screen.prompt.text = text
    screen.prompt.focus()
    await pilot.press("escape", "enter")


async def _report(app: RlmTuiApp) -> str:
    await until(lambda: isinstance(app.screen, ReportScreen), "the report")
    page = app.screen
    assert isinstance(page, ReportScreen)
    return "\n".join(page._lines)


async def test_figures_follow_what_happened(tmp_path: Path, project: Path) -> None:
    app = make_app(project, tmp_path / "data")
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await opened(app)
        await _say(pilot, screen, "Where is limit decided?")
        await until(lambda: bool(screen.state.turns) and screen.state.turns[-1].ended, "the answer")
        await _say(pilot, screen, "/cost")
        text = await _report(app)
        assert "Where is limit decided?" in text
        assert f"{screen.state.calls:,} model calls" in text
        await pilot.press("escape")
        await _say(pilot, screen, "/context")
        text = await _report(app)
        assert "cited by answers" in text
        assert "Sending all of it once" in text
        await pilot.press("escape")
        await _say(pilot, screen, "/compact")
        assert "nothing is lost" in await _report(app)
        await pilot.press("escape")
        await _say(pilot, screen, "/copy")
        await until((tmp_path / "data" / "data" / "last-answer.md").exists, "the file")
        assert (tmp_path / "data" / "data" / "last-answer.md").read_text() == screen.state.turns[-1].answer


async def test_words_after_a_command_are_taken_or_refused(tmp_path: Path, project: Path) -> None:
    app = make_app(project, tmp_path / "data")
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await opened(app)
        await _say(pilot, screen, "/rename A [b]better[/b] title")
        await until(lambda: screen.state.title == "A [b]better[/b] title", "the title")
        await _say(pilot, screen, "/status")
        assert "better" in await _report(app)
        await pilot.press("escape")
        await _say(pilot, screen, "/undo everything")
        await pilot.pause()
        assert screen.prompt.text == "/undo everything"
        await _say(pilot, screen, "/nothing")
        await pilot.pause()
        assert screen.prompt.text == "/nothing"
        assert not screen.state.turns


async def test_agents_are_switched_by_key_and_chosen_from_a_list(tmp_path: Path, project: Path) -> None:
    app = make_app(project, tmp_path / "data")
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await opened(app)
        await pilot.press("f2")
        await until(lambda: screen.state.settings.get("agent") == "plan", "plan")
        await _say(pilot, screen, "/agent build")
        await until(lambda: not screen.state.settings.get("agent"), "build")
        await _say(pilot, screen, "/agents")
        await until(lambda: isinstance(app.screen, ChooseDialog), "the list")
        await pilot.press(*"plan", "enter")
        await until(lambda: screen.state.settings.get("agent") == "plan", "plan again")


async def test_own_commands_are_completed_and_sent(tmp_path: Path, project: Path) -> None:
    app = make_app(project, tmp_path / "data")
    folder = app.options.paths.config_dir / "commands"
    folder.mkdir(parents=True)
    (folder / "find.md").write_text("---\ndescription: finds\n---\nWhere is $1 decided?\n")
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await opened(app)
        assert screen.bridge.own_commands == {"find": "finds"}
        await _say(pilot, screen, "/find limit")
        await until(lambda: bool(screen.state.turns), "the turn")
        assert screen.state.turns[0].prompt == "Where is limit decided?"


async def test_an_insert_that_runs_is_shown_and_stopped_by_escape(tmp_path: Path, project: Path) -> None:
    app = make_app(project, tmp_path / "data", {"permissions.approval": "auto", "permissions.allow": ["bash(sleep*)"]})
    folder = app.options.paths.config_dir / "commands"
    folder.mkdir(parents=True)
    (folder / "Wait.md").write_text("!`sleep 50`\n")
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await opened(app)
        await _say(pilot, screen, "/Wait")
        await until(lambda: "command" in screen.state.progress, "the insert")
        await until(lambda: "running /Wait: sleep 50" in screen._status(), "the footer")
        await pilot.press("escape")
        await until(lambda: "command" not in screen.state.progress, "its end")
        assert not screen.state.turns
        await until(lambda: any("Interrupted" in item.text for item in screen.state.items), "the notice")


async def test_a_typed_command_runs_and_is_shown(tmp_path: Path, project: Path) -> None:
    app = make_app(project, tmp_path / "data")
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await opened(app)
        await _say(pilot, screen, "!")
        assert not screen.state.turns
        await _say(pilot, screen, "!echo seen; sleep 60")
        await until(lambda: screen.state.busy, "the command")
        await pilot.press("escape")
        await until(lambda: screen.state.turns[-1].ended, "its end")
        await _say(pilot, screen, "!cat a.py")
        await until(lambda: len(screen.state.turns) == 2 and screen.state.turns[-1].ended, "the second")
        assert "limit = 1" in screen.state.turns[-1].answer


async def test_a_prompt_is_put_aside_and_brought_back_in_another_session(tmp_path: Path, project: Path) -> None:
    app = make_app(project, tmp_path / "data")
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await opened(app)
        for text in ("first [b]", "second\nline"):
            screen.prompt.text = text
            await pilot.press("alt+s")
            assert screen.prompt.text == ""
    app = make_app(project, tmp_path / "data")
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await opened(app)
        await pilot.press("alt+s")
        assert screen.prompt.text == "second\nline"
        screen.prompt.text = ""
        await pilot.press("alt+s")
        assert screen.prompt.text == "first [b]"
        screen.prompt.text = ""
        await pilot.press("alt+s")
        assert screen.prompt.text == ""
