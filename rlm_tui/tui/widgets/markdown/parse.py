"""CommonMark (with tables and strikethrough) by markdown-it, guarded against input made to be slow.

Two things of CommonMark are left out on purpose: HTML is shown as the text it is, and reference definitions stay
visible, because what is invisible in an answer must not be there, and because they reach across blocks.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_MOST_NESTING = 16
_MOST_CHARS = 16_384
_MOST_BRACKETS = 400
_MOST_DELIMITERS = 500
_MOST_MARKERS_A_LINE = 24
_DELIMITERS = re.compile(r"[*_~]+")


@lru_cache(maxsize=1)
def parser() -> "MarkdownIt":
    """Return the one parser; markdown-it is imported when it is first needed."""
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False, "maxNesting": _MOST_NESTING})
    return made.enable(["table", "strikethrough"]).disable(["reference", "html_block", "html_inline"])


def is_tame(text: str) -> bool:
    """Return whether `text` is short and simple enough to be parsed in a few milliseconds."""
    if len(text) > _MOST_CHARS or text.count("[") > _MOST_BRACKETS:
        return False
    if len(_DELIMITERS.findall(text)) > _MOST_DELIMITERS:
        return False
    return not any(_leading_markers(line) > _MOST_MARKERS_A_LINE for line in text.split("\n"))


def _leading_markers(line: str) -> int:
    rest = line.lstrip(" >-+*\t")
    head = line[: len(line) - len(rest)]
    return sum(not character.isspace() for character in head) if len(head) > _MOST_MARKERS_A_LINE else 0


def block_starts(text: str) -> list[int]:
    """Return the first line of each block of the top level, from block structure alone (no inline parsing)."""
    from markdown_it.rules_block import StateBlock

    md = parser()
    tokens: list[Token] = []
    state = StateBlock(text, md, {}, tokens)
    md.block.tokenize(state, 0, state.lineMax)
    return [token.map[0] for token in tokens if token.level == 0 and token.nesting >= 0 and token.map]


def parse(text: str) -> "list[Token]":
    """Return the tokens of one or more whole blocks."""
    return parser().parse(text)
