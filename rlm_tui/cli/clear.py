"""`rlm-tui clear`: delete what is not needed any more."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from rlm_tui.cli.output import confirm, json_option, say, show_json, size_text
from rlm_tui.cli.status import disk_use
from rlm_tui.config.paths import Paths
from rlm_tui.errors import UsageError
from rlm_tui.events import SegmentAttached


@click.command(epilog="Example:  rlm-tui clear            (corpora that no session refers to)")
@click.argument("session", default="", metavar="[ID]")
@click.option("--all", "everything", is_flag=True, help="All sessions, corpora and logs.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def clear(session: str, everything: bool, yes: bool, as_json: bool) -> None:
    """Delete a session (ID), everything (--all), or else corpora and segments that no session refers to any more.

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
    if not session and not everything:
        freed += _prune(paths)
    if as_json:
        show_json(
            {"deleted": [str(folder) for folder in folders], "freed_bytes": freed, "open": [h.name for h in held]}
        )
    else:
        say(f"{size_text(freed)} freed." if folders or freed else "there is nothing to delete.")
    if session and held:
        raise click.exceptions.Exit(1)


def _unused_corpora(paths: Paths) -> list[Path]:
    """Return the corpora of which no session's log attaches a segment and nobody has one open."""
    from rlm_tui.context.layout import TAPE_SUFFIX
    from rlm_tui.context.tape_file import is_in_use

    if not paths.corpora.is_dir():
        return []
    used = {folder for event in attached(paths) for folder in (paths.home / event.path).resolve().parents}
    unused = (folder for folder in paths.corpora.iterdir() if folder.is_dir() and folder.resolve() not in used)
    return sorted(folder for folder in unused if not any(map(is_in_use, folder.glob(f"segments/*{TAPE_SUFFIX}"))))


def _prune(paths: Paths) -> int:
    """Delete segments of the other corpora that are neither current nor attached by a session; return the bytes."""
    from rlm_tui.context.corpus import Corpus
    from rlm_tui.context.manifest import load_manifest

    keep = {event.segment for event in attached(paths)}
    freed = 0
    for manifest in sorted(paths.corpora.glob("*/manifest.json")):
        corpus = Corpus(paths.home, Path(load_manifest(manifest, "").root))
        if corpus.directory.resolve() == manifest.parent.resolve():
            freed += corpus.prune(keep)
    return freed


def attached(paths: Paths) -> Iterator[SegmentAttached]:
    """Yield what sessions attached, from their logs."""
    from rlm_tui.session.library import session_directories
    from rlm_tui.session.log import LOG_NAME, Damage, read_log

    for directory in session_directories(paths):
        for record in read_log(directory / LOG_NAME):
            if not isinstance(record, Damage) and isinstance(record.event, SegmentAttached):
                yield record.event
