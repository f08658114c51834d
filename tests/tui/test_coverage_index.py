"""Touches found by place, against a walk over all of them."""

from hypothesis import given
from hypothesis import strategies as st

from rlm_tui.events import Span
from rlm_tui.session.coverage import Coverage
from rlm_tui.tui.widgets.touch_index import TouchIndex

offsets = st.one_of(st.integers(0, 20_000), st.integers(0, 300_000_000))
spans = st.tuples(offsets, st.one_of(st.integers(1, 50), st.integers(1, 5_000_000)))


@given(st.lists(spans, max_size=40), spans, st.integers(1, 50))
def test_finds_what_a_walk_finds(touched: list[tuple[int, int]], asked: tuple[int, int], limit: int) -> None:
    coverage = Coverage()
    index = TouchIndex(coverage)
    for number, (start, length) in enumerate(touched):
        coverage.add(Span(start, start + length, "read"), f"call:{number}", 1)
        if number % 7 == 0:
            index.update()
    index.update()
    start, end = asked[0], asked[0] + asked[1]
    assert index.at(start, end, limit) == coverage.at(start, end, limit)


def test_says_whether_there_was_anything_new() -> None:
    coverage = Coverage()
    index = TouchIndex(coverage)
    assert not index.update()
    coverage.add(Span(1, 2, "cited"), "turn:1", 1)
    assert index.update()
    assert not index.update()
