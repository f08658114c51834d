"""What a corpus knows of a project's files: which were read, when, and in which segment their text lies."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from rlm_tui.context.ignore import Candidate
from rlm_tui.context.layout import SegmentRef
from rlm_tui.errors import ContextError

MANIFEST_FORMAT = 1

_COARSE_NS = 1_000_000_000  # FAT, HFS+ and some network file systems keep whole seconds
_RACY_COARSE_NS = 2_000_000_000
_RACY_FINE_NS = 50_000_000  # a kernel tick, with room


class FileState(Struct, frozen=True, array_like=True):
    """A file as it was read at `read_ns`. Its text is entry `entry` of `segment`.

    `segment` is empty for a file without text, and `note` then is the reason; else what a reader should know.
    """

    label: str
    size: int
    mtime_ns: int
    read_ns: int
    sha: str = ""
    segment: str = ""
    entry: int = -1
    chars: int = 0
    note: str = ""

    def is_still(self, file: Candidate) -> bool:
        """Tell whether `file` surely is what was read: same size and time, and not written as it was read."""
        if (self.size, self.mtime_ns) != (file.size, file.mtime_ns):
            return False
        racy = _RACY_FINE_NS if self.mtime_ns % _COARSE_NS else _RACY_COARSE_NS
        return self.read_ns - self.mtime_ns > racy


class SealedSegment(Struct, frozen=True):
    """A segment of the corpus as it was sealed: its tape's hash, and how many entries and characters it has."""

    segment: str
    sha: str
    entries: int
    chars: int


class Manifest(Struct):
    """The state of a corpus after its last sealed segment. `complete` is False while a refresh is under way."""

    root: str
    format: int = MANIFEST_FORMAT
    segments: list[SealedSegment] = []
    files: list[FileState] = []
    left_out: list[tuple[str, str, int]] = []
    left_out_total: int = 0
    complete: bool = False

    def live_chars(self, files: Iterable[FileState]) -> dict[str, int]:
        """Return how many characters of each segment belong to `files`."""
        live = {sealed.segment: 0 for sealed in self.segments}
        for file in files:
            if file.segment in live:
                live[file.segment] += file.chars
        return live

    def references(self, files: Iterable[FileState], home: Path, directory: Path) -> list[SegmentRef]:
        """Return references to the segments that hold the text of `files`, with these alone as live entries.

        Paths are relative to `home` where `directory`, that of the segments, lies in it.
        """
        entries: dict[str, list[FileState]] = {}
        for file in files:
            if file.segment:
                entries.setdefault(file.segment, []).append(file)
        place = directory.relative_to(home) if directory.is_relative_to(home) else directory
        return [
            SegmentRef(
                segment=sealed.segment,
                sha=sealed.sha,
                path=str(place / f"{sealed.segment}.duckdb"),
                source=self.root,
                entries=len(held),
                chars=sum(file.chars for file in held),
                live=ranges(file.entry for file in held),
            )
            for sealed in self.segments
            if (held := entries.get(sealed.segment))
        ]


def ranges(numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Return distinct `numbers` as inclusive ranges in ascending order."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)


def load_manifest(path: Path, root: str) -> Manifest:
    """Return the manifest at `path`, a new one where there is none; a damaged one is set aside first.

    Raises `ContextError` for one of a newer version or one that cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Manifest(root)
    except OSError as error:
        raise ContextError(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
    try:
        version = msgspec.json.decode(data, type=_Version).format
        if version <= MANIFEST_FORMAT:
            return msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError:
        path.replace(path.with_name(f"{path.name}.damaged-{secrets.token_hex(4)}"))
        return Manifest(root)
    raise ContextError(f"{path} was written by a newer version; update rlm-tui to read it.")


def save_manifest(path: Path, manifest: Manifest) -> None:
    """Write `manifest` whole or not at all, synced to the disk; nothing where it is as before. Raises `OSError`."""
    data = msgspec.json.encode(manifest)
    if path.exists() and path.read_bytes() == data:
        return
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


class _Version(Struct):
    format: int
