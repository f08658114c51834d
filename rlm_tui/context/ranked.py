"""Ranked search: BM25 over passages, in plain tables of a segment's or a tail's schema.

A passage (a *document* of the formula) is some 4,000 characters of one entry. Postings are keyed by a hash of the
term and sorted by it, so that DuckDB's zone maps lead a query to the few row groups it needs; there is no
dictionary and no index. Formula: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond"
(2009), with the IDF of Lucene, `ln(1 + (N - df + 0.5) / (df + 0.5))`, which is never negative.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlm_tui.context.chunks import PASSAGE_CHARS, cut
from rlm_tui.context.tokens import MAX_WORD_CHARS, terms, word_terms_sql, words_sql

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray

K1 = 1.2
B = 0.75
MAX_QUERY_TERMS = 64

TABLES = (
    "passages(doc INTEGER, entry_seq BIGINT, char_start BIGINT, n_chars BIGINT)",
    "doc_lengths(doc INTEGER, length INTEGER)",
    "postings(term_hash UBIGINT, doc INTEGER, tf USMALLINT)",
    "index_parts(first_doc INTEGER, docs BIGINT, terms BIGINT)",
)
_MAX_TF = 65_535

Passage = tuple[int, int, int, str]


@dataclass(frozen=True)
class RankPart:
    """One indexed schema, and which of its entries may be found: sequence numbers, or None for all."""

    schema: str
    allowed: "NDArray[np.int64] | None" = None


@dataclass(frozen=True)
class RankedDoc:
    """A passage that was found: `part` numbers its schema in the query, `char_start` is as it was indexed."""

    part: int
    entry_seq: int
    char_start: int
    n_chars: int
    score: float


@dataclass(frozen=True)
class Ranking:
    """The best passages, best first, and how many match at all."""

    docs: list[RankedDoc]
    total: int


def split_passages(text: str) -> list[tuple[int, int]]:
    """Return the passages of a text as `(first character, characters)`, cut at line ends where there are any."""
    return [(start, len(piece)) for start, piece in cut(text, PASSAGE_CHARS)]


def term_hash(term: str) -> int:
    """Return the key of a term: the lower half of its MD5, as DuckDB's `md5_number_lower` computes it."""
    return int.from_bytes(hashlib.md5(term.encode(), usedforsecurity=False).digest()[8:], "little")


def create_tables(con: "duckdb.DuckDBPyConnection", schema: str) -> None:
    """Create the tables of a ranked index in `schema`."""
    for table in TABLES:
        con.execute(f"CREATE TABLE {schema}.{table}")


def index_passages(con: "duckdb.DuckDBPyConnection", schema: str, first_doc: int, passages: Sequence[Passage]) -> None:
    """Add passages `(entry_seq, char_start, n_chars, text)`, numbered from `first_doc` on, in one transaction."""
    if not passages:
        return
    con.register("rank_incoming", _columns(first_doc, passages))
    try:
        con.execute("BEGIN")
        try:
            _insert(con, schema, first_doc, len(passages))
        except BaseException:
            con.execute("ROLLBACK")
            raise
        con.execute("COMMIT")
    finally:
        con.unregister("rank_incoming")


def _columns(first_doc: int, passages: Sequence[Passage]) -> dict[str, Any]:
    import numpy as np

    numbers = np.array([row[:3] for row in passages], dtype=np.int64)
    texts = np.empty(len(passages), dtype=object)
    texts[:] = [row[3] for row in passages]
    return {
        "doc": np.arange(first_doc, first_doc + len(passages), dtype=np.int32),
        "entry_seq": numbers[:, 0].copy(),
        "char_start": numbers[:, 1].copy(),
        "n_chars": numbers[:, 2].copy(),
        "text": texts,
    }


def _insert(con: "duckdb.DuckDBPyConnection", schema: str, first_doc: int, docs: int) -> None:
    con.execute(f"INSERT INTO {schema}.passages SELECT doc, entry_seq, char_start, n_chars FROM rank_incoming")
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE rank_postings AS
        WITH counted AS MATERIALIZED (
            SELECT doc, word, count(*) AS times
            FROM (SELECT doc, unnest({words_sql("text")}) AS word FROM rank_incoming)
            WHERE len(word) <= {MAX_WORD_CHARS}
            GROUP BY ALL
        ), known AS (
            SELECT word, md5_number_lower(term) AS term_hash
            FROM (SELECT word, unnest({word_terms_sql("word")}) AS term FROM (SELECT DISTINCT word FROM counted))
        )
        SELECT term_hash, doc, least(sum(times), {_MAX_TF})::USMALLINT AS tf
        FROM counted JOIN known USING (word)
        GROUP BY term_hash, doc
        """
    )
    con.execute(f"INSERT INTO {schema}.postings SELECT * FROM rank_postings ORDER BY term_hash, doc")
    con.execute(
        f"""
        INSERT INTO {schema}.doc_lengths
        SELECT doc, coalesce(sum(tf), 0)::INTEGER FROM rank_incoming LEFT JOIN rank_postings USING (doc)
        GROUP BY doc ORDER BY doc
        """
    )
    con.execute(
        f"""
        INSERT INTO {schema}.index_parts
        SELECT {first_doc}, {docs}, coalesce((SELECT sum(tf) FROM rank_postings), 0)
        """
    )
    con.execute("DROP TABLE rank_postings")


def finish_index(con: "duckdb.DuckDBPyConnection", schema: str) -> None:
    """Bring a complete index into its final order: postings sorted as a whole, statistics in one row."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE rank_total AS
        SELECT min(first_doc) AS first_doc, sum(docs) AS docs, sum(terms) AS terms FROM {schema}.index_parts
        """
    )
    con.execute(f"DELETE FROM {schema}.index_parts")
    con.execute(f"INSERT INTO {schema}.index_parts SELECT * FROM rank_total WHERE docs > 0")
    con.execute("DROP TABLE rank_total")


def rank(con: "duckdb.DuckDBPyConnection", parts: Sequence[RankPart], query: str, *, limit: int) -> Ranking:
    """Return the `limit` passages that fit `query` best, over all parts, ties in order of part and passage.

    Numbers of passages, their mean length and how many hold a term are those of the whole parts, whether or not
    all of their entries are allowed.
    """
    hashes = [term_hash(term) for term in dict.fromkeys(terms(query))][:MAX_QUERY_TERMS]
    if not hashes or not parts:
        return Ranking([], 0)
    restricted = [number for number, part in enumerate(parts) if part.allowed is not None]
    if restricted:
        con.register("rank_allowed", _allowed(parts))
    try:
        rows = con.execute(_query(parts, hashes, bool(restricted)), [max(limit, 1)]).fetchall()
    finally:
        if restricted:
            con.unregister("rank_allowed")
    return Ranking([RankedDoc(*row[:5]) for row in rows[:limit]], rows[0][5] if rows else 0)


def _allowed(parts: Sequence[RankPart]) -> dict[str, Any]:
    import numpy as np

    lists = [(number, part.allowed) for number, part in enumerate(parts) if part.allowed is not None]
    return {
        "part": np.concatenate([np.full(len(allowed), number, dtype=np.int32) for number, allowed in lists]),
        "entry_seq": np.concatenate([np.asarray(allowed, dtype=np.int64) for _, allowed in lists]),
    }


def _query(parts: Sequence[RankPart], hashes: Sequence[int], restricted: bool) -> str:
    wanted = ", ".join(f"{number}::UBIGINT" for number in hashes)

    def union(select: str) -> str:
        return " UNION ALL ".join(select.format(n=number, s=part.schema) for number, part in enumerate(parts))

    open_parts = ", ".join(str(number) for number, part in enumerate(parts) if part.allowed is None) or "-1"
    condition = (
        f"WHERE part IN ({open_parts}) OR (part, entry_seq) IN (SELECT (part, entry_seq) FROM rank_allowed)"
        if restricted
        else ""
    )
    postings = union(f"SELECT {{n}} AS part, term_hash, doc, tf FROM {{s}}.postings WHERE term_hash IN ({wanted})")
    return f"""
        WITH found AS MATERIALIZED ({postings}),
        totals AS (
            SELECT sum(docs) AS n, greatest(sum(terms), 1) / sum(docs) AS mean
            FROM ({union("SELECT docs, terms FROM {s}.index_parts")})
        ),
        weights AS (
            SELECT term_hash, ln(1 + (any_value(n) - count(*) + 0.5) / (count(*) + 0.5)) AS idf
            FROM found, totals GROUP BY term_hash
        ),
        candidates AS (
            SELECT part, doc, entry_seq, char_start, n_chars, length FROM (
                {
        union(
            "SELECT {n} AS part, p.doc, entry_seq, char_start, n_chars, length FROM {s}.passages p"
            " JOIN {s}.doc_lengths l ON p.doc = l.doc"
            " WHERE p.doc IN (SELECT doc FROM found WHERE part = {n})"
        )
    }
            ) {condition}
        ),
        scored AS (
            SELECT part, doc, sum(idf * tf * {K1 + 1} / (tf + {K1} * ({1 - B} + {B} * length / mean))) AS score,
                any_value(entry_seq) AS entry_seq, any_value(char_start) AS char_start, any_value(n_chars) AS n_chars
            FROM found JOIN weights USING (term_hash) JOIN candidates USING (part, doc), totals
            GROUP BY part, doc
        )
        SELECT part, entry_seq, char_start, n_chars, score, count(*) OVER () AS total
        FROM scored ORDER BY score DESC, part, doc LIMIT ?
    """
