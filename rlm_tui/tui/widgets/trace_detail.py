"""Everything known of one node: what it was asked, what it answered, what it touched and what it cost."""

import json
from collections.abc import Iterator
from typing import ClassVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.strip import Strip

from rlm_tui.session.nodes import Node
from rlm_tui.text import one_line, safe_text
from rlm_tui.tui.numbers import cost_text, duration_text
from rlm_tui.tui.screens.dialog import Dialog
from rlm_tui.tui.widgets.line_view import LineView
from rlm_tui.tui.widgets.strips import LineStrip, padded
from rlm_tui.tui.widgets.text_rows import wrap
from rlm_tui.tui.widgets.title_line import Part, TitleLine

_SECTION_CHARS = 50_000
_SPANS_SHOWN = 200


def detail_sections(node: Node) -> Iterator[tuple[str, str]]:
    """Yield heading and text of each section that has something to say. The text is foreign: not yet safe."""
    yield "figures", "\n".join(f"{name:<10} {value}" for name, value in _figures(node))
    if node.error:
        yield "error", node.error
    if node.data.get("budget"):
        yield "budget", str(node.data["budget"])
    if node.prompt:
        yield "prompt", node.prompt
    if node.arguments:
        yield "arguments", json.dumps(node.arguments, indent=2, ensure_ascii=False, default=str)
    if node.spans:
        lines = [f"{span.start:,}–{span.end:,}  {span.how}" for span in node.spans[:_SPANS_SHOWN]]
        if len(node.spans) > _SPANS_SHOWN:
            lines.append(f"… and {len(node.spans) - _SPANS_SHOWN:,} more")
        yield f"spans ({len(node.spans):,})", "\n".join(lines)
    for number, reply in enumerate(node.replies, 1):
        yield "reply" if len(node.replies) == 1 else f"reply {number}", reply
    if node.reasoning:
        yield "reasoning", "".join(node.reasoning)
    if node.result and node.result != node.error and node.result not in node.replies:
        yield "result", node.result


def _figures(node: Node) -> Iterator[tuple[str, str]]:
    usage = node.usage
    yield "status", node.status + (f", {node.activity}" if node.activity else "")
    if node.model:
        yield "model", node.model
    if usage.total_tokens:
        parts = [f"{usage.total_tokens:,}", f"in {usage.input_tokens:,}", f"out {usage.output_tokens:,}"]
        parts += [f"cached {usage.cached_tokens:,}"] if usage.cached_tokens else []
        parts += [f"reasoning {usage.reasoning_tokens:,}"] if usage.reasoning_tokens else []
        yield "tokens", "  ".join(parts)
        yield "cost", cost_text(node.cost, node.cost_known)
    if node.elapsed_ms is not None:
        yield "time", duration_text(node.elapsed_ms)
    if node.calls:
        yield "calls", f"{node.calls:,}"
    if node.children:
        yield "children", f"{node.done_children:,} of {len(node.children):,} ended"
    if node.retries:
        yield "retries", f"{node.retries:,}"
    if node.memo:
        yield "memo", "answered from an equal call before"
    if node.entry >= 0:
        yield "entry", f"#{node.entry:,}"


class DetailView(LineView):
    """The sections as plain wrapped lines, which can be selected and copied."""

    def __init__(self, node: Node, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._node = node
        self._lines: list[LineStrip] = []

    def line_count(self) -> int:
        """Lines of all sections."""
        return len(self._lines)

    def line_at(self, number: int) -> Strip | None:
        """Return a line."""
        return self._lines[number] if 0 <= number < len(self._lines) else None

    def width_changed(self) -> None:
        """Wrap all sections again."""
        self._lines = []
        for heading, text in detail_sections(self._node):
            if self._lines:
                self._add("", "text")
            self._add(heading, "accent")
            body = text[:_SECTION_CHARS]
            for line in body.split("\n"):
                self._add_wrapped(line)
            if len(text) > len(body):
                self._add(f"… {len(text) - len(body):,} more characters", "dim")

    def _add(self, text: str, role: str, *, joint: str = "\n") -> None:
        style = self._base + self.palette.style(role)
        self._lines.append(padded(LineStrip([Segment(text, style)], joint=joint), self.text_width, self._base))

    def _add_wrapped(self, line: str) -> None:
        safe = safe_text(line, tabs=True)
        starts = wrap(safe, self.text_width)
        ends = [*starts[1:], len(safe)]
        for start, end in zip(starts, ends, strict=True):
            self._add(safe[start:end], "text", joint="\n" if end == len(safe) else "")

    def action_copy(self) -> None:
        """Copy the selection, or all sections."""
        if self.selection is not None:
            self.copy_selection()
        else:
            self.copy_text("\n\n".join(f"{heading}\n{text}" for heading, text in detail_sections(self._node)))


class TraceDetail(Dialog[str | None]):
    """Shows one node. Returns `spans` when the person wants to see its spans, else None."""

    DEFAULT_CSS = """
    TraceDetail { align: center middle; background: $ground 60%; }
    TraceDetail > Vertical { width: 90%; height: 85%; background: $ground; border: round $faint; }
    TraceDetail DetailView { height: 1fr; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,d,q", "close", "Close", show=False),
        Binding("o", "spans", "Open its spans", show=False),
    ]

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node

    def compose(self) -> ComposeResult:
        """Lay out title and sections."""
        with Vertical():
            yield TitleLine(id="detail-title")
            yield DetailView(self._node, id="detail-text")

    def on_mount(self) -> None:
        """Name the node and focus the text."""
        parts = [Part(one_line(self._node.name, 40), "accent", bold=True), Part(one_line(self._node.title, 60))]
        parts += [Part(keys, right=True) for keys in ("o spans", "y copy", "esc close")]
        self.query_one("#detail-title", TitleLine).show(parts)
        self.query_one("#detail-text").focus()

    def action_close(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_spans(self) -> None:
        """Close, and open the node's spans."""
        self.dismiss("spans")
