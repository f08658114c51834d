"""Sessions made up from a seed: turns, sub-calls, tools, streamed text, retries, failures, undo, in a valid order.

They look like what the program writes, at any size, so that replay and exports can be tried on more than samples.
"""

import random
from collections.abc import Iterator
from pathlib import Path

from rlm_tui import events as ev
from rlm_tui.session.log import LOG_NAME, LogWriter
from rlm_tui.session.outputs import digest

WORDS = tuple("retry policy decides where the window moves and a span of characters is cited by an answer".split())
SESSION = "20260102-030405-abcdef"


class GeneratedLog:
    """Yields envelopes of one made-up session; equal arguments yield equal sessions."""

    def __init__(self, events: int, seed: int = 1, *, project_chars: int = 1_000_000, map_width: int = 12) -> None:
        self._most = events
        self._random = random.Random(seed)
        self._project_chars = project_chars
        self._map_width = map_width
        self._seq = 0
        self._at = 1_767_322_800.0
        self._call = 0
        self._request = 0
        self._entry = 0
        self._chars = 0

    def __iter__(self) -> Iterator[ev.Envelope]:
        yield self._put(ev.SessionOpened(1, "0.1.0", "/srv/project", "maker/large", sub_model="maker/small"))
        segment = ev.SegmentAttached(
            "0123456789abcdef", "", "corpora/p/segments/0123456789abcdef.duckdb", "/srv/project", 0, 3, 0,
            self._project_chars, ((0, 2),),
        )  # fmt: skip
        self._entry, self._chars = 3, self._project_chars
        yield self._put(segment)
        turn = 0
        while self._seq < self._most - 1:
            turn += 1
            yield from self._turn(turn)
        yield self._put(ev.SessionClosed("left"))

    def _put(self, event: ev.AnyEvent, call: int = 0, parent: int = 0, depth: int = 0) -> ev.Envelope:
        self._at = round(self._at + self._random.choice((0.001, 0.01, 0.05, 1.5)), 3)
        envelope = ev.Envelope(SESSION, self._seq, self._at, event, call, parent, depth)
        self._seq += 1
        return envelope

    def _said(self, most: int = 24) -> str:
        return " ".join(self._random.choices(WORDS, k=self._random.randint(2, most)))

    def _appended(self, kind: ev.EntryKind, label: str, text: str, call: int = 0) -> ev.Envelope:
        event = ev.EntryAppended(self._entry, kind, label, self._chars, len(text), digest(text), text=text)
        self._entry += 1
        self._chars += len(text)
        return self._put(event, call)

    def _span(self, how: ev.Touch) -> ev.Span:
        start = self._random.randrange(max(1, self._chars - 500))
        return ev.Span(start, start + self._random.randint(1, 400), how)

    def _turn(self, turn: int) -> Iterator[ev.Envelope]:
        prompt = self._said()
        yield self._appended("user", f"#{turn}", prompt)
        yield self._put(ev.TurnStarted(turn, prompt, self._entry - 1))
        self._call += 1
        root = self._call
        yield self._put(ev.CallStarted("root", "maker/large", prompt), root)
        for _ in range(self._random.randint(1, 5)):
            if self._seq >= self._most - 6:
                break
            yield from self._step(root, 0, 0)
        if self._random.random() < 0.1:
            reason = self._random.choice(("interrupted", "failed"))
            yield self._put(ev.TurnInterrupted(turn, reason, "maker/large", message=f"It was {reason}.", calls=1))
            return
        yield from self._answer(root, 0, 0, turn)
        if self._random.random() < 0.1:
            yield self._put(ev.SnapshotTaken(f"s{turn}", ("a.py",), turn))
            yield self._put(ev.Reverted(f"s{turn}", ("/srv/project/a.py",), turn if turn % 2 else 0))

    def _answer(self, call: int, parent: int, depth: int, turn: int = 0) -> Iterator[ev.Envelope]:
        text = self._said(40)
        usage = ev.Usage(self._random.randint(100, 9_000), self._random.randint(5, 500))
        for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
            yield self._put(ev.TextDelta(piece), call, parent, depth)
        yield self._put(ev.ReplyFinished(text, "maker/large", usage=usage, cost=0.01), call, parent, depth)
        cited = self._span("cited")
        citations = (ev.Citation(cited.start, cited.end, "a.py", 0, "quoted"),)
        yield self._put(ev.CallFinished(text, citations, usage, 0.01), call, parent, depth)
        if turn:
            yield self._appended("assistant", f"#{turn}", text)
            yield self._put(
                ev.TurnFinished(turn, text, "maker/large", citations, usage, 0.02, 3, elapsed_ms=1234.5), call
            )

    def _step(self, call: int, parent: int, depth: int) -> Iterator[ev.Envelope]:
        """Let `call` ask for one tool: a search, or at small depths a map over sub-calls."""
        chance = self._random.random()
        if chance < 0.1:
            yield self._put(ev.TextDelta(self._said()), call, parent, depth)
            yield self._put(ev.ModelRetry(1, 500, "rate_limit", "too many requests"), call, parent, depth)
        if chance > 0.8:
            yield self._put(ev.ReasoningDelta(self._said()), call, parent, depth)
        self._request += 1
        request = f"t{self._request}"
        maps = depth < 2 and self._random.random() < 0.4
        name = "rlm_map" if maps else "rlm_search"
        arguments = {"prompt": self._said()} if maps else {"pattern": self._said(3)}
        asked = ev.ReplyFinished(
            self._said(8), "maker/large", (ev.ToolRequest(request, name, "{}"),), usage=ev.Usage(500, 20), cost=0.002
        )
        yield self._put(asked, call, parent, depth)
        yield self._put(ev.ToolRequested(request, name, arguments), call, parent, depth)
        if chance < 0.05:
            yield self._put(ev.PermissionAsked(request, name, self._said(4)), call, parent, depth)
            yield self._put(ev.PermissionAnswered(request, "once"), call, parent, depth)
        if maps:
            for index in range(self._random.randint(1, self._map_width)):
                if self._seq >= self._most - 20:
                    break
                yield from self._sub_call(call, depth + 1, request, index)
        elif chance < 0.3:
            yield self._put(ev.ToolOutput(request, self._said()), call, parent, depth)
        result = self._said(60)
        ok = self._random.random() > 0.05
        entry = -1
        if self._random.random() < 0.3:
            yield self._appended("tool", request, result, call)
            entry = self._entry - 1
        spans = tuple(self._span("matched") for _ in range(self._random.randint(0, 3)))
        yield self._put(ev.ToolFinished(request, name, ok, result, "3 found", 12.5, spans, entry), call, parent, depth)

    def _sub_call(self, parent: int, depth: int, request: str, index: int) -> Iterator[ev.Envelope]:
        self._call += 1
        call = self._call
        span = self._span("sent")
        yield self._put(
            ev.CallStarted("map", "maker/small", self._said(), (span,), request, index), call, parent, depth
        )
        if self._random.random() < 0.2:
            yield from self._step(call, parent, depth)
        if self._random.random() < 0.05:
            yield self._put(ev.CallFailed("timeout", "It took too long."), call, parent, depth)
        else:
            yield from self._answer(call, parent, depth)


def write_log(sessions: Path, envelopes: Iterator[ev.Envelope] | GeneratedLog, name: str = SESSION) -> Path:
    """Write envelopes as the log of session `name` under the folder `sessions`; return the session's folder."""
    directory = sessions / name
    writer = LogWriter(directory)
    for envelope in envelopes:
        writer.append(envelope)
    writer.close()
    assert (directory / LOG_NAME).is_file()
    return directory
