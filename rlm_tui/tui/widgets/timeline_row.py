"""One node of the trace as a bar on its turn's time axis: when it worked, when it waited for what stands below it."""

from dataclasses import dataclass
from itertools import islice

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from rlm_tui.session.nodes import Node
from rlm_tui.text import one_line
from rlm_tui.tui.numbers import duration_text
from rlm_tui.tui.palette import Palette
from rlm_tui.tui.widgets.columns import cut, left, right
from rlm_tui.tui.widgets.trace_row import depth_of, status_mark, time_text

WORKS, TOOL, WAITS, RUNS = "█", "▒", "─", "▸"
_TICK = "┊"
_TICKS = 4
_INDENT, _DEEPEST = 1, 12
_NAME_MIN, _NAME_SHARE = 16, 0.34
_TIME = 8
_MOST_CHILDREN = 5_000
_NICE_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600)


@dataclass(frozen=True, slots=True)
class Axis:
    """What the cells of a bar stand for: `begin` in seconds since the epoch, and how many seconds they are in all."""

    begin: float
    seconds: float

    def cell(self, at: float, cells: int) -> float:
        """Return where a moment stands, in cells from the left; outside of the axis it is beyond its ends."""
        return (at - self.begin) / self.seconds * cells

    @property
    def text(self) -> str:
        """The axis in words, for a title."""
        return f"0 – {duration_text(self.seconds * 1000)}"


def axis_of(node: Node, now: float) -> Axis:
    """Return the axis on which `node` fills everything. While it runs, it ends at a round number: bars grow, and jump
    rarely.
    """
    took = (node.ended or max(now, node.started)) - node.started
    if node.ended is None:
        took = next((float(seconds) for seconds in _NICE_S if seconds >= took), took * 1.25)
    return Axis(node.started, max(took, 0.001))


def root_of(node: Node) -> Node:
    """Return the turn above `node`."""
    while node.parent is not None:
        node = node.parent
    return node


def timeline_strip(
    node: Node, width: int, palette: Palette, ground: Style, *, folded: bool | None, now: float, frame: int, axis: Axis
) -> Strip:
    """Return the line of `node`: name, bar on `axis`, and how long it took."""
    names = max(_NAME_MIN, int(width * _NAME_SHARE))
    cells = max(1, width - names - _TIME - 2)
    dim = ground + palette.style("dim")
    mark, role = status_mark(node, frame)
    head = " " * (_INDENT * min(depth_of(node), _DEEPEST)) + ("  " if folded is None else "▸ " if folded else "▾ ")
    name = cut(one_line(f"{node.name} {node.title}".strip(), 100), max(1, names - len(head) - 3))
    label = [
        Segment(head, dim),
        Segment(mark + " ", ground + palette.style(role)),
        Segment(left(name, max(1, names - len(head) - 2)), ground + palette.style("text")),
    ]
    used = sum(cell_len(segment.text) for segment in label)
    return Strip(
        [
            *label,
            Segment(" " * max(0, names - used + 1), ground),
            *_bar(node, cells, palette, ground, now, axis),
            Segment(" " + right(time_text(node, now), _TIME), dim),
        ]
    )


def _bar(node: Node, cells: int, palette: Palette, ground: Style, now: float, axis: Axis) -> list[Segment]:
    """Return the cells of the axis: ticks, and on them the node as works and waits."""
    kinds = [_TICK if cell and cell * _TICKS % cells < _TICKS else " " for cell in range(cells)]
    begin, end = axis.cell(node.started, cells), axis.cell(node.ended or now, cells)
    first, last = max(0, int(begin)), min(cells - 1, int(max(begin, end - 0.001)))
    if first < cells and last >= 0:
        kinds[first : last + 1] = _kind(node) * (last + 1 - first)
        if node.kind != "tool":
            for cell in _waiting(node, cells, now, axis):
                if first <= cell <= last:
                    kinds[cell] = WAITS
        if node.running:
            kinds[last] = RUNS
    faint, wait = ground + palette.style("faint"), ground + palette.style("dim")
    work = ground + palette.style(_role(node))
    styles = {" ": ground, _TICK: faint, WAITS: wait}
    segments: list[Segment] = []
    for kind in kinds:
        style = styles.get(kind, work)
        if segments and segments[-1].style == style:
            segments[-1] = Segment(segments[-1].text + kind, style)
        else:
            segments.append(Segment(kind, style))
    return segments


def _kind(node: Node) -> str:
    """Return what most cells of a node's bar are: a tool that made sub-calls waits for them."""
    if node.kind != "tool":
        return WORKS
    return WAITS if node.children else TOOL


def _waiting(node: Node, cells: int, now: float, axis: Axis) -> set[int]:
    """Return the cells in which a call did nothing but wait for its tools and sub-calls."""
    waiting: set[int] = set()
    for child in islice(node.children, _MOST_CHILDREN):
        begin, end = axis.cell(child.started, cells), axis.cell(child.ended or now, cells)
        waiting.update(range(max(0, int(begin + 0.999)), min(cells, int(end))))
    return waiting


def _role(node: Node) -> str:
    if node.status == "failed":
        return "bad"
    if node.status == "cancelled":
        return "dim"
    return "matched" if node.kind == "tool" else "accent"
