"""Long text cut into pieces at line ends: chunks for storage, passages for ranking."""

from collections.abc import Iterator

CHUNK_CHARS = 65_536
PASSAGE_CHARS = 4_000


def cut(text: str, limit: int) -> Iterator[tuple[int, str]]:
    """Yield `(start, piece)` that together make up `text`, each piece at most `limit` characters.

    A piece ends after the last line feed in its second half, else at the limit.
    """
    start = 0
    while len(text) - start > limit:
        feed = text.rfind("\n", start + limit // 2, start + limit)
        end = start + limit if feed < 0 else feed + 1
        yield start, text[start:end]
        start = end
    if start < len(text):
        yield start, text[start:] if start else text
