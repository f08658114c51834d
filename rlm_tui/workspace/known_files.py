"""What is known of a project's files, and how they differ from it now."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from rlm_tui.context.decode import VANISHED, DecodedText, over_limit
from rlm_tui.context.entry import LeftOut
from rlm_tui.context.ignore import Candidate, IgnoreRules, is_under, list_files
from rlm_tui.context.ingest import read_file
from rlm_tui.context.label import label_of

ChangeKind = Literal["added", "changed", "removed"]
Stamp = tuple[int, int]
"""A file's size in bytes and its time in nanoseconds."""

_BATCH_FILES = 500
_BATCH_CHARS = 8_000_000


class FileChange(Struct, frozen=True):
    """A file that changed. `path` is its label. `text` is None for one removed or left out; the latter has the
    reason in `left_out`. `note` says what a reader should know of how it was decoded."""

    path: str
    kind: ChangeKind
    text: str | None = None
    left_out: str | None = None
    note: str = ""


Batch = tuple[FileChange, ...]


class KnownFiles:
    """The files of `root` as they were at the last look. One thread at a time.

    `since` are stamps by label to begin from; without it the first look only takes note.
    """

    def __init__(self, root: Path, rules: IgnoreRules, max_file_bytes: int, since: Mapping[str, Stamp] | None) -> None:
        self._root = root
        self._rules = rules
        self._max_file_bytes = max_file_bytes
        self._stamps: dict[str, Stamp] = dict(since or {})
        self._noted = since is not None

    def look(self, only: Sequence[str] = ()) -> Iterator[Batch]:
        """Compare the files now, all or those named or below `only`, and yield what changed, in path order.

        Files are read as the batches are taken. What is known changes with each batch taken, so a look that is
        not taken to its end is made up for by the next.
        """
        files: dict[str, Candidate] = {}
        left_out: dict[str, LeftOut] = {}
        for item in list_files(self._root, self._rules, only=only):
            if isinstance(item, LeftOut):
                left_out[item.path] = item
            else:
                files[item.label] = item
        if not self._noted:
            self._noted = True
            self._stamps = {label: (file.size, file.mtime_ns) for label, file in files.items()}
            return
        batch: list[FileChange] = []
        chars = 0
        for change in self._differences(files, left_out, {label_of(name) for name in only}):
            batch.append(change)
            chars += len(change.text or "")
            if len(batch) >= _BATCH_FILES or chars >= _BATCH_CHARS:
                yield tuple(batch)
                batch, chars = [], 0
        if batch:
            yield tuple(batch)

    def _differences(
        self, files: dict[str, Candidate], left_out: dict[str, LeftOut], only: set[str]
    ) -> Iterator[FileChange]:
        for label in [label for label in self._stamps if label not in files and (not only or is_under(label, only))]:
            del self._stamps[label]
            gone = left_out.get(label)
            if gone is None:
                yield FileChange(label, "removed")
            else:
                yield FileChange(label, "changed", left_out=gone.reason)
        for label, file in files.items():
            stamp = (file.size, file.mtime_ns)
            known = self._stamps.get(label)
            if known == stamp:
                continue
            self._stamps[label] = stamp
            if (change := self._read(file, "added" if known is None else "changed")) is not None:
                yield change

    def _read(self, file: Candidate, kind: ChangeKind) -> FileChange | None:
        if file.size > self._max_file_bytes:
            return FileChange(file.label, kind, left_out=over_limit(self._max_file_bytes))
        found = read_file(self._root, file.name, file.label, self._rules, self._max_file_bytes)
        if isinstance(found, DecodedText):
            self._stamps[file.label] = (found.size, found.mtime_ns)
            return FileChange(file.label, kind, found.text, note=found.note)
        if found.reason == VANISHED:
            del self._stamps[file.label]
            return None if kind == "added" else FileChange(file.label, "removed")
        return FileChange(file.label, kind, left_out=found.reason)
