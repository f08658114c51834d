"""`rlm-tui import --from opencode`: settings and sessions, with what could not be taken over."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rlm_tui.cli.output import say, show_json
from rlm_tui.config.opencode.jsonc import parse_jsonc
from rlm_tui.config.opencode.taking_over import config_folder, database_file, settings_files, take_over
from rlm_tui.config.paths import Paths
from rlm_tui.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from rlm_tui.config.opencode.taking_over import TakenOver
    from rlm_tui.session.opencode.bringing import Brought


def import_opencode(paths: Paths, file: Path | None, dry_run: bool, as_json: bool) -> None:
    """Take over what `file` holds, or what OpenCode keeps on this machine.

    Raises `UsageError` where there is nothing to take over.
    """
    sources, folders, databases = _look(file)
    taken = take_over(paths, sources, folders, write=not dry_run) if sources or folders else None
    brought = list(_bring(paths, databases, dry_run))
    if as_json:
        show_json(_plain(taken, brought, dry_run))
        return
    if taken is not None:
        _tell_settings(paths, taken, dry_run)
    _tell_sessions(brought, dry_run)
    if file is None:
        project = [path for path in (*settings_files(Path.cwd()), Path.cwd() / ".opencode") if path.exists()]
        for path in project:
            say(f"{path} is this project's: it was not taken over. `rlm-tui import --from opencode {path.name}` would.")


def _look(file: Path | None) -> tuple[list[Path], list[Path], list[Path]]:
    """Return settings files, folders of agents and commands, and files of sessions."""
    if file is not None:
        if file.is_dir():
            return settings_files(file), [file], []
        if not file.is_file():
            raise UsageError(f"{file} does not exist: name OpenCode's database, an exported session or its settings.")
        return ([file], [], []) if _is_settings(file) else ([], [], [file])
    folder, database = config_folder(), database_file()
    found = settings_files(folder), [folder] if folder.is_dir() else [], [database] if database.is_file() else []
    if not any(found):
        raise UsageError(f"OpenCode keeps nothing here: neither {folder} nor {database} exists. Name a file of it.")
    return found


def _is_settings(file: Path) -> bool:
    if file.suffix not in (".json", ".jsonc"):
        return False
    try:
        data = parse_jsonc(file.read_bytes().decode("utf-8", "replace"), str(file))
    except (ConfigError, OSError):
        return file.stem in ("opencode", "config")
    return "messages" not in data


def _bring(paths: Paths, files: list[Path], dry_run: bool) -> "list[Brought]":
    from rlm_tui.session.opencode.bringing import Brought, bring_sessions, session_name
    from rlm_tui.session.opencode.reading import read_conversations

    brought: list[Brought] = []
    for file in files:
        if dry_run:
            for talk in read_conversations(file):
                directory = paths.sessions / session_name(talk)
                brought.append(Brought(directory, talk.title, not directory.exists(), tuple(talk.problems)))
            continue
        for one in bring_sessions(paths, file):
            brought.append(one)
            if len(brought) % 20 == 0:
                say(f"{len(brought):,} sessions so far")
    return brought


def _tell_settings(paths: Paths, taken: "TakenOver", dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    for words, names in ((f"{would}set", taken.set), (f"{would}written", taken.files)):
        if names:
            click.echo(f"{words} in {paths.config_dir}: {', '.join(names)}")
    if taken.kept:
        click.echo(f"left as it is here: {', '.join(taken.kept)}")
    for line in taken.told:
        click.echo(f"not taken over: {line}")


def _tell_sessions(brought: "list[Brought]", dry_run: bool) -> None:
    new = [one for one in brought if one.new]
    if brought:
        words = "would be imported" if dry_run else "imported"
        click.echo(f"{len(new):,} sessions {words}, {len(brought) - len(new):,} were here already")
    for one in new:
        click.echo(f"  {one.directory.name}  {one.title}".rstrip())
        for problem in one.problems:
            click.echo(f"    {problem}")


def _plain(taken: "TakenOver | None", brought: "list[Brought]", dry_run: bool) -> dict[str, object]:
    return {
        "dry_run": dry_run,
        "set": taken.set if taken else [],
        "files": taken.files if taken else [],
        "kept": taken.kept if taken else [],
        "not_taken_over": taken.told if taken else [],
        "sessions": [
            {"id": one.directory.name, "title": one.title, "new": one.new, "problems": list(one.problems)}
            for one in brought
        ],
    }
