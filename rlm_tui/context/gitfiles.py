"""What git says of the files in a work tree: which belong, and which it ignores.

The repository may be hostile: its configuration can name programs that git runs (`core.fsmonitor`), so those are
switched off, and variables that would point git elsewhere are taken out of its environment.
"""

import os
import subprocess
from collections.abc import Sequence

_TIMEOUT_S = 120
_SAFE = ("git", "-c", "core.fsmonitor=false", "-c", "core.quotepath=off")
_LEADING_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")


def git_listing(root: str, only: Sequence[str] = ()) -> tuple[set[str], set[str]] | None:
    """Return names below `root` that belong to its work tree, and names that git ignores there.

    Names are relative to `root`; one that ends in `/` is a whole directory: an ignored tree, or another
    repository inside this one. `only` keeps to these paths. None where git is missing, refuses, or `root` is not
    in a work tree or is itself ignored by the repository around it.
    """
    paths = ["--", *(f":(literal){path}" for path in only)] if only else []
    listed = _start(root, "ls-files", "-z", "-co", "--exclude-standard", *paths)
    ignored = _start(root, "ls-files", "-z", "-oi", "--exclude-standard", "--directory", *paths)
    files, trees = _names(listed), _names(ignored)
    if files is None or (not files and _is_ignored(root)):
        return None
    return files, trees or set()


def _start(root: str, *arguments: str) -> "subprocess.Popen[bytes] | None":
    environment = {k: v for k, v in os.environ.items() if k not in _LEADING_ELSEWHERE}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        return subprocess.Popen(
            [*_SAFE, *arguments],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, ValueError):
        return None


def _names(process: "subprocess.Popen[bytes] | None") -> set[str] | None:
    if process is None:
        return None
    with process:
        try:
            output, _ = process.communicate(timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
    if process.returncode != 0:
        return None
    return {os.fsdecode(name) for name in output.split(b"\0") if name}


def _is_ignored(root: str) -> bool:
    return (process := _start(root, "check-ignore", "-q", ".")) is not None and _names(process) is not None
