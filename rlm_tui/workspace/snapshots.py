"""Snapshots of the files that the assistant changes: what they held before and after, kept outside the project.

Contents are blobs named by their SHA-256, compressed; a change set is one small JSON file that names them. The
project's own version control is neither needed nor touched. What is kept is bounded: the oldest sets go first.
"""

import difflib
import os
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from rlm_tui.context.decode import decode
from rlm_tui.errors import SessionError, ToolError
from rlm_tui.workspace.atomic import delete_file, read_file, write_file
from rlm_tui.workspace.filetext import digest

MAX_BYTES = 256 << 20
"""Bytes on disk that one session's snapshots may take."""

_MAX_DIFF_BYTES = 2 << 20
_PRIVATE = 0o700


@dataclass(frozen=True, slots=True)
class Change:
    """One file's change: its bytes before and after (None: no such file), and its mode in each case."""

    path: Path
    before: bytes | None
    after: bytes | None
    before_mode: int | None = None
    after_mode: int | None = None


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """A change as it is kept: SHA-256 names instead of bytes, empty where there is no such file."""

    path: str
    before: str
    after: str
    before_mode: int | None = None
    after_mode: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What going back (or forth) does to one file: from `now` to `then` (None: no such file).

    `conflict` says that the file is not as the assistant left it, so that going back loses a later change.
    """

    path: Path
    now: bytes | None
    then: bytes | None
    then_mode: int | None
    conflict: bool

    @property
    def diff(self) -> str:
        """The step as a unified diff."""
        return unified_diff(self.path.name, self.now, self.then)


class SnapshotStore:
    """The snapshots of one session, below `directory`. Not for several threads at once."""

    def __init__(self, directory: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._directory = directory
        self._max_bytes = max_bytes

    @property
    def size(self) -> int:
        """Bytes on disk that the snapshots take."""
        try:
            return sum(entry.stat().st_size for entry in os.scandir(self._directory) if entry.is_file())
        except OSError:
            return 0

    def keep(self, changes: Sequence[Change]) -> str:
        """Store changes that are about to be made, durably; return the snapshot's id. Raises `SessionError`."""
        last = self._sets()[-1:]
        name = f"{int(last[0][:6]) + 1 if last else 1:06d}-{secrets.token_hex(3)}"
        kept = [
            Kept(str(c.path), self._keep_blob(c.before), self._keep_blob(c.after), c.before_mode, c.after_mode)
            for c in changes
        ]
        self._store(f"{name}.json", msgspec.json.encode(kept))
        self._prune(keep=name)
        return name

    def changes(self, snapshot: str) -> list[Kept]:
        """Return what a snapshot recorded. Raises `ToolError` when it is not kept any more."""
        try:
            return msgspec.json.decode((self._directory / f"{snapshot}.json").read_bytes(), type=list[Kept])
        except (OSError, msgspec.MsgspecError):
            raise ToolError(f"The snapshot {snapshot} is not kept any more, so it cannot be undone.") from None

    def plan(self, snapshots: Sequence[str], *, undo: bool) -> list[Step]:
        """Return the steps that take the files from after these snapshots (oldest first) to before them.

        Without `undo`, the other way. Files that are already as they should be need no step. Raises `ToolError`.
        """
        first: dict[str, Kept] = {}
        last: dict[str, Kept] = {}
        for snapshot in snapshots:
            for kept in self.changes(snapshot):
                first.setdefault(kept.path, kept)
                last[kept.path] = kept
        steps = []
        for path in first:
            old, new = first[path], last[path]
            expected, wanted = (new.after, old.before) if undo else (old.before, new.after)
            mode = old.before_mode if undo else new.after_mode
            found = read_file(Path(path))
            now = found[0] if found is not None else None
            sha = digest(now) if now is not None else ""
            if sha != wanted:
                steps.append(Step(Path(path), now, self._blob(wanted), mode, conflict=sha != expected))
        return steps

    def _keep_blob(self, data: bytes | None) -> str:
        if data is None:
            return ""
        sha = digest(data)
        if not (self._directory / sha).exists():
            self._store(sha, zlib.compress(data, 1))
        return sha

    def _blob(self, sha: str) -> bytes | None:
        if not sha:
            return None
        try:
            data = zlib.decompress((self._directory / sha).read_bytes())
        except (OSError, zlib.error):
            data = b""
        if digest(data) != sha:
            raise ToolError("A snapshot's content is missing or damaged, so nothing was changed.")
        return data

    def _store(self, name: str, data: bytes) -> None:
        part = self._directory / f".{name}.part"
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fdatasync(file.fileno())
            part.rename(self._directory / name)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise SessionError(f"No snapshot can be kept in {self._directory}: {error.strerror}.") from None

    def _sets(self) -> list[str]:
        return sorted(path.stem for path in self._directory.glob("*.json")) if self._directory.is_dir() else []

    def _prune(self, keep: str) -> None:
        """Drop the oldest sets, with the blobs that only they use, while too much is kept."""
        size = self.size
        names = self._sets()
        while size > self._max_bytes and names and names[0] != keep:
            name = names.pop(0)
            oldest = self.changes(name)
            used = {sha for other in names for kept in self.changes(other) for sha in (kept.before, kept.after)}
            for sha in {sha for kept in oldest for sha in (kept.before, kept.after)} - used - {""}:
                (self._directory / sha).unlink(missing_ok=True)
            (self._directory / f"{name}.json").unlink(missing_ok=True)
            size = self.size


def make_changes(changes: Sequence[Change]) -> None:
    """Write all the changes, or none: what was written before a failure is put back. Raises `ToolError`."""
    done: list[Change] = []
    try:
        for change in changes:
            _put(change.path, change.after, change.after_mode)
            done.append(change)
    except ToolError:
        for change in reversed(done):
            _put(change.path, change.before, change.before_mode)
        raise


def take_steps(steps: Sequence[Step]) -> None:
    """Write all the steps, or none. Raises `ToolError`."""
    make_changes([Change(step.path, step.now, step.then, step.then_mode, step.then_mode) for step in steps])


def _put(path: Path, data: bytes | None, mode: int | None) -> None:
    if data is None:
        delete_file(path)
    else:
        write_file(path, data, mode)


def unified_diff(name: str, before: bytes | None, after: bytes | None) -> str:
    """Return a unified diff of two contents, or one line for what has none (binary, very large)."""
    if max(len(before or b""), len(after or b"")) > _MAX_DIFF_BYTES:
        return f"{name}: {len(before or b''):,} bytes become {len(after or b''):,}"
    old, new = decode(before or b""), decode(after or b"")
    if old is None or new is None:
        return f"{name}: binary, {len(before or b''):,} bytes become {len(after or b''):,}"
    lines = difflib.unified_diff(
        old[0].splitlines(keepends=True), new[0].splitlines(keepends=True),
        "/dev/null" if before is None else f"a/{name}", "/dev/null" if after is None else f"b/{name}",
    )  # fmt: skip
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
