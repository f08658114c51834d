"""Writing an export to a file: whole or not at all, and over nothing that nobody gave up."""

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from rlm_tui.errors import UsageError


def write_whole(path: Path, pieces: Iterable[bytes], *, force: bool = False) -> int:
    """Write `pieces` to `path` and return how many bytes that were.

    They go to a file beside it first, so that whatever fails leaves neither a part of the export nor a changed file.
    Raises `UsageError` where `path` is a directory, exists without `force`, or cannot be written.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a directory: name a file in it.")
    if not force and os.path.lexists(path):
        raise UsageError(f"{path} exists already. Name another file, or write over it with `--force`.")
    part = path.with_name(f".{path.name[:80]}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fdatasync(file.fileno())
            size = file.tell()
        if force:
            part.replace(path)
        else:
            _link_new(part, path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}. Nothing was left there.") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return size


def _link_new(part: Path, path: Path) -> None:
    """Give the written file its name, unless something else took that meanwhile."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise UsageError(f"{path} exists already. Name another file, or write over it with `--force`.") from None
    except OSError:  # a file system without hard links
        part.rename(path)
