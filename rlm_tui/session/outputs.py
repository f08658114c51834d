"""Large texts of a session, kept as files named by their SHA-256 beside the log."""

import hashlib
import os
from pathlib import Path

from rlm_tui.errors import SessionError

INLINE_CHARS = 65_536
"""Texts up to this many characters stand in the log itself; longer ones go to a file."""


def digest(text: str) -> str:
    """Return the SHA-256 of the text's UTF-8 form, in hex."""
    return bytes_digest(text.encode("utf-8"))


def bytes_digest(data: bytes) -> str:
    """Return the SHA-256 of `data`, in hex."""
    return hashlib.sha256(data).hexdigest()


def save_output(directory: Path, text: str, sha: str) -> None:
    """Store `text` durably as `directory/<sha>`, whole or not at all. Raises `SessionError`."""
    save_bytes(directory, text.encode("utf-8"), sha)


def save_bytes(directory: Path, data: bytes, sha: str) -> None:
    """Store `data` durably as `directory/<sha>`, whole or not at all. Raises `SessionError`."""
    target = directory / sha
    if target.exists():
        return
    part = directory / f".{sha}.{os.getpid()}.part"
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fdatasync(file.fileno())
        part.rename(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SessionError(f"A large output cannot be stored in {directory}: {error.strerror}.") from None


def load_output(directory: Path, sha: str) -> str | None:
    """Return the text stored as `sha`, or None when it is missing or damaged."""
    data = load_bytes(directory, sha)
    return None if data is None else data.decode("utf-8", "replace")


def load_bytes(directory: Path, sha: str) -> bytes | None:
    """Return what is stored as `sha`, or None when it is missing or damaged."""
    try:
        data = (directory / sha).read_bytes()
    except OSError:
        return None
    return data if bytes_digest(data) == sha else None
