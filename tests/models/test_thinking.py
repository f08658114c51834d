"""Thoughts between tags come out the same however the text is cut into chunks."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_tui.models.port import ReasoningPart
from rlm_tui.models.thinking import ThinkSplitter

CASES = [
    ("plain <b> text", "", "plain <b> text"),
    ("<think>a < b </thin k></think>\n\nanswer", "a < b </thin k>", "answer"),
    ("\n <think>one</think> <think>two</think>three", "onetwo", "three"),
    ("I write <think>no</think>", "", "I write <think>no</think>"),
    ("<think>never closed </th", "never closed </th", ""),
    ("<thi", "", "<thi"),
    ("<think>all</think>\n", "all", ""),
    ("  indented", "", "  indented"),
]


@pytest.mark.parametrize(("whole", "thought", "text"), CASES)
@given(cuts=st.lists(st.integers(0, 50), max_size=12))
def test_cuts_change_nothing(whole: str, thought: str, text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    splitter = ThinkSplitter()
    parts = [part for start, end in pairwise(edges) for part in splitter.feed(whole[start:end])]
    parts += splitter.finish()
    assert "".join(part.text for part in parts if isinstance(part, ReasoningPart)) == thought
    assert "".join(part.text for part in parts if not isinstance(part, ReasoningPart)) == text
