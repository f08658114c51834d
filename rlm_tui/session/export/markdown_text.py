"""Markdown that a model wrote, made harmless in any viewer: raw HTML and addresses that run something are written out.

What is code stays as it is. Where code begins and ends is asked of a CommonMark parser, block by block, since a
guess that a viewer does not share would let HTML through.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from rlm_tui.text import safe_text

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_TAB_MARK = "\u2409"
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_RUNS = re.compile(r"(?i)\b(javascript|vbscript|data(?=\s*:\s*(?:[a-z]+/|[;,])))\s*:")
_MATTERS = re.compile(r"[<&]|```|~~~|script|data\s*:", re.IGNORECASE)
"""Without any of these there is nothing to write out, and no fence to close."""
_TICKS = re.compile(r"\\.|`+", re.DOTALL)


def shown(text: str) -> str:
    """Return `text` with unsafe characters as visible marks, and tabs as tabs."""
    return safe_text(text).replace(_TAB_MARK, "\t")


def harmless_markdown(text: str) -> str:
    """Return Markdown that means the same, but for what could act, which shows as text."""
    text = shown(text)
    if not _MATTERS.search(text):
        return text
    lines = text.split("\n")
    pieces = list(map(_written_out, lines))
    open_fence = ""
    for token in _parser().parse("\n".join(lines)):
        if token.map is None:
            continue
        first, last = token.map[0], min(token.map[1], len(lines))
        if token.type in ("fence", "code_block"):
            pieces[first:last] = lines[first:last]
            if token.type == "fence" and token.level == 0 and last == len(lines):
                open_fence = "" if _closes(lines[last - 1], token.markup, last - first) else token.markup
        elif token.type == "inline":
            block = "\n".join(lines[first:last])
            if "|" not in block:  # viewers differ in where a row's cells and its code end
                pieces[first:last] = _outside_code(block).split("\n")
    return "\n".join([*pieces, open_fence] if open_fence else pieces)


def _closes(line: str, fence: str, lines: int) -> bool:
    bare = line.strip()
    return lines > 1 and len(bare) >= len(fence) and not bare.strip(fence[0])


@lru_cache(maxsize=1)
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").disable(["html_block", "html_inline"])


def _outside_code(block: str) -> str:
    """Write out what could act in a paragraph, but for its code spans, which CommonMark looks for first."""
    pieces, place, start = [], 0, 0
    while (ticks := _TICKS.search(block, place)) is not None:
        place = ticks.end()
        if ticks[0][0] == "\\":
            continue
        closing = re.compile(f"(?<!`){ticks[0]}(?!`)").search(block, place)
        if closing is not None:
            pieces += [_written_out(block[start : ticks.start()]), block[ticks.start() : closing.end()]]
            place = start = closing.end()
    return "".join([*pieces, _written_out(block[start:])])


def _written_out(text: str) -> str:
    """A viewer decodes entities in addresses too, so an address is broken by a space, and no entity stays one."""
    return _RUNS.sub(r"\1 :", _TAG.sub("&lt;", text.replace("&", "&amp;")))
