"""`rlm-tui doctor`: check everything on the disk, mend what can be mended, say what is left."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rlm_tui.cli.options import load
from rlm_tui.cli.output import confirm, json_option, say, show, show_json, show_table, size_text
from rlm_tui.config.paths import Paths
from rlm_tui.config.schema import SandboxSettings
from rlm_tui.errors import ContextError, UsageError

if TYPE_CHECKING:
    from rlm_tui.context.examine import Finding

_LOW_SPACE = 500_000_000


@click.command(epilog="Example:  rlm-tui doctor            rlm-tui doctor --prune")
@click.option("--prune", is_flag=True, help="Also delete segments that nothing refers to (asks first).")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def doctor(prune: bool, yes: bool, as_json: bool) -> None:
    """Check folders, sessions and corpora, and mend what can be made again from what is there.

    Exits with 1 when something is left that needs you.
    """
    paths, loaded = load(None)
    sandbox = loaded.settings.sandbox
    findings = [*_surroundings(paths, [str(problem) for problem in loaded.problems]), *_sandbox(sandbox)]
    for finding in _examined(paths):
        findings.append(finding)
        if finding.verdict != "well" and not as_json:
            say(f"{finding.verdict}: {_short(finding.place, paths)}: {finding.what}")
    spare = _unneeded(paths)
    freed = 0
    if prune and spare:
        freed = _prune(paths, spare, ask=not yes)
    harmed = sum(finding.verdict == "harmed" for finding in findings)
    if as_json:
        show_json(_as_data(findings, spare, freed))
    else:
        rows = [(finding.verdict, _short(finding.place, paths), finding.what) for finding in findings]
        show_table(("state", "where", "what"), rows)
        if spare and not freed:
            size = size_text(sum(spare.values()))
            show(f"\n{len(spare)} files ({size}) are needed by nothing; `rlm-tui doctor --prune` deletes them:")
            show_table(
                ("size", "file"), [(size_text(size), _short(str(p), paths)) for p, size in spare.items()], right="r"
            )
        if freed:
            show(f"\n{size_text(freed)} freed.")
        show(f"\n{'All is well.' if not harmed else f'{harmed} left for you to look at.'}")
    if harmed:
        raise click.exceptions.Exit(1)


def _as_data(findings: "list[Finding]", spare: dict[Path, int], freed: int) -> dict[str, Any]:
    return {
        "findings": [{"where": f.place, "state": f.verdict, "what": f.what} for f in findings],
        "unneeded": [{"path": str(path), "bytes": size} for path, size in spare.items()],
        "freed_bytes": freed,
    }


def _surroundings(paths: Paths, problems: list[str]) -> "Iterator[Finding]":
    """What the program stands on: its settings, and room on a disk that it may write."""
    from rlm_tui.context.examine import Finding

    for problem in problems:
        yield Finding(str(paths.config_file), "harmed", problem)
    place = next(folder for folder in (paths.home, *paths.home.parents) if folder.exists())
    if not os.access(place, os.W_OK):
        yield Finding(str(paths.home), "harmed", "it cannot be written; check its owner or set RLM_TUI_HOME")
        return
    free = shutil.disk_usage(place).free
    state = "harmed" if free < _LOW_SPACE else "well"
    yield Finding(str(paths.home), "harmed" if state == "harmed" else "well", f"{size_text(free)} free on its disk")


def _sandbox(settings: SandboxSettings) -> "Iterator[Finding]":
    """Whether commands can be confined, tried out; and whether they can be judged."""
    from rlm_tui.context.examine import Finding
    from rlm_tui.errors import ToolError
    from rlm_tui.permissions.policy import Containment
    from rlm_tui.permissions.script import shfmt
    from rlm_tui.sandbox.finding import find_containment

    found = find_containment(settings.mode, network=settings.network)
    missing = found.containment is Containment.NONE
    what = f"{found.text}: every command asks; install bubblewrap to confine them" if missing else found.text
    yield Finding("sandbox", "harmed" if missing and settings.mode == "required" else "well", what)
    try:
        shfmt()
    except ToolError as error:
        yield Finding("sandbox", "harmed", str(error))


def _examined(paths: Paths) -> "Iterator[Finding]":
    from rlm_tui.context.examine import examine_corpus
    from rlm_tui.session.examine import examine_session
    from rlm_tui.session.library import session_directories

    for directory in _corpora(paths):
        found, root = examine_corpus(directory)
        if root is None:
            yield from found
            continue
        mended = _read_again(root)
        for finding in found:
            replaced = finding.verdict == "harmed" and not Path(finding.place).exists()
            yield mended if mended is not None and replaced else finding
        if mended is not None and all(finding.verdict != "harmed" for finding in found):
            yield mended
    for directory in session_directories(paths):
        yield from examine_session(directory, paths.home)


def _read_again(root: Path) -> "Finding | None":
    """Let a corpus read what it lacks; return what came of it, or None where it cannot be done unasked."""
    from rlm_tui.cli.opening import refresh
    from rlm_tui.context.examine import Finding

    paths, loaded = load(root if root.is_dir() else root.parent)
    try:
        report = refresh(paths, root, loaded.settings.context)
    except UsageError:
        return None
    except ContextError as error:
        return Finding(str(root), "harmed", str(error))
    return Finding(str(root), "mended", f"what its corpus lacked was read again: {report.chars:,} characters are there")


def _corpora(paths: Paths) -> list[Path]:
    if not paths.corpora.is_dir():
        return []
    return sorted(folder for folder in paths.corpora.iterdir() if folder.is_dir())


def _kept(paths: Paths) -> set[str]:
    from rlm_tui.cli.clear import attached

    return {event.segment for event in attached(paths)}


def _unneeded(paths: Paths) -> dict[Path, int]:
    from rlm_tui.context.examine import unneeded

    keep = _kept(paths)
    sizes: dict[Path, int] = {}
    for directory in _corpora(paths):
        sizes |= unneeded(paths.home, directory, keep)
    return sizes


def _prune(paths: Paths, spare: dict[Path, int], *, ask: bool) -> int:
    """Delete what nothing refers to and nobody has open; return the bytes."""
    from rlm_tui.context.examine import corpus_of

    if ask:
        confirm(f"Delete {len(spare)} files ({size_text(sum(spare.values()))}) that nothing refers to?")
    keep = _kept(paths)
    freed = 0
    for directory in _corpora(paths):
        corpus = corpus_of(paths.home, directory)
        freed += corpus.prune(keep) if corpus is not None else 0
    for path, size in spare.items():
        if ".damaged-" in path.name and path.exists():
            path.unlink()
            freed += size
    return freed


def _short(place: str, paths: Paths) -> str:
    home = str(paths.home)
    return place[len(home) + 1 :] if place.startswith(home + os.sep) else place
