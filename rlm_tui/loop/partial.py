"""What a turn has found when a budget ends it before the model said anything: the answers of its sub-calls."""

from collections.abc import Iterator

from rlm_tui.session.nodes import Node
from rlm_tui.text import one_line

_MOST = 20
_HEAD_CHARS = 1_000


def found_so_far(turn: Node) -> str:
    """Return the newest answers of a turn's sub-calls as Markdown, oldest first; empty where there are none."""
    answered = [node for node in _calls(turn) if node.status == "ok" and node.result.strip()][-_MOST:]
    if not answered:
        return ""
    lines = [f"- {one_line(node.prompt, 80)} (call {node.call}): {_head(node.result)}" for node in answered]
    return "\n".join(["No answer was reached. What sub-calls found:", "", *lines])


def _calls(node: Node) -> Iterator[Node]:
    for child in node.children:
        if child.kind == "call":
            yield child
        yield from _calls(child)


def _head(text: str) -> str:
    return one_line(text, _HEAD_CHARS)
