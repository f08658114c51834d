"""Ranked search: words as Python and DuckDB see them, BM25 against a plain computation, parts, order, totals."""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterator

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlm_tui.context.ranked import (
    RankPart,
    create_tables,
    finish_index,
    index_passages,
    rank,
    split_passages,
    term_hash,
)
from rlm_tui.context.tokens import MAX_TERM_CHARS, MAX_WORD_CHARS, terms, word_terms, word_terms_sql, words, words_sql


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def build(con: duckdb.DuckDBPyConnection, schema: str, batches: list[list[str]]) -> RankPart:
    """Index each text as one passage of an entry of its own."""
    con.execute(f"CREATE SCHEMA {schema}")
    create_tables(con, schema)
    doc = 0
    for texts in batches:
        index_passages(
            con, schema, doc, [(doc + at, 100 * (doc + at), len(text), text) for at, text in enumerate(texts)]
        )
        doc += len(texts)
    return RankPart(schema)


def test_words_have_parts() -> None:
    assert word_terms("parseHTTPServer2") == ["parsehttpserver2", "parse", "http", "server2"]
    assert word_terms("__snake_case_") == ["__snake_case_", "snake", "case"]
    assert word_terms("sha256sum") == ["sha256sum"]
    assert word_terms("東京タワー") == ["東京タワー", "東京", "京タ", "タワ", "ワー"]
    assert word_terms("x東y") == ["x東y", "x", "y", "東"]
    assert words("a.b-c'd") == ["a", "b", "c", "d"]
    assert terms("x" * (MAX_TERM_CHARS + 1)) == []
    assert words("x" * (MAX_WORD_CHARS + 1)) == []


def _is_old(char: str) -> bool:
    """Whether a character is in Unicode 3.2: what came later, one engine's tables know and another's do not."""
    return unicodedata.ucd_3_2_0.category(char) not in ("Cn", "Cs")


LETTERS = st.one_of(st.characters().filter(_is_old), st.sampled_from("aZ_9éÉßİıſKΣ東京タワーǅ한글 .\n"))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(alphabet=LETTERS, max_size=30))
def test_duckdb_splits_text_into_the_same_terms(con: duckdb.DuckDBPyConnection, text: str) -> None:
    each = f"list_transform({words_sql('t')}, lambda w: {word_terms_sql('w')})"
    query = f"SELECT {words_sql('t')}, {each} FROM (SELECT ? AS t)"
    row = con.execute(query, [text]).fetchone()
    assert row is not None
    assert row[0] == words(text)
    assert [sorted(found) for found in row[1]] == [sorted(word_terms(word)) for word in words(text)]


@given(st.text(max_size=20))
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
def test_duckdb_hashes_terms_alike(con: duckdb.DuckDBPyConnection, term: str) -> None:
    assert con.execute("SELECT md5_number_lower(?)", [term]).fetchone() == (term_hash(term),)


def bm25(texts: list[str], query: str) -> list[tuple[int, float]]:
    """Score every text by the textbook."""
    counts = [Counter(terms(text)) for text in texts]
    lengths = [sum(count.values()) for count in counts]
    mean = max(1, sum(lengths)) / len(texts)
    scores = []
    for number, count in enumerate(counts):
        score, found = 0.0, False
        for term in dict.fromkeys(terms(query)):
            if term not in count:
                continue
            found = True
            df = sum(term in other for other in counts)
            idf = math.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
            tf = count[term]
            score += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * lengths[number] / mean))
        if found:
            scores.append((number, score))
    return sorted(scores, key=lambda pair: -pair[1])


WORDS = st.sampled_from(["apple", "pear_tree", "plumCake", "tree", "cake", "東京", "x", "Apple"])
TEXTS = st.lists(st.lists(WORDS, max_size=12).map(" ".join), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=TEXTS, second=TEXTS, query=st.lists(WORDS, min_size=1, max_size=4).map(" ".join), sealed=st.booleans())
def test_scores_are_those_of_the_formula(first: list[str], second: list[str], query: str, sealed: bool) -> None:
    with duckdb.connect() as con:
        parts = [build(con, "one", [first[:3], first[3:]]), build(con, "two", [second])]
        if sealed:
            finish_index(con, "one")
        expected = bm25([*first, *second], query)
        found = rank(con, parts, query, limit=100)
        assert found.total == len(expected)
        scores = {(doc.part, doc.entry_seq): doc.score for doc in found.docs}
        assert scores == pytest.approx(
            {
                (int(number >= len(first)), number % len(first) if number < len(first) else number - len(first)): score
                for number, score in expected
            }
        )
        assert [doc.score for doc in found.docs] == sorted((doc.score for doc in found.docs), reverse=True)
        assert all(doc.char_start == 100 * doc.entry_seq for doc in found.docs)


def test_only_allowed_entries_are_found_and_counted(con: duckdb.DuckDBPyConnection) -> None:
    build(con, "one", [["needle a", "needle b", "needle c"]])
    build(con, "two", [["needle d"]])
    parts = [RankPart("one", np.array([0, 2])), RankPart("two")]
    found = rank(con, parts, "needle", limit=10)
    assert [(doc.part, doc.entry_seq) for doc in found.docs] == [(0, 0), (0, 2), (1, 0)]
    assert found.total == 3
    assert rank(con, [RankPart("one", np.array([], dtype=np.int64))], "needle", limit=10).docs == []


def test_the_limit_cuts_the_list_and_not_the_total(con: duckdb.DuckDBPyConnection) -> None:
    part = build(con, "one", [["needle"] * 30])
    found = rank(con, [part], "needle", limit=4)
    assert ([doc.entry_seq for doc in found.docs], found.total) == ([0, 1, 2, 3], 30)
    assert rank(con, [part], "needle", limit=0).total == 30


@pytest.mark.parametrize("query", ["", " .-! ", "absent"])
def test_a_query_that_fits_nothing_finds_nothing(con: duckdb.DuckDBPyConnection, query: str) -> None:
    found = rank(con, [build(con, "one", [["text"]])], query, limit=5)
    assert (found.docs, found.total) == ([], 0)


def test_empty_indexes_answer(con: duckdb.DuckDBPyConnection) -> None:
    part = build(con, "one", [])
    finish_index(con, "one")
    assert rank(con, [part], "word", limit=5).total == 0
    assert rank(con, [], "word", limit=5).total == 0


def test_a_failed_batch_leaves_no_trace(con: duckdb.DuckDBPyConnection) -> None:
    part = build(con, "one", [["kept"]])
    con.execute("DROP TABLE one.index_parts")
    with pytest.raises(duckdb.Error):
        index_passages(con, "one", 1, [(1, 0, 4, "lost")])
    assert con.execute(f"SELECT count(*) FROM {part.schema}.postings").fetchone() == (1,)


def test_passages_cover_a_text_and_end_at_lines() -> None:
    text = "a line of text\n" * 1000 + "x" * 9000
    passages = split_passages(text)
    assert "".join(text[start : start + count] for start, count in passages) == text
    assert all(count <= 4000 for _, count in passages)
    assert text[passages[1][0] - 1] == "\n"
    assert split_passages("") == []
