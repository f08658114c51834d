"""The library of sessions on the screen, and what is done with whole sessions: rewind, fork, replay, export."""

import json
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from rlm_tui import events as ev
from rlm_tui.session.library import describe
from rlm_tui.session.session import Session
from rlm_tui.tui.app import RlmTuiApp
from rlm_tui.tui.screens.dialogs import ChooseDialog
from rlm_tui.tui.screens.main import MainScreen
from rlm_tui.tui.screens.replay import ReplayScreen
from rlm_tui.tui.screens.sessions import SessionsScreen
from rlm_tui.workspace.snapshots import Change
from tests.tui.test_app import make_app, until

HOSTILE = "evil \x1b]52;c;aGk=\x07 [/b] \u202e text"


def _past(tmp_path: Path, project: Path, title: str, answer: str) -> str:
    session = Session.create(tmp_path / "data" / "sessions", tmp_path / "data", project=project, model="m")
    session.append_entry("user", "#1", title)
    session.record(ev.TurnStarted(1, title, 0))
    session.record(ev.CallStarted("root", "m", title), call=1)
    session.record(ev.ReplyFinished(answer, "m", usage=ev.Usage(100, 10), cost=0.5), call=1)
    session.record(ev.TurnFinished(1, answer, "m", usage=ev.Usage(100, 10), cost=0.5, calls=1))
    session.close()
    return session.id


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    return folder


async def _ready(app: RlmTuiApp) -> MainScreen:
    await until(lambda: isinstance(app.screen, MainScreen), "the main screen")
    screen = app.screen
    assert isinstance(screen, MainScreen)
    await until(lambda: screen.bridge.opened and screen.state.project and not screen.state.progress, "the session")
    await until(lambda: screen.state.entry_count > 0, "the project")
    return screen


async def _listed(app: RlmTuiApp, pilot: Pilot[None], rows: int) -> SessionsScreen:
    await pilot.press("ctrl+x", "s")
    await until(lambda: isinstance(app.screen, SessionsScreen), "the list")
    listing = app.screen
    assert isinstance(listing, SessionsScreen)
    await until(lambda: listing.query_one(OptionList).option_count == rows, f"{rows} rows")
    return listing


def _text(listing: SessionsScreen, name: str) -> str:
    return str(listing.query_one(name, Static).render())


async def test_sessions_are_filtered_searched_renamed_and_deleted(tmp_path: Path, project: Path) -> None:
    first = _past(tmp_path, project, "How are retries decided?", "By the budget of `RetryPolicy`.")
    second = _past(tmp_path, project, HOSTILE, f"The window moves by a sentinel. {HOSTILE}")
    app = make_app(project, tmp_path)
    async with app.run_test(size=(140, 45)) as pilot:
        await _ready(app)
        listing = await _listed(app, pilot, 3)
        await pilot.press(*"retries")
        await until(lambda: listing.query_one(OptionList).option_count == 1, "the filter")
        await until(lambda: "By the budget" in _text(listing, "#sessions-text"), "the preview")
        await pilot.press("ctrl+r")
        listing.query_one(Input).value = "A better title"
        await pilot.press("enter")
        await until(lambda: describe(tmp_path / "data/sessions" / first).title == "A better title", "the title")
        await until(lambda: listing.query_one(OptionList).option_count == 3, "all rows")
        await pilot.press("ctrl+f", *"sentinel")
        await until(lambda: listing.query_one(OptionList).option_count == 1, "the place that was found")
        shown = str(listing.query_one(OptionList).get_option_at_index(0).prompt)
        assert "window moves" in shown
        assert "\x1b" not in shown
        await pilot.press("ctrl+d")
        assert (tmp_path / "data/sessions" / second).exists()
        await pilot.press("ctrl+d")
        await until(lambda: not (tmp_path / "data/sessions" / second).exists(), "the deletion")
        await pilot.press("escape")
        await until(lambda: listing.query_one(OptionList).option_count == 2, "the list again")
        await pilot.press("escape")
        await until(lambda: isinstance(app.screen, MainScreen), "the main screen")


async def test_a_place_that_was_found_is_replayed_and_left_again(tmp_path: Path, project: Path) -> None:
    first = _past(tmp_path, project, "How are retries decided?", "By the budget of `RetryPolicy`.")
    app = make_app(project, tmp_path)
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await _ready(app)
        own = screen.bridge.session_id
        listing = await _listed(app, pilot, 2)
        await pilot.press("ctrl+f", *"RetryPolicy")
        await until(lambda: listing.query_one(OptionList).option_count >= 1, "the place")
        await pilot.press("ctrl+y")
        await until(lambda: isinstance(app.screen, ReplayScreen) and app.screen.player is not None, "the replay")
        replay = app.screen
        assert isinstance(replay, ReplayScreen)
        await until(lambda: replay.player is not None and replay.shown == replay.player.moment, "the moment")
        assert replay.bridge.session_id == first
        assert not replay.player.ended if replay.player is not None else False
        assert replay.state.items[-1].text.startswith("By the budget")
        await pilot.press("q")
        await until(lambda: type(app.screen) is MainScreen, "the main screen")
        back = await _ready(app)
        assert back.bridge.session_id == own


async def test_escape_twice_goes_back_in_the_conversation_and_its_files(tmp_path: Path, project: Path) -> None:
    app = make_app(project, tmp_path)
    target = project / "a.py"
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await _ready(app)
        for number in (1, 2):
            screen.send(f"Where is x decided, {number}?")
            await until(lambda n=number: len(screen.state.turns) == n and not screen.state.busy, "the turn", 60)  # type: ignore[misc]  # a default binds the loop's value
        change = Change(target, b"x = 1\n", b"x = 2\n", 0o644, 0o644)

        def in_turn_two(assistant: object) -> None:
            assistant.files.apply([change])  # type: ignore[attr-defined]  # an assistant

        screen.bridge.call(in_turn_two)
        await until(lambda: target.read_text() == "x = 2\n", "the change")
        await until(lambda: screen.state.applied, "its snapshot")
        await pilot.press("escape", "escape")
        await until(lambda: isinstance(app.screen, ChooseDialog), "the turns")
        await pilot.press("down", "enter")
        await until(lambda: isinstance(app.screen, ChooseDialog) and "Take back turn 1" in _heading(app), "the ways")
        assert target.read_text() == "x = 2\n"
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ChooseDialog) and "Go back" in _heading(app), "the preview")
        assert not any(turn.reverted for turn in screen.state.turns)
        await pilot.press("enter")
        await until(lambda: all(turn.reverted for turn in screen.state.turns), "the turns to be taken back")
        assert screen.prompt.text == "Where is x decided, 1?"


def _heading(app: RlmTuiApp) -> str:
    found = app.screen.query(".heading")
    return str(found.first(Static).render()) if found else ""


async def test_a_fork_goes_on_by_itself(tmp_path: Path, project: Path) -> None:
    app = make_app(project, tmp_path)
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await _ready(app)
        own = screen.bridge.session_id
        screen.send("Where is x decided?")
        await until(lambda: screen.state.turns and not screen.state.busy, "the turn", 60)
        screen.prompt.text = "/fork"
        await pilot.press("enter")
        await until(lambda: app.screen is not screen and isinstance(app.screen, MainScreen), "the copy")
        copy = await _ready(app)
        await until(lambda: len(copy.state.turns) == 1, "its turn")
        assert copy.state.forked_from == own
        copy.send("And y?")
        await until(lambda: len(copy.state.turns) == 2 and not copy.state.busy, "the second turn", 60)
    assert describe(tmp_path / "data/sessions" / own).turns == 1


async def test_an_export_is_written_beside_the_project_and_over_nothing(tmp_path: Path, project: Path) -> None:
    app = make_app(project, tmp_path)
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await _ready(app)
        own = screen.bridge.session_id
        screen.send("Where is x decided?")
        await until(lambda: screen.state.turns and not screen.state.busy, "the turn", 60)
        for name in (f"rlm-tui-{own}.json", f"rlm-tui-{own}-2.json"):
            screen.prompt.text = "/export"
            await pilot.press("enter")
            await until(lambda: isinstance(app.screen, ChooseDialog), "the formats")
            await pilot.press("down", "down", "enter")
            await until((project / name).exists, name)
        document = json.loads((project / f"rlm-tui-{own}.json").read_text())
        assert document["turns"][0]["prompt"] == "Where is x decided?"
