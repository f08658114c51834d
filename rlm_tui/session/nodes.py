"""The parts of a folded session: nodes of the trace, items of the chat, and turns.

They are built and changed by the fold alone; screens and exports read them. They are structs because a replay copies
thousands of them at once (`copy.copy` of one takes a fifth of a microsecond).
"""

from typing import TYPE_CHECKING, Any, Literal, Self

from msgspec import Struct, field

from rlm_tui.events import Citation, Image, ReplyFinished, Span, ToolFinished, Usage

NodeKind = Literal["turn", "call", "tool"]
NodeStatus = Literal["running", "waiting", "ok", "failed", "cancelled"]
ItemRole = Literal["user", "assistant", "reasoning", "tool", "notice", "status"]


class Part(Struct, eq=False):
    """A part of a state: told apart by identity, and copied shallowly by `__copy__`, faster than by `copy.copy`."""

    if TYPE_CHECKING:  # structs have it, their stubs do not say so

        def __copy__(self) -> Self: ...


class Node(Part, eq=False):
    """One line of the trace: a turn (with its root call), a sub-call, or a tool request.

    `key` is `turn:N`, `call:N` or `tool:ID`. `usage`, `cost` and `calls` are sums over the whole sub-tree;
    `cost_known` is False where a price was missing. Times are seconds since the epoch. `activity` says in a few
    words what a running node does now. `done_children` counts ended children, for progress.
    """

    key: str
    kind: NodeKind
    name: str
    title: str
    parent: "Node | None"
    depth: int
    started: float
    call: int = 0
    turn: int = 0
    status: NodeStatus = "running"
    activity: str = ""
    ended: float | None = None
    elapsed_ms: float | None = None
    children: list["Node"] = field(default_factory=list)
    done_children: int = 0
    usage: Usage = Usage()
    cost: float = 0.0
    cost_known: bool = True
    calls: int = 0
    retries: int = 0
    model: str = ""
    summary: str = ""
    spans: list[Span] = field(default_factory=list)
    prompt: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    replies: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    result: str = ""
    error: str = ""
    entry: int = -1
    memo: bool = False
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        """Whether the node has not ended."""
        return self.status in ("running", "waiting")

    @property
    def live_text(self) -> str:
        """All text that the node's model has written so far."""
        return "".join(self.replies)


class ChatItem(Part, eq=False):
    """One item of the chat, in order. `parts` grow while `live`; `version` grows with every change.

    `node` is the key of the trace node that it belongs to (a turn's or a tool's). `level` is a notice's.
    """

    index: int
    role: ItemRole
    turn: int
    node: str = ""
    parts: list[str] = field(default_factory=list)
    live: bool = False
    level: str = ""
    version: int = 0
    citations: tuple[Citation, ...] = ()

    @property
    def text(self) -> str:
        """The item's text so far."""
        if len(self.parts) > 1:
            self.parts[:] = ["".join(self.parts)]
        return self.parts[0] if self.parts else ""


class Turn(Part, eq=False):
    """One turn of the conversation: what was said, and the root call's replies and tool results in order."""

    number: int
    prompt: str
    entry: int
    node: Node
    root_call: int = 0
    history: list[ReplyFinished | ToolFinished] = field(default_factory=list)
    answer: str = ""
    citations: tuple[Citation, ...] = ()
    reason: str = ""
    ended: bool = False
    reverted: bool = False
    images: tuple[Image, ...] = ()
