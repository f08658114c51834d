"""Which byte ranges of a tape a pattern has to run over, and that each can be searched on its own.

A range is *independent* when a search of each entry's share of it reports what a search of the whole entry would
report there. Ranges begin and end at entry ends, at line ends (where no match can cross a line), or at places that
no match can touch (where blooms rule the neighbouring blocks out). They may hold many adjacent entries, unless the
pattern asks where its text starts or ends.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rlm_tui.context.bloom import BLOCK_BYTES, OVERLAP_BYTES, BlockMask, BloomIndex
from rlm_tui.context.literals import Clause
from rlm_tui.context.pattern import CompiledPattern

Offsets = npt.NDArray[np.int64]
Bounds = tuple[int, int, int, int]
"""Start and end of a range, and of what it lies in."""

_FEW = 50
_FIRST_LOOK = 1024
_LONGEST_LOOK = 1 << 20


@dataclass(frozen=True, eq=False)
class ScanArea:
    """A tape and the entries to search on it.

    `buffer` is a map or bytes-like of UTF-8. `starts` and `ends` are the entries' byte ranges, int64, ascending;
    exactly one newline, which belongs to no entry, lies between neighbours on the tape, so a gap of one byte
    means that two entries are adjacent. `blooms` covers the first blocks of the tape; blocks beyond it count as
    candidates.
    """

    buffer: Any
    starts: Offsets
    ends: Offsets
    blooms: BloomIndex | None = None


class Piece(NamedTuple):
    """An independent range: bytes `start` up to `end` of area number `area`.

    `low` and `high` bound the entry, or the run of adjacent entries, that it lies in: what `^`, `$` and `\\b` may
    see.
    """

    area: int
    start: int
    end: int
    low: int
    high: int


def plan(areas: list[ScanArea], pattern: CompiledPattern) -> list[Piece]:
    """Return the pieces that can hold a match of `pattern`, in order."""
    return [
        Piece(number, *bounds)
        for number, area in enumerate(areas)
        if len(area.starts)
        for bounds in _area_ranges(area, pattern)
    ]


def _area_ranges(area: ScanArea, pattern: CompiledPattern) -> Iterator[Bounds]:
    starts, ends = (area.starts, area.ends) if pattern.text_anchors else _adjacent(area.starts, area.ends)
    if area.blooms is None or not pattern.required or not area.blooms.blocks:
        return _all(starts, ends)
    blocks = int(ends[-1]) // BLOCK_BYTES + 1
    masks = _masks(area.blooms, pattern.required, blocks)
    if _is_short(pattern):
        return _around_blocks(np.logical_and.reduce(masks), starts, ends, pattern.max_bytes or 0)
    if pattern.may_cross_lines:
        starts, ends = _touching(masks, area.starts, area.ends)
        return _all(starts, ends) if pattern.text_anchors else _all(*_adjacent(starts, ends))
    return _whole_lines(area.buffer, masks, starts, ends)


def _all(starts: Offsets, ends: Offsets) -> Iterator[Bounds]:
    lows, highs = starts.tolist(), ends.tolist()
    return zip(lows, highs, lows, highs, strict=True)


def _is_short(pattern: CompiledPattern) -> bool:
    """Whether every match lies under the bloom of the block that it starts in."""
    return pattern.max_bytes is not None and pattern.max_bytes <= OVERLAP_BYTES and not pattern.text_anchors


def _adjacent(starts: Offsets, ends: Offsets) -> tuple[Offsets, Offsets]:
    """Return the ranges with neighbours on the tape joined into one."""
    if not len(starts):
        return starts, ends
    breaks = np.flatnonzero(starts[1:] != ends[:-1] + 1)
    return starts[np.concatenate(([0], breaks + 1))], ends[np.concatenate((breaks, [len(ends) - 1]))]


def _masks(blooms: BloomIndex, required: Sequence[Clause], blocks: int) -> list[BlockMask]:
    """Return a mask a clause, the strictest clause first; once few blocks are left, another would cost more than
    it spares."""
    masks: list[BlockMask] = []
    for clause in required:
        masks.append(_mask(blooms, clause, blocks))
        if np.count_nonzero(masks[-1]) * _FEW < blocks:
            break
    return masks


def _mask(blooms: BloomIndex, clause: Clause, blocks: int) -> BlockMask:
    mask = np.ones(blocks, np.bool_)
    known = min(blocks, blooms.blocks)
    mask[:known] = blooms.holding(clause)[:known]
    return mask


def _stretches(mask: BlockMask) -> list[tuple[int, int]]:
    """Return the runs of candidate blocks as (first, one past the last)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _clip(first: int, last: int, starts: list[int], ends: list[int]) -> Iterator[Bounds]:
    """Yield bounds for the parts of [first, last) inside the ranges."""
    for number in range(bisect_right(ends, first), bisect_left(starts, last)):
        low, high = starts[number], ends[number]
        if max(first, low) < min(last, high):
            yield max(first, low), min(last, high), low, high


def _around_blocks(mask: BlockMask, starts: Offsets, ends: Offsets, reach: int) -> Iterator[Bounds]:
    """Yield what matches of at most `reach` bytes can cover that start in a candidate block."""
    stretches = _stretches(mask)
    lows, highs = (starts.tolist(), ends.tolist()) if stretches else ([], [])
    for first, last in stretches:
        yield from _clip(first * BLOCK_BYTES, last * BLOCK_BYTES + reach, lows, highs)


def _touching(masks: list[BlockMask], starts: Offsets, ends: Offsets) -> tuple[Offsets, Offsets]:
    """Return the entries that touch a candidate block of every clause."""
    keep = ends > starts
    for mask in masks:
        counts = np.concatenate(([0], np.cumsum(mask)))
        keep &= counts[np.maximum(ends - 1, starts) // BLOCK_BYTES + 1] > counts[starts // BLOCK_BYTES]
    return starts[keep], ends[keep]


def _whole_lines(buffer: Any, masks: list[BlockMask], starts: Offsets, ends: Offsets) -> Iterator[Bounds]:
    """Yield the lines that touch a candidate block of every clause, joined where they meet."""
    masks = sorted(masks, key=np.count_nonzero)
    rarest, others = masks[0], [np.concatenate(([0], np.cumsum(mask))) for mask in masks[1:]]
    stretches = _stretches(rarest)
    if others:
        stretches = [pair for first, last in stretches for pair in pairwise(range(first, last + 1))]
    lows, highs = (starts.tolist(), ends.tolist()) if stretches else ([], [])
    held = (-1, -1, -1, -1)
    for first, last in stretches:
        for start, end, low, high in _clip(first * BLOCK_BYTES, last * BLOCK_BYTES + OVERLAP_BYTES, lows, highs):
            inside = held[2] == low
            start = held[0] if inside and held[0] <= start < held[1] else line_start(buffer, start, low)
            end = held[1] if inside and start <= end <= held[1] else line_end(buffer, end, high)
            if not all(counts[(end - 1) // BLOCK_BYTES + 1] > counts[start // BLOCK_BYTES] for counts in others):
                continue
            if inside and held[0] <= start <= held[1]:
                held = (held[0], max(end, held[1]), low, high)
                continue
            if held[1] >= 0:
                yield held
            held = (start, end, low, high)
    if held[1] >= 0:
        yield held


def line_start(buffer: Any, place: int, low: int) -> int:
    """Return where the line that holds byte `place` starts, not before `low`."""
    look = _FIRST_LOOK
    while place > low:
        first = max(low, place - look)
        found = bytes(buffer[first:place]).rfind(b"\n")
        if found >= 0:
            return first + found + 1
        place, look = first, min(look * 4, _LONGEST_LOOK)
    return low


def line_end(buffer: Any, place: int, high: int) -> int:
    """Return the end of the line that holds byte `place - 1`, its newline included, not past `high`."""
    place -= 1
    look = _FIRST_LOOK
    while place < high:
        last = min(high, place + look)
        found = bytes(buffer[place:last]).find(b"\n")
        if found >= 0:
            return place + found + 1
        place, look = last, min(look * 4, _LONGEST_LOOK)
    return high
