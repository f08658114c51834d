"""What a timeline shows of a log: where turns, calls, tools and errors are, and what had been spent by then."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

from msgspec import Struct

from rlm_tui import events as ev

MarkKind = Literal["turn", "answer", "reply", "call", "tool", "error", "notice"]
MESSAGE_KINDS: frozenset[MarkKind] = frozenset({"turn", "answer", "reply"})
CALL_KINDS: frozenset[MarkKind] = frozenset({"call"})


class Mark(Struct, frozen=True):
    """A record worth a mark: `moment` is the one right after it, `cost` in US dollars all that was spent by then."""

    moment: int
    kind: MarkKind
    text: str
    cost: float


def marks_of(records: Iterable[ev.Envelope]) -> Iterator[Mark]:
    """Yield the marks of a log's records, in order."""
    cost = 0.0
    for moment, record in enumerate(records, start=1):
        marked = _MARKED.get(type(record.event))
        if marked is None:
            continue
        kind, field = marked
        event: Any = record.event
        if kind == "reply":
            cost += event.cost or 0.0
            if record.depth or not event.text:
                continue
        elif kind == "call":
            if event.purpose == "root":
                continue
        elif (kind == "tool" and not event.ok) or (kind == "notice" and event.level == "error"):
            kind = "error"
        yield Mark(moment, kind, getattr(event, field)[:200], cost)


_MARKED: dict[type, tuple[MarkKind, str]] = {
    ev.TurnStarted: ("turn", "prompt"),
    ev.TurnFinished: ("answer", "answer"),
    ev.TurnInterrupted: ("error", "message"),
    ev.CallStarted: ("call", "prompt"),
    ev.ReplyFinished: ("reply", "text"),
    ev.ToolFinished: ("tool", "summary"),
    ev.CallFailed: ("error", "message"),
    ev.Notice: ("notice", "text"),
}
"""The events that have a mark, with its kind and the field that its text is from."""
