"""Tokens of whole blocks as lines: headings, paragraphs, lists, quotes, rules, code and tables."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.segment import Segment

from rlm_tui.tui.widgets.markdown.code import all_code_lines
from rlm_tui.tui.widgets.markdown.inline import inline_runs
from rlm_tui.tui.widgets.markdown.look import CodeBlock, Look
from rlm_tui.tui.widgets.markdown.parse import is_tame, parse
from rlm_tui.tui.widgets.markdown.table import table_lines
from rlm_tui.tui.widgets.markdown.wrap import Run, shown, wrap
from rlm_tui.tui.widgets.strips import Line

if TYPE_CHECKING:
    from markdown_it.token import Token

_QUOTE_BAR = "▌ "


@dataclass(slots=True)
class _Container:
    """A quote or a list item: what stands before its first line and before the others."""

    first: list[Segment]
    rest: list[Segment]
    cells: int
    tight: bool = False
    quote: bool = False


@dataclass(slots=True)
class _List:
    number: int | None
    tight: bool


def render_source(source: str, look: Look) -> tuple[list[Line], list[CodeBlock]]:
    """Return the lines of whole blocks, with one blank line between them, and the code blocks among them.

    What could take long to parse is drawn as plain text.
    """
    if not is_tame(source):
        return plain_lines(source, look), []
    renderer = _Renderer(look)
    renderer.render(parse(source))
    return renderer.lines, renderer.codes


def plain_lines(text: str, look: Look) -> list[Line]:
    """Return text as it is, wrapped."""
    return wrap([Run(shown(text.rstrip("\n")), look.text)], look.width) if text.strip() else []


class _Renderer:
    def __init__(self, look: Look) -> None:
        self._look = look
        self.lines: list[Line] = []
        self.codes: list[CodeBlock] = []
        self._containers: list[_Container] = []
        self._lists: list[_List] = []
        self._gap = False

    def render(self, tokens: "list[Token]") -> None:
        """Draw tokens that were parsed from whole blocks."""
        at = 0
        while at < len(tokens):
            token = tokens[at]
            match token.type:
                case "bullet_list_open" | "ordered_list_open":
                    self._open_list(token, tokens, at)
                case "bullet_list_close" | "ordered_list_close":
                    self._lists.pop()
                    self._gap = True
                case "list_item_open":
                    self._open_item()
                case "blockquote_open":
                    bar = [Segment(_QUOTE_BAR, self._look.faint)]
                    self._push(_Container(bar, bar, len(_QUOTE_BAR), quote=True))
                case "list_item_close" | "blockquote_close":
                    self._close_container(token.type == "list_item_close")
                case "inline":
                    self._inline(token, tokens[at - 1])
                case "fence" | "code_block":
                    self._code(token)
                case "hr":
                    self._emit([Line([Segment("─" * self._room, self._look.faint)])])
                case "table_open":
                    end = next(i for i in range(at, len(tokens)) if tokens[i].type == "table_close")
                    self._emit(table_lines(tokens[at + 1 : end], self._narrowed()))
                    at = end
                case _:
                    pass
            at += 1

    @property
    def _room(self) -> int:
        return max(1, self._look.width - sum(container.cells for container in self._containers))

    def _narrowed(self) -> Look:
        return Look(self._room, self._look.palette, self._look.citations) if self._containers else self._look

    def _push(self, container: _Container) -> None:
        """Enter a container; without room for its decoration it gets none."""
        if container.cells * 2 > self._room:
            container = _Container([], [], 0, container.tight, container.quote)
        if self._gap and not (self._containers and self._containers[-1].tight):
            self._blank()
        self._gap = False
        self._containers.append(container)

    def _close_container(self, item: bool) -> None:
        container = self._containers.pop()
        if item and container.cells and container.first is not container.rest:
            self._containers.append(container)
            self._put(Line())
            self._containers.pop()
        self._gap = not (item and container.tight)

    def _open_list(self, token: "Token", tokens: "list[Token]", at: int) -> None:
        paragraph = next((t for t in tokens[at:] if t.type == "paragraph_open" and t.level == token.level + 2), None)
        number = int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None
        self._lists.append(_List(number, paragraph is None or paragraph.hidden))

    def _open_item(self) -> None:
        within = self._lists[-1]
        if within.number is None:
            marker = " • "
        else:
            marker = f"{within.number:>2} "
            within.number += 1
        first = [Segment(marker, self._look.marker)]
        self._push(_Container(first, [Segment(" " * len(marker))], len(marker), tight=within.tight))

    def _inline(self, token: "Token", opening: "Token") -> None:
        base = self._look.text
        if any(container.quote for container in self._containers):
            base = base + self._look.quote
        if opening.type == "heading_open":
            base = base + self._look.headings[min(int(opening.tag[1:]), 3) - 1]
        self._emit(wrap(inline_runs(token, self._narrowed(), base), self._room))

    def _code(self, token: "Token") -> None:
        language = token.info.split()[0] if token.info.strip() else ""
        lines = all_code_lines(token.content, language, self._narrowed())
        self._emit(lines)
        self.codes.append(CodeBlock(len(self.lines) - len(lines), len(self.lines), [token.content]))

    def _emit(self, lines: list[Line]) -> None:
        """Put a block's lines, a blank line before them where blocks are apart."""
        if self._gap:
            if not (self._containers and self._containers[-1].tight):
                self._blank()
            self._gap = False
        for line in lines:
            self._put(line)
        self._gap = True

    def _blank(self) -> None:
        self._put(Line(), blank=True)

    def _put(self, line: Line, *, blank: bool = False) -> None:
        for container in reversed(self._containers):
            if blank:
                line = line.prefixed(container.rest, container.cells) if container.quote else line
            elif container.cells:
                line = line.prefixed(container.first, container.cells)
                container.first = container.rest
        self.lines.append(line)
