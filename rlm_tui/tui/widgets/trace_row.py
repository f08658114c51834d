"""One node of the trace as one line: folds, status, name and title, then columns that give way to a narrow screen."""

from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from rlm_tui.session.nodes import Node
from rlm_tui.text import one_line
from rlm_tui.tui.numbers import compact_count, cost_text, duration_text
from rlm_tui.tui.palette import Palette
from rlm_tui.tui.widgets.columns import cut, left, right

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_STATUS: dict[str, tuple[str, str]] = {
    "ok": ("✓", "good"),
    "failed": ("✗", "bad"),
    "cancelled": ("⊘", "dim"),
    "waiting": ("?", "warn"),
}
_RETRYING = ("↻", "warn")
_BOLD = ("rlm_query", "rlm_map", "task")
_INDENT = 2
_DEEPEST = 12
_LEFT_MIN = 30
_TIME, _PROGRESS, _COST, _TOKENS, _SUMMARY = 8, 9, 8, 6, 22
_GAP = 2
_BAR_CELLS = 8


@dataclass(frozen=True, slots=True)
class Columns:
    """Cells of each column at the right; 0 for one that found no room."""

    summary: int
    progress: int
    tokens: int
    cost: int
    time: int

    @property
    def total(self) -> int:
        """All of them, gaps included."""
        own = (self.summary, self.progress, self.tokens, self.cost, self.time)
        return sum(cells + _GAP for cells in own if cells)


def columns_for(width: int) -> Columns:
    """Return the columns for lines of `width` cells: time stays longest, then progress, cost, tokens, summary."""
    room = width - _LEFT_MIN
    found = {}
    for name, cells in (
        ("time", _TIME), ("progress", _PROGRESS), ("cost", _COST), ("tokens", _TOKENS), ("summary", _SUMMARY),
    ):  # fmt: skip
        fits = room >= cells + _GAP
        found[name] = cells if fits else 0
        room = room - cells - _GAP if fits else 0
    if found["summary"]:
        found["summary"] += room // 3
    return Columns(**found)


def depth_of(node: Node) -> int:
    """Return how many nodes stand above `node`."""
    depth = 0
    while node.parent is not None:
        node = node.parent
        depth += 1
    return depth


def node_strip(
    node: Node, width: int, palette: Palette, ground: Style, *, folded: bool | None, now: float, frame: int
) -> Strip:
    """Return the line of `node`. `folded` is None for a node that has nothing to fold; `frame` turns the spinner."""
    columns = columns_for(width)
    figures = _figures(node, columns, now)
    lent = 0
    if not (columns.summary and _says_summary(node)):
        lent = columns.summary + _GAP if columns.summary else 0
        while figures and not figures[0][0]:
            lent += figures.pop(0)[1] + _GAP
    room = max(1, width - columns.total + lent)
    dim = ground + palette.style("dim")
    mark, role = status_mark(node, frame)
    indent = " " * (_INDENT * min(depth_of(node), _DEEPEST))
    fold = "  " if folded is None else "▸ " if folded else "▾ "
    bold = node.kind == "turn" or node.name in _BOLD
    head = indent + fold
    name = cut(one_line(node.name, 60), max(1, room - len(head) - 2))
    title_room = room - len(head) - 2 - cell_len(name) - 2
    segments = [
        Segment(head, ground + palette.style("dim")),
        Segment(mark + " ", ground + palette.style(role)),
        Segment(name, ground + palette.style("text", bold=bold or None)),
        Segment("  ", ground),
        *_title(node, title_room, columns, palette, ground),
    ]
    strip = Strip(segments)
    segments.append(Segment(" " * max(0, room - strip.cell_length), ground))
    if columns.summary and _says_summary(node):
        segments += _summary(node, columns.summary, palette, ground)
    segments += [Segment(" " * _GAP + right(text, cells), dim) for text, cells in figures]
    return Strip(segments)


def _figures(node: Node, columns: Columns, now: float) -> list[tuple[str, int]]:
    """Return text and cells of each column of figures that found room; the text is empty where there is none."""
    tokens = node.usage.total_tokens
    every = (
        (_progress(node), columns.progress),
        (compact_count(tokens) if tokens else "", columns.tokens),
        (cost_text(node.cost, node.cost_known) if tokens else "", columns.cost),
        (time_text(node, now), columns.time),
    )
    return [(text, cells) for text, cells in every if cells]


def _says_summary(node: Node) -> bool:
    """Return whether the column of summaries has something to say of `node`; otherwise its title takes the room."""
    running_map = node.running and _is_map(node)
    return bool(running_map or _said(node) or (node.retries and not node.running) or node.memo)


def _said(node: Node) -> str:
    """Return what a node does now, why it failed, or what came out of it."""
    return node.activity if node.running else node.error if node.status == "failed" else node.summary


def _title(node: Node, cells: int, columns: Columns, palette: Palette, ground: Style) -> list[Segment]:
    """Return what the node is about: for a sub-call its spans; why it failed where no column says so."""
    if cells <= 0:
        return []
    words = [one_line(node.title, 200)]
    if node.kind == "call" and node.spans:
        first = node.spans[0]
        more = f" +{len(node.spans) - 1}" if len(node.spans) > 1 else ""
        words.insert(0, f"{first.start:,}–{first.end:,}{more}")
    if node.status == "failed" and node.error and not columns.summary:
        return [Segment(left(one_line(node.error, 200), cells), ground + palette.style("bad"))]
    if not columns.summary and _said(node):
        words.append(one_line(_said(node), 200))
    return [Segment(left("  ".join(words), cells), ground + palette.style("dim"))]


def status_mark(node: Node, frame: int) -> tuple[str, str]:
    """Return the mark of a node's status and its role; `frame` turns the spinner."""
    if node.status == "running":
        retrying = node.retries > 0 and "try" in node.activity
        return _RETRYING if retrying else (SPINNER[frame % len(SPINNER)], "accent")
    return _STATUS[node.status]


def _is_map(node: Node) -> bool:
    return node.kind == "tool" and len(node.children) > 1


def _progress(node: Node) -> str:
    if _is_map(node):
        return f"{node.done_children:,}/{len(node.children):,}"
    if node.kind == "tool" and not node.children:
        return ""
    calls = node.calls - (1 if node.kind == "call" else 0)
    return f"{calls:,} {'call' if calls == 1 else 'calls'}" if calls else ""


def time_text(node: Node, now: float) -> str:
    """Return how long a node took, or has been running at `now`."""
    elapsed = node.elapsed_ms
    if elapsed is None:
        elapsed = max(0.0, ((node.ended or now) - node.started) * 1000)
    return duration_text(elapsed)


def _summary(node: Node, cells: int, palette: Palette, ground: Style) -> list[Segment]:
    if not cells:
        return []
    gap = Segment(" " * _GAP, ground)
    if node.status == "running" and _is_map(node) and cells >= _BAR_CELLS:
        done = _BAR_CELLS * node.done_children // max(1, len(node.children))
        return [
            gap,
            Segment("━" * done, ground + palette.style("accent")),
            Segment("─" * (_BAR_CELLS - done), ground + palette.style("faint")),
            Segment(" " * (cells - _BAR_CELLS), ground),
        ]
    failed = node.status == "failed"
    said = _said(node)
    words = [one_line(said, 200)] if said else []
    if node.retries and not node.running:
        words.append(f"{node.retries} retried")
    if node.memo:
        words.append("remembered")
    style = ground + palette.style("bad" if failed else "dim")
    return [gap, Segment(left("  ".join(words), cells), style)]
