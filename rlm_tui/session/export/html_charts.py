"""The page's pictures: where the context was touched, and when each call ran. Both are plain SVG."""

from rlm_tui.session.export.html_text import attribute, escaped
from rlm_tui.session.export.outline import node_line, took_text
from rlm_tui.session.nodes import Node
from rlm_tui.session.state import SessionState

_CELLS = 400
_MOST_BARS = 1_500
_BAR = 7
_WIDTH = 1_000


def coverage_strip(state: SessionState) -> str:
    """Return the strip of the whole context: the strongest touch of each of its parts, and the sums in words."""
    chars = state.context_chars
    if not chars:
        return ""
    cells = state.coverage.strip(0, chars, _CELLS)
    bars = []
    start = 0
    for end in range(1, _CELLS + 1):
        if end == _CELLS or cells[end] != cells[start]:
            how = cells[start]
            if how is not None:
                bars.append(f'<rect class="{attribute(how)}" x="{start}" width="{end - start}" height="14"/>')
            start = end
    totals = state.coverage.totals()
    legend = "".join(
        f'<span class="{attribute(how)}">{escaped(how)} {count:,} ({count / chars:.2%})</span>'
        for how, count in totals.items()
    )
    untouched = state.coverage.untouched(chars)
    return (
        f'<figure class="coverage"><svg viewBox="0 0 {_CELLS} 14" preserveAspectRatio="none" role="img" '
        f'aria-label="coverage of the context">{"".join(bars)}</svg><figcaption>{legend}'
        f"<span>untouched {untouched:,} ({untouched / chars:.2%}) of {chars:,} characters</span></figcaption></figure>"
    )


def timeline(state: SessionState) -> str:
    """Return when turns, calls and tools ran, one bar each under the one that started it."""
    nodes = _in_order(state.roots)
    shown = [node for node in nodes if node.ended is not None][:_MOST_BARS]
    if not shown:
        return ""
    parts = ['<section id="timeline"><h2>Timeline</h2>']
    by_turn: dict[int, list[Node]] = {}
    for node in shown:
        by_turn.setdefault(node.turn, []).append(node)
    for root in state.roots:
        inside = by_turn.get(root.turn)
        if inside and root.ended is not None:
            parts.append(_turn_bars(root, inside))
    if len(shown) < len(nodes):
        parts.append(f"<p>{len(nodes) - len(shown):,} further bars are not drawn.</p>")
    return "".join([*parts, "</section>\n"])


def _turn_bars(root: Node, nodes: list[Node]) -> str:
    begin = root.started
    length = max(0.001, *((node.ended or begin) - begin for node in nodes))
    bars = []
    for row, node in enumerate(nodes):
        x = min(_WIDTH - 2.0, _WIDTH * max(0.0, node.started - begin) / length)
        width = _WIDTH * ((node.ended or begin) - max(begin, node.started)) / length
        bars.append(
            f'<a href="#n-{attribute(node.key.replace(":", "-"))}"><rect class="{node.kind} {node.status}" x="{x:.1f}" '
            f'y="{row * _BAR}" width="{min(max(2.0, width), _WIDTH - x):.1f}" height="{_BAR - 2}">'
            f"<title>{escaped(node_line(node))}</title></rect></a>"
        )
    height = len(nodes) * _BAR
    took = took_text(root.elapsed_ms)
    return (
        f'<figure><figcaption><a href="#turn-{root.turn}">{root.turn}</a> {escaped(root.title)} '
        f'<small>{took}</small></figcaption><svg viewBox="0 0 {_WIDTH} {height}" preserveAspectRatio="none" '
        f'height="{height}" role="img" aria-label="timeline of turn {root.turn}">{"".join(bars)}</svg></figure>'
    )


def _in_order(roots: list[Node]) -> list[Node]:
    found: list[Node] = []
    stack = list(reversed(roots))
    while stack:
        node = stack.pop()
        found.append(node)
        stack += reversed(node.children)
    return found
