"""The tape: a session's or segment's text as flat UTF-8 bytes, with exact maps between bytes, characters and lines.

Entries lie on a tape one after another, separated by one line feed that belongs to no entry. Every 64 KiB block
has a mark: the characters and the line feeds before it. A character is then found by a bisection over the marks
and a count within one block, so no map is ever larger than the marks and the text is never one `str`.

A *tape character* is a code point of the tape, separators included; offsets of a session are made of these by
`rlm_tui.context.refs`.
"""

import mmap
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from rlm_tui.text import without_surrogates

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK_BYTES = 65_536
SEPARATOR = b"\n"
_LINE_FEED = 10
_LAST_CONTINUATION = -65  # UTF-8 continuation bytes 0x80..0xBF are -128..-65 as signed bytes
_LOOK_AHEAD_CHARS = 16_384

Buffer = mmap.mmap | bytes
"""What a tape may lie on: a mapped file, anonymous memory, or nothing."""


def encoded(text: str) -> tuple[str, bytes]:
    """Return a text as a tape can hold it, lone surrogates replaced by U+FFFD, and its UTF-8 bytes."""
    try:
        return text, text.encode()
    except UnicodeEncodeError:
        text, _ = without_surrogates(text)
        return text, text.encode()


class BlockMarks:
    """Counts characters and line feeds before each block while bytes are fed in order.

    `chars[i]` and `lines[i]` count what lies before byte `i * BLOCK_BYTES`, for each block that has begun. Both
    lists only grow, so a reader may bisect them, up to a length it was told, while more is fed.
    """

    def __init__(self) -> None:
        self.chars: list[int] = []
        self.lines: list[int] = []
        self.total_bytes = 0
        self.total_chars = 0
        self.total_lines = 0

    def feed(self, data: bytes) -> None:
        """Count the next bytes of the tape; `data` must hold whole characters."""
        import numpy as np

        if not data:
            return
        signed = np.frombuffer(data, dtype=np.int8)
        position = 0
        while position < len(data):
            within = self.total_bytes % BLOCK_BYTES
            if within == 0:
                self.chars.append(self.total_chars)
                self.lines.append(self.total_lines)
            piece = signed[position : position + BLOCK_BYTES - within]
            self.total_chars += int(np.count_nonzero(piece > _LAST_CONTINUATION))
            self.total_lines += int(np.count_nonzero(piece == _LINE_FEED))
            self.total_bytes += len(piece)
            position += len(piece)


@dataclass(frozen=True)
class Tape:
    """A readable tape: `size` bytes holding `chars` characters of a buffer that may be larger than that.

    The first `size` bytes never change, so a tape may be read by any number of threads at once.
    """

    buffer: Buffer
    size: int
    chars: int
    char_marks: Sequence[int]
    line_marks: Sequence[int]
    blocks: int

    @classmethod
    def of_marks(cls, buffer: Buffer, marks: BlockMarks) -> "Tape":
        """Return the tape of what `marks` has counted so far."""
        return cls(buffer, marks.total_bytes, marks.total_chars, marks.chars, marks.lines, len(marks.chars))

    @cached_property
    def signed(self) -> "NDArray[np.int8]":
        """The bytes as signed integers: characters start where they are above -65."""
        import numpy as np

        return np.frombuffer(self.buffer, dtype=np.int8, count=self.size)

    def byte_of(self, char: int) -> int:
        """Return the byte at which tape character `char` starts; `char == chars` gives `size`."""
        if char >= self.chars:
            return self.size
        block = bisect_right(self.char_marks, char, 0, self.blocks) - 1
        first, last = block * BLOCK_BYTES, min((block + 1) * BLOCK_BYTES, self.size)
        rest = char - self.char_marks[block]
        chars_after = self.char_marks[block + 1] if block + 1 < self.blocks else self.chars
        if chars_after - self.char_marks[block] == last - first:
            return first + rest
        starts = (self.signed[first:last] > _LAST_CONTINUATION).nonzero()[0]
        return first + int(starts[rest])

    def char_of(self, byte: int) -> int:
        """Return how many characters start before `byte` (at a character's start: its tape character)."""
        if byte >= self.size:
            return self.chars
        block = byte // BLOCK_BYTES
        first = block * BLOCK_BYTES
        return self.char_marks[block] + _count(self.signed[first:byte] > _LAST_CONTINUATION)

    def chars_within(self, first: int, last: int) -> int:
        """Return how many characters start in the bytes `[first, last)`, by counting them: for short ranges."""
        return _count(self.signed[first:last] > _LAST_CONTINUATION)

    def text(self, first_byte: int, last_byte: int) -> str:
        """Return the characters of `[first_byte, last_byte)`, both at a character's start."""
        return str(self.buffer[first_byte:last_byte], "utf-8")

    def characters(self, first: int, count: int) -> str:
        """Return `count` tape characters from tape character `first`."""
        start = self.byte_of(first)
        if count > _LOOK_AHEAD_CHARS:
            return self.text(start, self.byte_of(first + count))
        # A character has at most four bytes: decoding a little more is cheaper than finding the last byte.
        return str(self.buffer[start : min(start + 4 * count, self.size)], "utf-8", "ignore")[:count]

    def lines_before(self, byte: int) -> int:
        """Return how many line feeds lie before `byte`."""
        if self.size == 0 or byte <= 0:
            return 0
        block = min(byte, self.size - 1) // BLOCK_BYTES
        first = block * BLOCK_BYTES
        return self.line_marks[block] + _count(self.signed[first : min(byte, self.size)] == _LINE_FEED)

    def after_line_feed(self, number: int) -> int:
        """Return the byte after the tape's `number`-th line feed (1-based). The feed must exist."""
        block = bisect_right(self.line_marks, number - 1, 0, self.blocks) - 1
        first, last = block * BLOCK_BYTES, min((block + 1) * BLOCK_BYTES, self.size)
        feeds = (self.signed[first:last] == _LINE_FEED).nonzero()[0]
        return first + int(feeds[number - 1 - self.line_marks[block]]) + 1


def _count(flags: "NDArray[np.bool_]") -> int:
    import numpy as np

    return int(np.count_nonzero(flags))


class GrowingTape:
    """A tape in memory that one thread appends to while others read the `Tape`s that `snapshot` returns.

    The buffer is anonymous memory that is filled in place and, when full, copied into one of at least twice the
    size; a reader of the old one keeps it alive, and its bytes stay as they were.
    """

    FIRST_CAPACITY = 1 << 20

    def __init__(self) -> None:
        self._marks = BlockMarks()
        self._buffer = mmap.mmap(-1, self.FIRST_CAPACITY)
        self._snapshot = Tape.of_marks(self._buffer, self._marks)

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._marks.total_bytes

    def append(self, data: bytes) -> None:
        """Write `data` (whole characters) at the end and publish a new snapshot."""
        start, end = self._marks.total_bytes, self._marks.total_bytes + len(data)
        if end > len(self._buffer):
            larger = mmap.mmap(-1, max(2 * len(self._buffer), 1 << end.bit_length()))
            larger[:start] = self._buffer[:start]
            self._buffer = larger
        self._buffer[start:end] = data
        self._marks.feed(data)
        self._snapshot = Tape.of_marks(self._buffer, self._marks)

    def snapshot(self) -> Tape:
        """Return the tape as it is now."""
        return self._snapshot
