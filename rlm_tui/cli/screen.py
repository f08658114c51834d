"""`rlm-tui [DIR]`: open the screen."""

import os
import sys
from pathlib import Path

import click

from rlm_tui.cli.options import app_options, project_folder, session_flags, session_options


@click.command("open", hidden=True, epilog='Example:  rlm-tui ~/project -m anthropic/NAME --prompt "What is this?"')
@click.argument("words", nargs=-1, metavar="[DIR]")
@session_options
@click.option("--theme", default="", metavar="NAME", help="The theme; `rlm-tui themes` lists them.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
@click.option("--prompt", default="", metavar="TEXT", help="Send this at once.")
def open_screen(
    words: tuple[str, ...],
    continue_: bool,
    session: str,
    model: str,
    sub_model: str,
    mode: str | None,
    agent: str,
    approval: str | None,
    attach: tuple[str, ...],
    confirmed: bool,
    theme: str,
    no_mouse: bool,
    prompt: str,
) -> int:
    """Open the screen in DIR (the current folder if not given)."""
    project, more = _project_and_more(words, bool(attach))
    flags = session_flags(model, sub_model, mode, approval)
    if theme:
        flags["ui.theme"] = theme
    options = app_options(
        project,
        flags,
        (*attach, *more),
        mouse=not no_mouse,
        continue_=continue_,
        session=session,
        prompt=prompt,
        theme=theme,
        agent=agent,
        confirmed=confirmed,
    )
    need_terminal(stdin_was_read="-" in attach)
    from rlm_tui.tui import run_app

    return run_app(options)


def _project_and_more(words: tuple[str, ...], attaching: bool) -> tuple[Path, tuple[str, ...]]:
    """Return the folder to open, and what `--attach A B` left over. Raises `UsageError`."""
    from rlm_tui.cli.root import no_such_folder

    if not words:
        return project_folder("."), ()
    if Path(words[0]).expanduser().is_dir():
        project, more = project_folder(words[0]), words[1:]
    elif attaching:
        project, more = project_folder("."), words
    else:
        raise no_such_folder(words[0])
    if more and not attaching:
        raise click.UsageError(f"One folder at a time: {more[0]!r} is too much.")
    return project, more


def need_terminal(*, stdin_was_read: bool = False) -> None:
    """Make sure that there is a terminal to draw on and to read keys from. Raises `UsageError`."""
    from rlm_tui.errors import UsageError

    if not sys.stdout.isatty():
        raise UsageError('The screen needs a terminal. Without one, ask with `rlm-tui run "..."`.')
    if stdin_was_read or not sys.stdin.isatty():
        try:
            terminal = os.open("/dev/tty", os.O_RDONLY)
        except OSError:
            raise UsageError('There is no terminal to read keys from. Ask with `rlm-tui run "..."`.') from None
        os.dup2(terminal, 0)
        os.close(terminal)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - stays open as stdin
