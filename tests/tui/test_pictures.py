"""Pictures of the screen at the three sizes it is designed for, compared with those in the tree.

After a wanted change: `pytest tests/tui/test_pictures.py --snapshot-update`, and look at what changed.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.containers import Horizontal, Vertical
from textual.pilot import Pilot
from textual.widgets import TextArea

from rlm_tui import events as ev
from rlm_tui.tui.app import RlmTuiApp
from rlm_tui.tui.widgets.chat_view import ChatView
from rlm_tui.tui.widgets.context_browser import ContextBrowser
from rlm_tui.tui.widgets.text_view import TextView
from rlm_tui.tui.widgets.trace_view import TraceView
from tests.support.pane_app import PaneApp
from tests.support.sample_session import sample_context, sample_story
from tests.tui.test_app import make_app, opened, until

SIZES = [(80, 24), (140, 45), (200, 60)]
Compare = Callable[..., bool]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RlmTuiApp:
    """Return the program on a small project; nothing of the machine it runs on is on the screen."""
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    project = tmp_path / "project"
    project.mkdir()
    (project / "retry.py").write_text("RETRY_BUDGET = 3  # attempts for each client\n")
    (project / "hostile.txt").write_text("evil \x1b]52;c;aGk=\x07 [/b] text\n")
    return make_app(project, tmp_path / "home", {"sandbox.mode": "off"})  # or the header tells of this machine


async def _ready(pilot: Pilot[None]) -> None:
    app = pilot.app
    assert isinstance(app, RlmTuiApp)
    screen = await opened(app)
    for area in screen.query(TextArea):
        area.cursor_blink = False
    await pilot.pause(0.5)


async def _settled(pilot: Pilot[None]) -> None:
    """Wait until everything is laid out and has its colours, however slow the machine is."""
    await pilot.pause(0.5)
    views = pilot.app.screen.query(TextView)
    for _ in range(2):  # the first colours may ask for more
        await until(lambda: all(view.on_screen and view.colours_settled for view in views), "the colours")
        await pilot.pause(0.2)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_the_help_is_as_pictured(app: RlmTuiApp, size: tuple[int, int], snap_compare: Compare) -> None:
    async def show_help(pilot: Pilot[None]) -> None:
        await _ready(pilot)
        await pilot.press("f1")
        await pilot.pause(0.5)

    assert snap_compare(app, terminal_size=size, run_before=show_help)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
def test_the_context_browser_is_as_pictured(app: RlmTuiApp, size: tuple[int, int], snap_compare: Compare) -> None:
    async def open_browser(pilot: Pilot[None]) -> None:
        await _ready(pilot)
        await pilot.press("tab")
        await _settled(pilot)

    assert snap_compare(app, terminal_size=size, run_before=open_browser)


def _finished_answer(size: tuple[int, int]) -> tuple[PaneApp, Callable[[], None]]:
    """Return chat, browser and trace with a finished turn whose times and costs are always the same."""
    reader = sample_context()
    story = sample_story(reader)
    cited = next(span for span in story.state.nodes["tool:r1"].spans)
    answer = (
        "The budget is fixed in **RetryPolicy**, and nothing else raises it:\n\n"
        f"1. `budget` starts at 3 attempts [{cited.start}-{cited.end}]\n2. the deadline is 10 s\n\n"
        "```python\nbudget: Attempts = Attempts(3)\n```\n\n| what | limit |\n|---|---|\n"
        "| attempts | 3 |\n| seconds | 10 |\n"
    )
    usage = ev.Usage(1_200, 90)
    story.tell(ev.ReasoningDelta("Is it raised anywhere?"), 1)
    story.tell(
        ev.ReplyFinished(answer, "provider/model", reasoning="Is it raised anywhere?", usage=usage, cost=0.012), 1
    )
    citations = (ev.Citation(cited.start, cited.end, "src/retry.py", 30),)
    story.tell(ev.TurnFinished(1, answer, "provider/model", citations, usage, 0.012, 13, elapsed_ms=3_200.0))
    chat, browser, trace = ChatView(id="chat"), ContextBrowser(), TraceView()
    chat.styles.width = "46%" if size[0] >= 100 else "100%"
    browser.styles.height, trace.styles.height = "55%", "1fr"
    app = PaneApp(Horizontal(chat, Vertical(browser, trace)) if size[0] >= 100 else chat)

    def bind() -> None:
        chat.bind(story.state)
        if browser.is_mounted:
            browser.bind(reader, story.state)
            trace.bind(story.state)
            browser.open_span(cited.start, cited.end)

    return app, bind


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: "x".join(map(str, size)))
def test_a_finished_answer_is_as_pictured(size: tuple[int, int], snap_compare: Compare) -> None:
    app, bind = _finished_answer(size)

    async def show(pilot: Pilot[None]) -> None:
        bind()
        await _settled(pilot)

    assert snap_compare(app, terminal_size=size, run_before=show)
