"""Cutting the context into parts for sub-calls: whole entries where they fit, else pieces cut at line ends."""

from collections.abc import Iterator, Sequence

from rlm_tui.context.reader import ContextReader
from rlm_tui.errors import ToolError

MAX_PARTS = 10_000
_PAGE = 1_000
_LOOK_BACK = 2_000

SpanPairs = tuple[tuple[int, int], ...]


def spans_chars(spans: Sequence[tuple[int, int]]) -> int:
    """Return how many characters the spans hold together."""
    return sum(end - start for start, end in spans)


def chunk_spans(context: ContextReader, spans: SpanPairs | None, chunk_chars: int) -> list[SpanPairs]:
    """Return parts of at most `chunk_chars` characters that together cover the spans, or every current entry.

    Small neighbouring entries share a part; an entry that is larger is cut, at a line end where there is one in
    the last 2,000 characters. Raises `ToolError` for no part at all or for more than 10,000.
    """
    pieces = spans if spans is not None else _current_pieces(context)
    parts: list[SpanPairs] = []
    part: list[tuple[int, int]] = []
    room = chunk_chars
    for start, end in pieces:
        while start < end:
            if end - start <= room:
                cut = end
            elif part and (end - start <= chunk_chars or room < chunk_chars // 2):
                cut = start  # a piece that fits whole into the next part is not torn, nor one for a small rest of room
            else:
                cut = _line_end_before(context, start, start + room)
            if cut > start:
                part.append((start, cut))
                room -= cut - start
            start = cut
            if start < end or room <= 0:
                parts.append(tuple(part))
                part, room = [], chunk_chars
                if len(parts) > MAX_PARTS:
                    raise ToolError(f"That makes more than {MAX_PARTS:,} parts: use a larger chunk_chars.")
    if part:
        parts.append(tuple(part))
    if not parts:
        raise ToolError("There is no text to cut into parts.")
    return parts


def _current_pieces(context: ContextReader) -> Iterator[tuple[int, int]]:
    """Yield what the reader reaches of each current entry, in order."""
    after = -1
    while page := context.entries(after=after, limit=_PAGE):
        for entry in page:
            yield from context.reachable(entry.start, entry.end)
        after = page[-1].number


def _line_end_before(context: ContextReader, start: int, end: int) -> int:
    """Return where to cut `[start, end)`: after its last line feed if that is near the end, else at the end."""
    low = max(start, end - _LOOK_BACK)
    place = context.read(low, end - low).rfind("\n")
    return low + place + 1 if place >= 0 else end
