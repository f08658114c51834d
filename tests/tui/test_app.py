"""The whole screen under a pilot: a question answered by the offline model, and what can be done with the answer."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from rlm_tui.config.options import AppOptions
from rlm_tui.config.paths import Paths
from rlm_tui.config.settings import load_settings
from rlm_tui.tui.app import RlmTuiApp
from rlm_tui.tui.screens.main import MainScreen
from rlm_tui.tui.widgets.footer import FooterLine
from tests.support.scripted_server import Hang, ScriptedServer
from tests.support.scripted_server import Turn as ScriptedTurn

CODE = '''"""Retries."""

RETRY_BUDGET = 3  # attempts for each client


def next_delay(attempt: int) -> float:
    """Return the seconds to wait before a retry."""
    return min(60.0, 0.5 * 2**attempt)
'''
HOSTILE = "evil \x1b]52;c;aGk=\x07 [/b] \u202e text"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "retry.py").write_text(CODE)
    (folder / "hostile.txt").write_text(HOSTILE)
    (folder / "picture.bin").write_bytes(b"\0\1\2" * 100)
    return folder


def make_app(project: Path, home: Path, flags: dict[str, object] | None = None, **options: object) -> RlmTuiApp:
    paths = Paths(home / "data", home / "config")
    loaded = load_settings(paths, project, flags or {}, {})
    return RlmTuiApp(AppOptions(project, paths, loaded, flags=flags or {}, **options))  # type: ignore[arg-type]  # fields by name


async def until(check: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Wait until `check()` is true. Raises `TimeoutError` that says what was waited for."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not check():
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(what)
        await asyncio.sleep(0.02)


async def opened(app: RlmTuiApp) -> MainScreen:
    """Wait until the session is open and the project has been read; return the screen."""
    await until(lambda: isinstance(app.screen, MainScreen), "the main screen")
    screen = app.screen
    assert isinstance(screen, MainScreen)
    await until(lambda: screen.state.entry_count >= 2 and not screen.state.progress, "the project")
    return screen


async def asked(screen: MainScreen) -> None:
    """Wait until the newest turn has ended."""
    await until(lambda: screen.state.turns and screen.state.turns[-1].ended, "the answer")


async def test_a_question_is_answered_and_its_citation_opens(project: Path, tmp_path: Path) -> None:
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await opened(app)
        await pilot.press(*"RETRY_BUDGET?", "enter")
        await asked(screen)
        turn = screen.state.turns[0]
        assert turn.prompt == "RETRY_BUDGET?"
        assert "offline" in turn.answer.splitlines()[0]
        assert turn.citations
        assert all(citation.ok for citation in turn.citations)
        context = screen.bridge.context
        assert context is not None
        cited = [context.read(c.start, c.end - c.start) for c in turn.citations]
        assert any("RETRY_BUDGET = 3" in text for text in cited)
        assert screen.state.coverage.totals()["cited"] > 0
        assert any(node.kind == "call" for node in screen.state.nodes.values())
        screen.browser.open_span(turn.citations[0].start, turn.citations[0].end)
        await pilot.pause()


async def test_a_session_goes_on_where_it_was_left(project: Path, tmp_path: Path) -> None:
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app)
        await pilot.press(*"next_delay", "enter")
        await asked(screen)
        before = [(item.role, item.text) for item in screen.state.items]
        chars = screen.state.context_chars
    again = make_app(project, tmp_path / "home", continue_=True)
    async with again.run_test(size=(120, 40)) as pilot:
        screen = await opened(again)
        assert [(item.role, item.text) for item in screen.state.items] == before
        assert screen.state.context_chars == chars
        await pilot.press(*"and again", "enter")
        await until(lambda: len(screen.state.turns) == 2 and screen.state.turns[1].ended, "the second answer")


async def test_a_file_saved_while_open_becomes_an_entry(project: Path, tmp_path: Path) -> None:
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=(120, 40)):
        screen = await opened(app)
        context = screen.bridge.context
        assert context is not None
        await asyncio.sleep(0.5)  # the watcher starts after the project has been read
        (project / "retry.py").write_text(CODE.replace("= 3", "= 5"))
        await until(lambda: any("= 5" in context.read(e.start, e.chars) for e in context.entries()), "the new text")
        await until(lambda: sum(e.label == "retry.py" for e in context.entries()) == 1, "one entry of it")
        assert context.find("RETRY_BUDGET = 3").total_found == 0


@pytest.mark.parametrize("size", [(80, 24), (140, 45), (200, 60), (40, 10)])
async def test_every_pane_and_dialog_opens_at_every_size(size: tuple[int, int], project: Path, tmp_path: Path) -> None:
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=size) as pilot:
        screen = await opened(app)
        await pilot.press(*"where is it", "enter")
        await asked(screen)
        for keys in (["tab"], ["down"], ["tab"], ["down", "enter"], ["escape"], ["tab"], ["f11"], ["f11"], ["f1"],
                     ["escape"], ["ctrl+p"], ["escape"], ["ctrl+x", "e"], ["escape"], ["ctrl+x", "m"], ["escape"],
                     ["ctrl+x", "s"], ["escape"], ["ctrl+o"], ["alt+up"], ["alt+down"]):  # fmt: skip
            await pilot.press(*keys)
            await pilot.pause()
        assert app.screen is screen


async def test_themes_change_live_and_are_remembered(project: Path, tmp_path: Path) -> None:
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app)
        await pilot.press("ctrl+x", "e")
        await pilot.press(*"nord", "enter")
        await pilot.pause()
        assert app.theme == "nord"
    assert "nord" in (tmp_path / "home" / "config" / "config.toml").read_text()


async def test_leaving_takes_two_presses_of_ctrl_c(project: Path, tmp_path: Path) -> None:
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app)
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert app.is_running
        await pilot.press("ctrl+c")
        await until(lambda: not app.is_running or app._exit, "the end")


async def test_a_model_that_cannot_be_used_is_a_notice_and_the_session_goes_on(project: Path, tmp_path: Path) -> None:
    app = make_app(project, tmp_path / "home", {"model.name": "nonsense/model"})
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app)
        notices = [item.text for item in screen.state.items if item.role == "notice"]
        assert any("nonsense" in text for text in notices)
        await pilot.press(*"RETRY_BUDGET", "enter")
        await asked(screen)
        assert screen.state.turns[0].answer


async def test_panes_take_the_sizes_and_the_layout_that_were_left(project: Path, tmp_path: Path) -> None:
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=(140, 50)) as pilot:
        screen = await opened(app)
        left, browser = screen.query_one("#left"), screen.query_one("#browser")
        width, height = left.size.width, browser.size.height
        await pilot.press("alt+right", "alt+right", "alt+shift+up")
        await pilot.pause()
        assert left.size.width > width
        assert browser.size.height < height
        width = left.size.width
    again = make_app(project, tmp_path / "home")
    async with again.run_test(size=(140, 50)) as pilot:
        screen = await opened(again)
        left, right = screen.query_one("#left"), screen.query_one("#right")
        assert left.size.width == width
        await pilot.press("ctrl+x", "l", "ctrl+x", "l")  # columns, stacked
        await pilot.pause()
        assert left.size.width == 140
        assert right.region.y >= left.region.bottom
        await pilot.press("ctrl+x", "l")  # the chat alone
        await pilot.pause()
        assert not right.display
        await pilot.press("tab")
        await pilot.pause()
        assert screen.browser.region.width > 130
        await pilot.press("shift+tab")
        await pilot.pause()
        assert left.size.width == 140


async def test_queued_prompts_are_counted_and_taken_back_on_interrupt(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedServer(lambda _: ScriptedTurn(Hang())) as server:
        monkeypatch.setenv("OPENAI_API_BASE", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "x")
        app = make_app(project, tmp_path / "home", {"model.name": "openai/scripted"})
        async with app.run_test(size=(120, 40)) as pilot:
            screen = await opened(app)
            await pilot.press(*"first", "enter")
            await until(lambda: screen.state.busy, "the turn")
            await pilot.press(*"second", "enter", *"third", "enter")
            footer = screen.query_one("#footer", FooterLine)
            await until(lambda: "2 queued" in footer.render().plain, "the footer")
            await pilot.press("escape")
            assert screen.prompt.text == "second\n\nthird"
            await asked(screen)


async def test_the_bell_rings_only_when_the_terminal_is_not_in_front(project: Path, tmp_path: Path) -> None:
    app = make_app(project, tmp_path / "home")
    rung: list[bool] = []

    class _Ringing(type(app)):  # type: ignore[misc]  # a class made where it is used
        def bell(self) -> None:
            rung.append(self.app_focus)

    app.__class__ = _Ringing
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app)
        await pilot.press(*"one", "enter")
        await asked(screen)
        await pilot.pause(0.2)
        assert not rung
        app.app_focus = False
        screen.send("two")
        await until(lambda: len(screen.state.turns) == 2 and screen.state.turns[1].ended, "the answer")
        await until(lambda: rung, "the bell")


async def test_a_dialog_that_is_closed_twice_takes_nothing_else_down(project: Path, tmp_path: Path) -> None:
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=(120, 40)):
        screen = await opened(app)
        screen.do_palette()
        await until(lambda: app.screen is not screen and app.screen.query("OptionList"), "the palette")
        dialog = app.screen
        dialog.dismiss(None)
        dialog.dismiss(None)
        await until(lambda: app.screen is screen, "the main screen")


async def test_copying_nothing_leaves_the_clipboard_as_it_is(project: Path, tmp_path: Path) -> None:
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=(120, 40)):
        app.copy_to_clipboard("kept")
        app.copy_to_clipboard("")
        assert app.clipboard == "kept"
