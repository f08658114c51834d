"""Colours of code for the piece of text that is on the screen: roles of the palette by character."""

import time
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

LEAD_CHARS = 2_000
"""How far before the shown text a lexer begins, to know whether it is within a string or a comment."""

BUDGET_S = 0.008
_CHECK_EVERY = 64
_ROLES = (  # the longest prefix counts, so the narrower names come first
    ("Token.Name.Function", "function"), ("Token.Name.Class", "type"), ("Token.Name.Decorator", "function"),
    ("Token.Name.Builtin", "function"), ("Token.Name.Tag", "keyword"), ("Token.Name.Exception", "type"),
    ("Token.Name.Attribute", "type"), ("Token.Name.Namespace", "type"),
    ("Token.Keyword.Type", "type"), ("Token.Keyword", "keyword"),
    ("Token.Literal.String.Doc", "comment"), ("Token.Literal.String", "string"), ("Token.Literal.Number", "number"),
    ("Token.Comment", "comment"), ("Token.Operator.Word", "keyword"), ("Token.Operator", "operator"),
    ("Token.Generic.Heading", "heading"), ("Token.Generic.Subheading", "heading"),
    ("Token.Generic.Deleted", "bad"), ("Token.Generic.Inserted", "good"), ("Token.Generic.Strong", "heading"),
)  # fmt: skip

Colours = list[tuple[int, int, str]]
"""`(start, end, role)` by character, in order, without overlaps."""


def suffix_of(label: str) -> str:
    """Return what decides the language of a label: its suffix, or the whole name of such as `Makefile`."""
    path = PurePosixPath(label)
    return path.suffix.lower() or path.name


def load_lexer(label: str) -> Any | None:
    """Return the lexer for a file's name, or None. Imports it: some tens of milliseconds, not for the screen's loop."""
    return _lexer_for(suffix_of(label))


@lru_cache(maxsize=64)
def _lexer_for(suffix: str) -> Any | None:
    from pygments.lexers import get_lexer_for_filename
    from pygments.util import ClassNotFound

    try:
        return get_lexer_for_filename(f"x{suffix}" if suffix.startswith(".") else suffix)
    except ClassNotFound:
        return None


def colours(lexer: Any, text: str, budget_s: float = BUDGET_S) -> Colours | None:
    """Return the colours of `text`, or None when that took longer than `budget_s` of CPU time."""
    deadline = time.thread_time() + budget_s
    found: Colours = []
    for count, (start, token, value) in enumerate(lexer.get_tokens_unprocessed(text)):
        if count % _CHECK_EVERY == 0 and time.thread_time() > deadline:
            return None
        role = _role_of(token)
        if role:
            found.append((start, start + len(value), role))
    return found


@lru_cache(maxsize=512)
def _role_of(token: Any) -> str:
    name = str(token)
    return next((role for prefix, role in _ROLES if name.startswith(prefix)), "")
