"""The tape's maps between bytes, characters and lines agree with plain Python text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_tui.context.tape import BLOCK_BYTES, BlockMarks, GrowingTape, Tape

PIECES = st.lists(
    st.sampled_from(["a", "\n", "\r\n", "é", "e\u0301", "世界", "😀", "x" * 700, "😀" * 900, "é\n" * 500, ""]),
    max_size=12,
)


def tape_of(text: str) -> Tape:
    marks = BlockMarks()
    data = text.encode()
    for first in range(0, len(data), 50_000):
        marks.feed(data[first : first + 50_000])
    return Tape.of_marks(data, marks)


def long_text(pieces: list[str]) -> str:
    """Repeat the pieces until the text runs over several blocks."""
    text = "".join(pieces)
    return text * (3 * BLOCK_BYTES // len(text.encode()) + 1) if text else ""


@settings(max_examples=25, deadline=None)
@given(PIECES, st.data())
def test_characters_and_bytes_map_both_ways(pieces: list[str], data: st.DataObject) -> None:
    text = long_text(pieces)
    tape = tape_of(text)
    assert tape.chars == len(text)
    for _ in range(8):
        char = data.draw(st.integers(0, len(text)))
        byte = len(text[:char].encode())
        assert tape.byte_of(char) == byte
        assert tape.char_of(byte) == char
        assert tape.characters(char, 300) == text[char : char + 300]
        assert tape.lines_before(byte) == text[:char].count("\n")
    assert tape.characters(0, len(text)) == text


@settings(max_examples=25, deadline=None)
@given(PIECES, st.data())
def test_line_feeds_are_found_by_number(pieces: list[str], data: st.DataObject) -> None:
    text = long_text([*pieces, "\n"])
    tape = tape_of(text)
    feeds = [place for place, character in enumerate(text) if character == "\n"]
    number = data.draw(st.integers(1, len(feeds)))
    assert tape.after_line_feed(number) == len(text[: feeds[number - 1] + 1].encode())


@pytest.mark.parametrize("before", [BLOCK_BYTES - 1, BLOCK_BYTES - 2, BLOCK_BYTES - 3, BLOCK_BYTES - 4])
def test_a_character_that_crosses_a_block_edge_counts_once(before: int) -> None:
    text = "a" * before + "😀b\n"
    tape = tape_of(text)
    assert tape.chars == before + 3
    assert tape.byte_of(before + 1) == before + 4
    assert tape.char_of(before + 4) == before + 1
    assert tape.characters(before, 2) == "😀b"


def test_a_snapshot_keeps_its_text_while_the_tape_grows() -> None:
    growing = GrowingTape()
    growing.append("héllo\n".encode())
    early = growing.snapshot()
    assert early.characters(0, 6) == "héllo\n"  # exports the buffer before it has to grow
    for _ in range(40):
        growing.append("😀".encode() * 25_000)
    assert early.characters(0, 100) == "héllo\n"
    assert early.chars == 6
    late = growing.snapshot()
    assert late.chars == 6 + 40 * 25_000
    assert late.characters(late.chars - 2, 5) == "😀😀"


def test_an_empty_tape_answers() -> None:
    tape = GrowingTape().snapshot()
    assert (tape.byte_of(0), tape.char_of(0), tape.lines_before(0), tape.characters(0, 5)) == (0, 0, 0, "")
