"""What the fold builds, and the small steps that it builds it with."""

from typing import Any

from msgspec import Struct

from rlm_tui import events as ev
from rlm_tui.session.coverage import Coverage
from rlm_tui.session.nodes import ChatItem, ItemRole, Node, NodeStatus, Turn


class Links(Struct):
    """The containers of a state that refer to its nodes, items and turns. They only grow, but for `live` (the items
    that text streams into, by call and role) and `running`. `calls` are nodes by the number of the call.
    """

    nodes: dict[str, Node]
    calls: dict[int, Node]
    memo: dict[str, Node]
    roots: list[Node]
    items: list[ChatItem]
    turns: list[Turn]
    live: dict[tuple[int, ItemRole], ChatItem]
    running: Turn | None


_LINKED = frozenset(
    {"nodes", "_calls", "memo", "roots", "items", "turns", "_live", "running_turn", "coverage",
     "_changed_nodes", "_changed_items"}
)  # fmt: skip


class FoldedState:
    """A session as folded so far. Consumers read its fields; `take_changes` tells what changed since last asked.

    `applied` are the snapshots whose changes are in the files, oldest first; `redoable` what was undone, last first
    to come back.
    """

    def __init__(self) -> None:
        self.session = ""
        self.project = ""
        self.title = ""
        self.model = ""
        self.sub_model = ""
        self.settings: dict[str, str] = {}
        self.opened_at = 0.0
        self.changed_at = 0.0
        self.last_seq = -1
        self.resumes = 0
        self.forked_from = ""
        self.imported_from = ""
        self.closed = False
        self.context_chars = 0
        self.entry_count = 0
        self.usage = ev.Usage()
        self.cost = 0.0
        self.cost_known = True
        self.calls = 0
        self.last_call = 0
        self.last_request = 0
        self.turns: list[Turn] = []
        self.roots: list[Node] = []
        self.nodes: dict[str, Node] = {}
        self.items: list[ChatItem] = []
        self.coverage = Coverage()
        self.progress: dict[str, ev.Progress] = {}
        self.pending_permissions: dict[str, ev.PermissionAsked] = {}
        self.pending_questions: dict[str, ev.QuestionAsked] = {}
        self.snapshots: list[ev.SnapshotTaken] = []
        self.applied: list[ev.SnapshotTaken] = []
        self.redoable: list[tuple[ev.Reverted, tuple[ev.SnapshotTaken, ...]]] = []
        self.running_turn: Turn | None = None
        self.memo: dict[str, Node] = {}
        """Leaf sub-calls that answered, by `CallFinished.memo_key`: an equal call is given the same answer."""
        self._calls: dict[int, Node] = {}
        self._live: dict[tuple[int, ItemRole], ChatItem] = {}
        self._streaming: set[int] = set()
        self._changed_nodes: dict[str, Node] = {}
        self._changed_items: dict[int, ChatItem] = {}

    # --- reading ---------------------------------------------------------------------------------------

    def take_changes(self) -> tuple[list[Node], list[ChatItem]]:
        """Return the nodes and chat items that are new or changed since the last call, oldest first."""
        nodes = list(self._changed_nodes.values())
        items = list(self._changed_items.values())
        self._changed_nodes.clear()
        self._changed_items.clear()
        return nodes, items

    def node_of_call(self, call: int) -> Node | None:
        """Return the node that shows `call`; a root call is shown by its turn."""
        return self._calls.get(call)

    @property
    def busy(self) -> bool:
        """Whether a turn is running."""
        return self.running_turn is not None

    # --- keeping and restoring -------------------------------------------------------------------------

    def plain_values(self) -> dict[str, Any]:
        """Return the fields that refer to no node, item or turn: values, and containers of frozen values."""
        return {name: value for name, value in vars(self).items() if name not in _LINKED}

    def links(self) -> Links:
        """Return the containers that refer to nodes, items and turns, themselves, not copies."""
        return Links(
            self.nodes, self._calls, self.memo, self.roots, self.items, self.turns, self._live, self.running_turn
        )

    def restore_links(self, links: Links) -> None:
        """Take these containers for its own; all nodes and items count as changed."""
        self.nodes, self._calls, self.memo, self.roots = links.nodes, links.calls, links.memo, links.roots
        self.items, self.turns, self._live, self.running_turn = links.items, links.turns, links.live, links.running
        self._changed_nodes = dict(self.nodes)
        self._changed_items = dict(enumerate(self.items))

    # --- steps of the fold -----------------------------------------------------------------------------

    def _touch(self, node: Node | None) -> None:
        if node is not None:
            self._changed_nodes[node.key] = node

    def _touch_item(self, item: ChatItem) -> None:
        item.version += 1
        self._changed_items[item.index] = item

    def _item(self, role: ItemRole, turn: int, text: str, *, node: str = "", level: str = "") -> ChatItem:
        item = ChatItem(len(self.items), role, turn, node, [text] if text else [], level=level)
        self.items.append(item)
        self._touch_item(item)
        return item

    def _turn_number(self) -> int:
        return self.turns[-1].number if self.turns else 0

    def _add_node(self, node: Node) -> None:
        self.nodes[node.key] = node
        if node.parent is None:
            self.roots.append(node)
        else:
            node.parent.children.append(node)
            self._touch(node.parent)
        self._touch(node)

    def _end_node(self, node: Node, status: NodeStatus, at: float) -> None:
        if not node.running:
            return
        node.status = status
        node.ended = at
        node.activity = ""
        if node.elapsed_ms is None:
            node.elapsed_ms = max(0.0, (at - node.started) * 1000)
        if node.parent is not None:
            node.parent.done_children += 1
            self._touch(node.parent)
        self._touch(node)

    def _end_open_children(self, node: Node, at: float) -> None:
        for child in node.children:
            if child.running:
                self._end_open_children(child, at)
                self._end_node(child, "cancelled", at)

    def _is_root(self, envelope: ev.Envelope) -> bool:
        turn = self.running_turn
        return turn is not None and envelope.call == turn.root_call and envelope.call > 0

    @staticmethod
    def _own_lists(node: Node) -> None:
        """Give an ended node lists of its own before they change: a kept copy of it may share them."""
        if node.ended is not None:
            node.spans, node.replies, node.reasoning = node.spans.copy(), node.replies.copy(), node.reasoning.copy()

    def _add_spend(self, node: Node | None, usage: ev.Usage, cost: float | None) -> None:
        self.usage += usage
        self.cost += cost or 0.0
        self.cost_known = self.cost_known and cost is not None
        while node is not None:
            node.usage += usage
            node.cost += cost or 0.0
            node.cost_known = node.cost_known and cost is not None
            self._touch(node)
            node = node.parent

    def _add_spans(self, spans: tuple[ev.Span, ...], node: Node | None) -> None:
        if node is not None and spans:
            self._own_lists(node)
        for span in spans:
            self.coverage.add(span, node.key if node else "", node.turn if node else self._turn_number())
            if node is not None:
                node.spans.append(span)
        self._touch(node)
