"""A file's bytes as text: what is binary, which encoding, and what had to be replaced.

UTF-8 is tried first, byte order marks of UTF-8, UTF-16 and UTF-32 are obeyed (and dropped), and what is left is
read as Windows-1252, in which the five bytes that it does not define are C1 controls as in Latin-1 (the WHATWG
encoding standard reads it so). Line endings are kept as they are.
"""

import codecs
import hashlib
import os
import stat
from pathlib import Path

from msgspec import Struct

from rlm_tui.context.entry import LeftOut
from rlm_tui.text import without_surrogates

BINARY = "binary"
CHANGING = "changed while it was read"
VANISHED = "vanished"
NOT_REGULAR = "not a regular file"

_SAMPLE_BYTES = 65_536
_TEXT_CONTROLS = b"\t\n\v\f\r\b\x1b"  # what logs and terminal recordings hold
_CONTROLS = bytes(set(range(0x20)) - set(_TEXT_CONTROLS)) + b"\x7f"
_MAX_CONTROLS_UTF8 = 0.3
_MAX_CONTROLS_OTHER = 0.03  # random bytes have 0.1
_ATTEMPTS = 3
_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_FALLBACK = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256))


class DecodedText(Struct, frozen=True):
    """A file's text. `sha` is the SHA-256 of its bytes; `note` says what a reader should know, or is empty.

    `size` (bytes) and `mtime_ns` are of the moment when it was read.
    """

    text: str
    sha: str
    size: int
    mtime_ns: int
    encoding: str = "utf-8"
    note: str = ""


def read_text(path: str | Path, max_bytes: int, *, label: str = "") -> DecodedText | LeftOut:
    """Read `path` as text, or say why not: over the limit, binary, unreadable, vanished, changing.

    Never waits for a pipe or a device and never follows a link. `label` names the file in a `LeftOut`.
    """
    label = label or os.fspath(path)
    try:
        for _ in range(_ATTEMPTS):
            data, status, unchanged = _read_once(path, max_bytes)
            if unchanged:
                break
        else:
            return LeftOut(label, CHANGING, status.st_size)
    except FileNotFoundError:
        return LeftOut(label, VANISHED)
    except OSError as error:
        return LeftOut(label, f"unreadable: {error.strerror or type(error).__name__}")
    if not stat.S_ISREG(status.st_mode):
        return LeftOut(label, NOT_REGULAR)
    if max(status.st_size, len(data)) > max_bytes:
        return LeftOut(label, over_limit(max_bytes), max(status.st_size, len(data)))
    decoded = decode(data)
    if decoded is None:
        return LeftOut(label, BINARY, len(data))
    text, encoding, note = decoded
    sha = hashlib.sha256(data).hexdigest()
    return DecodedText(text, sha, status.st_size, status.st_mtime_ns, encoding, note)


def decode(data: bytes) -> tuple[str, str, str] | None:
    """Return the text of `data`, its encoding, and a note; None where `data` is binary."""
    for mark, encoding, name in _MARKS:
        if data.startswith(mark):
            return _marked(data[len(mark) :], encoding, name)
    if b"\0" in data:
        return None
    sample = data[:_SAMPLE_BYTES]
    controls = (len(sample) - len(sample.translate(None, _CONTROLS))) / max(1, len(sample))
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None if controls > _MAX_CONTROLS_OTHER else _mended(data)
    return None if controls > _MAX_CONTROLS_UTF8 else (text, "utf-8", "")


def over_limit(max_bytes: int) -> str:
    """Return the reason given for a file of more than `max_bytes`."""
    for unit, size in (("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)):
        if max_bytes >= size:
            return f"over {max_bytes / size:g} {unit}"
    return f"over {max_bytes} bytes"


def _read_once(path: str | Path, max_bytes: int) -> tuple[bytes, os.stat_result, bool]:
    """Return up to `max_bytes` + 1 bytes, the status after reading, and whether nothing changed meanwhile."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode) or before.st_size > max_bytes:
            return b"", before, True
        data = file.read(before.st_size + 1)  # not the limit: room for all of it would be made at once
        if len(data) > before.st_size:  # it has grown, or is of a kind that tells no size
            data += file.read(max_bytes + 1 - len(data))
        after = os.fstat(descriptor)
    same = (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size)
    return data, after, same


def _marked(data: bytes, encoding: str, name: str) -> tuple[str, str, str]:
    """Read bytes whose mark names their encoding; what is wrong in them becomes U+FFFD."""
    text = data.decode(encoding, "replace")
    bad = text.count("\ufffd")
    return text, encoding, f"{name}; {bad} invalid places replaced" if bad else name


def _mended(data: bytes) -> tuple[str, str, str]:
    """Read bytes that are not quite UTF-8: mend them where most of what is not ASCII is right, else fall back."""
    try:
        text, surrogates = without_surrogates(data.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        pass
    else:
        return text, "utf-8", f"{surrogates} lone surrogates replaced"
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    right = sum(not character.isascii() for character in text) - bad
    if right > bad:
        return text, "utf-8", f"{bad} invalid bytes replaced"
    return codecs.charmap_decode(data, "strict", _FALLBACK)[0], "windows-1252", "not UTF-8, read as Windows-1252"
