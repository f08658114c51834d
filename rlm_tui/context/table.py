"""The entries of one tape as parallel columns."""

from typing import Protocol

from rlm_tui.context.tape import Tape
from rlm_tui.events import EntryKind


class EntryTable:
    """What is known of each entry on a tape, by sequence number from 0. Columns only grow.

    `char_start` and `byte_start` are places on the tape; `n_chars` and `n_bytes` the entry's size. An entry with
    `parts > 1` is one of several consecutive entries that hold one long result.
    """

    def __init__(self) -> None:
        self.kind: list[EntryKind] = []
        self.label: list[str] = []
        self.sha: list[str] = []
        self.source: list[str] = []
        self.at: list[float] = []
        self.part: list[int] = []
        self.parts: list[int] = []
        self.n_chars: list[int] = []
        self.n_bytes: list[int] = []
        self.char_start: list[int] = []
        self.byte_start: list[int] = []

    def __len__(self) -> int:
        return len(self.byte_start)

    def add(
        self,
        kind: EntryKind,
        label: str,
        *,
        sha: str,
        source: str,
        at: float,
        part: int,
        parts: int,
        n_chars: int,
        n_bytes: int,
        char_start: int,
        byte_start: int,
    ) -> int:
        """Append a row and return its sequence number. `byte_start` goes last: it is what `len` counts."""
        self.kind.append(kind)
        self.label.append(label)
        self.sha.append(sha)
        self.source.append(source)
        self.at.append(at)
        self.part.append(part)
        self.parts.append(parts)
        self.n_chars.append(n_chars)
        self.n_bytes.append(n_bytes)
        self.char_start.append(char_start)
        self.byte_start.append(byte_start)
        return len(self.byte_start) - 1

    def is_continued_by(self, kind: EntryKind, label: str, part: int, parts: int) -> bool:
        """Whether such an entry is the next part of the last one, to be laid beside it without a separator."""
        return (
            part > 0
            and len(self) > 0
            and (self.part[-1], self.parts[-1]) == (part - 1, parts)
            and (self.kind[-1], self.label[-1]) == (kind, label)
        )


class Source(Protocol):
    """What entries of a session lie on: a sealed segment or a tail."""

    @property
    def table(self) -> EntryTable: ...

    @property
    def tape(self) -> Tape: ...
