"""What the store and its views share: references, database, indexer, and what is known besides."""

from rlm_tui.context.database import Database
from rlm_tui.context.entry import LeftOut
from rlm_tui.context.indexer import TailIndexer
from rlm_tui.context.refs import Refs, RefTable
from rlm_tui.context.segment import Segment
from rlm_tui.context.table import Source
from rlm_tui.context.tail import Tail


class StoreCore:
    """The state behind a store. Only the store changes it; views read it."""

    def __init__(self) -> None:
        self.table = RefTable()
        self.database = Database()
        self.indexer = TailIndexer(self.database)
        self.building = False
        self.left_out: tuple[LeftOut, ...] = ()
        self.left_out_total = 0
        self.source_names: tuple[str, ...] = ()

    @property
    def refs(self) -> Refs:
        """The references as they are now."""
        return self.table.now

    def refs_source(self, source: int) -> Source:
        """Return what was added as source number `source`, whether entries lie on it or not."""
        return self.table.source(source)


def tails_of(refs: Refs) -> list[Tail]:
    """Return the tails that entries lie on, in order of first use."""
    return [source for source in _used(refs) if isinstance(source, Tail)]


def segments_of(refs: Refs) -> list[Segment]:
    """Return the segments that entries lie on, in order of first use."""
    return [source for source in _used(refs) if isinstance(source, Segment)]


def _used(refs: Refs) -> list[Source]:
    import numpy as np

    # Not np.unique, whose first call imports masked arrays for 40 ms.
    return [refs.sources[index] for index in np.bincount(refs.source).nonzero()[0].tolist()]
