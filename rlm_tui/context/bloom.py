"""Trigram blooms: which 64 KiB blocks of a tape can hold a literal at all.

A block's bloom has one bit for each hash of three adjacent bytes (ASCII letters in lower case). Each bloom also
covers the first bytes of the next block, so a literal that starts in a block and crosses its end is still found
under it. A block without all of a literal's bits cannot hold it; one with them may.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rlm_tui.context.literals import Clause

BLOCK_BYTES = 65536
OVERLAP_BYTES = 256
BLOOM_BYTES = 8192

_TRIGRAM = 3
_ROWS_AT_ONCE = 512
_BITS = 16
_MULTIPLIER = np.uint32(0x9E3779B1)  # Knuth's multiplicative hash: 2**32 / golden ratio
_SHIFT = np.uint32(32 - _BITS)
_EIGHT = np.uint32(8)
_FOLD = np.arange(256, dtype=np.uint8)
_FOLD[ord("A") : ord("Z") + 1] += 32

assert 1 << _BITS == BLOOM_BYTES * 8

BloomMatrix = npt.NDArray[np.uint8]
BlockMask = npt.NDArray[np.bool_]


def block_blooms(buffer: Any, start_block: int, end_block: int) -> BloomMatrix:
    """Return the blooms of blocks `start_block` up to `end_block` of a tape, shape (n, `BLOOM_BYTES`), uint8.

    `buffer` is a map or bytes-like; blocks past its end are empty. A bloom is final once its block and the
    `OVERLAP_BYTES` after it are written: blooms of a growing tape's last blocks are not to be kept before that.
    """
    tape = np.frombuffer(buffer, dtype=np.uint8) if len(buffer) else np.empty(0, np.uint8)
    blooms = np.zeros((max(0, end_block - start_block), BLOOM_BYTES), np.uint8)
    bits = np.empty(1 << _BITS, np.bool_)
    for row, block in enumerate(range(start_block, end_block)):
        first = block * BLOCK_BYTES
        piece = tape[first : first + BLOCK_BYTES + OVERLAP_BYTES]
        if len(piece) < 3:
            continue
        bits[:] = False
        bits[_trigram_hashes(piece)] = True
        blooms[row] = np.packbits(bits, bitorder="little")
    return blooms


def _trigram_hashes(piece: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    folded = _FOLD[piece]
    hashes = folded[:-2].astype(np.uint32)
    hashes <<= _EIGHT
    hashes |= folded[1:-1]
    hashes <<= _EIGHT
    hashes |= folded[2:]
    hashes *= _MULTIPLIER
    hashes >>= _SHIFT
    return hashes


class BloomIndex:
    """The blooms of a tape's first blocks, asked which of them may hold what a pattern requires."""

    def __init__(self, matrix: BloomMatrix) -> None:
        """`matrix` holds one row a block, shape (blocks, `BLOOM_BYTES`), as `block_blooms` returns it."""
        self._matrix = matrix

    @property
    def blocks(self) -> int:
        """How many blocks are covered, from the tape's start."""
        return len(self._matrix)

    def candidates(self, required: Sequence[Clause]) -> BlockMask | None:
        """Return which blocks may hold one literal of each clause, or None when nothing is required.

        This rules out only matches that lie within a block and its overlap; for longer matches ask for each
        clause on its own (`holding`) and combine over the blocks that a match can span.
        """
        if not required:
            return None
        mask = self.holding(required[0])
        for clause in required[1:]:
            mask &= self.holding(clause)
        return mask

    def holding(self, clause: Clause) -> BlockMask:
        """Return which blocks may hold the start of at least one literal of `clause`."""
        mask = np.zeros(self.blocks, np.bool_)
        if any(len(literal) < _TRIGRAM for literal in clause):
            mask[:] = True
            return mask
        needed = [_literal_hashes(literal) for literal in clause]
        common = [hashed for hashed in needed[0] if all(hashed in hashes for hashes in needed)]
        rows = self._rows_with(np.arange(self.blocks), common)
        rest = [[hashed for hashed in hashes if hashed not in common] for hashes in needed]
        if not all(rest):
            mask[rows] = True
        elif all(len(hashes) == 1 for hashes in rest):
            mask[rows[self._any_of(rows, [hashes[0] for hashes in rest])]] = True
        else:
            for hashes in rest:
                mask[self._rows_with(rows, hashes)] = True
        return mask

    def _rows_with(self, rows: npt.NDArray[np.intp], hashes: Sequence[int]) -> npt.NDArray[np.intp]:
        """Return those of `rows` that have all of some bits."""
        for hashed in hashes:
            if not len(rows):
                break
            rows = rows[(self._matrix[rows, hashed >> 3] >> (hashed & 7)) & 1 == 1]
        return rows

    def _any_of(self, rows: npt.NDArray[np.intp], hashes: Sequence[int]) -> BlockMask:
        """Return which of `rows` have at least one of some bits."""
        found = np.zeros(len(rows), np.bool_)
        wanted = np.zeros(BLOOM_BYTES, np.uint8)
        for hashed in hashes:
            wanted[hashed >> 3] |= 1 << (hashed & 7)
        places = wanted.nonzero()[0]
        bits = wanted[places]
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[first : first + _ROWS_AT_ONCE]
            found[first : first + _ROWS_AT_ONCE] = (self._matrix[some[:, None], places] & bits).any(axis=1)
        return found


def _literal_hashes(literal: bytes) -> list[int]:
    hashes: list[int] = _trigram_hashes(np.frombuffer(literal[:OVERLAP_BYTES], np.uint8)).tolist()
    return list(dict.fromkeys(hashes))
