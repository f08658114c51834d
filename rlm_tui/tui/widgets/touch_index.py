"""Which nodes of the trace touched a piece of the context, found without a walk over all touches.

Each touch lies in the smallest aligned bin that wholly holds it (bins of 4,096 characters, then four times as wide,
and so on), so a look-up visits the bins over the asked piece, one or two a level. The scheme is the binning index
of the UCSC genome browser (Kent et al., Genome Research 12, 2002) with characters in place of bases.
"""

from rlm_tui.session.coverage import Coverage, Touched

_FIRST_SHIFT = 12
_STEP_SHIFT = 2
_LEVELS = 14  # the widest bin holds 4^13 * 4,096 characters, far beyond any context


class TouchIndex:
    """Follows a coverage; `update` takes in what came since."""

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage
        self._taken = 0
        self._bins: list[dict[int, list[int]]] = [{} for _ in range(_LEVELS)]

    def update(self) -> bool:
        """Take in the touches that are new; return whether there were any."""
        touches = self._coverage.touches
        began = self._taken
        for number in range(began, len(touches)):
            touched = touches[number]
            level, place = _bin(touched.start, max(touched.start, touched.end - 1))
            self._bins[level].setdefault(place, []).append(number)
        self._taken = len(touches)
        return self._taken > began

    def at(self, start: int, end: int, limit: int = 200) -> list[Touched]:
        """Return the touches that overlap `[start, end)`, newest first, at most `limit`."""
        found: list[int] = []
        touches = self._coverage.touches
        for level, bins in enumerate(self._bins):
            shift = _FIRST_SHIFT + _STEP_SHIFT * level
            if not bins:
                continue
            for place in range(start >> shift, (max(start, end - 1) >> shift) + 1):
                newest_first = reversed(bins.get(place, ()))
                hits = (n for n in newest_first if touches[n].start < end and start < touches[n].end)
                found.extend(number for number, _ in zip(hits, range(limit), strict=False))
        found.sort(reverse=True)
        return [touches[number] for number in found[:limit]]


def _bin(first: int, last: int) -> tuple[int, int]:
    for level in range(_LEVELS - 1):
        shift = _FIRST_SHIFT + _STEP_SHIFT * level
        if first >> shift == last >> shift:
            return level, first >> shift
    return _LEVELS - 1, first >> (_FIRST_SHIFT + _STEP_SHIFT * (_LEVELS - 1))
