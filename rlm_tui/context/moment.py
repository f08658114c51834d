"""The context as it was at an earlier moment: the first entries only, and what was current then."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from threading import Event as CancelFlag

from rlm_tui.context.core import StoreCore
from rlm_tui.context.entry import RankReply, Stats
from rlm_tui.context.ranking import rank_refs
from rlm_tui.context.reader import DEFAULT_DEADLINE_MS
from rlm_tui.context.refs import Refs
from rlm_tui.context.screen_view import ScreenView
from rlm_tui.context.spans import Spans
from rlm_tui.context.statistics import stats_of
from rlm_tui.events import EntryKind

_MASK_MARGIN = 4_000
"""Characters around a place that a mask sees too: what it looks for may begin before and end after it."""


class MomentView(ScreenView):
    """A reader of a store that holds more by now. `show` sets the moment; before that there is nothing to read.

    `mask`, where there is one, changes every text that is read, one character for one character.

    Reading and searching take the references once, so a search that runs keeps to the moment at which it began.
    """

    def __init__(self, core: StoreCore) -> None:
        super().__init__(core, None)
        self.mask: Callable[[str], str] | None = None
        self._version = 0
        self._now = _first(core.refs, 0, (), 0)

    def show(self, entries: int, superseded: Iterable[int]) -> None:
        """Show the first `entries` entries, of which those numbered in `superseded` are no longer current."""
        self._version += 1
        self._now = _first(self._core.refs, entries, superseded, self._version)

    def read(self, offset: int, length: int) -> str:
        if self.mask is None:
            return super().read(offset, length)
        low = max(0, offset - _MASK_MARGIN)
        text = super().read(low, offset - low + length + _MASK_MARGIN)
        return self.mask(text)[offset - low : offset - low + length]

    @property
    def refs(self) -> Refs:
        return self._now

    def rank(
        self,
        query: str,
        *,
        max_results: int = 10,
        kind: EntryKind | None = None,
        label: str | None = None,
        deadline_ms: int = DEFAULT_DEADLINE_MS,
        cancel: CancelFlag | None = None,
    ) -> RankReply:
        return rank_refs(
            self._core,
            query,
            spans=Spans([(0, self._now.chars)]),
            max_results=max_results,
            kind=kind,
            label=label,
            deadline_ms=deadline_ms,
            cancel=cancel,
        )

    def stats(self) -> Stats:
        return stats_of(self._core, Spans([(0, self._now.chars)]))


def _first(refs: Refs, entries: int, superseded: Iterable[int], version: int) -> Refs:
    import numpy as np

    count = max(0, min(entries, refs.count))
    gone = np.zeros(count, dtype=np.bool_)
    gone[[number for number in superseded if number < count]] = True
    return replace(
        refs,
        count=count,
        chars=int(refs.start[count - 1] + refs.n_chars[count - 1]) if count else 0,
        version=version,
        start=refs.start[:count],
        n_chars=refs.n_chars[:count],
        source=refs.source[:count],
        seq=refs.seq[:count],
        byte_start=refs.byte_start[:count],
        n_bytes=refs.n_bytes[:count],
        kind=refs.kind[:count],
        superseded=gone,
    )
