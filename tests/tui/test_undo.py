"""Undo and redo on the screen: a preview first, then what it said."""

from functools import partial
from pathlib import Path

from rlm_tui.tui.screens.dialogs import ChooseDialog
from rlm_tui.workspace.snapshots import Change
from tests.tui.test_app import make_app, opened, until

CODE = "x = 1\n"


def _holds(path: Path, text: str) -> bool:
    return path.read_text() == text


async def test_a_change_is_shown_before_it_is_taken_back_and_brought_again(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    target = project / "a.py"
    target.write_text(CODE)
    (project / "b.txt").write_text("other\n")
    app = make_app(project, tmp_path)
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await opened(app)
        change = Change(target, CODE.encode(), b"x = [/b] 2\n", 0o644, 0o644)
        screen.bridge.call(lambda assistant: assistant.files.apply([change]))
        await until(lambda: target.read_text() != CODE, "the change")

        screen.prompt.text = "/undo"
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ChooseDialog), "the preview")
        await pilot.pause()
        shown = "\n".join(str(widget.render()) for widget in app.screen.query("Static"))
        assert "-x = [/b] 2" in shown
        assert "+x = 1" in shown
        assert "a.py" in shown
        await pilot.press("escape")
        assert target.read_text() == "x = [/b] 2\n"

        for command, after in (("/undo", CODE), ("/redo", "x = [/b] 2\n")):
            screen.prompt.text = command
            await pilot.press("enter")
            await until(lambda: isinstance(app.screen, ChooseDialog), "the preview")
            await pilot.press("enter")
            await until(partial(_holds, target, after), command)
            await until(lambda: app.screen is screen, "the main screen")

        target.write_text("mine\n")
        screen.prompt.text = "/undo"
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ChooseDialog), "the preview")
        await pilot.press("enter")
        await until(lambda: app.screen is screen, "the main screen")
        assert target.read_text() == "mine\n"
