"""The rows of the trace: which nodes are visible, in which order, folded how; without a screen.

Children are only ever added at the end of their parent, so what is new is the difference between how many children
a node has and how many of them are shown.
"""

from collections.abc import Callable, Iterable, Iterator

from rlm_tui.session.nodes import Node
from rlm_tui.tui.widgets.visible_list import VisibleList

MANY_CHILDREN = 8
"""A tool node with more children than this (a map) is folded until the person opens it."""


class TraceTree:
    """Visible nodes of a forest. `roots` may grow and nodes may gain children; tell `sync` about it."""

    def __init__(self, roots: list[Node]) -> None:
        self.roots = roots
        self.rows: VisibleList[Node] = VisibleList()
        self._shown_roots = 0
        self._shown: dict[Node, int] = {}  # open visible node -> how many of its children are in the rows
        self._chosen: dict[Node, bool] = {}  # folds that the person set
        self.sync(())

    # --- folding ---------------------------------------------------------------------------------------

    def is_open(self, node: Node) -> bool:
        """Whether the node's children are shown, if it is shown itself."""
        chosen = self._chosen.get(node)
        if chosen is not None:
            return chosen
        if node.kind == "tool":
            return len(node.children) <= MANY_CHILDREN
        parent = node.parent
        of_map = parent is not None and parent.kind == "tool" and len(parent.children) > MANY_CHILDREN
        return not of_map or node in self._shown

    def set_open(self, node: Node, is_open: bool) -> None:
        """Fold or unfold a node, shown or not."""
        self._chosen[node] = is_open
        if is_open and node in self.rows and node not in self._shown:
            self._shown[node] = 0
            self._show_new_children(node)
        elif not is_open and node in self._shown:
            self._hide_children(node)

    def reveal(self, node: Node) -> int:
        """Unfold whatever hides `node` and return its row."""
        above = []
        parent = node.parent
        while parent is not None:
            above.append(parent)
            parent = parent.parent
        for folder in reversed(above):
            if not self.is_open(folder):
                self.set_open(folder, True)
        self.sync(above)
        return self.rows.index(node)

    # --- growing ---------------------------------------------------------------------------------------

    def sync(self, changed: Iterable[Node]) -> None:
        """Show the roots and the children of `changed` nodes that are new."""
        if self._shown_roots < len(self.roots):
            fresh = self.roots[self._shown_roots :]
            self._shown_roots = len(self.roots)
            self.rows.insert_all(len(self.rows), self._with_descendants(fresh))
        for node in changed:
            shown = self._shown.get(node)
            if shown is None or shown == len(node.children):
                continue
            if self.is_open(node):
                self._show_new_children(node)
            else:
                self._hide_children(node)

    def _show_new_children(self, node: Node) -> None:
        shown = self._shown[node]
        place = self._last_row(node) + 1
        fresh = node.children[shown:]
        self._shown[node] = len(node.children)
        self.rows.insert_all(place, self._with_descendants(fresh))

    def _hide_children(self, node: Node) -> None:
        place = self.rows.index(node)
        last = self._last_row(node)
        for row in range(place, last + 1):
            self._shown.pop(self.rows[row], None)
        self.rows.remove_range(place + 1, last + 1)

    def _last_row(self, node: Node) -> int:
        """Return the row of the last visible descendant of `node`, or its own."""
        while shown := self._shown.get(node):
            node = node.children[shown - 1]
        return self.rows.index(node)

    def _with_descendants(self, nodes: list[Node]) -> list[Node]:
        """Return `nodes` with what is open under them, in order, and note it as shown."""
        found: list[Node] = []
        waiting = list(reversed(nodes))
        while waiting:
            node = waiting.pop()
            found.append(node)
            if self.is_open(node):
                self._shown[node] = len(node.children)
                waiting.extend(reversed(node.children))
        return found


def in_order(roots: Iterable[Node]) -> Iterator[Node]:
    """Yield all nodes of a forest, each before its children."""
    waiting = list(reversed(list(roots)))
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children))


class FilteredRows:
    """The nodes that a test accepts, each below its ancestors; built in slices so that typing never waits."""

    def __init__(self, roots: list[Node], accepts: Callable[[Node], bool]) -> None:
        self.rows: VisibleList[Node] = VisibleList()
        self.matches = 0
        self.finished = False
        self._nodes = in_order(list(roots))
        self._accepts = accepts

    def work(self, steps: int) -> None:
        """Look at the next `steps` nodes."""
        for _ in range(steps):
            node = next(self._nodes, None)
            if node is None:
                self.finished = True
                return
            if self._accepts(node):
                self.matches += 1
                self._add(node)

    def _add(self, node: Node) -> None:
        path = []
        above: Node | None = node
        while above is not None and above not in self.rows:
            path.append(above)
            above = above.parent
        for part in reversed(path):
            self.rows.append(part)
