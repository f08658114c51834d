"""The tail: what a session has gathered and not sealed yet, in memory."""

from rlm_tui.context.table import EntryTable
from rlm_tui.context.tape import SEPARATOR, GrowingTape, Tape, encoded
from rlm_tui.events import EntryKind


class Tail:
    """Entries on a growing tape. One thread at a time appends; any may read `tape` and rows of `table`.

    `schema` is where its ranked index lies; `ranked` counts the entries that are in it already,
    `passages` the passages that they gave. A `retired` tail was sealed and is not ranked any further.
    """

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self.table = EntryTable()
        self.ranked = 0
        self.passages = 0
        self.retired = False
        self._tape = GrowingTape()

    @property
    def tape(self) -> Tape:
        """The tape as it is now."""
        return self._tape.snapshot()

    @property
    def bytes(self) -> int:
        """Size of the tape."""
        return self._tape.size

    def append(self, kind: EntryKind, label: str, text: str, *, at: float, source: str, part: int, parts: int) -> int:
        """Write an entry and return its sequence number here; the text goes first, so no row lacks its text."""
        text, data = encoded(text)
        label, _ = encoded(label)
        if len(self.table) and not self.table.is_continued_by(kind, label, part, parts):
            self._tape.append(SEPARATOR)
        tape = self._tape.snapshot()
        self._tape.append(data)
        return self.table.add(
            kind,
            label,
            sha="",  # taken when it is sealed; here nothing compares it
            source=source,
            at=at,
            part=part,
            parts=parts,
            n_chars=len(text),
            n_bytes=len(data),
            char_start=tape.chars,
            byte_start=tape.size,
        )

    def text(self, seq: int) -> str:
        """Return the whole text of entry `seq` of this tail."""
        first = self.table.byte_start[seq]
        return self.tape.text(first, first + self.table.n_bytes[seq])
