"""The tree of the trace as lines: moves, folds, follows what runs; quick at a hundred thousand nodes."""

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from rlm_tui.session.nodes import Node
from rlm_tui.session.state import SessionState
from rlm_tui.tui.widgets.line_view import LineView
from rlm_tui.tui.widgets.strips import LineStrip, Target, padded
from rlm_tui.tui.widgets.timeline_row import Axis, axis_of, root_of, timeline_strip
from rlm_tui.tui.widgets.trace_filter import node_filter
from rlm_tui.tui.widgets.trace_row import depth_of, node_strip
from rlm_tui.tui.widgets.trace_tree import FilteredRows, TraceTree, in_order
from rlm_tui.tui.widgets.visible_list import VisibleList

_SPIN_S = 1 / 8
_FILTER_STEPS = 4_000
_FILTER_INTERVAL_S = 1 / 30
_FILTER_AGAIN_S = 1.0
_CACHED_STRIPS = 300
_LATE_S = 600.0  # a session that was silent for longer is looked at, not lived through


class TraceLines(LineView):
    """One line a node. Posts `Changed` when the filter's result or the number of nodes did."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "fold", "Fold, or to the parent", show=False),
        Binding("right", "unfold", "Unfold, or to the first child", show=False),
    ]

    class Changed(Message):
        """What the title says of the lines changed."""

    class DetailWanted(Message):
        """A second click on a node."""

    def __init__(self, *, id: str | None = None, clock: Callable[[], float] = time.time) -> None:
        super().__init__(id=id)
        self.forest = TraceTree([])
        self.at: Node | None = None
        self.following = True
        self.filter_text = ""
        self.clock = clock
        self.axis_for: Callable[[Node, float], Axis] | None = None
        self._state: SessionState | None = None
        self._filtered: FilteredRows | None = None
        self._filter_timer: Timer | None = None
        self._failed: dict[Node, None] = {}
        self._strips: dict[Node, tuple[bool, int, LineStrip]] = {}
        self._frame = 0
        self._spin: Timer | None = None

    # --- content ---------------------------------------------------------------------------------------

    def bind(self, state: SessionState) -> None:
        """Show the nodes of `state`."""
        self._state = state
        self.forest = TraceTree(state.roots)
        self.at = None
        self.following = True
        self.top = 0
        self._failed = {node: None for node in in_order(state.roots) if node.status == "failed"}
        self._strips.clear()
        self.set_filter("")
        self._follow([node for node in self.forest.rows if node.running] or list(state.roots[-1:]))
        self.content_changed()
        self._spin_on()

    def nodes_changed(self, nodes: Sequence[Node]) -> None:
        """Take in nodes that are new or changed."""
        first_shown = self.nodes[self.top] if self.top < len(self.nodes) else None
        self.forest.sync(nodes)
        for node in nodes:
            self._strips.pop(node, None)
            if node.status == "failed":
                self._failed[node] = None
        if self._filtered is not None:
            if self._filtered.finished and self._filter_timer is None:
                self._filter_timer = self.set_timer(_FILTER_AGAIN_S, self._filter_again)
        elif self.following:
            self._follow(nodes)
        elif first_shown is not None:
            self.top = self._row_of(first_shown)
        self.content_changed()
        self._spin_on()

    @property
    def nodes(self) -> VisibleList[Node]:
        """The nodes in the lines, in order."""
        return self._filtered.rows if self._filtered is not None else self.forest.rows

    def _follow(self, nodes: Sequence[Node]) -> None:
        """Put the cursor on the newest node that runs."""
        newest = next((node for node in reversed(nodes) if node.running), nodes[-1] if nodes else None)
        if newest is not None:
            self.at = self._shown_for(newest)
            self._keep_within()
            self.show_line(self._row_of(self.at))

    def _shown_for(self, node: Node) -> Node:
        """Return the node, or the nearest above it that is not folded away."""
        shown: Node | None = node
        while shown is not None and shown not in self.nodes:
            shown = shown.parent
        return shown or node

    def _row_of(self, node: Node | None) -> int:
        if node is None:
            return 0
        shown = self._shown_for(node)
        return self.nodes.index(shown) if shown in self.nodes else 0

    # --- lines -----------------------------------------------------------------------------------------

    def line_count(self) -> int:
        """One line a node."""
        return len(self.nodes)

    def width_changed(self) -> None:
        """Columns have other widths."""
        self._strips.clear()

    def on_focus(self) -> None:
        """Show the cursor's line as that of the pane in use."""
        self._strips.clear()
        super().on_focus()

    def on_blur(self) -> None:
        """Show the cursor's line as that of a pane not in use."""
        self._strips.clear()
        super().on_blur()

    def line_at(self, number: int) -> Strip | None:
        """Draw the node of a line."""
        if not 0 <= number < len(self.nodes):
            return None
        node = self.nodes[number]
        here = node is self.at
        # on a time axis that grows, ended nodes move too
        frame = self._frame if node.running or (self.axis_for is not None and root_of(node).running) else 0
        known = self._strips.get(node)
        if known is not None and known[:2] == (here, frame):
            return known[2]
        if len(self._strips) > _CACHED_STRIPS:
            self._strips.clear()
        ground = self._ground(here)
        folded = None
        if node.children:
            folded = False if self._filtered is not None else not self.forest.is_open(node)
        width, now = self.text_width - 1, self.now
        if self.axis_for is None:
            strip = node_strip(node, width, self.palette, ground, folded=folded, now=now, frame=frame)
        else:
            axis = self.axis_for(node, now)
            strip = timeline_strip(
                node, width, self.palette, ground, folded=folded, now=now, frame=frame, axis=axis
            )  # fmt: skip
        drawn = padded(strip, self.text_width, ground)
        self._strips[node] = (here, frame, drawn)
        return drawn

    @property
    def timeline(self) -> bool:
        """Whether nodes are bars on a time axis."""
        return self.axis_for is not None

    def show_timeline(self, on: bool, scale: Node | None = None) -> None:
        """Show each node as a bar on its turn's time axis, or with all nodes on that of `scale`; or as a line again."""
        if not on:
            self.axis_for = None
        elif scale is None:
            self.axis_for = lambda node, now: axis_of(root_of(node), now)
        else:
            self.axis_for = lambda _, now: axis_of(scale, now)
        self._strips.clear()
        self.content_changed()
        self.post_message(self.Changed())

    def _ground(self, here: bool) -> Style:
        base = self.base_style()
        return base + self.palette.ground("selection" if self.has_focus else "raised") if here else base

    @property
    def now(self) -> float:
        """The moment that running nodes are shown at, in seconds since the epoch."""
        now = self.clock()
        last = self._state.changed_at if self._state is not None else now
        return last if now - last > _LATE_S else now

    def _spin_on(self) -> None:
        if self._spin is None and self._running_rows():
            self._spin = self.set_interval(_SPIN_S, self._turn)

    def _running_rows(self) -> bool:
        rows = range(self.top, min(self.top + self.page, len(self.nodes)))
        return any(self.nodes[row].running for row in rows)

    def _turn(self) -> None:
        """Turn the spinners, and stop the timer when nothing on the screen runs."""
        if not self._running_rows():
            if self._spin is not None:
                self._spin.stop()
                self._spin = None
            return
        self._frame += 1
        self.refresh()

    # --- moving ----------------------------------------------------------------------------------------

    def move_to(self, row: int) -> None:
        """Put the cursor on a line and bring it into view."""
        if not len(self.nodes):
            return
        row = max(0, min(row, len(self.nodes) - 1))
        self.at = self.nodes[row]
        self.show_line(row)
        self.refresh()
        self._spin_on()

    def show_node(self, node: Node) -> None:
        """Unfold what hides a node and put the cursor on it."""
        if self._filtered is not None and node not in self._filtered.rows:
            self.set_filter("")
        self.following = False
        self.move_to(self.forest.reveal(node) if self._filtered is None else self._filtered.rows.index(node))
        self.content_changed()

    def scroll_to_line(self, number: int) -> None:
        """Scroll; spinners that come into view turn."""
        super().scroll_to_line(number)
        self._spin_on()

    def action_scroll(self, lines: int) -> None:
        """Move the cursor; to follow what runs again, go to the end."""
        self.following = False
        self.move_to(self._row_of(self.at) + lines)

    def action_page(self, pages: int) -> None:
        """Move the cursor by pages."""
        self.action_scroll(pages * max(1, self.page - 1))

    def action_scroll_home(self) -> None:
        """Go to the first node."""
        self.following = False
        self.move_to(0)

    def action_scroll_end(self) -> None:
        """Go to the last node and follow what runs from now on."""
        self.following = True
        self.move_to(len(self.nodes) - 1)

    def action_fold(self) -> None:
        """Fold the node, or go to the one above it."""
        node = self.at
        if node is None:
            return
        self.following = False
        if node.children and self.forest.is_open(node) and self._filtered is None:
            self._set_open(node, False)
        elif node.parent is not None:
            self.move_to(self._row_of(node.parent))

    def action_unfold(self) -> None:
        """Unfold the node, or go to its first child."""
        node = self.at
        if node is None or not node.children:
            return
        self.following = False
        if self._filtered is None and not self.forest.is_open(node):
            self._set_open(node, True)
        else:
            self.move_to(self._row_of(node) + 1)

    def _set_open(self, node: Node, is_open: bool) -> None:
        self.forest.set_open(node, is_open)
        self._strips.pop(node, None)
        self.content_changed()
        self._spin_on()

    def next_error(self) -> bool:
        """Go to the next failed node after the cursor, from the first again after the last; False when none failed."""
        if not self._failed:
            return False
        failed = sorted(self._failed, key=lambda node: node.started)
        here = self.at
        if here in self._failed and here is not None:
            self.show_node(failed[(failed.index(here) + 1) % len(failed)])
            return True
        since = here.started if here is not None else 0.0
        self.show_node(next((node for node in failed if node.started >= since), failed[0]))
        return True

    def on_line_click(self, line: int, column: int, target: Target | None) -> None:  # noqa: ARG002 - cells decide
        """Fold by the mark; else choose the node, and open its details when it is the chosen one."""
        if line >= len(self.nodes):
            return
        node = self.nodes[line]
        self.following = False
        if node.children and self._filtered is None and column < 2 * depth_of(node) + 2:
            self._set_open(node, not self.forest.is_open(node))
        elif node is self.at:
            self.post_message(self.DetailWanted())
        self.move_to(line)

    # --- filter ----------------------------------------------------------------------------------------

    @property
    def filter_state(self) -> str:
        """How many nodes the filter found, for the title; empty without a filter."""
        if self._filtered is None:
            return ""
        return f"{self._filtered.matches:,} found{'' if self._filtered.finished else ' …'}"

    def set_filter(self, text: str) -> None:
        """Show only nodes that fit `text` (see `node_filter`) and those above them; all when it is empty."""
        self.filter_text = text.strip()
        self._stop_filter_timer()
        self._filtered = None
        self.top = 0
        if self.filter_text and self._state is not None:
            self._filter_again()
        else:
            self.show_line(self._row_of(self.at))
        self._strips.clear()
        self.content_changed()
        self.post_message(self.Changed())

    def _filter_again(self) -> None:
        self._stop_filter_timer()
        self._filtered = FilteredRows(self.forest.roots, node_filter(self.filter_text))
        self._filter_on()

    def _filter_on(self) -> None:
        self._filter_timer = None
        if self._filtered is None:
            return
        self._filtered.work(_FILTER_STEPS)
        if not self._filtered.finished:
            self._filter_timer = self.set_timer(_FILTER_INTERVAL_S, self._filter_on)
        self.content_changed()
        self.post_message(self.Changed())

    def _stop_filter_timer(self) -> None:
        if self._filter_timer is not None:
            self._filter_timer.stop()
            self._filter_timer = None
