"""Which parts of a session are exported. Prompts, answers and totals always are."""

from collections.abc import Iterable

from msgspec.structs import replace

from rlm_tui import events as ev
from rlm_tui.errors import UsageError
from rlm_tui.session.outputs import digest

PARTS: dict[str, str] = {
    "reasoning": "what the model thought aloud",
    "tools": "what tools printed and returned",
    "calls": "sub-calls, with what they were asked and answered",
    "context": "the text of entries, and excerpts of what answers rest on",
    "files": "changes to files: diffs and snapshots",
    "notices": "notices, questions and permissions",
}
"""Each part that can be left out, and what it is."""

LEFT_OUT = "(left out of this export)"


def chosen_parts(include: Iterable[str], exclude: Iterable[str]) -> frozenset[str]:
    """Return the parts to export: those of `include` (all if there are none) without those of `exclude`.

    Raises `UsageError` for a name that is no part.
    """
    include, exclude = list(include), list(exclude)
    for name in (*include, *exclude):
        if name not in PARTS:
            raise UsageError(f"There is no part {name!r} of a session. The parts are {', '.join(PARTS)}.")
    return frozenset(include or PARTS) - frozenset(exclude)


def keep_parts(envelope: ev.Envelope, parts: frozenset[str]) -> ev.Envelope | None:
    """Return the envelope as far as it belongs to `parts`, or None where nothing of it does.

    Sizes, spans, usage and cost stay, so that totals and offsets are those of the session.
    """
    if len(parts) == len(PARTS):
        return envelope
    event = envelope.event
    if "calls" not in parts and envelope.depth > 0 and not isinstance(event, ev.EntryAppended):
        event = _without_words(event)
    kept = _kept(event, parts)
    if kept is None or kept is envelope.event:
        return envelope if kept is not None else None
    return replace(envelope, event=kept)


def _without_words(event: ev.AnyEvent) -> ev.AnyEvent:
    """Return a sub-call's event with its texts left out: what remains is that it happened, on what, and its cost."""
    match event:
        case ev.CallStarted():
            return replace(event, prompt=LEFT_OUT)
        case ev.ReplyFinished():
            requests = tuple(replace(request, arguments="{}") for request in event.requests)
            return replace(event, text="", reasoning="", requests=requests, extra={})
        case ev.CallFinished():
            return replace(event, answer=LEFT_OUT, citations=tuple(replace(c, quote="") for c in event.citations))
        case ev.ToolRequested():
            return replace(event, arguments={})
        case ev.ToolFinished():
            return replace(event, result=LEFT_OUT, data={})
        case ev.TextDelta() | ev.ReasoningDelta() | ev.ToolOutput():
            return replace(event, text="")
        case _:
            return event


def _kept(event: ev.AnyEvent, parts: frozenset[str]) -> ev.AnyEvent | None:
    match event:
        case ev.ReasoningDelta() if "reasoning" not in parts:
            return None
        case ev.ReplyFinished() if "reasoning" not in parts:
            return replace(event, reasoning="", extra={})
        case ev.ToolOutput() if "tools" not in parts:
            return None
        case ev.ToolFinished():
            data = event.data if "files" in parts else {k: v for k, v in event.data.items() if k != "diff"}
            return replace(event, result=event.result if "tools" in parts else LEFT_OUT, data=data)
        case ev.EntryAppended() if event.chars and _hides_text(event, parts):
            return replace(event, text="", output=event.output or event.sha or digest(event.text))
        case ev.SnapshotTaken() | ev.Reverted() if "files" not in parts:
            return None
        case ev.PermissionAsked() if "files" not in parts:
            return replace(event, diff="") if "notices" in parts else None
        case (
            ev.Notice() | ev.PermissionAsked() | ev.PermissionAnswered() | ev.QuestionAsked() | ev.QuestionAnswered()
        ) if "notices" not in parts:
            return None
        case _:
            return event


def _hides_text(event: ev.EntryAppended, parts: frozenset[str]) -> bool:
    return "context" not in parts or ("tools" not in parts and event.kind == "tool")
