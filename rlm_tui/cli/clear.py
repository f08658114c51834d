"""`rlm-tui clear`: delete what is not needed any more."""

import shutil
from pathlib import Path

import click

from rlm_tui.cli.output import confirm, json_option, say, show_json, size_text
from rlm_tui.cli.status import disk_use
from rlm_tui.config.paths import Paths
from rlm_tui.errors import UsageError


@click.command(epilog="Example:  rlm-tui clear            (corpora that no session refers to)")
@click.argument("session", default="", metavar="[ID]")
@click.option("--all", "everything", is_flag=True, help="All sessions, corpora and logs.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def clear(session: str, everything: bool, yes: bool, as_json: bool) -> None:
    """Delete a session (ID), everything (--all), or else the corpora that no session refers to any more.

    What another rlm-tui has open stays.
    """
    from rlm_tui.session.library import find_session, session_directories
    from rlm_tui.session.log import is_held

    if session and everything:
        raise UsageError("Give either a session or `--all`, not both.")
    paths = Paths.from_environ()
    held: list[Path] = []
    if session:
        folders = [find_session(paths, session)]
        held = [folder for folder in folders if is_held(folder)]
    elif everything:
        sessions = session_directories(paths)
        held = [folder for folder in sessions if is_held(folder)]
        folders = sessions + ([] if held else [f for f in (paths.corpora, paths.logs) if f.is_dir()])
    else:
        folders = _unused_corpora(paths)
    folders = [folder for folder in folders if folder not in held]
    for folder in held:
        say(f"{folder.name} is open in another rlm-tui and stays{', and with it the corpora' if everything else ''}.")
    freed = sum(disk_use(folder) for folder in folders)
    if folders and not yes:
        names = ", ".join(folder.name for folder in folders[:5]) + (", ..." if len(folders) > 5 else "")
        confirm(f"Delete {len(folders)} folders ({names}), {size_text(freed)}?")
    for folder in folders:
        shutil.rmtree(folder)
    if as_json:
        show_json(
            {"deleted": [str(folder) for folder in folders], "freed_bytes": freed, "open": [h.name for h in held]}
        )
    else:
        say(f"{size_text(freed)} freed." if folders else "there is nothing to delete.")
    if session and held:
        raise click.exceptions.Exit(1)


def _unused_corpora(paths: Paths) -> list[Path]:
    """Return the corpora of which no session's log attaches a segment."""
    if not paths.corpora.is_dir():
        return []
    used = _referenced(paths)
    return sorted(folder for folder in paths.corpora.iterdir() if folder.is_dir() and folder.resolve() not in used)


def _referenced(paths: Paths) -> set[Path]:
    """Return every folder above a segment that some session's log attaches."""
    from rlm_tui.events import SegmentAttached
    from rlm_tui.session.library import session_directories
    from rlm_tui.session.log import LOG_NAME, Damage, read_log

    found: set[Path] = set()
    for directory in session_directories(paths):
        for record in read_log(directory / LOG_NAME):
            if not isinstance(record, Damage) and isinstance(record.event, SegmentAttached):
                found.update((paths.home / record.event.path).resolve().parents)
    return found
