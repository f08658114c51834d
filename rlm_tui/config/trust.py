"""Which project folders the person trusts, bound to what those folders say.

A project's own configuration takes effect only after the person trusted it, and only as long as its content is
what it was then: a pulled change asks again. Kept in `trust.json` in the data home: folder -> content hash.
"""

import hashlib
import json
from pathlib import Path

from rlm_tui.config.paths import Paths
from rlm_tui.config.writing import write_atomically

PROJECT_FILE = "rlm-tui.toml"
PROJECT_FOLDER = ".rlm-tui"
_MAX_BYTES = 1_000_000


def project_files(project: Path) -> dict[str, bytes]:
    """Return the content of everything in `project` that could change what rlm-tui does, by relative name.

    That is `rlm-tui.toml` and all files under `.rlm-tui/`. Files that cannot be read or are over 1 MB are left
    out: they have no effect either.
    """
    candidates = [project / PROJECT_FILE]
    folder = project / PROJECT_FOLDER
    if folder.is_dir():
        candidates += sorted(path for path in folder.rglob("*") if path.is_file())
    found: dict[str, bytes] = {}
    for path in candidates:
        try:
            if path.is_file() and path.stat().st_size <= _MAX_BYTES:
                found[path.relative_to(project).as_posix()] = path.read_bytes()
        except OSError:
            continue
    return found


def fingerprint(files: dict[str, bytes]) -> str:
    """Return one SHA-256 over names and contents, `""` where there are none."""
    if not files:
        return ""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest())
        total.update(hashlib.sha256(files[name]).digest())
    return total.hexdigest()


def is_trusted(paths: Paths, project: Path, files: dict[str, bytes]) -> bool:
    """Return whether the person trusts `project` with exactly these `files`. Nothing to trust is trusted."""
    return not files or _read(paths).get(_key(project)) == fingerprint(files)


def trust(paths: Paths, project: Path, files: dict[str, bytes]) -> None:
    """Trust `project` with these `files`, as they were shown to the person. Raises `OSError`."""
    _write(paths, {**_read(paths), _key(project): fingerprint(files)})


def distrust(paths: Paths, project: Path) -> None:
    """Take trust in `project` back. Raises `OSError`."""
    known = _read(paths)
    if known.pop(_key(project), None) is not None:
        _write(paths, known)


def _key(project: Path) -> str:
    return str(project.resolve())


def _read(paths: Paths) -> dict[str, str]:
    try:
        known = json.loads(paths.trust_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # none yet, or damaged: then nothing is trusted
    return {str(k): str(v) for k, v in known.items()} if isinstance(known, dict) else {}


def _write(paths: Paths, known: dict[str, str]) -> None:
    paths.make(paths.home)
    write_atomically(paths.trust_file, json.dumps(known, indent=2, sort_keys=True) + "\n")
