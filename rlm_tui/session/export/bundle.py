"""A bundle: one ZIP file with the exported log and the parts of the context that were touched.

With it a session opens on a machine that has none of its corpora: entries and offsets are all there, and the text of
every entry that a call read, found, was sent or cited. `session.jsonl` is the JSON Lines export;
`known/<segment>.jsonl` lists the entries of one attached segment, one a line, in order, with their text if known.
"""

import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, cast

import msgspec

from rlm_tui.context.entry import Entry
from rlm_tui.context.known import KNOWN_FOLDER, KnownEntry
from rlm_tui.context.reader import ContextReader
from rlm_tui.errors import UsageError
from rlm_tui.events import SegmentAttached
from rlm_tui.session.coverage import IntervalUnion
from rlm_tui.session.export.context import exported_context
from rlm_tui.session.export.jsonl import written_lines
from rlm_tui.session.export.masking import Masker
from rlm_tui.session.export.reading import Exported

LOG_MEMBER = "session.jsonl"
MOST_KNOWN_CHARS = 2_000_000
"""An entry larger than this, in characters, is not bundled whole: its touched parts are, and the rest is blank."""

_AROUND_CHARS = 2_000
_BLANK = "\ufffd"
_AT_ONCE = 1_000
_LEVEL = 1  # three times as fast as the usual 6
_MOST_BYTES = 8 << 30
_KNOWN_NAME = re.compile(r"known/[0-9a-f]{8,64}\.jsonl")
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The members' time: equal sessions give equal bundles, byte for byte."""


class _Sink:
    """A stream that cannot seek: what is written waits to be taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Take bytes."""
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing to do: `take` has everything."""

    def take(self) -> bytes:
        """Return what was written since the last time."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


def write_bundle(exported: Exported) -> Iterator[bytes]:
    """Yield the bytes of a bundle. Raises `SessionError`."""
    sink = _Sink()
    with zipfile.ZipFile(cast(IO[bytes], sink), "w", zipfile.ZIP_DEFLATED) as archive:
        with _member(archive, LOG_MEMBER) as member:
            for lines in _gathered(written_lines(exported, exported.folded())):
                member.write(lines)
                yield sink.take()
        if "context" in exported.parts:
            with exported_context(exported) as context:
                for attached, known in known_entries(exported, context):
                    with _member(archive, f"{KNOWN_FOLDER}/{attached.segment}.jsonl") as member:
                        for entry in known:
                            member.write(msgspec.json.encode(entry) + b"\n")
                            yield sink.take()
    yield sink.take()


def _gathered(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield a thousand lines at a time: compressing each alone takes several times as long."""
    while some := b"".join(islice(lines, _AT_ONCE)):
        yield some


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    info._compresslevel = _LEVEL  # type: ignore[attr-defined]  # of a member that is streamed there is no other way
    return archive.open(info, "w", force_zip64=True)


def known_entries(exported: Exported, context: ContextReader) -> Iterator[tuple[SegmentAttached, Iterator[KnownEntry]]]:
    """Yield each attached segment whose text is here, with its entries: those that were touched with their text."""
    touched = IntervalUnion()
    for touch in exported.state.coverage.touches:
        touched.add(touch.start, touch.end)
    for attached in exported.attached:
        if attached.entries and attached.segment not in exported.absent:
            yield attached, _entries_of(attached, touched, context, exported.masker)


def _entries_of(
    attached: SegmentAttached, touched: IntervalUnion, context: ContextReader, masker: Masker
) -> Iterator[KnownEntry]:
    for number in range(attached.first_entry, attached.first_entry + attached.entries):
        entry = context.entry(number)
        text = None
        if touched.overlaps(entry.start, entry.end):
            text = masker.text(_touched_text(entry, touched, context), same_length=True)
        yield KnownEntry(entry.kind, masker.text(entry.label), entry.chars, text, entry.part, entry.parts)


def _touched_text(entry: Entry, touched: IntervalUnion, context: ContextReader) -> str:
    if entry.chars <= MOST_KNOWN_CHARS:
        return context.read(entry.start, entry.chars)
    pieces, place = [], entry.start
    for start, end in touched.within(entry.start - _AROUND_CHARS, entry.end + _AROUND_CHARS):
        low, high = max(place, start - _AROUND_CHARS), min(entry.end, end + _AROUND_CHARS)
        if low < high:
            pieces += [_BLANK * (low - place), context.read(low, high - low)]
            place = high
    return "".join([*pieces, _BLANK * (entry.end - place)])


# --- reading -------------------------------------------------------------------------------------------------


def is_bundle(file: Path) -> bool:
    """Tell whether a file is a bundle by its content."""
    return zipfile.is_zipfile(file)


class Bundle:
    """A bundle that is open for reading."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive = archive
        self._path = path

    def lines(self) -> IO[bytes]:
        """Return the exported log. Raises `UsageError` where there is none."""
        try:
            return self._archive.open(LOG_MEMBER)
        except KeyError:
            raise UsageError(f"{self._path} is a ZIP file, but no bundle of rlm-tui: it holds no session.") from None

    def put_known(self, directory: Path) -> None:
        """Unpack what is known of attached segments into a session's folder."""
        for info in self._archive.infolist():
            if _KNOWN_NAME.fullmatch(info.filename):
                target = directory / info.filename
                target.parent.mkdir(mode=0o700, exist_ok=True)
                with self._archive.open(info) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)


@contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Open a bundle. Raises `UsageError` for a file that is damaged or claims to be unreasonably large."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > _MOST_BYTES:
                raise UsageError(f"{path} would unpack to more than {_MOST_BYTES >> 30} GiB: it is not imported.")
            yield Bundle(archive, path)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise UsageError(f"{path} is damaged and cannot be imported: {error}.") from None
