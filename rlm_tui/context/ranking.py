"""Ranked search over a context: BM25 passages of its segments and tails, as hits by session offset."""

from threading import Event as CancelFlag

from rlm_tui.context.core import StoreCore
from rlm_tui.context.entry import RankReply
from rlm_tui.context.spans import Spans
from rlm_tui.events import EntryKind


def rank_refs(
    core: StoreCore,
    query: str,
    *,
    spans: Spans | None,
    max_results: int,
    kind: EntryKind | None,
    label: str | None,
    deadline_ms: int,
    cancel: CancelFlag | None,
) -> RankReply:
    raise NotImplementedError
