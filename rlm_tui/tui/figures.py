"""A session in figures, as lines of text: what it cost and by whom, and what became of the context.

Folds over the session's state alone, so that the screen and a replay say the same.
"""

from collections import Counter
from collections.abc import Iterable

from rlm_tui.loop.window import CHARS_PER_TOKEN
from rlm_tui.session.nodes import Node
from rlm_tui.session.state import SessionState
from rlm_tui.text import one_line
from rlm_tui.tui.numbers import cost_text, entries_text, percent_text

_HOW = {"cited": "cited by answers", "sent": "sent to sub-calls", "read": "read", "matched": "matched by a search"}


def cost_lines(state: SessionState) -> list[str]:
    """Return tokens and cost of the session: by turn, and by model, sub-calls of any depth included."""
    usage = state.usage
    lines = [
        f"{state.calls:,} model calls, {usage.input_tokens:,} tokens in, {usage.output_tokens:,} out, "
        f"{cost_text(state.cost, state.cost_known)}"
    ]
    if not state.cost_known:
        lines.append("The price of a model is not known: a ? stands where it would count.")
    if not state.turns:
        return lines
    lines += ["", "By turn (sub-calls included)"]
    for turn in state.turns:
        node = turn.node
        lines.append(
            f"{turn.number:>4}  {node.usage.total_tokens:>11,} tok  {node.calls:>6,} calls  "
            f"{cost_text(node.cost, node.cost_known):>10}  {one_line(turn.prompt, 60)}"
        )
    lines += ["", "By model, calls alone"]
    calls: Counter[str] = Counter()
    remembered = 0
    for node in state.nodes.values():
        if node.kind == "turn" or node.kind == "call":
            calls[node.model] += not node.memo
            remembered += node.memo
    lines += [f"{count:>10,}  {one_line(model or '-', 60)}" for model, count in calls.most_common()]
    if remembered:
        lines.append(f"{remembered:>10,}  answered from memory, at no cost")
    return lines


def coverage_lines(state: SessionState, characters: int, price_per_token: float | None = None) -> list[str]:
    """Return what part of a context of `characters` was touched and how, and what sending all of it would take.

    `price_per_token` is US dollars for a token in; None where it is not known.
    """
    totals = state.coverage.totals()
    rows = [(min(totals[how], characters), words) for how, words in _HOW.items()]  # type: ignore[index]  # the four ways
    rows.append((max(0, state.coverage.untouched(characters)), "untouched"))
    tokens = int(characters / CHARS_PER_TOKEN)
    whole = f"Sending all of it once would be about {tokens:,} tokens"
    if price_per_token:
        whole += f", {cost_text(tokens * price_per_token, True)}"
    return [
        f"{characters:,} characters in {entries_text(state.entry_count)}",
        "",
        *(f"{chars:>15,}  {percent_text(chars, characters):>8}  {words}" for chars, words in rows),
        "",
        f"{whole}; this session has sent {state.usage.input_tokens:,}.",
    ]


def changed_files(nodes: Iterable[Node]) -> list[str]:
    """Return the diffs that tools made, oldest first."""
    return [node.data["diff"] for node in nodes if isinstance(node.data.get("diff"), str) and node.status == "ok"]
