"""A file's text for editing: decoded so that it can be written back byte for byte, line endings and mark included."""

import codecs
import hashlib
from dataclasses import dataclass

from rlm_tui.context.decode import decode
from rlm_tui.errors import ToolError

_MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


def digest(data: bytes) -> str:
    """Return the SHA-256 of `data` in hex."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class FileText:
    """Text with what is needed to write it back. `text` keeps its line endings; `mark` are the bytes of its BOM."""

    text: str
    encoding: str = "utf-8"
    mark: bytes = b""
    note: str = ""

    @property
    def newline(self) -> str:
        """The line ending that most lines have: `\\r\\n` or `\\n`."""
        return "\r\n" if 2 * self.text.count("\r\n") > self.text.count("\n") else "\n"

    def encode(self, text: str) -> bytes:
        """Return `text` as bytes in this file's encoding. Raises `ToolError` for characters it does not have."""
        try:
            return self.mark + text.encode(self.encoding)
        except UnicodeEncodeError as error:
            bad = error.object[error.start : error.end]
            raise ToolError(
                f"The file is encoded as {self.encoding}, which cannot hold {bad!r}: leave such characters out."
            ) from None


def decode_file(data: bytes, label: str) -> FileText:
    """Return the text of a file's bytes. Raises `ToolError` where they are no text."""
    decoded = decode(data)
    if decoded is None:
        raise ToolError(f"{label} is binary ({len(data):,} bytes, {_kind(data)}): it has no text to read or edit.")
    text, encoding, note = decoded
    mark = _MARKS.get(encoding, b"")
    return FileText(text, encoding, mark if mark and data.startswith(mark) else b"", note)


def editable(data: bytes, label: str) -> FileText:
    """Return the text of a file's bytes where writing it back gives the same bytes. Raises `ToolError` otherwise."""
    file = decode_file(data, label)
    try:
        same = file.encode(file.text) == data
    except ToolError:
        same = False
    if not same:
        raise ToolError(f"{label} holds bytes that are not valid {file.encoding}: editing it would change them.")
    return file


_KINDS = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x7fELF", "an ELF program"),
    (b"SQLite format 3", "an SQLite database"),
)


def _kind(data: bytes) -> str:
    return next((kind for start, kind in _KINDS if data.startswith(start)), "of unknown kind")
