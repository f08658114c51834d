"""States of a long log kept at intervals, so that any moment of it is a few milliseconds away.

One state folds the whole log; every `STEP` records, copies of the nodes, items and turns that changed since are put
aside. A node that ended long ago is thus kept once, however many checkpoints there are. Restoring copies again, so a
restored state may be folded further without touching what is kept.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from copy import copy
from itertools import islice
from typing import Any, Generic, TypeVar

from msgspec import Struct

from rlm_tui.events import Touch
from rlm_tui.session.coverage import Coverage, IntervalUnion
from rlm_tui.session.folded import Links
from rlm_tui.session.nodes import ChatItem, ItemRole, Node, Turn
from rlm_tui.session.state import SessionState

STEP = 1_000
"""Records between two checkpoints: the most that are folded again to reach a moment."""

Part = TypeVar("Part", Node, ChatItem, Turn)


class Versions(Generic[Part]):
    """What became of each object of one kind, by checkpoint. Objects are told apart by identity, and only added.

    `index` numbers them in the order in which they came; a restored list is in this order.
    """

    def __init__(self, keep: Callable[[Part], Part]) -> None:
        """`keep` copies an object with all that may change of it."""
        self._keep: Callable[[Part], Part] = keep
        self.index: dict[Part, int] = {}
        self._first: list[Part] = []
        self._later: dict[int, list[tuple[int, Part]]] = {}
        self._counts: list[int] = []

    def keep(self, checkpoint: int, changed: Iterable[Part]) -> None:
        """Put aside what changed since the checkpoint before."""
        for part in changed:
            index = self.index.get(part)
            if index is None:
                self.index[part] = len(self._first)
                self._first.append(self._keep(part))
            else:
                self._later.setdefault(index, []).append((checkpoint, self._keep(part)))
        self._counts.append(len(self._first))

    def first(self, index: int) -> Part:
        """Return an object as it was when it was kept first."""
        return self._first[index]

    def restore(self, checkpoint: int) -> list[Part]:
        """Return shallow copies of the objects as they were at that checkpoint."""
        count = self._counts[checkpoint]
        kept = self._first[:count]
        for index, versions in self._later.items():
            place = bisect_right(versions, checkpoint, key=_number)
            if place:
                kept[index] = versions[place - 1][1]
        return [part.__copy__() for part in kept]


def _number(kept: tuple[int, Any]) -> int:
    return kept[0]


class Rest(Struct):
    """What a state holds besides nodes, items and turns, as it was: plain values, how far each list had grown, and
    links to the folded objects.
    """

    plain: dict[str, Any]
    nodes: int
    calls: int
    memo: int
    roots: int
    items: int
    turns: int
    touches: int
    unions: dict[Touch, tuple[list[int], list[int], int]]
    live: dict[tuple[int, ItemRole], ChatItem]
    running: Turn | None


class Checkpoints:
    """Checkpoints of one fold. `keep` is called at the beginning and after every `STEP` records."""

    def __init__(self, state: SessionState) -> None:
        self._state = state
        self._nodes: Versions[Node] = Versions(_copy_node)
        self._items: Versions[ChatItem] = Versions(_copy_item)
        self._turns: Versions[Turn] = Versions(_copy_turn)
        self._parents: list[int] = []
        self._turn_marks: list[tuple[int, bool, bool]] = []
        self._rests: list[Rest] = []

    def __len__(self) -> int:
        return len(self._rests)

    def keep(self, *, any_turn: bool = True) -> None:
        """Put the state aside as it is now. Without `any_turn`, only turns since the last checkpoint changed."""
        state, number = self._state, len(self._rests)
        nodes, items = state.take_changes()
        self._nodes.keep(number, nodes)
        self._items.keep(number, items)
        self._turns.keep(number, self._changed_turns(0 if any_turn else max(0, len(self._turn_marks) - 1)))
        self._rests.append(_rest_of(state))

    def _changed_turns(self, first: int) -> list[Turn]:
        changed = []
        for index, turn in enumerate(self._state.turns[first:], first):
            mark = (len(turn.history), turn.ended, turn.reverted)
            if index == len(self._turn_marks):
                self._turn_marks.append(mark)
            elif self._turn_marks[index] == mark and turn is not self._state.running_turn:
                continue
            self._turn_marks[index] = mark
            changed.append(turn)
        return changed

    def restore(self, number: int) -> SessionState:
        """Return a state of its own, equal to what was folded when checkpoint `number` was kept.

        Everything in it counts as changed, as in a state that was just folded.
        """
        rest, folded = self._rests[number], self._state
        nodes, items, turns = self._restored_nodes(number), self._items.restore(number), self._turns.restore(number)
        for item in items:
            if item.live:
                item.parts = item.parts.copy()
        for turn in turns:
            turn.node = nodes[self._nodes.index[turn.node]]
            if not turn.ended:
                turn.history = turn.history.copy()
        state = SessionState()
        for name, value in rest.plain.items():
            setattr(state, name, copy(value))
        links, node_at, item_at, turn_at = folded.links(), self._nodes.index, self._items.index, self._turns.index
        state.restore_links(
            Links(
                nodes={key: nodes[node_at[node]] for key, node in islice(links.nodes.items(), rest.nodes)},
                calls={call: nodes[node_at[node]] for call, node in islice(links.calls.items(), rest.calls)},
                memo={key: nodes[node_at[node]] for key, node in islice(links.memo.items(), rest.memo)},
                roots=[nodes[node_at[node]] for node in links.roots[: rest.roots]],
                items=[items[item_at[item]] for item in links.items[: rest.items]],
                turns=[turns[turn_at[turn]] for turn in links.turns[: rest.turns]],
                live={key: items[item_at[item]] for key, item in rest.live.items()},
                running=turns[turn_at[rest.running]] if rest.running is not None else None,
            )
        )
        state.coverage = Coverage(
            folded.coverage.touches[: rest.touches],
            {how: IntervalUnion.restored(*parts) for how, parts in rest.unions.items()},
            rest.touches,
        )
        return state

    def _restored_nodes(self, number: int) -> list[Node]:
        """Restore the nodes and link them: a node comes after its parent, and siblings come in their order.

        An ended node shares its lists with the kept one, since a fold copies those before it changes them.
        """
        nodes = self._nodes.restore(number)
        while len(self._parents) < len(nodes):
            parent = self._nodes.first(len(self._parents)).parent
            self._parents.append(self._nodes.index[parent] if parent is not None else -1)
        for node, place in zip(nodes, self._parents, strict=False):
            node.children = []
            if place >= 0:
                node.parent = parent = nodes[place]
                parent.children.append(node)
            if node.ended is None:
                node.spans, node.replies, node.reasoning = (
                    node.spans.copy(), node.replies.copy(), node.reasoning.copy()
                )  # fmt: skip
        return nodes


def _rest_of(state: SessionState) -> Rest:
    links, coverage = state.links(), state.coverage
    return Rest(
        plain={name: copy(value) for name, value in state.plain_values().items()},
        nodes=len(links.nodes),
        calls=len(links.calls),
        memo=len(links.memo),
        roots=len(links.roots),
        items=len(links.items),
        turns=len(links.turns),
        touches=len(coverage.touches),
        unions={how: union.parts() for how, union in coverage.unions.items()},
        live=dict(links.live),
        running=links.running,
    )


def _copy_node(node: Node) -> Node:
    copied = node.__copy__()
    copied.spans = copied.spans.copy()
    copied.replies = copied.replies.copy()
    copied.reasoning = copied.reasoning.copy()
    return copied


def _copy_item(item: ChatItem) -> ChatItem:
    copied = item.__copy__()
    copied.parts = copied.parts.copy()
    return copied


def _copy_turn(turn: Turn) -> Turn:
    copied = turn.__copy__()
    copied.history = copied.history.copy()
    return copied
