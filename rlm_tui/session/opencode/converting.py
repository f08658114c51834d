"""A conversation of OpenCode as the records of a session of ours: turns, replies, tools, sub-agents, texts.

A prompt with all replies up to the next one is a turn, and its root call. A sub-agent's own session becomes the
sub-call of the `task` that started it. What OpenCode does not keep (spans of a context, budgets) is not made up.
"""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from rlm_tui import __version__
from rlm_tui import events as ev
from rlm_tui.config.opencode.mapping import model_name
from rlm_tui.session.opencode.reading import Conversation, Message, number_of, text_of
from rlm_tui.session.outputs import digest
from rlm_tui.text import one_line, without_surrogates

_LEAST_CAPTURED = 500
_TASK_ID = re.compile(r'<task id="(ses_\w+)"')
_KEPT_AS_IT_IS = {"step-start", "step-finish", "snapshot", "patch", "text", "reasoning", "tool", "file", "agent"}


@dataclass(slots=True)
class _Total:
    usage: ev.Usage = ev.Usage()
    cost: float = 0.0
    calls: int = 0

    def add(self, usage: ev.Usage, cost: float) -> None:
        self.usage += usage
        self.cost += cost


@dataclass(slots=True)
class Converter:
    """Makes records of one conversation. `problems` gathers what could not be taken over."""

    conversation: Conversation
    problems: list[str] = field(default_factory=list)
    seq: int = -1
    entries: int = 0
    chars: int = 0
    calls: int = 0
    requests: int = 0
    at: float = 0.0

    def records(self) -> Iterator[ev.Envelope]:
        """Yield the records, in order."""
        talk = self.conversation
        self.at = talk.created / 1000
        self.problems += talk.problems
        yield self._record(
            ev.SessionOpened(
                # what goes on in this session asks that model, so it bears the name that it has here
                ev.FORMAT_VERSION, __version__, talk.directory, model_name(_first_model(talk)),
                imported_from=f"opencode:{talk.id}",
            )
        )  # fmt: skip
        if talk.title:
            yield self._record(ev.TitleSet(_clean(talk.title)))
        for number, (prompt, replies) in enumerate(_turns(talk.messages), 1):
            yield from self._turn(number, prompt, replies)
        yield self._record(ev.SessionClosed("imported"))

    # --- turns and calls -------------------------------------------------------------------------------

    def _turn(self, number: int, prompt: Message | None, replies: list[Message]) -> Iterator[ev.Envelope]:
        text = self._prompt_text(prompt) if prompt is not None else ""
        self._tick(prompt.info if prompt is not None else {})
        started = self.at
        entry = -1
        if text:
            entry = self.entries
            yield self._entry("user", f"#{number}", text)
        agent = text_of(prompt.info.get("agent")) if prompt is not None else ""
        yield self._record(ev.TurnStarted(number, text, entry, "" if agent == "build" else agent))
        call, total, model = self._next_call(), _Total(calls=1), _model_of(replies)
        yield self._record(ev.CallStarted("root", model, text), call)
        answer, error = "", ""
        for reply in replies:
            answer = (yield from self._reply(reply, call, 0, 0, total)) or answer
            error = _error_of(reply)
        finished = bool(replies) and not error and replies[-1].info.get("finish") != "tool-calls"
        elapsed = max(0.0, (self.at - started) * 1000)
        if answer and finished:
            yield self._entry("assistant", f"#{number}", answer)
        if finished:
            yield self._record(ev.CallFinished(answer, usage=total.usage, cost=total.cost), call)
            yield self._record(
                ev.TurnFinished(
                    number, answer, model, usage=total.usage, cost=total.cost, calls=total.calls, elapsed_ms=elapsed
                )
            )
            return
        stopped = not error or "Aborted" in error
        why = error or "It ended in the middle."
        yield self._record(ev.CallFailed("cancelled" if stopped else "server", why, total.usage, total.cost), call)
        yield self._record(
            ev.TurnInterrupted(
                number, "interrupted" if stopped else "failed", model, answer, why, usage=total.usage, cost=total.cost,
                calls=total.calls, elapsed_ms=elapsed,
            )
        )  # fmt: skip

    def _reply(
        self, message: Message, call: int, parent: int, depth: int, total: _Total
    ) -> Generator[ev.Envelope, None, str]:
        """Yield a reply with its tools; return its text."""
        tools: list[tuple[str, dict[str, Any]]] = []
        texts: list[str] = []
        thoughts: list[str] = []
        for part in message.parts:
            kind = text_of(part.get("type"))
            if kind == "text" and not part.get("ignored"):
                texts.append(_clean(text_of(part.get("text"))))
            elif kind == "reasoning":
                thoughts.append(_clean(text_of(part.get("text"))))
            elif kind == "tool":
                self.requests += 1
                tools.append((f"t{self.requests}", part))
            elif kind not in _KEPT_AS_IT_IS:
                self._left_out(kind)
        text = "\n\n".join(text for text in texts if text)
        usage, cost = _usage_of(message.info), number_of(message.info.get("cost"))
        total.add(usage, cost)
        begun, ended = _span_of(message.info.get("time"))
        # the message ends when its tools have; what it asked for was said when the first of them began
        tool_times = [start for _, part in tools if (start := _span_of(_state_of(part).get("time"))[0])]
        ended = min([ended or begun, *tool_times])
        if text or tools or thoughts or not _error_of(message):
            self._to(ended)
            requests = tuple(
                ev.ToolRequest(
                    request, _name_of(part), _json(_state_of(part).get("input")), text_of(part.get("callID"))
                )
                for request, part in tools
            )
            yield self._record(
                ev.ReplyFinished(
                    text, _model_name(message.info), requests, "\n\n".join(thoughts), usage, cost,
                    text_of(message.info.get("finish")) or "stop", max(0.0, ended - begun) * 1000,
                ),
                call, parent, depth,
            )  # fmt: skip
        for request, part in tools:
            yield from self._tool(request, part, call, parent, depth, total)
        return text

    def _tool(
        self, request: str, part: dict[str, Any], call: int, parent: int, depth: int, total: _Total
    ) -> Iterator[ev.Envelope]:
        state, name = _state_of(part), _name_of(part)
        given = state.get("input")
        begun, ended = _span_of(state.get("time"))
        self._to(begun)
        yield self._record(
            ev.ToolRequested(request, name, given if isinstance(given, dict) else {}), call, parent, depth
        )
        child = self._child(part, state)
        if child is not None:
            yield from self._sub_agent(child, given, request, call, depth, total)
        ok = state.get("status") == "completed"
        result = _clean(text_of(state.get("output")) or text_of(state.get("error"))) or "(no result is kept)"
        entry = -1
        if len(result) >= _LEAST_CAPTURED:
            entry = self.entries
            yield self._entry("tool", name, result, call)
        self._to(ended)
        metadata = state.get("metadata")
        diff = metadata.get("diff") if isinstance(metadata, dict) else None
        summary = one_line(text_of(state.get("title")) or result, 120)
        yield self._record(
            ev.ToolFinished(
                request, name, ok, result, summary, max(0.0, ended - begun) * 1000, entry=entry,
                data={"diff": _clean(diff)} if isinstance(diff, str) and diff else {},
            ),
            call, parent, depth,
        )  # fmt: skip

    def _child(self, part: dict[str, Any], state: dict[str, Any]) -> Conversation | None:
        if part.get("tool") != "task":
            return None
        metadata = state.get("metadata")
        named = text_of(metadata.get("sessionId")) if isinstance(metadata, dict) else ""
        match = _TASK_ID.search(text_of(state.get("output")))
        return _find(self.conversation, named or (match[1] if match else ""))

    def _sub_agent(
        self, child: Conversation, given: object, request: str, parent: int, depth: int, total: _Total
    ) -> Iterator[ev.Envelope]:
        call = self._next_call()
        total.calls += 1
        told = given if isinstance(given, dict) else {}
        prompt, agent = text_of(told.get("prompt")), text_of(told.get("subagent_type"))
        started = ev.CallStarted("task", _first_model(child), _clean(prompt), request=request, agent=agent)
        yield self._record(started, call, parent, depth + 1)
        own, answer, error = _Total(), "", ""
        for message in child.messages:
            if message.role == "assistant":
                answer = (yield from self._reply(message, call, parent, depth + 1, own)) or answer
                error = _error_of(message)
        total.usage, total.cost, total.calls = total.usage + own.usage, total.cost + own.cost, total.calls + own.calls
        ended = (
            ev.CallFailed("server", error, own.usage, own.cost)
            if error
            else ev.CallFinished(answer, usage=own.usage, cost=own.cost)
        )
        yield self._record(ended, call, parent, depth + 1)

    # --- records ---------------------------------------------------------------------------------------

    def _prompt_text(self, message: Message) -> str:
        texts: list[str] = []
        for part in message.parts:
            if part.get("type") == "text" and not part.get("ignored"):
                texts.append(_clean(text_of(part.get("text"))))
            elif part.get("type") == "file":
                name = text_of(part.get("filename")) or text_of(part.get("url"))[:200]
                texts.append(f"[attached: {_clean(name)}]")
            elif (kind := text_of(part.get("type"))) not in _KEPT_AS_IT_IS:
                self._left_out(kind)
        return "\n\n".join(text for text in texts if text)

    def _left_out(self, kind: str) -> None:
        self.problems.append(f"A part of the kind {kind!r} has no counterpart here and was left out.")

    def _entry(self, kind: ev.EntryKind, label: str, text: str, call: int = 0) -> ev.Envelope:
        event = ev.EntryAppended(self.entries, kind, label, self.chars, len(text), digest(text), text=text)
        self.entries += 1
        self.chars += len(text)
        return self._record(event, call)

    def _record(self, event: ev.AnyEvent, call: int = 0, parent: int = 0, depth: int = 0) -> ev.Envelope:
        self.seq += 1
        return ev.Envelope("", self.seq, self.at, event, call, parent, depth)

    def _next_call(self) -> int:
        self.calls += 1
        return self.calls

    def _tick(self, info: dict[str, Any]) -> None:
        self._to(_span_of(info.get("time"))[0])

    def _to(self, at: float) -> None:
        self.at = max(self.at, at)  # a log's times never go back


def _turns(messages: list[Message]) -> Iterator[tuple[Message | None, list[Message]]]:
    """Yield each prompt with the replies that follow it."""
    prompt: Message | None = None
    replies: list[Message] = []
    for message in messages:
        if message.role == "user":
            if prompt is not None or replies:
                yield prompt, replies
            prompt, replies = message, []
        elif message.role == "assistant":
            replies.append(message)
    if prompt is not None or replies:
        yield prompt, replies


def _find(conversation: Conversation, name: str) -> Conversation | None:
    if name in conversation.children:
        return conversation.children[name]
    return next((found for child in conversation.children.values() if (found := _find(child, name))), None)


def _state_of(part: dict[str, Any]) -> dict[str, Any]:
    state = part.get("state")
    return state if isinstance(state, dict) else {}


def _name_of(part: dict[str, Any]) -> str:
    return _clean(text_of(part.get("tool"))) or "tool"


def _json(value: object) -> str:
    return msgspec.json.encode(value if isinstance(value, dict) else {}).decode()


def _usage_of(info: dict[str, Any]) -> ev.Usage:
    """OpenCode counts cached tokens apart from those in; here they are part of them."""
    tokens = info.get("tokens")
    if not isinstance(tokens, dict):
        return ev.Usage()
    cache = tokens.get("cache")
    read, written = (
        (int(number_of(cache.get("read"))), int(number_of(cache.get("write")))) if isinstance(cache, dict) else (0, 0)
    )
    thought = int(number_of(tokens.get("reasoning")))
    return ev.Usage(
        int(number_of(tokens.get("input"))) + read + written,
        int(number_of(tokens.get("output"))) + thought,
        read,
        thought,
    )


def _error_of(message: Message) -> str:
    error = message.info.get("error")
    if not isinstance(error, dict):
        return ""
    data = error.get("data")
    said = text_of(data.get("message")) if isinstance(data, dict) else ""
    return _clean(f"{text_of(error.get('name')) or 'Error'}: {said}".rstrip(": "))


def _span_of(times: object) -> tuple[float, float]:
    """Return when something began and ended, in seconds; where it did not end, both are the beginning."""
    if not isinstance(times, dict):
        return 0.0, 0.0
    begun = number_of(times.get("created")) or number_of(times.get("start"))
    ended = number_of(times.get("completed")) or number_of(times.get("end")) or begun
    return begun / 1000, ended / 1000


def _model_name(info: dict[str, Any]) -> str:
    provider, model = text_of(info.get("providerID")), text_of(info.get("modelID"))
    return "/".join(part for part in (_clean(provider), _clean(model)) if part)


def _model_of(replies: list[Message]) -> str:
    return next((name for reply in replies if (name := _model_name(reply.info))), "")


def _first_model(conversation: Conversation) -> str:
    return _model_of([message for message in conversation.messages if message.role == "assistant"]) or "unknown"


def _clean(text: str) -> str:
    return without_surrogates(text)[0]
