"""Blooms: a block that holds a literal is always a candidate; most others are not."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_tui.context.bloom import BLOCK_BYTES, BLOOM_BYTES, OVERLAP_BYTES, BloomIndex, block_blooms


def index_of(tape: bytes) -> BloomIndex:
    return BloomIndex(block_blooms(tape, 0, -(-len(tape) // BLOCK_BYTES)))


@settings(max_examples=40, deadline=None)
@given(
    literal=st.binary(min_size=3, max_size=OVERLAP_BYTES),
    place=st.integers(0, 3 * BLOCK_BYTES),
)
def test_the_block_that_a_literal_starts_in_is_a_candidate(literal: bytes, place: int) -> None:
    tape = b"." * place + literal + b"." * 1000
    candidates = index_of(tape).candidates([frozenset([literal.lower()])])
    assert candidates is not None
    assert candidates[place // BLOCK_BYTES]


def test_case_is_folded_for_ascii_alone() -> None:
    index = index_of("NEEDLE É".encode())
    assert index.holding(frozenset([b"needle"])).tolist() == [True]
    assert index.holding(frozenset(["é".encode() + b"x"])).tolist() == [False]


def test_clauses_are_combined_with_and_and_their_literals_with_or() -> None:
    tape = b"first word".ljust(BLOCK_BYTES + 1000, b".") + b"second word".ljust(BLOCK_BYTES, b".") + b"third"
    index = index_of(tape)
    assert index.blocks == 3
    either = frozenset([b"first", b"second"])
    found = index.candidates([either])
    assert found is not None
    assert found.tolist() == [True, True, False]
    both = index.candidates([either, frozenset([b"second word"])])
    assert both is not None
    assert both.tolist() == [False, True, False]
    assert index.candidates([]) is None


def test_blooms_have_a_row_a_block_whatever_range_is_asked() -> None:
    tape = np.random.default_rng(1).bytes(2 * BLOCK_BYTES + 1)
    whole = block_blooms(tape, 0, 3)
    assert whole.shape == (3, BLOOM_BYTES)
    assert whole.dtype == np.uint8
    assert (block_blooms(tape, 1, 3) == whole[1:]).all()
    assert not block_blooms(tape, 3, 5).any()
    assert block_blooms(b"", 0, 0).shape == (0, BLOOM_BYTES)


def test_a_block_of_text_leaves_most_of_its_bloom_empty() -> None:
    text = "".join(f"def function_{number}(argument_{number % 7}):\n    return {number}\n" for number in range(1400))
    blooms = block_blooms(text.encode(), 0, 1)
    assert np.unpackbits(blooms).mean() < 0.2
