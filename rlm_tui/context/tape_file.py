"""The tape of a sealed segment as a file: mapped, checked, and written again from the database."""

import contextlib
import fcntl
import hashlib
import mmap
import os
import tempfile
from pathlib import Path
from typing import IO

from rlm_tui.context.database import Database
from rlm_tui.context.layout import DATABASE_SUFFIX, TAIL_HASH_BYTES, tail_hash
from rlm_tui.context.tape import SEPARATOR, Buffer
from rlm_tui.errors import ContextError

_ROWS_AT_ONCE = 64


def map_file(path: Path) -> Buffer:
    """Map a file for reading; an empty one, which cannot be mapped, is `b""`. Raises `OSError`.

    As long as the map lives, `is_in_use` says so in every process: the map keeps the file open, and with it a
    shared lock.
    """
    with path.open("rb") as file:
        with contextlib.suppress(OSError):  # a file system without locks: then age alone protects it
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        return _map(file)


def is_in_use(path: Path) -> bool:
    """Return whether some process has the tape at `path` mapped."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _map(file: IO[bytes]) -> Buffer:
    if os.fstat(file.fileno()).st_size == 0:
        return b""
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def valid_tape(path: Path, size: int, end_hash: str) -> Buffer | None:
    """Return the mapped tape when its length and the hash of its last 64 KiB are right, else None."""
    try:
        buffer = map_file(path)
    except OSError:
        return None
    if len(buffer) == size and tail_hash(buffer[max(0, size - TAIL_HASH_BYTES) :]) == end_hash:
        return buffer
    if isinstance(buffer, mmap.mmap):
        buffer.close()
    return None


def rebuild_tape(database: Database, schema: str, path: Path, size: int, sha: str) -> Buffer:
    """Write a tape again, beside its database if that folder can be written, else in a nameless file.

    Raises `ContextError` when the database's text is not what `sha`, the SHA-256 of the tape, was taken of.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            written = _write_tape(database, schema, file, size)
            file.flush()
            os.fsync(file.fileno())
        if written == sha:
            temporary.replace(path)
            return map_file(path)
    except OSError:
        with tempfile.TemporaryFile() as nameless:
            written = _write_tape(database, schema, nameless, size)
            nameless.flush()
            if written == sha:
                return _map(nameless)
    finally:
        with contextlib.suppress(OSError):  # gone already, or never there on a read-only disk
            temporary.unlink()
    damaged = path.with_name(path.stem + DATABASE_SUFFIX)
    raise ContextError(f"{damaged} does not hold its whole text; build the context again (rlm-tui ingest).")


def _write_tape(database: Database, schema: str, file: IO[bytes], size: int) -> str:
    """Write chunks in order, separators between them and after the last; return the tape's SHA-256."""
    # Unsorted, so that rows stream in the order they were written: sorting would hold all text in memory.
    cursor = database.cursor().execute(f"SELECT byte_start, text FROM {schema}.chunks")
    position = 0
    written = hashlib.sha256()
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        for byte_start, text in rows:
            data = SEPARATOR * (byte_start - position) + text.encode()
            file.write(data)
            written.update(data)
            position += len(data)
    end = SEPARATOR * (size - position)
    file.write(end)
    written.update(end)
    return written.hexdigest()
