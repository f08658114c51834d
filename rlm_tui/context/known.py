"""What is known of a segment that is not here: its entries and sizes, and the text of some of them."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from rlm_tui.errors import ContextError
from rlm_tui.events import EntryKind

KNOWN_FOLDER = "known"
"""The folder beside a session's log that holds `<segment>.jsonl` for segments of which something is known."""

_MOST_LINE_BYTES = 256 << 20


class KnownEntry(Struct, frozen=True, omit_defaults=True):
    """An entry of an absent segment; `text` has `chars` characters, or is None where it is not known."""

    kind: EntryKind
    label: str
    chars: int
    text: str | None = None
    part: int = 0
    parts: int = 1


def read_known(path: Path, entries: int, chars: int) -> list[KnownEntry]:
    """Read what is known of a segment with that many entries and characters.

    Raises `ContextError` where the file cannot be read or describes another segment.
    """
    try:
        known = list(_read(path))
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ContextError(f"{path} cannot be read: {error}.") from None
    whole = all(entry.text is None or len(entry.text) == entry.chars >= 0 for entry in known)
    if len(known) != entries or sum(entry.chars for entry in known) != chars or not whole:
        raise ContextError(f"{path} does not describe the segment that the session refers to.")
    return known


def _read(path: Path) -> Iterator[KnownEntry]:
    decoder = msgspec.json.Decoder(KnownEntry)
    with path.open("rb") as file:
        while line := file.readline(_MOST_LINE_BYTES):
            yield decoder.decode(line)
