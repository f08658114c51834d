"""Themes on the screen: shown while they are chosen, and as their files are written."""

from itertools import count
from pathlib import Path

from rlm_tui.tui.screens.dialogs import ChooseDialog
from tests.tui.test_app import make_app, opened, project, until

__all__ = ["project"]  # the fixture


async def test_a_theme_is_shown_before_it_is_chosen(project: Path, tmp_path: Path) -> None:
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await opened(app)
        screen.do_choose_theme()
        await until(lambda: isinstance(app.screen, ChooseDialog) and app.screen.query("OptionList"), "the list")
        dialog = app.screen
        assert isinstance(dialog, ChooseDialog)
        await until(lambda: dialog.current == "rlm-dark", "the theme in force")
        await pilot.press(*"nord")
        await until(lambda: app.theme == "nord", "the preview")
        assert app.palette.roles["ground"] == app.themes["nord"].roles()["ground"]
        await pilot.press("escape")
        await until(lambda: app.theme == "rlm-dark", "the one before")
        assert not (tmp_path / "home" / "config" / "config.toml").exists(), "nothing was chosen"
        screen.do_choose_theme()
        await until(lambda: isinstance(app.screen, ChooseDialog) and app.screen.query("OptionList"), "the list")
        await pilot.press(*"nord", "enter")
        await until(lambda: (tmp_path / "home" / "config" / "config.toml").exists(), "the choice")
        assert app.theme == "nord"


async def test_a_theme_of_ones_own_is_shown_as_it_is_written(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "config" / "themes"
    folder.mkdir(parents=True)
    file = folder / "mine.toml"
    file.write_text('name = "mine"\n[roles]\naccent = "#ff0000"\n')
    app = make_app(project, tmp_path / "home", {"ui.theme": "mine"})
    async with app.run_test(size=(140, 45)):
        screen = await opened(app)
        assert app.palette.roles["accent"] == "#ff0000"

        writes = count()

        def changed() -> bool:  # the watcher may not have begun yet, so it is written more than once
            if next(writes) % 50 == 0:
                file.write_text('name = "mine"\n[roles]\naccent = "#00ff00"\n')
            return app.palette.roles["accent"] == "#00ff00"

        await until(changed, "the new colour")
        assert app.get_css_variables()["accent"] == "#00ff00"
        file.write_text('name = "mine"\n[roles]\naccent = "green [b]"\n')
        await until(lambda: any("mine.toml:3" in notice.message for notice in app._notifications), "the problem")
        assert screen.is_active
