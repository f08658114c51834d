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
    """Return the pieces of entries that lie in `spans`: number, first byte, end byte of each."""
    import numpy as np

    pieces: list[tuple[int, int, int]] = []
    starts = refs.start[numbers]
    ends = starts + refs.n_chars[numbers]
    for first, last in spans:
        inside = ((starts < last) & (ends > first)).nonzero()[0]
        for row in inside.tolist():
            number, start = int(numbers[row]), int(starts[row])
            source, seq = refs.place(number)
            low, high = int(refs.byte_start[number]), int(refs.byte_start[number] + refs.n_bytes[number])
            char_start = source.table.char_start[seq]
            if first > start:
                low = source.tape.byte_of(char_start + first - start)
            if last < ends[row]:
                high = source.tape.byte_of(char_start + last - start)
            pieces.append((number, low, high))
    table = np.array(pieces, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]
