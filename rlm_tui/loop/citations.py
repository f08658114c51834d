"""Citations in an answer: `[start-end]` in session offsets, found and checked against the context."""

import re

from rlm_tui.context.reader import ContextReader
from rlm_tui.errors import ContextError
from rlm_tui.events import Citation

_CITATION = re.compile(r"\[(\d[\d,]*)\s*[-\u2013]\s*(\d[\d,]*)\]")
_MOST = 200
_QUOTE_CHARS = 200


def find_citations(answer: str, context: ContextReader) -> tuple[Citation, ...]:
    """Return the distinct citations of `answer` in order, at most 200; `ok` is False for one outside the context."""
    found: dict[tuple[int, int], Citation] = {}
    for match in _CITATION.finditer(answer):
        start, end = (int(group.replace(",", "")) for group in match.groups())
        if (start, end) not in found:
            found[start, end] = _checked(start, end, context)
            if len(found) >= _MOST:
                break
    return tuple(found.values())


def _checked(start: int, end: int, context: ContextReader) -> Citation:
    if not 0 <= start < end <= context.chars:
        return Citation(start, end, ok=False)
    try:
        entry = context.entry_at(start)
        quote = context.read(start, min(end - start, _QUOTE_CHARS))
    except ContextError:
        return Citation(start, end, ok=False)
    if entry is None:
        return Citation(start, end, ok=False)
    return Citation(start, end, entry.label, entry.number, quote)
