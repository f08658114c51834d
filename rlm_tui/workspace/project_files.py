"""A project's files as the working tools see them: where a path leads, what was read, and how changes are made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlm_tui.context.ignore import IgnoreRules
from rlm_tui.context.secret import is_secret
from rlm_tui.errors import SessionError, ToolError
from rlm_tui.workspace.atomic import read_file
from rlm_tui.workspace.filetext import digest
from rlm_tui.workspace.snapshots import Change, SnapshotStore, make_changes, unified_diff


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: absolute and without links. `label` is how it is named to the model."""

    path: Path
    label: str
    inside: bool


class ProjectFiles:
    """The files of one project in one session.

    Reading may happen on any thread; changes are made on the session's own, one after the other. `taken` is called
    with a snapshot's id and the paths, after it is stored and before any file changes.
    """

    def __init__(
        self,
        root: Path,
        snapshots: SnapshotStore,
        taken: Callable[[str, tuple[str, ...]], None],
        rules: IgnoreRules | None = None,
    ) -> None:
        self.root = root.resolve()
        self.snapshots = snapshots
        self.rules = rules or IgnoreRules()
        self._taken = taken
        self._seen: dict[Path, str] = {}

    def place(self, name: str) -> Place:
        """Return where `name` (relative to the project, or absolute) leads. Raises `ToolError` for secret files."""
        if not name or "\0" in name:
            raise ToolError("The path is empty or holds a NUL character: name a file of the project.")
        try:
            path = (self.root / Path(name).expanduser()).resolve()
        except (OSError, RuntimeError) as error:
            raise ToolError(f"{name} is not a usable path: {error}.") from None
        inside = path == self.root or self.root in path.parents
        label = path.relative_to(self.root).as_posix() if inside else str(path)
        if is_secret(label) or is_secret(name):
            raise ToolError(f"{label} holds secrets by its name, so tools do not open it: ask the person instead.")
        return Place(path, label, inside)

    def read(self, place: Place) -> tuple[bytes, int]:
        """Return a file's bytes and mode. Raises `ToolError`, with near names where there is no such file."""
        found = read_file(place.path)
        if found is None:
            raise ToolError(f"There is no file {place.label}.{self._near(place)}")
        return found

    def read_if_there(self, place: Place) -> tuple[bytes, int] | None:
        """Return a file's bytes and mode, None where there is none. Raises `ToolError`."""
        return read_file(place.path)

    def note_seen(self, place: Place, data: bytes) -> None:
        """Remember that the model has seen these contents."""
        self._seen[place.path] = digest(data)

    def has_seen(self, place: Place) -> bool:
        """Whether the model has read or written this file in this session."""
        return place.path in self._seen

    def check_fresh(self, place: Place, data: bytes) -> None:
        """Raise `ToolError` where the file is not as the model last saw it; one it never saw is fresh."""
        seen = self._seen.get(place.path)
        if seen is not None and seen != digest(data):
            raise ToolError(f"{place.label} has changed since you read it: read it again, then repeat the change.")

    def apply(self, changes: Sequence[Change]) -> None:
        """Take a snapshot and make all the changes, or none. Raises `ToolError` where a file changed meanwhile."""
        for change in changes:
            found = read_file(change.path)
            if (found[0] if found is not None else None) != change.before:
                raise ToolError(f"{change.path.name} was changed by someone else just now: read it again.")
        try:
            snapshot = self.snapshots.keep(changes)
        except SessionError as error:
            raise ToolError(f"{error} Nothing was changed.") from None
        self._taken(snapshot, tuple(str(change.path) for change in changes))
        make_changes(changes)
        for change in changes:
            if change.after is None:
                self._seen.pop(change.path, None)
            else:
                self._seen[change.path] = digest(change.after)

    def diff(self, changes: Sequence[Change]) -> str:
        """Return the changes as one unified diff."""
        return "".join(unified_diff(self.label_of(change.path), change.before, change.after) for change in changes)

    def label_of(self, path: Path) -> str:
        """Return how a path is named to the model: relative where it lies in the project."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def _near(self, place: Place) -> str:
        from difflib import get_close_matches

        try:
            names = [entry.name for entry in place.path.parent.iterdir()]
        except OSError:
            return " Use glob to find it."
        near = get_close_matches(place.path.name, names, n=3, cutoff=0.6)
        return f" Did you mean {' or '.join(near)}?" if near else " Use glob to find it."
