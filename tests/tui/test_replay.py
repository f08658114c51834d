"""A past session on the screen: played, stepped, sought, and forked, always showing what was there then."""

from pathlib import Path

from rlm_tui.config.options import AppOptions, Replay
from rlm_tui.config.paths import Paths
from rlm_tui.config.settings import load_settings
from rlm_tui.session.library import describe
from rlm_tui.tui.app import RlmTuiApp
from rlm_tui.tui.screens.main import MainScreen
from rlm_tui.tui.screens.replay import ReplayScreen
from tests.support.generated_log import GeneratedLog, write_log
from tests.support.state_dump import dump_state
from tests.tui.test_app import until


def _app(tmp_path: Path, directory: Path, *, at: int = -1, speed: float = 1.0) -> RlmTuiApp:
    paths = Paths(tmp_path, tmp_path / "config")
    loaded = load_settings(paths, None, {}, {})
    project = tmp_path / "project"
    project.mkdir(exist_ok=True)
    return RlmTuiApp(AppOptions(project, paths, loaded, replay=Replay(directory, at, speed)))


async def _replaying(app: RlmTuiApp) -> ReplayScreen:
    await until(lambda: isinstance(app.screen, ReplayScreen), "the replay")
    screen = app.screen
    assert isinstance(screen, ReplayScreen)
    await until(lambda: screen.player is not None, "the session")
    return screen


def _settled(screen: ReplayScreen) -> bool:
    return screen.player is not None and screen.shown == screen.player.moment


def _expected(screen: ReplayScreen) -> dict[str, object]:
    assert screen.player is not None
    return dump_state(screen.bridge.recording.state_at(screen.player.moment))


async def test_a_replay_shows_the_state_of_its_moment(tmp_path: Path) -> None:
    directory = write_log(tmp_path / "sessions", GeneratedLog(3_000, 3))
    log = directory / "events.jsonl"
    before = log.read_bytes()
    app = _app(tmp_path, directory, at=100)
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await _replaying(app)
        assert screen.player is not None
        await until(lambda: _settled(screen), "the moment")
        assert screen.player.moment == 101
        for keys in (["full_stop"] * 3, ["comma"] * 5, ["greater_than_sign"], ["less_than_sign"] * 2,
                     ["right_parenthesis"] * 2, ["end"], ["comma"], ["home"], ["full_stop"]):  # fmt: skip
            was = screen.player.moment
            await pilot.press(*keys)
            await until(lambda was=was: screen.player is not None and screen.player.moment != was, f"{keys} to move")  # type: ignore[misc]  # a default binds the loop's value
            await until(lambda: _settled(screen), f"the moment after {keys}")
            assert dump_state(screen.state) == _expected(screen)
            reader = screen.bridge.moment_view
            assert (reader.entry_count, reader.chars) == (screen.state.entry_count, screen.state.context_chars)
    assert log.read_bytes() == before


async def test_it_plays_to_the_end_by_itself_and_asks_nothing(tmp_path: Path) -> None:
    directory = write_log(tmp_path / "sessions", GeneratedLog(400, 9))
    app = _app(tmp_path, directory, speed=64.0)
    async with app.run_test(size=(140, 45)):
        screen = await _replaying(app)
        assert screen.player is not None
        await until(lambda: screen.player is not None and screen.player.ended and _settled(screen), "the end", 30)
        assert dump_state(screen.state) == _expected(screen)
        assert app.screen is screen
        assert not screen.player.playing


async def test_the_context_is_searched_as_it_was(tmp_path: Path) -> None:
    directory = write_log(tmp_path / "sessions", GeneratedLog(600, 4))
    app = _app(tmp_path, directory, at=200)
    async with app.run_test(size=(140, 45)):
        screen = await _replaying(app)
        await until(lambda: _settled(screen), "the moment")
        reader = screen.bridge.moment_view
        hits = reader.find("window", max_results=1_000).hits
        assert hits
        assert all(hit.offset < screen.state.context_chars for hit in hits)
        everything = screen.bridge.context
        assert everything is not None
        assert everything.find("window", max_results=0).total_found > len(hits)
        ranked = reader.rank("window moves").hits
        assert all(hit.offset < screen.state.context_chars for hit in ranked)


async def test_a_new_session_starts_from_any_moment(tmp_path: Path) -> None:
    directory = write_log(tmp_path / "sessions", GeneratedLog(500, 5))
    app = _app(tmp_path, directory, at=200)
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await _replaying(app)
        await until(lambda: _settled(screen), "the moment")
        turns = len(screen.state.turns)
        await pilot.press("F")
        await until(lambda: type(app.screen) is MainScreen, "the new session")
        fresh = app.screen
        assert isinstance(fresh, MainScreen)
        await until(lambda: fresh.bridge.opened and len(fresh.state.turns) == turns, "its turns")
        assert fresh.bridge.session_id != directory.name
        info = describe(tmp_path / "sessions" / fresh.bridge.session_id)
        assert (info.forked_from, info.turns) == (directory.name, turns)


async def test_a_click_on_the_timeline_goes_there_and_q_leaves(tmp_path: Path) -> None:
    directory = write_log(tmp_path / "sessions", GeneratedLog(1_000, 6))
    app = _app(tmp_path, directory, at=10)
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await _replaying(app)
        assert screen.player is not None
        await until(lambda: _settled(screen), "the moment")
        await pilot.click("#replay", offset=(70, 1))
        await until(lambda: _settled(screen) and screen.player is not None and screen.player.moment > 400, "the middle")
        assert 450 < screen.player.moment < 550
        await pilot.press("q")
    assert app.return_code == 0
