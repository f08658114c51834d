"""A view: the part of a context that one call may reach, by the context's own offsets."""

from collections.abc import Iterable
from threading import Event as CancelFlag

from rlm_tui.context.core import StoreCore
from rlm_tui.context.entry import RankReply, SearchReply, Stats
from rlm_tui.context.ranking import rank_refs
from rlm_tui.context.reader import DEFAULT_DEADLINE_MS, ContextReader
from rlm_tui.context.reading import Reading
from rlm_tui.context.refs import Refs
from rlm_tui.context.searching import search_refs
from rlm_tui.context.spans import Spans
from rlm_tui.context.statistics import stats_of
from rlm_tui.errors import ContextError
from rlm_tui.events import EntryKind


class ContextView(Reading):
    """Everything that can be read of a store, limited to `spans` (None: no limit).

    Offsets and entry numbers are the store's. A match lies within one span; a place outside all of them raises
    `ContextError`, which names the first few.
    """

    def __init__(self, core: StoreCore, spans: Spans | None) -> None:
        self._core = core
        self._spans = spans

    @property
    def refs(self) -> Refs:
        """The references as they are now."""
        return self._core.refs

    @property
    def spans(self) -> Spans | None:
        """What this view reaches; None for everything."""
        return self._spans

    def view(self, spans: Iterable[tuple[int, int]]) -> ContextReader:
        """Return a reader of these `(start, end)` spans alone; overlapping and touching ones become one.

        Raises `ContextError` for a span that this reader does not wholly reach itself.
        """
        wanted = Spans(spans)
        reach = self._spans or Spans([(0, self.chars)])
        for start, end in wanted:
            around = reach.around(start)
            if around is None or end > around[1]:
                raise ContextError(f"[{start}, {end}) is not wholly within {reach.describe()}; choose a span there.")
        return ContextView(self._core, wanted)

    def search(
        self,
        pattern: str,
        *,
        max_results: int = 50,
        kind: EntryKind | None = None,
        label: str | None = None,
        deadline_ms: int = DEFAULT_DEADLINE_MS,
        cancel: CancelFlag | None = None,
        count: bool = True,
    ) -> SearchReply:
        """As the reader's; without `count` it ends at `max_results`, and the total is a lower bound."""
        return search_refs(
            self.refs,
            pattern,
            spans=self._spans,
            max_results=max_results,
            kind=kind,
            label=label,
            deadline_ms=deadline_ms,
            cancel=cancel,
            building=self._core.building,
            count=count,
        )

    def find(
        self,
        text: str,
        *,
        max_results: int = 50,
        kind: EntryKind | None = None,
        label: str | None = None,
        ignore_case: bool = False,
        deadline_ms: int = DEFAULT_DEADLINE_MS,
        cancel: CancelFlag | None = None,
    ) -> SearchReply:
        return search_refs(
            self.refs,
            text,
            spans=self._spans,
            literal=True,
            ignore_case=ignore_case,
            max_results=max_results,
            kind=kind,
            label=label,
            deadline_ms=deadline_ms,
            cancel=cancel,
            building=self._core.building,
        )

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
            spans=self._spans,
            max_results=max_results,
            kind=kind,
            label=label,
            deadline_ms=deadline_ms,
            cancel=cancel,
        )

    def stats(self) -> Stats:
        return stats_of(self._core, self._spans)
