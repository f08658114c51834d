"""Pictures of the screen at the three sizes it is designed for, compared with those in the tree.

After a wanted change: `pytest tests/tui/test_pictures.py --snapshot-update`, and look at what changed.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import TextArea

from rlm_tui.tui.app import RlmTuiApp
from tests.tui.test_app import make_app, opened

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
    return make_app(project, tmp_path / "home")


async def _ready(pilot: Pilot[None]) -> None:
    app = pilot.app
    assert isinstance(app, RlmTuiApp)
    screen = await opened(app)
    for area in screen.query(TextArea):
        area.cursor_blink = False
    await pilot.pause(0.5)


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
        await pilot.pause(0.5)

    assert snap_compare(app, terminal_size=size, run_before=open_browser)
