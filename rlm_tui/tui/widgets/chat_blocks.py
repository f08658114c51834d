"""Chat items as blocks of lines that are drawn in parts, when they come into view.

A block knows a height before it was ever drawn: an estimate, put right when a part is drawn. Short items have one
part; the parts of long texts are pieces of a few thousand characters; the last part of an item that still grows is
a Markdown stream.
"""

from rlm_tui.events import Citation
from rlm_tui.session.nodes import ChatItem
from rlm_tui.tui.widgets import chat_items
from rlm_tui.tui.widgets.chat_items import Drawing
from rlm_tui.tui.widgets.markdown.look import CodeBlock, Look
from rlm_tui.tui.widgets.markdown.pieces import Piece, pieces_of
from rlm_tui.tui.widgets.markdown.stream import MarkdownStream
from rlm_tui.tui.widgets.strips import Line

_DENSE = ("tool", "reasoning")
_WORDS_PER_LINE = 0.92  # a wrapped line is this full on average
_CHECKED_CHARS = 64


class Part:
    """A part of a block. `lines` is None while it is not drawn; `height` is then an estimate or the last one known."""

    __slots__ = ("codes", "height", "lines", "piece")

    def __init__(self, piece: Piece, height: int) -> None:
        self.piece = piece
        self.height = height
        self.lines: list[Line] | None = None
        self.codes: list[CodeBlock] = []


class Block:
    """One chat item. `apart` says that a blank line stands before it, if it has any lines."""

    __slots__ = ("_fed", "_seen", "_stream", "apart", "item", "parts")

    def __init__(self, item: ChatItem, apart: bool, width: int) -> None:
        self.item = item
        self.apart = apart
        self.parts: list[Part] = []
        self._stream: MarkdownStream | None = None
        self._fed = 0
        self._seen = ""
        self.restart(width)

    @property
    def height(self) -> int:
        """Lines in all, as far as is known."""
        return sum(part.height for part in self.parts)

    def restart(self, width: int) -> None:
        """Forget what was drawn, and estimate the height for `width` cells."""
        self._stream = None
        item = self.item
        if item.role in ("assistant", "user"):
            text = item.text
            pieces = pieces_of(text)
            if item.role == "user" and len(pieces) > 1:
                pieces = [Piece(0, len(text))]
            self.parts = [Part(piece, self._estimate(text[piece.start : piece.end], width)) for piece in pieces]
        else:
            self.parts = [Part(Piece(0, 0), 0 if item.role == "assistant" else 1)]
        if self.apart and self.parts[0].height:
            self.parts[0].height += 1

    def _estimate(self, text: str, width: int) -> int:
        if not text:
            return 0
        if self.item.role == "user" and chat_items.is_long_prompt(text):
            return chat_items.PROMPT_LINES + 1
        return text.count("\n") + 1 + int(len(text) / max(1, width * _WORDS_PER_LINE))

    def part_at(self, line: int) -> tuple[int, int]:
        """Return which part holds the block's line number `line`, and that part's first line."""
        start = 0
        for number, part in enumerate(self.parts):
            if line < start + part.height:
                return number, start
            start += part.height
        raise IndexError(line)

    # --- drawing ---------------------------------------------------------------------------------------

    def draw(self, number: int, drawing: Drawing) -> list[Line]:
        """Return the lines of part `number`, drawn if need be; `height` is then right."""
        part = self.parts[number]
        if part.lines is None:
            lines = self._drawn(number, part, drawing)
            if lines and number == 0 and self.apart:
                lines = [Line(), *lines]
                part.codes = [CodeBlock(code.first + 1, code.last + 1, code.parts) for code in part.codes]
            part.lines = lines
            part.height = len(lines)
        return part.lines

    def _drawn(self, number: int, part: Part, drawing: Drawing) -> list[Line]:
        item = self.item
        match item.role:
            case "user":
                return chat_items.prompt_lines(item, drawing)
            case "assistant":
                return self._markdown(part, drawing.look, first=number == 0)
            case "reasoning":
                return chat_items.reasoning_lines(item, drawing)
            case "tool":
                return chat_items.tool_lines(item, drawing)
            case "notice":
                return chat_items.notice_lines(item, drawing)
            case "status":
                return chat_items.status_lines(item, drawing)

    def _markdown(self, part: Part, look: Look, *, first: bool) -> list[Line]:
        piece = part.piece
        stream = MarkdownStream(self._look(look), piece.fence)
        stream.feed(self.item.text[piece.start : piece.end])
        part.codes = stream.codes
        if not first and piece.apart and stream.lines:
            part.codes = [CodeBlock(code.first + 1, code.last + 1, code.parts) for code in part.codes]
            return [Line(), *stream.lines]
        return stream.lines

    def _look(self, look: Look) -> Look:
        if not self.item.citations:
            return look
        known: dict[tuple[int, int], Citation] = {(c.start, c.end): c for c in self.item.citations}
        return Look(look.width, look.palette, known)

    # --- growing ---------------------------------------------------------------------------------------

    @property
    def streaming(self) -> bool:
        """Whether the last part is a stream."""
        return self._stream is not None

    def grow(self, drawing: Drawing, most: int) -> tuple[int, bool]:
        """Draw what the item's text has grown by, at most `most` characters.

        Returns the first line of the block that may have changed, and whether there is more to draw. Text that did
        not grow but changed (a reply that was asked for again) is drawn anew.
        """
        text = self.item.text
        if self._stream is not None and (
            len(text) < self._fed or not text.startswith(self._seen, self._fed - len(self._seen))
        ):
            self._stream = None
        if self._stream is None:
            self.restart(drawing.look.width)
            last = self.parts[-1]
            self._stream = MarkdownStream(drawing.look, last.piece.fence)
            self._fed = last.piece.start
            last.lines, last.height = [], 0
        part = self.parts[-1]
        lead = self._lead()
        new = text[self._fed : self._fed + most]
        changed = self._stream.feed(new)
        self._fed += len(new)
        self._seen = text[max(0, self._fed - _CHECKED_CHARS) : self._fed]
        lines = part.lines if part.lines is not None else []
        del lines[lead + changed :]
        if self._stream.lines:
            if lead and not lines:
                lines.append(Line())
            lines += self._stream.lines[changed:]
        part.lines, part.height = lines, len(lines)
        part.codes = [CodeBlock(c.first + lead, c.last + lead, c.parts) for c in self._stream.codes]
        first = self.height - part.height + (lead + changed if changed else 0)
        return first, self._fed < len(text)

    def _lead(self) -> int:
        part = self.parts[-1]
        return int(self.apart) if len(self.parts) == 1 else int(part.piece.apart)

    @property
    def behind(self) -> int:
        """Characters that have arrived and are not drawn yet."""
        return len(self.item.text) - self._fed if self._stream is not None else 0

    @property
    def streamed_lines(self) -> int:
        """Lines of the growing part."""
        return len(self._stream.lines) if self._stream is not None else 0

    def settle(self, drawing: Drawing, *, keep: bool) -> None:
        """End the growing. With `keep`, a long text stays as it was drawn until it is drawn anew for other reasons."""
        if len(self.item.text) != self._fed or not (keep or len(self.parts) == 1) or self.item.citations:
            self.restart(drawing.look.width)
        else:  # the piece ended where the text did when the stream began
            last = self.parts[-1]
            last.piece = last.piece._replace(end=len(self.item.text))
        self._stream = None

    def resplit(self) -> None:
        """Begin a new stream at the next growth, so that what is finished can be drawn in pieces and dropped."""
        self._stream = None

    def forget(self, drawing: Drawing) -> None:
        """Drop what was drawn, as the item changed otherwise than by growing; heights stay the best known."""
        height = self.parts[0].height if len(self.parts) == 1 else 0
        self.restart(drawing.look.width)
        if height and len(self.parts) == 1:
            self.parts[0].height = height


def stands_apart(item: ChatItem, before: ChatItem | None) -> bool:
    """Return whether a blank line belongs between `before` and `item`."""
    return before is not None and not (item.role in _DENSE and before.role in _DENSE)
