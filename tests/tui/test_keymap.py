"""The person's own keys: they hold, they are shown, and what cannot be as wished is told."""

from pathlib import Path

import pytest

from rlm_tui.tui.actions import ACTIONS
from rlm_tui.tui.keymap import Keymap, is_key
from rlm_tui.tui.screens.help import HelpScreen
from rlm_tui.tui.screens.report import ReportScreen
from rlm_tui.tui.widgets.footer import FooterLine
from tests.tui.test_app import make_app, opened, project, until

__all__ = ["project"]  # the fixture


def test_the_registry_has_no_conflicts() -> None:
    keymap = Keymap()
    assert keymap.problems == []
    leaders = [action.leader for action in ACTIONS if action.leader]
    assert len(leaders) == len(set(leaders))
    assert all(is_key(key) for action in ACTIONS for key in action.keys)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"zom": "f4"}, "did you mean `zoom`?"),
        ({"zoom": "ctrl+"}, "is no key"),
        ({"zoom": "control+t"}, "is no key"),
        ({"zoom": "f1"}, "`f1` means `zoom`; `help` has no key any more"),
        ({"zoom": "f4", "cost": "f4,f6"}, "`f4` means `zoom`; `cost` has f6 left"),
        ({"zoom": "ctrl+t, f3", "cost": "question_mark"}, ""),
        ({"expand": ""}, ""),
    ],
)
def test_what_cannot_be_as_wished_is_told(own: dict[str, str], told: str) -> None:
    problems = Keymap(own).problems
    assert len(problems) == bool(told)
    assert told in "".join(problems)


async def test_own_keys_work_and_are_shown(project: Path, tmp_path: Path) -> None:
    config = tmp_path / "home" / "config"
    config.mkdir(parents=True)
    (config / "config.toml").write_text('[keys]\ncost = "f6"\nzoom = "f4"\nleader = "ctrl+b"\nno_such = "f7"\n')
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await opened(app)
        await pilot.press("f6")
        await until(lambda: isinstance(app.screen, ReportScreen), "the cost")
        await pilot.press("escape", "f4")
        assert screen.zoomed
        await pilot.press("f4", "f11")
        assert not screen.zoomed, "its old key is free"
        assert ("F4", "zoom") in screen.query_one(FooterLine)._hints
        await pilot.press("ctrl+b", "h")
        await until(lambda: isinstance(app.screen, HelpScreen), "the help")
        help_screen = app.screen
        assert isinstance(help_screen, HelpScreen)
        assert "F6, ctrl+b o" in help_screen._text().plain
        assert any("no_such" in notice.message for notice in app._notifications)
