"""Ranked search: BM25 over passages, in plain tables of a segment's or a tail's schema.

A passage (a *document* of the formula) is some 4,000 characters of one entry. Postings are keyed by a hash of the
term and sorted by it in every batch, so that DuckDB's zone maps lead a query to the few row groups it needs; there
is no dictionary and no index. Formula: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond"
(2009), with the IDF of Lucene, `ln(1 + (N - df + 0.5) / (df + 0.5))`, which is never negative.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlm_tui.context.chunks import PASSAGE_CHARS, cut
from rlm_tui.context.tokens import MAX_WORD_CHARS, terms, word_terms_sql, words_sql

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    from numpy.typing import NDArray

    Columns = dict[str, NDArray[Any]]

K1 = 1.2
B = 0.75
MAX_QUERY_TERMS = 64

TABLES = (
    "passages(doc INTEGER, entry_seq BIGINT, char_start BIGINT, n_chars BIGINT, length INTEGER)",
    "postings(term_hash UBIGINT, doc INTEGER, tf USMALLINT)",
    "index_parts(first_doc INTEGER, docs BIGINT, terms BIGINT)",
)
_MAX_TF = 65_535
_FEW_DOCS = 200
_PASSAGE = [("entry_seq", "i8"), ("char_start", "i8"), ("n_chars", "i8"), ("length", "i4")]
_ROW = [("part", "i8"), ("entry_seq", "i8"), ("char_start", "i8"), ("n_chars", "i8"), ("score", "f8")]

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
        INSERT INTO {schema}.passages
        WITH lengths AS (SELECT doc, sum(tf)::INTEGER AS length FROM rank_postings GROUP BY doc)
        SELECT doc, entry_seq, char_start, n_chars, coalesce(length, 0)
        FROM rank_incoming LEFT JOIN lengths USING (doc) ORDER BY doc
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
    """Close a complete index: the statistics of its batches in one row. Postings stay sorted batch by batch."""
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
    all of their entries are allowed. An interrupted connection raises DuckDB's `InterruptException`.
    """
    import numpy as np

    hashes = [term_hash(term) for term in dict.fromkeys(terms(query))][:MAX_QUERY_TERMS]
    if not hashes or not parts:
        return Ranking([], 0)
    # A few small statements a part: planning a single one over all parts takes longer than running it.
    rows = [_postings(con, part.schema, hashes) for part in parts]
    idfs, mean = _weights(con, parts, hashes, rows)
    found = [
        _scored(con, number, part, columns, dict(zip(hashes, idfs, strict=True)), mean)
        for number, (part, columns) in enumerate(zip(parts, rows, strict=True))
        if len(columns["doc"])
    ]
    if not found:
        return Ranking([], 0)
    table = np.concatenate(found)
    best = table[np.argsort(-table["score"], kind="stable")[:limit]]
    return Ranking([RankedDoc(*row) for row in best.tolist()], len(table))


def _postings(con: "duckdb.DuckDBPyConnection", schema: str, hashes: Sequence[int]) -> "Columns":
    wanted = ", ".join(f"{number}::UBIGINT" for number in hashes)
    columns: Columns = con.execute(
        f"SELECT term_hash, doc, tf FROM {schema}.postings WHERE term_hash IN ({wanted})"
    ).fetchnumpy()
    return columns


def _passages(con: "duckdb.DuckDBPyConnection", schema: str, docs: "NDArray[np.int64]") -> "NDArray[np.void]":
    """Return rows of `passages`, indexed by passage, of which at least those of `docs` (ascending) are filled in."""
    import numpy as np

    few = f"WHERE doc IN ({', '.join(map(str, docs.tolist()))})" if len(docs) <= _FEW_DOCS else ""
    columns = con.execute(f"SELECT * FROM {schema}.passages {few}").fetchnumpy()
    table = np.zeros(max(int(columns["doc"].max()), int(docs[-1])) + 1, dtype=_PASSAGE)
    for name, _ in _PASSAGE:
        table[name][columns["doc"]] = columns[name]
    return table


def _weights(
    con: "duckdb.DuckDBPyConnection", parts: Sequence[RankPart], hashes: Sequence[int], rows: "Sequence[Columns]"
) -> tuple[list[float], float]:
    """Return each term's IDF and the mean length of a passage, over all parts."""
    sums = " UNION ALL ".join(f"SELECT docs, terms FROM {part.schema}.index_parts" for part in parts)
    docs, total = con.execute(f"SELECT coalesce(sum(docs), 0), coalesce(sum(terms), 0) FROM ({sums})").fetchall()[0]
    counts = [sum(int((columns["term_hash"] == key).sum()) for columns in rows) for key in hashes]
    idfs = [math.log(1 + (int(docs) - count + 0.5) / (count + 0.5)) for count in counts]
    return idfs, max(1, int(total)) / max(1, int(docs))


def _scored(
    con: "duckdb.DuckDBPyConnection",
    number: int,
    part: RankPart,
    columns: "Columns",
    idfs: dict[int, float],
    mean: float,
) -> "NDArray[np.void]":
    """Return the allowed passages of a part with their scores, in order of passage, as rows of a `RankedDoc`."""
    import numpy as np

    doc, tf = columns["doc"], columns["tf"].astype(np.float64)
    docs = np.bincount(doc).nonzero()[0]
    passages = _passages(con, part.schema, docs)
    gain = tf * (K1 + 1) / (tf + K1 * (1 - B + B * passages["length"][doc] / mean))
    scores = np.zeros(len(passages))
    for key, idf in idfs.items():  # in the query's order, so that equal passages score equally
        rows = columns["term_hash"] == key
        scores[doc[rows]] += idf * gain[rows]
    if part.allowed is not None:
        docs = docs[np.isin(passages["entry_seq"][docs], part.allowed)]
    found = np.empty(len(docs), dtype=_ROW)
    found["part"] = number
    for name in ("entry_seq", "char_start", "n_chars"):
        found[name] = passages[name][docs]
    found["score"] = scores[docs]
    return found
