"""Rows at character offsets: every character on one row, whatever the text, the width and the direction."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_tui.context.reader import ContextReader
from rlm_tui.tui.widgets.text_rows import GRID, TextRows, character_cells, shown, wrap
from tests.support.memory_reader import MemoryReader

TRICKY = "ab  c\td\r\n\n漢字かな한국e\u0301\u0300👩\U0001f3fd🇩🇪\u202e\u200d\x1b\x9b\ufe0f"
texts = st.text(alphabet=st.sampled_from(TRICKY), max_size=120)
long_lines = st.builds(lambda piece, times: piece * times, texts, st.integers(1, 200))
widths = st.one_of(st.none(), st.integers(1, 100))


def reader_of(pieces: list[str]) -> MemoryReader:
    return MemoryReader(("file", f"f{i}.txt", piece) for i, piece in enumerate(pieces))


def cells(text: str) -> int:
    return sum(map(character_cells, shown(text)))


@given(texts, st.integers(1, 40))
def test_wrapped_rows_fit_and_lose_nothing(text: str, width: int) -> None:
    line = text.replace("\n", "")
    starts = wrap(line, width)
    rows = [line[low:high] for low, high in zip(starts, [*starts[1:], len(line)], strict=True)]
    assert "".join(rows) == line
    assert starts[0] == 0
    for row in rows:
        wide = [character for character in shown(row) if character_cells(character)]
        fitting = "".join(wide).rstrip(" \t")  # white space may hang over the edge
        assert cells(fitting) <= width or len(fitting) == 1
    assert all(rows) or rows == [""]


def test_a_combining_mark_stays_on_the_row_of_its_letter() -> None:
    assert wrap("abcde\u0301fgh", 5) == [0, 6]


def test_prose_breaks_after_a_space_and_code_anywhere() -> None:
    assert wrap("the retry budget", 10) == [0, 10]
    assert wrap("x" * 25, 10) == [0, 10, 20]
    assert wrap("漢字 漢字漢字", 10) == [0, 3]
    assert wrap("\taaaa aaaa", 8) == [0, 6]


def check_cover(reader: ContextReader, width: int | None) -> None:
    rows = TextRows(reader, width)
    first = rows.row_at(0)
    assert first is not None
    everything = rows.rows_from(rows.first_row(first), reader.chars * 2 + 100)
    place = 0
    for row in everything:
        assert row.start == place
        assert row.end > row.start or row.header
        place = row.end
    assert place == reader.chars
    text = reader.read(0, reader.chars)
    assert all("\n" not in text[row.start : row.end - 1] for row in everything if not row.header)
    headers = [row.start for row in everything if row.header]
    assert headers == [entry.start for entry in reader.entries(limit=1000) if entry.chars]


@given(st.lists(texts, min_size=1, max_size=5).filter(lambda pieces: any(pieces)), widths)
def test_rows_cover_the_text_once(pieces: list[str], width: int | None) -> None:
    check_cover(reader_of(pieces), width)


@settings(max_examples=25)
@given(st.lists(long_lines, min_size=1, max_size=3).filter(lambda pieces: any(pieces)), st.integers(20, 200))
def test_rows_of_long_lines_cover_the_text_once(pieces: list[str], width: int) -> None:
    check_cover(reader_of([piece.replace("\n", "") or "x" for piece in pieces]), width)


@settings(max_examples=60)
@given(
    st.lists(long_lines, min_size=1, max_size=3).filter(lambda pieces: any(pieces)), widths, st.floats(0, 1), st.data()
)
def test_going_up_undoes_going_down(pieces: list[str], width: int | None, place: float, data: st.DataObject) -> None:
    reader = reader_of(pieces)
    down, up = TextRows(reader, width), TextRows(reader, width)
    row = down.row_at(int(place * reader.chars))
    assert row is not None
    count = data.draw(st.integers(1, 30))
    forward = down.rows_from(row, count)
    assert forward[0] == row
    assert up.rows_before(forward[-1], len(forward) - 1) == forward[:-1]


@pytest.mark.parametrize("length", [GRID - 1, GRID, 2 * GRID - 1, 2 * GRID, 50_000])
def test_a_long_line_falls_into_bounded_chunks_found_from_anywhere(length: int) -> None:
    reader = reader_of(["short\n" + "x" * length + "\nshort\n"])
    rows = TextRows(reader, None)
    first = rows.row_at(0)
    assert first is not None
    chunks = rows.rows_from(first, 100)
    assert all(row.end - row.start <= 2 * GRID for row in chunks)
    assert all(row.end - row.start >= GRID // 2 for row in chunks[1:-1])
    assert len(chunks) == 3 if length < GRID else True
    for row in chunks:
        for offset in (row.start, (row.start + row.end) // 2, row.end - 1):
            assert TextRows(reader, None).row_at(offset) == row


def test_shown_text_keeps_its_length_and_holds_no_control() -> None:
    text = shown(TRICKY.replace("\n", ""))
    assert len(text) == len(TRICKY.replace("\n", ""))
    assert not any(ord(c) < 32 and c != "\t" for c in text)
    assert "\x9b" not in text
    assert "\u202e" not in text
