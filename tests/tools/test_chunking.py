"""Parts for sub-calls cover the text exactly once and stay within their size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_tui.errors import ToolError
from rlm_tui.tools.chunking import chunk_spans, spans_chars
from tests.support.memory_reader import MemoryReader

_TEXTS = st.lists(st.text(alphabet="ab \n🙂", max_size=80), min_size=1, max_size=8).filter(any)


@given(_TEXTS, st.integers(1, 60))
def test_parts_cover_everything_once_and_fit(texts: list[str], size: int) -> None:
    reader = MemoryReader([("file", f"{n}.txt", text) for n, text in enumerate(texts)])
    parts = chunk_spans(reader, None, size)
    flat = [span for part in parts for span in part]
    assert "".join(reader.read(start, end - start) for start, end in flat) == "".join(texts)
    assert all(spans_chars(part) <= size for part in parts)


def test_small_entries_share_a_part_and_large_ones_are_cut_at_line_ends() -> None:
    reader = MemoryReader([("file", "a", "x" * 30), ("file", "b", "y" * 30), ("file", "c", "line\n" * 40)])
    parts = chunk_spans(reader, None, 64)
    assert parts[0] == ((0, 30), (30, 60))
    assert all((end - 60) % 5 == 0 for part in parts[1:] for _, end in part)


def test_spans_alone_are_cut() -> None:
    reader = MemoryReader([("file", "a", "z" * 100)])
    assert chunk_spans(reader, ((10, 35),), 10) == [((10, 20),), ((20, 30),), ((30, 35),)]


def test_nothing_to_cut_is_an_error() -> None:
    with pytest.raises(ToolError, match="no text"):
        chunk_spans(MemoryReader([("file", "a", "")]), None, 10)
