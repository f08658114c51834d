"""What a timeline shows of a log: where turns, calls, tools and errors are, and what had been spent by then."""

from typing import Literal

from msgspec import Struct

from rlm_tui import events as ev
from rlm_tui.session.state import SessionState

MarkKind = Literal["turn", "answer", "reply", "call", "tool", "error", "notice"]
MESSAGE_KINDS: frozenset[MarkKind] = frozenset({"turn", "answer", "reply"})
CALL_KINDS: frozenset[MarkKind] = frozenset({"call"})


class Mark(Struct, frozen=True):
    """A record worth a mark: `moment` is the one right after it, `cost` in US dollars all that was spent by then."""

    moment: int
    kind: MarkKind
    text: str
    cost: float


def mark_of(index: int, record: ev.Envelope, state: SessionState) -> Mark | None:
    """Return the mark of the record at `index`, after it was folded into `state`, or None for one without.

    The record's event is of a type in `MARKED`.
    """
    kind = MARKED[type(record.event)]
    event = record.event
    match event:
        case ev.TurnStarted():
            text = event.prompt
        case ev.TurnFinished():
            text = event.answer
        case ev.TurnInterrupted() | ev.CallFailed():
            text = event.message
        case ev.CallStarted():
            if event.purpose == "root":
                return None
            text = event.prompt
        case ev.ReplyFinished():
            if record.depth or not event.text:
                return None
            text = event.text
        case ev.ToolFinished():
            text = event.summary
            kind = "tool" if event.ok else "error"
        case ev.Notice():
            text = event.text
            kind = "error" if event.level == "error" else "notice"
        case _:
            text = ""
    return Mark(index + 1, kind, text[:200], state.cost)


MARKED: dict[type, MarkKind] = {
    ev.TurnStarted: "turn",
    ev.TurnFinished: "answer",
    ev.TurnInterrupted: "error",
    ev.CallStarted: "call",
    ev.ReplyFinished: "reply",
    ev.ToolFinished: "tool",
    ev.CallFailed: "error",
    ev.Notice: "notice",
}
