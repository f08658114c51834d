"""`rlm-tui replay`: a past session played on the screen, without a model and without a network."""

from pathlib import Path

import click

from rlm_tui.cli.options import load
from rlm_tui.config.options import AppOptions, Replay
from rlm_tui.errors import UsageError


@click.command(epilog="Example:  rlm-tui replay 1a2b3c --speed 8")
@click.argument("session", metavar="[ID]", default="")
@click.option("--speed", type=click.FloatRange(0.25, 64), default=1.0, show_default=True, help="A factor.")
@click.option("--at", type=click.IntRange(0), metavar="SEQ", help="Begin right after this record, paused.")
@click.option("--waiting", is_flag=True, help="Play pauses as long as they were.")
@click.option("--theme", default="", metavar="NAME", help="The theme; `rlm-tui themes` lists them.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
def replay(session: str, speed: float, at: int | None, waiting: bool, theme: str, no_mouse: bool) -> int:
    """Play a past session again (the one given, else the newest): chat, context and trace as they were."""
    from rlm_tui.cli.screen import need_terminal
    from rlm_tui.session.library import describe, find_session, session_directories

    paths, loaded = load(None, {"ui.theme": theme} if theme else {})
    found = session_directories(paths)
    if not session and not found:
        raise UsageError("There are no sessions yet: nothing to replay.")
    directory = find_session(paths, session) if session else found[0]
    project = Path(describe(directory).project or ".")
    options = AppOptions(
        project=project if project.is_dir() else Path.cwd(),
        paths=paths,
        loaded=loaded,
        theme=theme,
        mouse=loaded.settings.ui.mouse and not no_mouse,
        replay=Replay(directory, -1 if at is None else at, speed, waiting),
    )
    need_terminal()
    from rlm_tui.tui import run_app

    return run_app(options)
