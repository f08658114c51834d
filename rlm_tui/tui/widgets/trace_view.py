"""The trace: every turn, call and tool as it runs, with what it touched, took and cost; linked with the context."""

from collections.abc import Sequence
from typing import ClassVar, Self

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from rlm_tui.events import Span
from rlm_tui.session.nodes import Node
from rlm_tui.session.state import SessionState
from rlm_tui.text import one_line
from rlm_tui.tui.widgets.line_prompt import LinePrompt
from rlm_tui.tui.widgets.timeline_row import TOOL, WAITS, WORKS
from rlm_tui.tui.widgets.title_line import Part, TitleLine
from rlm_tui.tui.widgets.trace_lines import TraceLines

_TITLE_INTERVAL_S = 0.25


class SpansWanted(Message):
    """The person wants to see the spans of the node `node_key` in the browser; there may be none."""

    def __init__(self, spans: Sequence[Span], node_key: str) -> None:
        super().__init__()
        self.spans = spans
        self.node_key = node_key


class CancelWanted(Message):
    """The person wants the node `key` to stop."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


class TraceView(Vertical):
    """Title, lines and filter of the trace. Call `bind`, then `nodes_changed` once a frame."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "spans", "Open the node's spans in the browser", show=False),
        Binding("d,enter", "detail", "Details", show=False),
        Binding("c", "cancel", "Cancel the call", show=False),
        Binding("v", "timeline", "Timeline: who worked and who waited, or lines again", show=False),
        Binding("s", "scale", "Timeline: fill it with this node, or with the turn again", show=False),
        Binding("e", "next_error", "Next error", show=False),
        Binding("slash", "filter", "Filter: words, errors, slow, costly, depth", show=False),
        Binding("escape", "clear", "Clear the filter", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._state: SessionState | None = None
        self._title_due = False
        self._scale: Node | None = None

    def compose(self) -> ComposeResult:
        """Lay out title, lines and filter."""
        yield TitleLine(id="trace-title")
        yield TraceLines(id="trace-lines")
        yield LinePrompt(id="trace-prompt")

    @property
    def lines(self) -> TraceLines:
        """The lines."""
        return self.query_one("#trace-lines", TraceLines)

    def focus(self, scroll_visible: bool = True) -> Self:
        """Focus the lines."""
        self.lines.focus(scroll_visible)
        return self

    # --- content ---------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Name the pane before there is anything to show."""
        self._show_title()

    def bind(self, state: SessionState) -> None:
        """Show the nodes of `state`."""
        self._state = state
        self.lines.bind(state)
        self._show_title()

    def nodes_changed(self, nodes: Sequence[Node]) -> None:
        """Take in nodes that are new or changed, as `SessionState.take_changes` gives them."""
        self.lines.nodes_changed(nodes)
        self._lines_changed()

    def show_node(self, key: str) -> None:
        """Go to the node `key` and focus the trace."""
        node = self._state.nodes.get(key) if self._state is not None else None
        if node is not None:
            self.lines.show_node(node)
            self.lines.focus()

    @on(TraceLines.Changed)
    def _lines_changed(self, message: TraceLines.Changed | None = None) -> None:
        if message is not None:
            message.stop()
        if not self._title_due:
            self._title_due = True
            self.set_timer(_TITLE_INTERVAL_S, self._show_title)

    def _show_title(self) -> None:
        self._title_due = False
        lines = self.lines
        parts = [Part("TIMELINE" if lines.timeline else "TRACE", "accent", bold=True)]
        if lines.axis_for is not None and lines.at is not None:
            whose = one_line(self._scale.name, 20) if self._scale is not None else f"turn {lines.at.turn}"
            parts.append(Part(f"{whose}  {lines.axis_for(lines.at, lines.now).text}"))
            parts.append(Part(f"{WORKS} model  {TOOL} tool  {WAITS} waits", "dim"))
        elif self._state is not None and self._state.nodes:
            parts.append(Part(f"{len(self._state.nodes):,} nodes"))
        if lines.filter_text:
            parts.append(Part(f"/{one_line(lines.filter_text, 24)}  {lines.filter_state}", "accent"))
        elif self._state is not None and self._state.busy and not lines.following:
            parts.append(Part("end follow", "dim"))
        hints = (
            ("o spans", "s scale", "v lines") if lines.timeline else ("o spans", "d details", "v timeline", "/ filter")
        )
        parts += [Part(keys, right=True) for keys in hints]
        self.query_one("#trace-title", TitleLine).show(parts)

    # --- actions ---------------------------------------------------------------------------------------

    def action_spans(self) -> None:
        """Open the spans of the node at the cursor, or where it has none, those of the nodes below it."""
        node = self.lines.at
        if node is not None:
            self.post_message(SpansWanted(tuple(_spans_of(node)), node.key))

    def action_timeline(self) -> None:
        """Show when each node worked and waited; pressed again, show the lines."""
        self._scale = None
        self.lines.show_timeline(not self.lines.timeline)

    def action_scale(self) -> None:
        """Let the node at the cursor fill the time axis; pressed again, each turn does."""
        node = self.lines.at if self._scale is None or self._scale is not self.lines.at else None
        self._scale = node
        self.lines.show_timeline(True, node)

    def action_cancel(self) -> None:
        """Cancel the node at the cursor, if it runs."""
        node = self.lines.at
        if node is not None and node.running:
            self.post_message(CancelWanted(node.key))
        else:
            self.app.notify("This node has ended: there is nothing to cancel.", markup=False)

    def action_detail(self) -> None:
        """Show everything about the node at the cursor."""
        node = self.lines.at
        if node is None:
            return
        from rlm_tui.tui.widgets.trace_detail import TraceDetail

        def closed(wanted: str | None) -> None:
            if wanted == "spans":
                self.action_spans()

        self.app.push_screen(TraceDetail(node), closed)

    @on(TraceLines.DetailWanted)
    def _detail_wanted(self, message: TraceLines.DetailWanted) -> None:
        message.stop()
        self.action_detail()

    def action_next_error(self) -> None:
        """Go to the next failed node."""
        if not self.lines.next_error():
            self.app.notify("Nothing has failed.", markup=False)

    def action_filter(self) -> None:
        """Ask for a filter."""
        prompt = self.query_one("#trace-prompt", LinePrompt)
        prompt.ask("filter", "words, errors, slow:5, costly:0.01, depth:1", self.lines.filter_text)

    def action_clear(self) -> None:
        """Clear the filter; without one, leave the key to others."""
        if not self.lines.filter_text:
            self.lines.pass_on()
        self.lines.set_filter("")

    @on(LinePrompt.Answered)
    def _answered(self, message: LinePrompt.Answered) -> None:
        message.stop()
        self.lines.set_filter(message.text)
        self.lines.focus()

    @on(LinePrompt.Cancelled)
    def _cancelled(self, message: LinePrompt.Cancelled) -> None:
        message.stop()
        self.lines.focus()

    @on(LinePrompt.Typed)
    def _typed(self, message: LinePrompt.Typed) -> None:
        message.stop()


_SPANS_OF_TREE = 500


def _spans_of(node: Node) -> list[Span]:
    """Return the node's own spans; where it has none, those of the nodes below it, up to some hundreds."""
    if node.spans:
        return list(node.spans)
    found: list[Span] = []
    waiting = list(node.children)
    while waiting and len(found) < _SPANS_OF_TREE:
        below = waiting.pop(0)
        found.extend(below.spans)
        waiting.extend(below.children)
    return found[:_SPANS_OF_TREE]
