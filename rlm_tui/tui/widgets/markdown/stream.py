"""Markdown that grows: what is finished is drawn once, and only the unfinished block at the end is drawn again.

The lines depend on the text alone, not on how it was cut into fragments: blocks are settled from complete lines
only, and whatever bounds the work (pieces of code, cuts of endless blocks) is counted from where a block starts.
"""

import re
from dataclasses import dataclass

from rlm_tui.tui.widgets.markdown.blocks import render_source
from rlm_tui.tui.widgets.markdown.code import PIECE_LINES, code_lines
from rlm_tui.tui.widgets.markdown.look import CodeBlock, Look
from rlm_tui.tui.widgets.markdown.parse import block_starts
from rlm_tui.tui.widgets.strips import Line

WINDOW_CHARS = 8_192
_CUT_CHARS = 6_144
_SLICE_CHARS = 2 * WINDOW_CHARS
_BLANK_LINES = re.compile(r"(?:[ \t]*\n)+")
_FENCE = re.compile(r"( {0,3})(`{3,}(?=[^`\n]*\n)|~{3,})[ \t]*([^\s`]*)[^\n]*\n")
_TABLE_HEAD = re.compile(r"[^\n]*\|[^\n]*\n[ \t]*\|?[ \t]*:?-+[-:| \t]*\n")


@dataclass(frozen=True, slots=True)
class Fence:
    """An open fence: its marks, the language after them, and how far it is indented."""

    marks: str
    language: str = ""
    indent: int = 0

    def closed_by(self, line: str) -> bool:
        """Return whether `line` ends the fence."""
        bare = line.rstrip(" \t\n")
        marks = bare.lstrip(" ")
        return (
            len(bare) - len(marks) <= 3
            and len(marks) >= len(self.marks)
            and not marks.strip(self.marks[0])
        )  # fmt: skip


def opened_fence(match: re.Match[str]) -> Fence:
    """Return the fence that a match of an opening line opens."""
    return Fence(match[2], match[3], len(match[1]))


class MarkdownStream:
    """Lines of a text that is fed in fragments. `lines` and `codes` are always those of all text so far.

    `fence` says that the text starts inside a fence, for drawing a part of a longer text.
    """

    def __init__(self, look: Look, fence: Fence | None = None) -> None:
        self.look = look
        self.lines: list[Line] = []
        self._settled = 0
        self._codes: list[CodeBlock] = []
        self._tail_codes: list[CodeBlock] = []
        self._tail = ""
        self._held = ""
        self._joined = False
        self._table_head = ""
        self._fence: Fence | None = None
        self._block = CodeBlock(0, 0)
        self._code: list[str] = []
        if fence is not None:
            self._open(fence)

    def feed(self, text: str) -> int:
        """Add a fragment; return the number of the first line that may have changed."""
        first = self._settled
        text = self._held + text
        self._held = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r")
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        del self.lines[self._settled :]
        for at in range(0, len(text), _SLICE_CHARS):
            self._tail += text[at : at + _SLICE_CHARS]
            while self._advance():
                pass
        self._draw_tail()
        return first

    @property
    def codes(self) -> list[CodeBlock]:
        """The code blocks so far, in order."""
        return [*self._codes, *self._tail_codes]

    # --- what is finished ------------------------------------------------------------------------------

    def _advance(self) -> bool:
        """Settle what is finished at the start of the tail; return whether there may be more."""
        if self._fence is not None:
            return self._advance_code()
        blank = _BLANK_LINES.match(self._tail)
        if blank:
            self._tail = self._tail[blank.end() :]
            self._joined, self._table_head = False, ""
        opening = _FENCE.match(self._tail)
        if opening:
            self._tail = self._tail[opening.end() :]
            self._separate()
            self._open(opened_fence(opening))
            return True
        window = self._tail[:WINDOW_CHARS]
        sources, used = self._finished_blocks(window[: window.rfind("\n") + 1])
        if sources:
            for source in sources:
                self._settle_block(source)
            self._tail = self._tail[used:]
            return True
        if len(window) == WINDOW_CHARS:
            self._cut(window)
            return True
        return False

    def _finished_blocks(self, text: str) -> tuple[list[str], int]:
        """Return the sources of all blocks in complete lines but the last, up to a fence; and their length."""
        sources = _split(self._table_head + text)
        finished: list[str] = []
        used = -len(self._table_head)
        for source in sources[:-1]:
            if finished and _FENCE.match(source):
                break
            finished.append(source)
            used += len(source)
        return finished, used

    def _settle_block(self, source: str) -> None:
        self._draw_block(source, self._codes)
        self._joined, self._table_head = False, ""
        self._settled = len(self.lines)

    def _cut(self, window: str) -> None:
        """Settle the first part of an endless block: up to a line that starts anew, a line, a word, or anywhere."""
        at = window.rfind("\n", 0, _CUT_CHARS)
        while at > 0 and window[at + 1 : at + 2].isspace():
            at = window.rfind("\n", 0, at)
        if at <= 0:
            at = max(window.rfind("\n", 0, _CUT_CHARS), window.rfind(" ", 0, _CUT_CHARS))
        at = at + 1 if at > 0 else _CUT_CHARS
        head = _TABLE_HEAD.match(self._table_head + window)
        self._draw_block(self._table_head + window[:at], self._codes)
        self._tail = self._tail[at:]
        self._joined, self._table_head = True, head.group() if head else ""
        self._settled = len(self.lines)

    # --- code ------------------------------------------------------------------------------------------

    def _open(self, fence: Fence) -> None:
        self._fence = fence
        self._code = []
        self._block = CodeBlock(len(self.lines), len(self.lines))
        self._settled = len(self.lines)

    def _advance_code(self) -> bool:
        fence = self._fence
        assert fence is not None  # the caller looked
        end = self._tail.rfind("\n") + 1
        complete, self._tail = self._tail[:end].split("\n")[:-1], self._tail[end:]
        for number, line in enumerate(complete):
            if fence.closed_by(line):
                self._draw_piece()
                self._codes.append(self._block)
                self._fence = None
                self._tail = "".join(f"{rest}\n" for rest in complete[number + 1 :]) + self._tail
                return True
            self._code.append(self._settle_long(line))
            if len(self._code) == PIECE_LINES:
                self._draw_piece()
        self._tail = self._settle_long(self._tail)
        return False

    def _settle_long(self, line: str) -> str:
        """Settle the endless part of a line of code, and return what is left of it."""
        while len(line) >= WINDOW_CHARS:
            self._draw_piece()
            self._code = [line[:WINDOW_CHARS]]
            self._draw_piece(ended=False)
            line = line[WINDOW_CHARS:]
        return line

    def _draw_piece(self, *, ended: bool = True) -> None:
        """Settle the code gathered so far."""
        if self._code:
            self._draw_code(self._code)
            self._block.parts.append("\n".join(self._unindented(self._code)) + ("\n" if ended else ""))
            self._code = []
            self._settled = self._block.last = len(self.lines)

    def _draw_code(self, code: list[str]) -> None:
        language = self._fence.language if self._fence else ""
        self.lines.extend(code_lines("\n".join(self._unindented(code)), language, self.look))

    def _unindented(self, code: list[str]) -> list[str]:
        indent = self._fence.indent if self._fence else 0
        if not indent:
            return code
        return [line[min(indent, len(line) - len(line.lstrip(" "))) :] for line in code]

    # --- drawing ---------------------------------------------------------------------------------------

    def _draw_tail(self) -> None:
        """Draw what is not finished yet, for now."""
        self._tail_codes = []
        if self._fence is None:
            joined, head = self._joined, self._table_head
            for source in _split(self._table_head + self._tail):
                self._draw_block(source, self._tail_codes)
                self._joined, self._table_head = False, ""
            self._joined, self._table_head = joined, head
            return
        rest = [*self._code, self._tail] if self._tail and not self._fence.closed_by(self._tail) else self._code
        if rest:
            self._draw_code(rest)
        code = "\n".join(self._unindented(rest))
        self._tail_codes.append(CodeBlock(self._block.first, len(self.lines), [*self._block.parts, code]))

    def _draw_block(self, source: str, codes: list[CodeBlock]) -> None:
        lines, found = render_source(source, self.look)
        if self._table_head:
            rule = next((number for number, line in enumerate(lines) if line.text.startswith("─")), -1)
            lines = lines[rule + 1 :]
        if not lines:
            return
        self._separate()
        first = len(self.lines)
        codes.extend(CodeBlock(code.first + first, code.last + first, code.parts) for code in found)
        self.lines.extend(lines)

    def _separate(self) -> None:
        if self.lines and not self._joined:
            self.lines.append(Line())


def _split(text: str) -> list[str]:
    """Return the sources of the top level's blocks; what lies before the first belongs to it."""
    if not text.strip():
        return []
    starts = block_starts(text)
    if len(starts) < 2:
        return [text]
    offsets, at, line = [0], 0, 0
    for start in starts[1:]:
        while line < start:
            at = text.index("\n", at) + 1
            line += 1
        offsets.append(at)
    return [text[a:b] for a, b in zip(offsets, [*offsets[1:], len(text)], strict=True)]
