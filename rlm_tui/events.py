"""The vocabulary of a session: what can happen, as a closed union of frozen facts.

A session is an append-only sequence of these events, each in an `Envelope`. The screen, the headless output,
resume, replay and every export are folds over the same sequence; none of them has a second source.

Offsets are Unicode code points, 0-based and half-open, over the session's context in order. Times are seconds
since the epoch, durations milliseconds, costs US dollars (None where no price is known), sizes characters unless
a name says bytes or tokens. `request` is a tool request's id, unique in its session; `call` is the number of a
language-model loop: 0 the session itself, then 1, 2, ... in the order they started.
"""

from typing import Any, ClassVar, Literal

from msgspec import Struct

FORMAT_VERSION = 1
"""Major version of the log format. A reader refuses a newer one and leaves the file as it is."""

EntryKind = Literal["file", "user", "assistant", "tool", "answer", "note"]
ENTRY_KINDS: tuple[EntryKind, ...] = ("file", "user", "assistant", "tool", "answer", "note")

Touch = Literal["read", "matched", "sent", "cited"]
TOUCH_ORDER: tuple[Touch, ...] = ("matched", "read", "sent", "cited")
"""From weakest to strongest: the strongest decides the colour of a position."""


class Span(Struct, frozen=True, array_like=True):
    """`[start, end)` in session offsets, and how it was touched."""

    start: int
    end: int
    how: Touch = "read"


class Usage(Struct, frozen=True, omit_defaults=True):
    """Tokens of one or more model replies, as the provider reported them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )

    @property
    def total_tokens(self) -> int:
        """Input and output tokens; cached and reasoning tokens are parts of these."""
        return self.input_tokens + self.output_tokens


class ToolRequest(Struct, frozen=True, omit_defaults=True):
    """A tool the model asked for. `arguments` is the raw JSON text, which may be malformed."""

    request: str
    name: str
    arguments: str
    provider_id: str = ""


class Citation(Struct, frozen=True, omit_defaults=True):
    """A place an answer rests on. `ok` is False where the offsets do not hold what the answer claims."""

    start: int
    end: int
    label: str = ""
    entry: int = -1
    quote: str = ""
    ok: bool = True


class Event(Struct, frozen=True, tag=True, omit_defaults=True):
    """Base of every event. `durable` events are written to the log; the others only pass by."""

    durable: ClassVar[bool] = True


# --- the session -------------------------------------------------------------------------------------------


class SessionOpened(Event, frozen=True, tag=True):
    """First event of a log, and again at each resume (`resumed`). `project` is an absolute path."""

    format: int
    app_version: str
    project: str
    model: str
    sub_model: str = ""
    mode: str = "tools"
    resumed: bool = False
    forked_from: str = ""
    forked_at: int = -1
    imported_from: str = ""


class TitleSet(Event, frozen=True, tag=True):
    title: str


class ModelChosen(Event, frozen=True, tag=True):
    model: str
    sub_model: str = ""


class SettingChosen(Event, frozen=True, tag=True):
    """A choice that belongs to the session: `mode`, `agent`, `approval`, `reasoning`."""

    name: str
    value: str


class SessionClosed(Event, frozen=True, tag=True):
    reason: str = ""


class Notice(Event, frozen=True, tag=True):
    """Something a person should know: `level` is `info`, `warning` or `error`."""

    level: Literal["info", "warning", "error"]
    text: str


class Progress(Event, frozen=True, tag=True):
    """How far a long work is. Passes by, is never written. `total` is 0 while unknown; `done == total` ends it."""

    durable: ClassVar[bool] = False
    work: str
    done: int
    total: int
    unit: str = ""
    detail: str = ""
    finished: bool = False


# --- the context -------------------------------------------------------------------------------------------


class SegmentAttached(Event, frozen=True, tag=True):
    """A sealed segment joined the context. Its live entries take the next numbers and offsets, densely.

    `live` are inclusive ranges of the segment's own entry sequence numbers. `path` is relative to the data home
    where the segment lies in it, else absolute. `source` says what was attached (a project or folder path).
    """

    segment: str
    sha: str
    path: str
    source: str
    first_entry: int
    entries: int
    start: int
    chars: int
    live: tuple[tuple[int, int], ...]


class EntryAppended(Event, frozen=True, tag=True):
    """An entry of the tail. Its text is here, or, where it is large, in `outputs/<output>` (a SHA-256 name)."""

    entry: int
    kind: EntryKind
    label: str
    start: int
    chars: int
    sha: str
    text: str = ""
    output: str = ""
    part: int = 0
    parts: int = 1
    note: str = ""


class EntrySuperseded(Event, frozen=True, tag=True):
    """An entry is no longer current: hidden from search, still readable at its offsets."""

    entry: int
    by: int = -1
    reason: str = "changed"


class SegmentSealed(Event, frozen=True, tag=True):
    """Entries `first`..`last` of the tail moved into the session's own sealed segment; no offset changed."""

    segment: str
    sha: str
    path: str
    first: int
    last: int


class SpanTouched(Event, frozen=True, tag=True):
    """Spans of the context were touched outside a tool's result: `sent` to a sub-call, `cited` by an answer."""

    spans: tuple[Span, ...]
    request: str = ""


# --- turns and calls ---------------------------------------------------------------------------------------


class Image(Struct, frozen=True):
    """An image that a prompt shows: its bytes lie in the session's folder, as `images/SHA256`. `size` is in bytes."""

    name: str
    sha256: str
    media_type: str
    size: int


class TurnStarted(Event, frozen=True, tag=True):
    """A prompt was accepted (durably: this event is synced before anything else happens)."""

    turn: int
    prompt: str
    entry: int = -1
    agent: str = ""
    images: tuple[Image, ...] = ()


class CallStarted(Event, frozen=True, tag=True):
    """A language-model loop began. The envelope names the call, its parent and depth.

    With `memo` no model is asked: the answer of an equal call before stands in, and nothing is spent.
    """

    purpose: Literal["root", "query", "map", "task", "llm"]
    model: str
    prompt: str
    spans: tuple[Span, ...] = ()
    request: str = ""
    index: int = -1
    agent: str = ""
    memo: bool = False


class TextDelta(Event, frozen=True, tag=True):
    text: str


class ReasoningDelta(Event, frozen=True, tag=True):
    text: str


class ModelRetry(Event, frozen=True, tag=True):
    """The provider failed and will be asked again in `wait_ms`."""

    attempt: int
    wait_ms: int
    kind: str
    reason: str


class ReplyFinished(Event, frozen=True, tag=True):
    """One reply of the model, whole. `extra` holds provider fields that must go back unchanged.

    `fenced` says that `requests` were code blocks in `text`: their results go back as plain text.
    """

    text: str
    model: str
    requests: tuple[ToolRequest, ...] = ()
    reasoning: str = ""
    usage: Usage = Usage()
    cost: float | None = None
    finish: str = "stop"
    elapsed_ms: float = 0.0
    first_token_ms: float = 0.0
    extra: dict[str, Any] = {}
    fenced: bool = False


class ToolRequested(Event, frozen=True, tag=True):
    """A tool is about to run. `arguments` are parsed, with aliases resolved; `{}` where they were malformed."""

    request: str
    name: str
    arguments: dict[str, Any]


class PermissionAsked(Event, frozen=True, tag=True):
    """A tool waits for a person's say. `what` is the whole command, path or address; `rule` would allow its like.

    `warning` says what is dangerous about it.
    """

    request: str
    name: str
    what: str
    reason: str = ""
    rule: str = ""
    diff: str = ""
    warning: str = ""


class PermissionAnswered(Event, frozen=True, tag=True):
    """`decision` is `once`, `session`, `always` or `deny`."""

    request: str
    decision: str
    rule: str = ""
    reason: str = ""


class QuestionAsked(Event, frozen=True, tag=True):
    """A tool asks the person something; other answers than `options` are possible."""

    request: str
    question: str
    options: tuple[str, ...] = ()


class QuestionAnswered(Event, frozen=True, tag=True):
    """The person's answer; `declined` when there was none."""

    request: str
    answer: str = ""
    declined: bool = False


class ToolOutput(Event, frozen=True, tag=True):
    """A piece of a running tool's output, for people; the result arrives with `ToolFinished`."""

    request: str
    text: str


class ToolFinished(Event, frozen=True, tag=True):
    """A tool ended. `result` is what the model is shown; `summary` is one line for the trace.

    `spans` are the spans that it returned. `entry` is the entry that holds the whole output, or -1.
    `data` is for the screen (a diff, a count), never for the model.
    """

    request: str
    name: str
    ok: bool
    result: str
    summary: str
    elapsed_ms: float
    spans: tuple[Span, ...] = ()
    entry: int = -1
    data: dict[str, Any] = {}


class CallFinished(Event, frozen=True, tag=True):
    """A call ended with an answer. `usage` and `cost` are its own, without its children's.

    `memo_key` is set where an equal call may be given this answer: then it names all that the answer depends on.
    """

    answer: str
    citations: tuple[Citation, ...] = ()
    usage: Usage = Usage()
    cost: float | None = None
    entry: int = -1
    reason: str = "done"
    memo_key: str = ""


class CallFailed(Event, frozen=True, tag=True):
    """A call ended without an answer. `kind` is a `ModelError.kind`, `cancelled`, `budget` or `internal`."""

    kind: str
    message: str
    usage: Usage = Usage()
    cost: float | None = None


class BudgetReached(Event, frozen=True, tag=True):
    """`what` is `depth`, `calls`, `tokens`, `cost`, `seconds` or `repeats`."""

    what: str
    limit: float
    used: float
    message: str


class TurnFinished(Event, frozen=True, tag=True):
    """A turn ended with an answer. `usage`, `cost` and `calls` count the whole tree."""

    turn: int
    answer: str
    model: str
    citations: tuple[Citation, ...] = ()
    usage: Usage = Usage()
    cost: float | None = None
    calls: int = 0
    reason: str = "done"
    elapsed_ms: float = 0.0


class TurnInterrupted(Event, frozen=True, tag=True):
    """A turn ended early: `reason` is `interrupted`, `failed`, `budget` or `crashed`."""

    turn: int
    reason: str
    model: str
    answer: str = ""
    message: str = ""
    citations: tuple[Citation, ...] = ()
    usage: Usage = Usage()
    cost: float | None = None
    calls: int = 0
    elapsed_ms: float = 0.0


# --- the person's files ------------------------------------------------------------------------------------


class SnapshotTaken(Event, frozen=True, tag=True):
    snapshot: str
    paths: tuple[str, ...]
    turn: int = 0


class Reverted(Event, frozen=True, tag=True):
    """Files or the conversation went back: `to_turn` is the first turn that no longer counts (0: files only)."""

    snapshot: str
    paths: tuple[str, ...]
    to_turn: int = 0
    undone: bool = True


class UnknownEvent(Event, frozen=True, tag=True):
    """An event of a later minor version, kept as it was read so that nothing is lost."""

    raw: dict[str, Any]


AnyEvent = (
    SessionOpened | TitleSet | ModelChosen | SettingChosen | SessionClosed | Notice | Progress
    | SegmentAttached | EntryAppended | EntrySuperseded | SegmentSealed | SpanTouched
    | TurnStarted | CallStarted | TextDelta | ReasoningDelta | ModelRetry | ReplyFinished
    | ToolRequested | PermissionAsked | PermissionAnswered | QuestionAsked | QuestionAnswered
    | ToolOutput | ToolFinished
    | CallFinished | CallFailed | BudgetReached | TurnFinished | TurnInterrupted
    | SnapshotTaken | Reverted | UnknownEvent
)  # fmt: skip
"""The closed union. A new event is added here, and the fold in `session/state.py` says what it means."""


class Envelope(Struct, frozen=True, omit_defaults=True):
    """An event with its place: `seq` counts durable events of a session from 0; -1 for events that pass by."""

    session: str
    seq: int
    at: float
    event: AnyEvent
    call: int = 0
    parent: int = 0
    depth: int = 0
