"""Writing a segment: entries stream in, a sealed database and its tape appear by rename."""

import hashlib
import os
import secrets
from pathlib import Path
from types import TracebackType

from rlm_tui.context.chunks import CHUNK_CHARS, PASSAGE_CHARS, cut
from rlm_tui.context.database import Database
from rlm_tui.context.layout import (
    ATTACH_OPTIONS,
    DATABASE_SUFFIX,
    SEGMENT_FORMAT,
    TABLES,
    TAIL_HASH_BYTES,
    SegmentRef,
    tail_hash,
    tape_path,
)
from rlm_tui.context.table import EntryTable
from rlm_tui.context.tape import SEPARATOR, BlockMarks, encoded
from rlm_tui.context.tape_file import map_file
from rlm_tui.errors import ContextError
from rlm_tui.events import EntryKind

_FLUSH_CHARS = 4_000_000
_BLOOM_BATCH = 256


class SegmentWriter:
    """Builds one segment in `directory`: `add` entries in order, then `finish` once.

    Until `finish` nothing but hidden temporary files exists; `abort`, or leaving the `with` block by an error or
    an interrupt, removes them. Work is done in slices of some megabytes, so an interrupt acts soon.
    One thread at a time.
    """

    def __init__(self, directory: Path, *, source: str = "", segment: str = "") -> None:
        """`segment` is the id to use: one that is made again keeps its own."""
        self._id = segment or secrets.token_hex(8)
        self._source = source
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._database_file = directory / f".{self._id}.tmp{DATABASE_SUFFIX}"
        self._tape_file = tape_path(self._database_file)
        self._table = EntryTable()
        self._marks = BlockMarks()
        self._hash = hashlib.sha256()
        self._chunks: list[tuple[int, int, int, str]] = []
        self._passages: list[tuple[int, int, int, str]] = []
        self._waiting_chars = 0
        self._passage_count = 0
        self._chars = 0
        self._done = False
        self._tape = self._tape_file.open("wb")
        self._database = Database()
        try:
            self._schema = self._database.attach(self._database_file, options=ATTACH_OPTIONS)
            from rlm_tui.context.ranked import create_tables

            self._database.create(self._schema, TABLES)
            create_tables(self._database.cursor(), self._schema)
        except BaseException:
            self.abort()
            raise

    def __enter__(self) -> "SegmentWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._done:
            self.abort()

    @property
    def chars(self) -> int:
        """Characters of all entries added so far."""
        return self._chars

    @property
    def entries(self) -> int:
        """Entries added so far."""
        return len(self._table)

    def add(
        self,
        kind: EntryKind,
        label: str,
        text: str,
        *,
        at: float = 0.0,
        sha: str = "",
        source: str = "",
        part: int = 0,
        parts: int = 1,
    ) -> int:
        """Add an entry and return its sequence number in the segment.

        `sha` identifies the content for later comparison (by default the SHA-256 of the text as UTF-8). Lone
        surrogates become U+FFFD. Parts of one long result, added one after another, are searched as one.
        """
        if self._done:
            raise ContextError("This segment is finished; start another one to add to it.")
        text, data = encoded(text)
        label, _ = encoded(label)
        if len(self._table) and not self._table.is_continued_by(kind, label, part, parts):
            self._write(SEPARATOR)
        char_start, byte_start = self._marks.total_chars, self._marks.total_bytes
        self._write(data)
        seq = self._table.add(
            kind,
            label,
            sha=sha or hashlib.sha256(data).hexdigest(),
            source=source,
            at=at,
            part=part,
            parts=parts,
            n_chars=len(text),
            n_bytes=len(data),
            char_start=char_start,
            byte_start=byte_start,
        )
        self._chars += len(text)
        self._queue(seq, char_start, byte_start, text)
        return seq

    def _write(self, data: bytes) -> None:
        self._tape.write(data)
        self._hash.update(data)
        self._marks.feed(data)

    def _queue(self, seq: int, char_start: int, byte_start: int, text: str) -> None:
        for start, piece in cut(text, CHUNK_CHARS):
            self._chunks.append((seq, char_start + start, byte_start, piece))
            byte_start += len(piece) if piece.isascii() else len(piece.encode())
            self._passages.extend(
                (seq, char_start + start + within, len(passage), passage)
                for within, passage in cut(piece, PASSAGE_CHARS)
            )
            self._waiting_chars += len(piece)
            if self._waiting_chars >= _FLUSH_CHARS:
                self._flush()

    def _flush(self) -> None:
        """Write the queued chunks and passages to the database."""
        import numpy as np

        chunks, self._chunks = self._chunks, []
        passages, self._passages = self._passages, []
        self._waiting_chars = 0
        if chunks:
            texts = [text for *_, text in chunks]
            numbers = np.array([row[:3] for row in chunks], dtype=np.int64)
            self._database.insert(
                f"{self._schema}.chunks",
                {
                    "entry_seq": numbers[:, 0],
                    "char_start": numbers[:, 1],
                    "byte_start": numbers[:, 2],
                    "n_chars": [len(text) for text in texts],
                    "n_bytes": [len(text) if text.isascii() else len(text.encode()) for text in texts],
                    "text": texts,
                },
            )
        if passages:
            from rlm_tui.context.ranked import index_passages

            index_passages(self._database.cursor(), self._schema, self._passage_count, passages)
            self._passage_count += len(passages)

    def finish(self) -> SegmentRef:
        """Seal the segment, put both files in place (synced), and return its reference with an absolute path."""
        if self._done:
            raise ContextError("This segment is finished already.")
        try:
            return self._finish()
        except BaseException:
            self.abort()
            raise

    def _finish(self) -> SegmentRef:
        from rlm_tui.context.ranked import finish_index

        self._flush()
        self._tape.flush()
        os.fsync(self._tape.fileno())
        self._tape.close()
        self._write_entries()
        self._write_blocks()
        finish_index(self._database.cursor(), self._schema)
        sha = self._hash.hexdigest()
        self._write_summary(sha)
        self._database.cursor().execute(f"CHECKPOINT {self._schema}")
        self._database.forget(self._database_file)
        self._database.close()
        _sync(self._database_file)
        final = self._directory.absolute() / f"{self._id}{DATABASE_SUFFIX}"
        self._tape_file.replace(tape_path(final))
        self._database_file.replace(final)  # last: a segment exists when its database does
        _sync(self._directory)
        self._done = True
        entries = len(self._table)
        live = ((0, entries - 1),) if entries else ()
        return SegmentRef(self._id, sha, str(final), self._source, entries, self._chars, live)

    def _write_entries(self) -> None:
        table = self._table
        if not len(table):
            return
        self._database.insert(
            f"{self._schema}.entries",
            {
                "seq": list(range(len(table))),
                "kind": list(table.kind),
                "label": table.label,
                "sha": table.sha,
                "n_chars": table.n_chars,
                "n_bytes": table.n_bytes,
                "char_start": table.char_start,
                "byte_start": table.byte_start,
                "at": table.at,
                "part": table.part,
                "parts": table.parts,
                "source": table.source,
            },
        )

    def _write_blocks(self) -> None:
        """Write the block marks and the trigram blooms, the latter from the tape as it lies on disk."""
        from rlm_tui.context.bloom import block_blooms

        blocks = len(self._marks.chars)
        if not blocks:
            return
        self._database.insert(
            f"{self._schema}.blocks",
            {
                "block": list(range(blocks)),
                "chars_before": self._marks.chars,
                "lines_before": self._marks.lines,
            },
        )
        buffer = map_file(self._tape_file)
        for first in range(0, blocks, _BLOOM_BATCH):
            last = min(first + _BLOOM_BATCH, blocks)
            blooms = block_blooms(buffer, first, last)
            self._database.insert(
                f"{self._schema}.trigrams",
                {"block": list(range(first, last)), "bloom": [bloom.tobytes() for bloom in blooms]},
            )

    def _write_summary(self, sha: str) -> None:
        with self._tape_file.open("rb") as tape:
            tape.seek(max(0, self._marks.total_bytes - TAIL_HASH_BYTES))
            end = tail_hash(tape.read())
        self._database.cursor().execute(
            f"INSERT INTO {self._schema}.segment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                SEGMENT_FORMAT,
                self._id,
                sha,
                self._source,
                len(self._table),
                self._chars,
                self._marks.total_bytes,
                self._marks.total_chars,
                end,
            ],
        )

    def abort(self) -> None:
        """Drop everything written so far. Aborting twice, or after an error in `finish`, is fine."""
        self._done = True
        self._tape.close()
        self._database.close()
        wal = self._database_file.with_name(self._database_file.name + ".wal")
        for path in (self._database_file, wal, self._tape_file):
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Force a file's content, or a directory's entries, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
