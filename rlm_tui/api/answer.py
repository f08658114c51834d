"""What a question comes back with: the answer, what it rests on, what it took, and how it came about."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlm_tui import events as ev
from rlm_tui.errors import ModelError
from rlm_tui.text import one_line

if TYPE_CHECKING:
    from rlm_tui.session.nodes import Node

_LINE_CHARS = 100


@dataclass(frozen=True, slots=True)
class Trace:
    """The events of one turn, in order, from `TurnStarted` to its end. As text: the tree of calls and tools."""

    envelopes: tuple[ev.Envelope, ...]

    def __iter__(self) -> Iterator[ev.Envelope]:
        """Go through the envelopes in the order in which things happened."""
        return iter(self.envelopes)

    def __len__(self) -> int:
        """Return how many envelopes there are."""
        return len(self.envelopes)

    def __str__(self) -> str:
        """Return one line for each call and tool, indented by depth, with time, tokens and cost."""
        from rlm_tui.session.state import SessionState

        state = SessionState()
        for envelope in self.envelopes:
            state.apply(envelope)
        return "\n".join(line for root in state.roots for line in _lines(root, 0))

    def __repr__(self) -> str:
        """Return how long it is: the events themselves hold whole texts."""
        return f"<Trace of {len(self.envelopes)} events>"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer.

    `citations` are places in the context that the text names, checked: offsets are characters over the sources in
    the order they were given (for a single string: offsets of that string). `usage` (tokens), `cost` (US dollars,
    None where a price is unknown) and `calls` count the whole tree of calls. `reason` is `done`, `length` (cut by
    the model's output limit) or `budget` (the best answer when a budget ended it; `message` says which). `session`
    is the id of the session under the data home, empty where that was temporary.
    """

    text: str
    citations: tuple[ev.Citation, ...]
    usage: ev.Usage
    cost: float | None
    trace: Trace
    reason: str
    model: str
    calls: int = 0
    elapsed_ms: float = 0.0
    message: str = ""
    session: str = ""

    def __str__(self) -> str:
        """Return the text."""
        return self.text


class CompletionError(ModelError):
    """A question that got no answer. `kind` and message say why; `answer` holds what there was, and what it cost."""

    def __init__(self, kind: str, message: str, answer: Answer) -> None:
        super().__init__(kind, message, partial=answer.text)
        self.answer = answer


def make_answer(end: ev.TurnFinished | ev.TurnInterrupted, envelopes: tuple[ev.Envelope, ...], session: str) -> Answer:
    """Return how a turn ended as an `Answer`. Raises `CompletionError` where it failed."""
    message = end.message if isinstance(end, ev.TurnInterrupted) else ""
    answer = Answer(
        end.answer, end.citations, end.usage, end.cost, Trace(envelopes), end.reason, end.model, end.calls,
        end.elapsed_ms, message, session,
    )  # fmt: skip
    if isinstance(end, ev.TurnInterrupted) and end.reason != "budget":
        raise CompletionError(_kind(envelopes), message, answer)
    return answer


def _kind(envelopes: tuple[ev.Envelope, ...]) -> str:
    """Return why the root call failed, as the `kind` of its last event."""
    for envelope in reversed(envelopes):
        if isinstance(envelope.event, ev.CallFailed) and envelope.depth == 0:
            return envelope.event.kind
    return "internal"


def _lines(node: "Node", depth: int) -> Iterator[str]:
    what = node.summary or one_line(node.title, _LINE_CHARS)
    figures = [f"{node.elapsed_ms:,.0f} ms"] if node.elapsed_ms is not None else []
    if node.kind != "tool":
        figures.append(f"{node.usage.total_tokens:,} tokens")
        figures.append(f"${node.cost:.4f}" if node.cost_known else "cost unknown")
    status = "" if node.status == "ok" else f"{node.status}: "
    yield f"{'  ' * depth}{node.name}: {status}{what} ({', '.join(figures)})"
    for child in node.children:
        yield from _lines(child, depth + 1)
