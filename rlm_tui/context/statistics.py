"""The figures of a context, or of the part of it that a view reaches."""

from typing import TYPE_CHECKING

from rlm_tui.context.areas import clipped
from rlm_tui.context.core import StoreCore, segments_of, tails_of
from rlm_tui.context.entry import IndexState, Stats
from rlm_tui.context.reading import choose
from rlm_tui.context.spans import Spans
from rlm_tui.events import ENTRY_KINDS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def stats_of(core: StoreCore, spans: Spans | None) -> Stats:
    """Count characters, bytes and entries, superseded ones included, and say how far the indexes are."""
    import numpy as np

    refs = core.refs
    numbers = choose(refs, kind=None, label=None, superseded=True, spans=spans)
    chars, sizes = refs.n_chars[numbers], refs.n_bytes[numbers]
    if spans is not None:
        chars = _chars_within(refs.start[numbers], chars, spans)
        _, low, high = clipped(refs, numbers, spans)
        sizes = high - low
    kinds = refs.kind[numbers]
    by_type: dict[str, dict[str, int]] = {}
    for code, kind in enumerate(ENTRY_KINDS):
        of_kind = kinds == code
        entries = int(np.count_nonzero(of_kind))
        if entries:
            by_type[kind] = {"entries": entries, "characters": int(chars[of_kind].sum())}
    names = [refs.names[index] for index in np.bincount(refs.source[numbers]).nonzero()[0].tolist()]
    segments, tails = segments_of(refs), tails_of(refs)
    ranked = sum(tail.ranked for tail in tails)
    in_tails = sum(len(tail.table) for tail in tails)
    return Stats(
        characters=int(chars.sum()),
        bytes=int(sizes.sum()),
        entries=len(numbers),
        by_type=by_type,
        sources=tuple(dict.fromkeys(name for name in (*core.source_names, *names) if name)),
        left_out=core.left_out,
        left_out_total=core.left_out_total,
        index=IndexState(
            ranked_entries=refs.count - (in_tails - ranked),
            lag=in_tails - ranked,
            segments=len(segments),
            blocks=sum(segment.tape.blocks for segment in segments) + sum(tail.tape.blocks for tail in tails),
            building=core.building,
        ),
    )


def _chars_within(starts: "NDArray[np.int64]", chars: "NDArray[np.int64]", spans: Spans) -> "NDArray[np.int64]":
    """Return how many characters of each entry lie in `spans`."""
    import numpy as np

    within = np.zeros(len(starts), dtype=np.int64)
    for first, last in spans:
        within += np.clip(np.minimum(starts + chars, last) - np.maximum(starts, first), 0, None)
    return within
