"""Bringing in a session that was exported elsewhere: JSON Lines, or a bundle of these and what they rest on.

An import is a session like any other, marked by `imported_from`; nothing of it is lost, not even what a later
version wrote. It is made in a folder of its own and appears when it is whole.
"""

import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec
from msgspec.structs import replace

from rlm_tui import events as ev
from rlm_tui.config.paths import Paths
from rlm_tui.errors import SessionError, UsageError
from rlm_tui.session.codec import DamagedLine, decode_line
from rlm_tui.session.export.jsonl import HEADER_TYPE, Header
from rlm_tui.session.log import LogWriter
from rlm_tui.session.outputs import INLINE_CHARS, digest, save_output
from rlm_tui.session.session import new_session_id

MOST_LINE_BYTES = 256 << 20
"""Longest line that is read, in bytes: longer ones are no export of ours, and would fill the memory."""

_PENDING = ".import-"
_SHA = re.compile("[0-9a-f]{64}")
_SEGMENT = re.compile("[0-9a-f]{8,64}")


class Imported(msgspec.Struct, frozen=True):
    """What an import made. `origin` is the exported session's id, `problems` sentences on lines that were left out."""

    directory: Path
    origin: str
    records: int
    problems: tuple[str, ...]


def import_session(paths: Paths, file: Path) -> Imported:
    """Make a session of an exported `.jsonl` file or bundle.

    Raises `UsageError` or `SessionError`; no session is made then.
    """
    from rlm_tui.session.export.bundle import is_bundle, open_bundle

    if not file.is_file():
        raise UsageError(f"{file} is not a file: give one that `rlm-tui export` wrote.")
    try:
        if is_bundle(file):
            with open_bundle(file) as bundle, bundle.lines() as lines:
                return _import(paths, file, lines, bundle.put_known)
        with file.open("rb") as lines:
            return _import(paths, file, lines, None)
    except OSError as error:
        raise UsageError(f"{file} cannot be imported: {error.strerror or error}.") from None


def _import(paths: Paths, file: Path, lines: IO[bytes], finish: Callable[[Path], None] | None) -> Imported:
    header = _header(file, lines)
    problems: list[str] = []
    try:
        return place_records(paths, header.session, _records(lines, problems), problems, finish)
    except EmptySession:
        raise UsageError(f"{file} holds no whole record of a session, so nothing was imported.") from None


class EmptySession(SessionError):
    """There was no record to make a session of."""


def place_records(
    paths: Paths,
    origin: str,
    records: Iterable[ev.Envelope],
    problems: list[str],
    finish: Callable[[Path], None] | None = None,
) -> Imported:
    """Make a session of records, named as `origin` where that is free; `finish` completes its folder.

    It appears when it is whole. `problems` may grow while the records are taken. Raises `EmptySession`, `UsageError`.
    """
    sessions = paths.make(paths.sessions)
    name = origin if _is_free_id(sessions, origin) else new_session_id()
    pending = sessions / f"{_PENDING}{name}"
    try:
        count = _write(pending, name, origin, records)
        if not count:
            raise EmptySession(f"{origin} holds no record.")
        if finish is not None:
            finish(pending)
        pending.rename(sessions / name)
    except BaseException:
        shutil.rmtree(pending, ignore_errors=True)
        raise
    return Imported(sessions / name, origin, count, tuple(problems))


def _header(file: Path, lines: IO[bytes]) -> Header:
    line = lines.readline(MOST_LINE_BYTES)
    try:
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError):
        header = None
    if header is None or header.type != HEADER_TYPE:
        raise UsageError(
            f"{file} is not a session that rlm-tui exported: its first line is not such a header. Export one with "
            "`rlm-tui export ID --format jsonl` or `--bundle`."
        )
    if header.format > ev.FORMAT_VERSION:
        raise SessionError(
            f"{file} was exported by a newer version of rlm-tui (format {header.format}, this one reads up to "
            f"{ev.FORMAT_VERSION}). Update rlm-tui to import it."
        )
    return header


def _records(lines: IO[bytes], problems: list[str]) -> Iterator[ev.Envelope]:
    """Yield whole records; lines that are none are told in `problems`, with their numbers."""
    number = 2
    while line := lines.readline(MOST_LINE_BYTES):
        if not line.endswith(b"\n") and len(line) >= MOST_LINE_BYTES:
            problems.append(f"Line {number} is longer than {MOST_LINE_BYTES >> 20} MiB and was left out.")
            while line and not line.endswith(b"\n"):
                line = lines.readline(MOST_LINE_BYTES)
        elif line.strip():
            try:
                yield decode_line(line)
            except DamagedLine as damage:
                problems.append(f"Line {number} cannot be read ({damage}) and was left out.")
        number += 1


def _write(directory: Path, name: str, origin: str, records: Iterable[ev.Envelope]) -> int:
    """Write the records as the log of session `name`, large texts beside it; return how many there were."""
    writer = LogWriter(directory)
    count = 0
    try:
        for record in records:
            event = record.event
            if isinstance(event, ev.EntryAppended):
                event = _put_aside(directory, event)
            elif isinstance(event, ev.SegmentAttached):
                event = _named_safely(event)
            elif isinstance(event, ev.SessionOpened) and not event.resumed:
                event = replace(event, imported_from=event.imported_from or origin)
            writer.append(replace(record, session=name, event=event))
            count += 1
        writer.barrier()
    finally:
        writer.close()
    return count


def _put_aside(directory: Path, event: ev.EntryAppended) -> ev.EntryAppended:
    """Return the event with a large text stored beside the log, as a live session does it."""
    if len(event.text) != event.chars and not event.output:
        raise UsageError(
            f"Entry {event.entry} has {len(event.text):,} characters where {event.chars:,} are said: the file was "
            "changed after its export, so its offsets cannot be trusted."
        )
    if event.output and not _SHA.fullmatch(event.output):
        raise UsageError(f"Entry {event.entry} names a file as no export does: {event.output!r}. Nothing was imported.")
    if len(event.text) <= INLINE_CHARS:
        return event
    sha = digest(event.text)
    save_output(directory / "outputs", event.text, sha)
    return replace(event, text="", output=sha)


def _named_safely(event: ev.SegmentAttached) -> ev.SegmentAttached:
    """Return the event with a path that can only mean a segment: what the file says is not to be trusted."""
    path = PurePosixPath(event.path)
    if path.name == f"{event.segment}.duckdb" and _SEGMENT.fullmatch(event.segment) and ".." not in path.parts:
        return event
    return replace(event, path=f"corpora/unknown/segments/{digest(event.path)[:16]}.duckdb")


def _is_free_id(sessions: Path, name: str) -> bool:
    plain = 0 < len(name) <= 64 and name.isascii() and name.replace("-", "").isalnum()
    return plain and not (sessions / name).exists()
