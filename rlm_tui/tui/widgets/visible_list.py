"""A list of unique items that knows where each item is, for trees of a hundred thousand visible rows.

Items lie in blocks of some hundreds; each item points to its block. Position of an item, item at a position,
insertion and removal cost a walk over one block and the table of blocks, never over the whole list.
"""

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT", bound=Hashable)

_BLOCK = 512


class _Block(Generic[ItemT]):
    __slots__ = ("items", "place")

    def __init__(self, items: list[ItemT], place: int = 0) -> None:
        self.items = items
        self.place = place


class VisibleList(Generic[ItemT]):
    """Items in order, each at most once (by hash and equality)."""

    def __init__(self, items: Iterable[ItemT] = ()) -> None:
        self._blocks: list[_Block[ItemT]] = []
        self._block_of: dict[ItemT, _Block[ItemT]] = {}
        self._before: list[int] | None = None
        self.insert_all(0, list(items))

    def __len__(self) -> int:
        return len(self._block_of)

    def __contains__(self, item: ItemT) -> bool:
        return item in self._block_of

    def __iter__(self) -> Iterator[ItemT]:
        for block in self._blocks:
            yield from block.items

    def __getitem__(self, index: int) -> ItemT:
        """Return the item at `index`, 0 up to the length. Raises `IndexError` outside."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        place, within = self._locate(index)
        return self._blocks[place].items[within]

    def index(self, item: ItemT) -> int:
        """Return where `item` is. Raises `KeyError` when it is not in the list."""
        block = self._block_of[item]
        return self._starts()[block.place] + block.items.index(item)

    def append(self, item: ItemT) -> None:
        """Add `item` at the end."""
        if self._blocks and len(self._blocks[-1].items) < _BLOCK:
            block = self._blocks[-1]
            block.items.append(item)
            self._block_of[item] = block
        else:
            self.insert_all(len(self), [item])

    def insert_all(self, index: int, items: Sequence[ItemT]) -> None:
        """Insert `items`, none of which may be in the list, so that the first of them is at `index`."""
        if not items:
            return
        place, within = self._locate(index)
        if place < len(self._blocks) and len(items) + len(self._blocks[place].items) <= 2 * _BLOCK:
            block = self._blocks[place]
            block.items[within:within] = items
            self._block_of.update(dict.fromkeys(items, block))
            self._before = None if place + 1 < len(self._blocks) else self._before
            return
        fresh = [list(items[i : i + _BLOCK]) for i in range(0, len(items), _BLOCK)]
        if place < len(self._blocks):
            block = self._blocks[place]
            tail = block.items[within:]
            del block.items[within:]
            fresh += [tail] if tail else []
            place += 1
        blocks = [_Block(part) for part in fresh]
        for block in blocks:
            self._block_of.update(dict.fromkeys(block.items, block))
        self._blocks[place:place] = blocks
        self._rearranged()

    def remove_range(self, start: int, stop: int) -> None:
        """Remove the items at `start` up to `stop`."""
        start, stop = max(0, start), min(stop, len(self))
        while start < stop:
            place, within = self._locate(start)
            items = self._blocks[place].items
            upto = min(len(items), within + stop - start)
            for item in items[within:upto]:
                del self._block_of[item]
            del items[within:upto]
            stop -= upto - within
            if items:
                self._before = None
            else:
                del self._blocks[place]
                self._rearranged()

    def clear(self) -> None:
        """Remove everything."""
        self._blocks.clear()
        self._block_of.clear()
        self._before = None

    def _rearranged(self) -> None:
        self._blocks = [block for block in self._blocks if block.items]
        for place, block in enumerate(self._blocks):
            block.place = place
        self._before = None

    def _starts(self) -> list[int]:
        if self._before is None:
            self._before = []
            total = 0
            for block in self._blocks:
                self._before.append(total)
                total += len(block.items)
        return self._before

    def _locate(self, index: int) -> tuple[int, int]:
        """Return block and place within it of `index`; an index at a block's end belongs to that block when last."""
        starts = self._starts()
        if not starts:
            return 0, 0
        place = max(0, bisect_right(starts, index) - 1)
        return place, index - starts[place]
