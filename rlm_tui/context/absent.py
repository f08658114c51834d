"""What stands in for a segment whose files are gone: its offsets stay taken, its text is not there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from rlm_tui.context.known import KnownEntry
from rlm_tui.context.layout import SegmentRef
from rlm_tui.context.table import EntryTable
from rlm_tui.context.tape import Tape
from rlm_tui.errors import ContextError


@dataclass(frozen=True)
class AbsentTape(Tape):
    """A tape without text: every read raises `ContextError` with `why`."""

    why: str = ""

    def _refuse(self) -> NoReturn:
        raise ContextError(self.why)

    def byte_of(self, char: int) -> int:  # noqa: ARG002
        self._refuse()

    def char_of(self, byte: int) -> int:  # noqa: ARG002
        self._refuse()

    def text(self, first_byte: int, last_byte: int) -> str:  # noqa: ARG002
        self._refuse()

    def characters(self, first: int, count: int) -> str:  # noqa: ARG002
        self._refuse()

    def lines_before(self, byte: int) -> int:  # noqa: ARG002
        self._refuse()


class AbsentSegment:
    """The entries of a segment that cannot be read; none is searched. Without `known`, how its characters fall into
    entries is not known, so the first entry takes them all.
    """

    def __init__(self, ref: SegmentRef, known: Sequence[KnownEntry] | None = None) -> None:
        self.table = EntryTable()
        if known is None:
            label = f"{ref.source} (text is missing)"
            known = [KnownEntry("file", label, 0 if seq else ref.chars) for seq in range(ref.entries)]
        for entry in known:
            self.table.add(
                entry.kind,
                entry.label,
                sha="",
                source=ref.source,
                at=0.0,
                part=entry.part,
                parts=entry.parts,
                n_chars=entry.chars,
                n_bytes=0,
                char_start=0,
                byte_start=0,
            )
        why = (
            f"The text of {ref.source or ref.segment} is missing: segment {ref.path} cannot be read."
            " Build it again (rlm-tui ingest) and open a new session."
        )
        self.tape: Tape = AbsentTape(b"", 0, 0, [], [], 0, why)
