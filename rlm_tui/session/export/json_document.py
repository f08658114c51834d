"""JSON: the whole session as one object, arranged: turns, trace, entries, coverage, excerpts, totals.

Where JSON Lines are the log as it is, this is its fold. Its schema is made from the structures below.
"""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from rlm_tui import __version__
from rlm_tui import events as ev
from rlm_tui.session.export.context import Excerpt
from rlm_tui.session.export.outline import Outline, make_outline
from rlm_tui.session.export.reading import Exported
from rlm_tui.session.nodes import ChatItem, Node, Turn

DOCUMENT_FORMAT = 1
"""Major version of the document: a later one may lack or change fields; new fields alone do not raise it."""


class Facts(Struct, frozen=True):
    """The session as a whole. Times are seconds since the epoch, cost US dollars."""

    id: str
    title: str
    project: str
    model: str
    sub_model: str
    opened_at: float
    changed_at: float
    forked_from: str
    imported_from: str
    settings: dict[str, str]
    context_chars: int
    entries: int


class Totals(Struct, frozen=True):
    """Sums over all calls, sub-calls included. `cost_known` is False where a price was missing."""

    turns: int
    calls: int
    usage: ev.Usage
    cost: float
    cost_known: bool
    touched: dict[ev.Touch, int]


class Message(Struct, frozen=True, omit_defaults=True):
    """One item of the chat. `node` is the key of its trace node."""

    role: str
    text: str
    node: str = ""
    level: str = ""


class TurnDocument(Struct, frozen=True):
    """One turn. `reason` says how it ended; `reverted` that it no longer counts in the conversation."""

    number: int
    prompt: str
    answer: str
    reason: str
    ended: bool
    reverted: bool
    citations: tuple[ev.Citation, ...]
    messages: list[Message]


class NodeDocument(Struct, frozen=True):
    """One node of the trace; `parent` is a key, or empty. Sums are over its sub-tree."""

    key: str
    parent: str
    kind: Literal["turn", "call", "tool"]
    name: str
    title: str
    status: str
    depth: int
    call: int
    turn: int
    started: float
    elapsed_ms: float | None
    model: str
    prompt: str
    arguments: dict[str, Any]
    replies: list[str]
    reasoning: list[str]
    result: str
    error: str
    summary: str
    entry: int
    spans: list[ev.Span]
    usage: ev.Usage
    cost: float
    cost_known: bool
    calls: int
    retries: int
    memo: bool


class Document(Struct, frozen=True):
    """The exported object. `coverage` has `[start, end]` intervals for each way of touching."""

    type: Literal["rlm-tui-document"]
    format: int
    app_version: str
    parts: list[str]
    session: Facts
    totals: Totals
    turns: list[TurnDocument]
    trace: list[NodeDocument]
    segments: list[ev.SegmentAttached]
    entries: list[ev.EntryAppended]
    coverage: dict[ev.Touch, list[tuple[int, int]]]
    excerpts: list[Excerpt]
    masked: dict[str, int]
    notes: list[str]


def write_json(exported: Exported) -> Iterator[bytes]:
    """Yield the document, a few pieces at a time. Raises `SessionError`."""
    outline = make_outline(exported)
    state = outline.state
    document = Document(
        "rlm-tui-document", DOCUMENT_FORMAT, __version__, sorted(exported.parts),
        Facts(
            state.session, state.title, state.project, state.model, state.sub_model, state.opened_at, state.changed_at,
            state.forked_from, state.imported_from, dict(sorted(state.settings.items())), state.context_chars,
            state.entry_count,
        ),
        Totals(
            len(state.turns), state.calls, state.usage, state.cost, state.cost_known, state.coverage.totals()
        ),
        [_turn(outline, turn) for turn in state.turns],
        [_node(node) for node in state.nodes.values()],
        list(exported.attached),
        exported.entries,
        {how: union.intervals() for how, union in state.coverage.unions.items()},
        outline.excerpts,
        dict(sorted(exported.masker.found.items())),
        outline.notes,
    )  # fmt: skip
    yield msgspec.json.encode(document) + b"\n"


def _turn(outline: Outline, turn: Turn) -> TurnDocument:
    messages = [_message(item) for item in outline.messages(turn.number)]
    return TurnDocument(
        turn.number, turn.prompt, turn.answer, turn.reason, turn.ended, turn.reverted, turn.citations, messages
    )


def _message(item: ChatItem) -> Message:
    return Message(item.role, item.text, item.node, item.level)


def _node(node: Node) -> NodeDocument:
    return NodeDocument(
        node.key, node.parent.key if node.parent is not None else "", node.kind, node.name, node.title, node.status,
        node.depth, node.call, node.turn, node.started, node.elapsed_ms, node.model, node.prompt, node.arguments,
        node.replies, node.reasoning, node.result, node.error, node.summary, node.entry, node.spans, node.usage,
        node.cost, node.cost_known, node.calls, node.retries, node.memo,
    )  # fmt: skip


def document_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    schema = msgspec.json.schema(Document)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
