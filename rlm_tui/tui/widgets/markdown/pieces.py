"""A long finished text cut into pieces that can be drawn one by one, when they come into view.

A cut is made where a block surely starts (a line at the margin that follows a blank line and is neither list, quote
nor table), between lines of code, and, in blocks that do not end, at a line or a word.
"""

import re
from typing import NamedTuple

from rlm_tui.tui.widgets.markdown.stream import Fence, opened_fence

PIECE_CHARS = 2_048
_LONGEST_CHARS = 2 * PIECE_CHARS
_OPENING = re.compile(r"( {0,3})(`{3,}(?=[^`\n]*$)|~{3,})[ \t]*([^\s`]*)[^\n]*$")
_CONTINUES = re.compile(r"[-+*>|\s]|\d{1,9}[.)]")


class Piece(NamedTuple):
    """Characters `[start, end)` of a text. `fence` is open there; `apart` wants a blank line before."""

    start: int
    end: int
    fence: Fence | None = None
    apart: bool = True


def pieces_of(text: str) -> list[Piece]:
    """Return the pieces of `text`, in order and without gaps; at least one."""
    if len(text) <= _LONGEST_CHARS:
        return [Piece(0, len(text))]
    cutter = _Cutter(text)
    cutter.run()
    return cutter.pieces


class _Cutter:
    def __init__(self, text: str) -> None:
        self._text = text
        self.pieces: list[Piece] = []
        self._start = 0
        self._fence: Fence | None = None  # at the present line
        self._piece_fence: Fence | None = None  # at the start of the piece
        self._apart = True

    def run(self) -> None:
        text, at, blank = self._text, 0, True
        while at < len(text):
            end = text.find("\n", at) + 1 or len(text)
            if at - self._start >= PIECE_CHARS and self._may_cut(at, blank):
                self._cut(at, apart=self._fence is None and blank)
            while end - self._start > _LONGEST_CHARS:
                self._cut(self._place(at), apart=False)
                at = max(at, self._start)
            line = text[at : min(end, at + 200)]
            self._follow_fence(line)
            blank = not line.strip()
            at = end
        self._cut(len(text), apart=True)

    def _may_cut(self, at: int, blank: bool) -> bool:
        if self._fence is not None:
            return True
        return blank and not _CONTINUES.match(self._text, at)

    def _place(self, line: int) -> int:
        """Return where to cut a block that does not end: before this line, at a word, or anywhere."""
        if line > self._start:
            return line
        limit = self._start + _LONGEST_CHARS
        space = self._text.rfind(" ", self._start + 1, limit)
        return space + 1 if space > 0 else limit

    def _cut(self, at: int, *, apart: bool) -> None:
        if at > self._start:
            self.pieces.append(Piece(self._start, at, self._piece_fence, self._apart))
            self._start, self._piece_fence, self._apart = at, self._fence, apart

    def _follow_fence(self, line: str) -> None:
        if self._fence is not None:
            if self._fence.closed_by(line):
                self._fence = None
        elif match := _OPENING.match(line.rstrip("\n")):
            self._fence = opened_fence(match)
