"""A sealed segment opened for reading: its entries, its mapped tape, its schema in a database."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlm_tui.context.database import Database
from rlm_tui.context.layout import SEGMENT_FORMAT, SegmentRef, tape_path
from rlm_tui.context.segment_writer import SegmentWriter
from rlm_tui.context.table import EntryTable
from rlm_tui.context.tape import Tape
from rlm_tui.context.tape_file import rebuild_tape, valid_tape
from rlm_tui.errors import ContextError

if TYPE_CHECKING:
    from rlm_tui.context.bloom import BloomIndex

__all__ = ["Segment", "SegmentRef", "SegmentWriter"]

_BLOOM_ROWS = 256


class Segment:
    """An immutable segment. Reading is thread-safe; use `Segment.open`."""

    def __init__(
        self, path: Path, database: Database, schema: str, ref: SegmentRef, table: EntryTable, tape: Tape
    ) -> None:
        self.path = path
        self.ref = ref
        self.schema = schema
        self.table = table
        self.tape = tape
        self._database = database
        self._blooms: BloomIndex | None = None
        self._blooms_lock = threading.Lock()

    @classmethod
    def open(cls, path: Path, database: Database | None = None) -> "Segment":
        """Open the segment of a `.duckdb` file; its tape is rebuilt where it is missing or not the right one.

        `database` is what to attach it to (by default one of its own). Raises `ContextError` that names the file
        where there is none, where it is of a newer format, or where it cannot be read; an unreadable file is
        renamed aside first, so that a new one can be built in its place.
        """
        own = database is None
        database = database or Database()
        try:
            return cls._open(path, database)
        except BaseException:
            if own:
                database.close()
            raise

    @classmethod
    def _open(cls, path: Path, database: Database) -> "Segment":
        import duckdb

        if not path.is_file():
            raise ContextError(f"There is no segment at {path}; build the context again (rlm-tui ingest).")
        try:
            schema = database.attach(path)
            summary = database.fetch(f"SELECT * FROM {schema}.segment")
            if len(summary["format"]) != 1 or int(summary["format"][0]) > SEGMENT_FORMAT:
                raise ContextError(f"{path} was written by a newer version; update rlm-tui to read it.")
            table = _read_table(database, schema)
            marks = database.fetch(f"SELECT chars_before, lines_before FROM {schema}.blocks ORDER BY block")
        except duckdb.Error as error:
            raise _set_aside(path, database, error) from error
        size, chars = int(summary["tape_bytes"][0]), int(summary["tape_chars"][0])
        source = str(summary["source"][0])
        entries = len(table)
        ref = SegmentRef(
            segment=str(summary["id"][0]),
            sha=str(summary["sha"][0]),
            path=str(path),
            source=source,
            entries=entries,
            chars=int(summary["chars"][0]),
            live=((0, entries - 1),) if entries else (),
        )
        buffer = valid_tape(tape_path(path), size, str(summary["tail_hash"][0]))
        if buffer is None:
            try:
                buffer = rebuild_tape(database, schema, tape_path(path), size, ref.sha)
            except duckdb.Error as error:
                raise _set_aside(path, database, error) from error
        char_marks, line_marks = marks["chars_before"].tolist(), marks["lines_before"].tolist()
        tape = Tape(buffer, size, chars, char_marks, line_marks, len(char_marks))
        return cls(path, database, schema, ref, table, tape)

    def __len__(self) -> int:
        """How many entries the segment holds, live ones or not."""
        return len(self.table)

    @property
    def database(self) -> Database:
        """What the segment is attached to."""
        return self._database

    def text(self, seq: int) -> str:
        """Return the whole text of entry `seq` of this segment."""
        first = self.table.byte_start[seq]
        return self.tape.text(first, first + self.table.n_bytes[seq])

    def blooms(self) -> "BloomIndex | None":
        """Return the trigram blooms of the tape, read at first need (8 KB a 64 KiB block)."""
        with self._blooms_lock:
            if self._blooms is None and self.tape.blocks:
                self._blooms = _read_blooms(self._database, self.schema, self.tape.blocks)
            return self._blooms

    def close(self) -> None:
        """Close the database it was opened in, when nothing else uses that."""
        self._database.close()


def _read_table(database: Database, schema: str) -> EntryTable:
    rows: dict[str, Any] = database.fetch(f"SELECT * FROM {schema}.entries ORDER BY seq")
    table = EntryTable()
    table.kind = rows["kind"].tolist()
    table.label = rows["label"].tolist()
    table.sha = rows["sha"].tolist()
    table.source = rows["source"].tolist()
    table.at = rows["at"].tolist()
    table.part = rows["part"].tolist()
    table.parts = rows["parts"].tolist()
    table.n_chars = rows["n_chars"].tolist()
    table.n_bytes = rows["n_bytes"].tolist()
    table.char_start = rows["char_start"].tolist()
    table.byte_start = rows["byte_start"].tolist()
    return table


def _read_blooms(database: Database, schema: str, blocks: int) -> "BloomIndex":
    import numpy as np

    from rlm_tui.context.bloom import BLOOM_BYTES, BloomIndex

    cursor = database.cursor().execute(f"SELECT bloom FROM {schema}.trigrams ORDER BY block")
    matrix = np.zeros((blocks, BLOOM_BYTES), dtype=np.uint8)
    row = 0
    while blooms := cursor.fetchmany(_BLOOM_ROWS):
        for (bloom,) in blooms:
            matrix[row] = np.frombuffer(bloom, dtype=np.uint8)
            row += 1
    return BloomIndex(matrix)


def _set_aside(path: Path, database: Database, error: Exception) -> ContextError:
    """Rename an unreadable segment (never delete it), unless the trouble is access or a newer database."""
    words = str(error)
    database.forget(path)
    if any(sign in words for sign in ("version number", "Permission denied", "set lock", "Too many open files")):
        return ContextError(f"{path} cannot be opened: {words.splitlines()[0]}")
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    try:
        path.rename(aside)
    except OSError:
        return ContextError(f"{path} is damaged ({words.splitlines()[0]}); build the context again.")
    return ContextError(
        f"{path} is damaged ({words.splitlines()[0]}). It was set aside as {aside.name};"
        " build the context again (rlm-tui ingest) or run rlm-tui doctor."
    )
