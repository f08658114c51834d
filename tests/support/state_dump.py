"""A folded state as plain values, to compare two of them whole."""

from typing import Any

import msgspec

from rlm_tui.session.nodes import ChatItem, Node, Turn
from rlm_tui.session.state import SessionState


def dump_state(state: SessionState) -> dict[str, Any]:
    """Return everything that a screen or an export can read of a state, with nodes named by their keys."""
    links = state.links()
    return {
        **{name: _plain(value) for name, value in state.plain_values().items()},
        "nodes": {key: _node(node) for key, node in links.nodes.items()},
        "calls": {call: node.key for call, node in links.calls.items()},
        "memo": {key: node.key for key, node in links.memo.items()},
        "roots": [node.key for node in links.roots],
        "items": [_item(item) for item in links.items],
        "turns": [_turn(turn) for turn in links.turns],
        "live": {key: item.index for key, item in links.live.items()},
        "running": links.running.number if links.running is not None else None,
        "touches": list(state.coverage.touches),
        "unions": {how: union.parts() for how, union in state.coverage.unions.items()},
    }


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set) else value


def _node(node: Node) -> dict[str, Any]:
    fields = {name: getattr(node, name) for name in node.__struct_fields__}
    return {
        **fields,
        "parent": node.parent.key if node.parent is not None else None,
        "children": [child.key for child in node.children],
    }


def _item(item: ChatItem) -> dict[str, Any]:
    return {**{name: getattr(item, name) for name in item.__struct_fields__ if name != "parts"}, "text": item.text}


def _turn(turn: Turn) -> dict[str, Any]:
    fields = {name: getattr(turn, name) for name in turn.__struct_fields__}
    return {**fields, "node": turn.node.key, "history": [msgspec.to_builtins(part) for part in turn.history]}
