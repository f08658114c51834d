"""The screen of MCP servers: one that works, one that failed; off, on, a resource into the context."""

import json
from pathlib import Path

from rlm_tui.tui.screens.dialogs import ChooseDialog
from rlm_tui.tui.screens.servers import ServersScreen
from tests.mcp_client.conftest import plain
from tests.tui.test_app import make_app, opened, until


def _configure(home: Path) -> None:
    folder = home / "config"
    folder.mkdir(parents=True)
    tables = [f"[mcp.{name}]\ncommand = {json.dumps(list(plain(kind).command))}\n" for name, kind in _SERVERS]
    (folder / "config.toml").write_text("\n".join(tables))


_SERVERS = (("notes", "good"), ("broken", "dead"))


async def test_servers_are_shown_switched_and_asked_for_resources(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "a.txt").write_text("one\n")
    (project / "b.txt").write_text("two\n")
    _configure(tmp_path / "home")
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=(140, 50)) as pilot:
        screen = await opened(app)
        screen.prompt.text = "/mcps"
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ServersScreen), "the servers' screen")

        def shown() -> str:
            options = app.screen.query_one("OptionList")
            lines = [str(option.prompt) for option in options._options]  # type: ignore[attr-defined]  # an option list
            return "\n".join([*lines, *(str(widget.render()) for widget in app.screen.query("Static"))])

        await until(lambda: "✗ broken  failed" in shown() and "● notes  ready, 13 tools" in shown(), "both states")
        assert "notes_echo  Say it again." in shown()
        assert "␛" in shown()
        assert "\x1b" not in shown()
        await pilot.press("down")
        await until(lambda: "exit code 3" in shown(), "the reason")
        await pilot.press("up", "enter")
        await until(lambda: "○ notes  off" in shown(), "notes off")
        await pilot.press("enter")
        await until(lambda: "● notes  ready" in shown(), "notes on")

        await pilot.press("o")
        await until(lambda: isinstance(app.screen, ChooseDialog), "the resources")
        await pilot.press(*"one", "enter")
        context = screen.bridge.context
        assert context is not None
        await until(lambda: bool(context.entries(kind="file", label="mcp:notes:memo://one", limit=5)), "the entry")
