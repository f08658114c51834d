"""What a search runs over: the byte ranges of chosen entries, tape by tape, and the way back to offsets."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from rlm_tui.context.refs import Refs
from rlm_tui.context.spans import Spans
from rlm_tui.context.table import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Area:
    """Consecutive pieces of one tape. `low`, `high` and `number` have a row for each piece of an entry;
    `starts` and `ends` are the same ranges with the parts of one long result joined, which share their bounds.
    """

    source: Source
    low: "NDArray[np.int64]"
    high: "NDArray[np.int64]"
    number: "NDArray[np.int64]"
    starts: "NDArray[np.int64]"
    ends: "NDArray[np.int64]"

    def piece_at(self, byte: int) -> int:
        """Return the row of the piece that holds a byte."""
        return max(0, int(self.low.searchsorted(byte, side="right")) - 1)


def areas_of(refs: Refs, numbers: "NDArray[np.int64]", spans: Spans | None) -> list[Area]:
    """Return areas over entries `numbers` (ascending), clipped to `spans`, in session order."""
    import numpy as np

    low = refs.byte_start[numbers]
    high = low + refs.n_bytes[numbers]
    if spans is not None:
        numbers, low, high = clipped(refs, numbers, spans)
    filled = (high > low).nonzero()[0]
    numbers, low, high = numbers[filled], low[filled], high[filled]
    if not len(numbers):
        return []
    source = refs.source[numbers]
    # A scan takes a gap of one byte for the separator, which it is only between one entry and the next.
    gap, follows = low[1:] - high[:-1], numbers[1:] == numbers[:-1] + 1
    breaks = (source[1:] != source[:-1]) | (gap < 0) | ((gap == 1) & ~follows)
    bounds = [0, *((breaks.nonzero()[0] + 1).tolist()), len(numbers)]
    areas = []
    for first, last in pairwise(bounds):
        a_low, a_high, a_number = low[first:last], high[first:last], numbers[first:last]
        # Only parts of one result touch on a tape; all else has a separator between.
        joined = (a_low[1:] == a_high[:-1]) & (a_number[1:] == a_number[:-1] + 1)
        opens = np.concatenate(([True], ~joined)).nonzero()[0]
        closes = np.concatenate((~joined, [True])).nonzero()[0]
        areas.append(Area(refs.sources[int(source[first])], a_low, a_high, a_number, a_low[opens], a_high[closes]))
    return areas


def clipped(
    refs: Refs, numbers: "NDArray[np.int64]", spans: Spans
) -> "tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]":
    """Return the pieces of entries that lie in `spans`: number, first byte and end byte of each, in order."""
    import numpy as np

    starts = refs.start[numbers]
    ends = starts + refs.n_chars[numbers]
    pieces = [np.empty((3, 0), dtype=np.int64)]
    for first, last in spans:
        # Both columns ascend, as offsets are dense.
        begin, stop = int(ends.searchsorted(first, side="right")), int(starts.searchsorted(last))
        if begin >= stop:
            continue
        inside = numbers[begin:stop]
        low = refs.byte_start[inside]
        high = low + refs.n_bytes[inside]
        if first > starts[begin]:
            low[0] = _byte_of(refs, int(inside[0]), first)
        if last < ends[stop - 1]:
            high[-1] = _byte_of(refs, int(inside[-1]), last)
        pieces.append(np.stack((inside, low, high)))
    whole = np.concatenate(pieces, axis=1)
    return whole[0], whole[1], whole[2]


def _byte_of(refs: Refs, number: int, offset: int) -> int:
    """Return the byte of a session offset that lies in entry `number`."""
    source, seq = refs.place(number)
    return source.tape.byte_of(source.table.char_start[seq] + offset - int(refs.start[number]))
