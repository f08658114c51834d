"""How a sealed segment lies on disk: the names of its files, the tables of its database, its reference."""

import hashlib
from pathlib import Path

from msgspec import Struct

SEGMENT_FORMAT = 1
DATABASE_SUFFIX = ".duckdb"
TAPE_SUFFIX = ".tape"
TAIL_HASH_BYTES = 65_536

ATTACH_OPTIONS = "ROW_GROUP_SIZE 2048, STORAGE_VERSION 'v1.5.0'"

TABLES = (
    "segment(format INTEGER, id VARCHAR, sha VARCHAR, source VARCHAR, entries BIGINT, chars BIGINT,"
    " tape_bytes BIGINT, tape_chars BIGINT, tail_hash VARCHAR)",
    "entries(seq BIGINT, kind VARCHAR, label VARCHAR, sha VARCHAR, n_chars BIGINT, n_bytes BIGINT,"
    ' char_start BIGINT, byte_start BIGINT, "at" DOUBLE, part INTEGER, parts INTEGER, source VARCHAR)',
    "chunks(entry_seq BIGINT, char_start BIGINT, byte_start BIGINT, n_chars BIGINT, n_bytes BIGINT,"
    " text VARCHAR USING COMPRESSION zstd)",
    "blocks(block BIGINT, chars_before BIGINT, lines_before BIGINT)",
    "trigrams(block BIGINT, bloom BLOB)",
)
"""`char_start` and `byte_start` are places on the tape, the separators between entries included. No keys and no
indexes: they are where the database's own recovery is weakest, and nothing here needs them. Zstandard is named
because the dictionary that DuckDB 2.0 would choose for text of this length takes six times the CPU and more room."""


class SegmentRef(Struct, frozen=True):
    """A sealed segment as a session refers to it, and as `SegmentAttached` records it.

    `path` is its database file, absolute or relative to the data home. `sha` is the SHA-256 of its tape.
    `live` are inclusive ranges of its entries' sequence numbers that belong to the session; `entries` and `chars`
    count these alone.
    """

    segment: str
    sha: str
    path: str
    source: str
    entries: int
    chars: int
    live: tuple[tuple[int, int], ...]


def tape_path(database: Path) -> Path:
    """Return where the tape of a segment's database file lies."""
    return database.with_name(database.name.removesuffix(DATABASE_SUFFIX) + TAPE_SUFFIX)


def tail_hash(last_bytes: bytes) -> str:
    """Return the hash by which a tape's end (its last 64 KiB) is recognised."""
    return hashlib.sha256(last_bytes).hexdigest()
