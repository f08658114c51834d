"""Writing a project's files: whole or not at all, and never through a link that leads elsewhere.

A path is walked from its root with every part opened without following links, so that a link that appears after
the path was checked is refused, not followed.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from rlm_tui.errors import ToolError

MAX_FILE_BYTES = 32 << 20
"""Largest file, in bytes, that the working tools read or change."""

_NEW_FILE = 0o666
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def _parent_of(path: Path, *, make: bool = False) -> Iterator[int]:
    """Open the directory that holds the absolute `path`; with `make`, create what is missing of it."""
    descriptor = os.open(path.anchor, _DIRECTORY)
    try:
        for part in path.parent.parts[1:]:
            try:
                inner = os.open(part, _DIRECTORY, dir_fd=descriptor)
            except FileNotFoundError:
                if not make:
                    raise
                os.mkdir(part, dir_fd=descriptor)
                inner = os.open(part, _DIRECTORY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def read_file(path: Path) -> tuple[bytes, int] | None:
    """Return a regular file's bytes and its mode, None where there is no such file.

    `path` is absolute and holds no links. Raises `ToolError` for what cannot be read, is no regular file or too large.
    """
    try:
        with _parent_of(path) as parent:
            descriptor = os.open(path.name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                raise ToolError(f"{path} is a directory: use list or glob to see what is in it.")
            if not stat.S_ISREG(status.st_mode):
                raise ToolError(f"{path} is not a regular file.")
            if status.st_size > MAX_FILE_BYTES:
                raise ToolError(
                    f"{path} has {status.st_size:,} bytes, more than {MAX_FILE_BYTES:,}: look into it with grep."
                )
            return file.read(), stat.S_IMODE(status.st_mode)
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise ToolError(f"{path} is a directory: use list or glob to see what is in it.") from None
    except OSError as error:
        raise ToolError(f"{path} cannot be read: {error.strerror}.") from None


def write_file(path: Path, data: bytes, mode: int | None = None) -> None:
    """Replace or create the file at the absolute `path`; `mode` None means that of a new file.

    A failure leaves what was there, and after a loss of power the file is the old or the new one, whole. Raises
    `ToolError`.
    """
    temporary = f".{path.name[:80]}.{secrets.token_hex(6)}.tmp"
    try:
        with _parent_of(path, make=True) as parent:
            try:
                _write_new(temporary, data, mode, parent)
                os.rename(temporary, path.name, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=parent)
                raise
    except OSError as error:
        raise ToolError(f"{path} cannot be written: {error.strerror}. It is as it was.") from None


def _write_new(name: str, data: bytes, mode: int | None, parent: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, _NEW_FILE if mode is None else 0o600, dir_fd=parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        if mode is not None:
            os.fchmod(descriptor, mode)
        os.fsync(descriptor)


def delete_file(path: Path) -> None:
    """Delete the file at the absolute `path`; directories stay. Raises `ToolError`."""
    try:
        with _parent_of(path) as parent:
            os.unlink(path.name, dir_fd=parent)
            os.fsync(parent)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ToolError(f"{path} cannot be deleted: {error.strerror}.") from None
