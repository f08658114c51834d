"""A session arranged for reading: facts, turns with their messages, and what the answers rest on.

Markdown and HTML are written from this, so that both say the same.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from rlm_tui.events import Citation
from rlm_tui.session.export.context import Excerpt, excerpt, exported_context
from rlm_tui.session.export.parts import LEFT_OUT
from rlm_tui.session.export.reading import Exported
from rlm_tui.session.nodes import ChatItem, Node, Turn
from rlm_tui.session.state import SessionState
from rlm_tui.text import one_line

MOST_EXCERPTS = 5_000
MOST_RESULT_CHARS = 20_000
"""The longest tool result shown, in characters: the whole is in the JSON formats."""


@dataclass(slots=True)
class Outline:
    """What a reader is shown. `excerpts` are in the order in which answers cite them, each once.

    `number_of` gives the 1-based number of a cited span's excerpt.
    """

    state: SessionState
    title: str
    facts: list[tuple[str, str]]
    items: dict[int, list[ChatItem]] = field(default_factory=dict)
    excerpts: list[Excerpt] = field(default_factory=list)
    number_of: dict[tuple[int, int], int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def messages(self, turn: int) -> list[ChatItem]:
        """Return the chat's items of a turn, in order; 0 for what came before the first."""
        return self.items.get(turn, [])


def make_outline(exported: Exported) -> Outline:
    """Fold the session and read its excerpts. Raises `SessionError`."""
    state = exported.state
    outline = Outline(state, one_line(state.title, 200) or "A session without a title", session_facts(state))
    for item in state.items:
        outline.items.setdefault(item.turn, []).append(item)
    places = dict.fromkeys((cited.start, cited.end) for cited in _citations(state.turns) if cited.ok)
    if places and "context" in exported.parts:
        with exported_context(exported) as context:
            for start, end in list(places)[:MOST_EXCERPTS]:
                outline.excerpts.append(excerpt(context, start, end, exported.masker))
                outline.number_of[start, end] = len(outline.excerpts)
        if len(places) > MOST_EXCERPTS:
            outline.notes.append(f"{len(places) - MOST_EXCERPTS:,} further cited places have no excerpt here.")
    outline.notes += exported.report()
    return outline


def _citations(turns: Iterable[Turn]) -> Iterable[Citation]:
    for turn in turns:
        yield from turn.citations


def session_facts(state: SessionState) -> list[tuple[str, str]]:
    """Return names and values of what is known of the session as a whole."""
    usage = state.usage
    facts = [
        ("Project", state.project),
        ("Model", state.model + (f", sub-calls {state.sub_model}" if state.sub_model else "")),
        ("Began", moment_text(state.opened_at)),
        ("Ended", moment_text(state.changed_at)),
        ("Turns", f"{len(state.turns):,}"),
        ("Calls", f"{state.calls:,} (sub-calls included)"),
        ("Tokens", f"{usage.total_tokens:,} ({usage.input_tokens:,} in, {usage.output_tokens:,} out)"),
        ("Cost", cost_text(state.cost, known=state.cost_known)),
        ("Context", f"{state.context_chars:,} characters in {state.entry_count:,} entries"),
        ("Touched", touched_text(state)),
        ("Session", state.session),
    ]
    if state.imported_from:
        facts.append(("Imported from", state.imported_from))
    if state.forked_from:
        facts.append(("Forked from", state.forked_from))
    return [(name, value) for name, value in facts if value]


def moment_text(at: float) -> str:
    """Return a time in UTC, the same wherever it is exported."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at)) if at else ""


def cost_text(cost: float, *, known: bool = True) -> str:
    """Return US dollars; `at least` where a price was missing, and `unknown` where nothing is known."""
    if not known:
        return f"at least ${cost:.4f}" if cost else "unknown"
    return f"${cost:.4f}" if cost else "$0"


def touched_text(state: SessionState) -> str:
    """Return how many characters were touched in each way."""
    return ", ".join(f"{count:,} {how}" for how, count in state.coverage.totals().items() if count)


def took_text(milliseconds: float | None) -> str:
    """Return a duration as `12 ms`, `3.4 s`, `2 min 5 s`."""
    if milliseconds is None:
        return ""
    if milliseconds < 1_000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1_000
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


STATUS_WORDS = {"ok": "", "failed": "failed", "cancelled": "cancelled", "running": "not ended", "waiting": "not ended"}


def node_line(node: Node) -> str:
    """Return a trace node's name, what it did, and its figures, as one line of plain text."""
    figures = [STATUS_WORDS[node.status], node.summary, took_text(node.elapsed_ms)]
    if node.usage.total_tokens:
        figures.append(f"{node.usage.total_tokens:,} tokens")
    if node.cost or node.usage.total_tokens:
        figures.append(cost_text(node.cost, known=node.cost_known))
    if node.memo:
        figures.append("remembered")
    title = one_line(node.title, 100)
    return f"{node.name}  {title}".rstrip() + "".join(f"  · {figure}" for figure in figures if figure)


def result_of(node: Node) -> str:
    """Return what a tool or call gave, as far as it is shown."""
    text = node.error or node.result
    if text == LEFT_OUT:
        return ""
    if len(text) > MOST_RESULT_CHARS:
        return f"{text[:MOST_RESULT_CHARS]}\n… {len(text) - MOST_RESULT_CHARS:,} more characters"
    return text
