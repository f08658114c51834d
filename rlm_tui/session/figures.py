"""A session in figures, as lines of text: what it cost and by whom, and what became of the context.

Folds over the session's state alone, so that the screen, a replay and an export say the same.
"""

from collections import Counter
from collections.abc import Iterable

from rlm_tui.session.nodes import Node
from rlm_tui.session.state import SessionState
from rlm_tui.text import one_line

_HOW = {"cited": "cited by answers", "sent": "sent to sub-calls", "read": "read", "matched": "matched by a search"}
CHARS_PER_TOKEN = 3.6
"""What the loop assumes of a prompt before a provider has counted one."""


def cost_lines(state: SessionState) -> list[str]:
    """Return tokens and cost of the session: by turn, and by model, sub-calls of any depth included."""
    usage = state.usage
    lines = [
        f"{state.calls:,} model calls, {usage.input_tokens:,} tokens in, {usage.output_tokens:,} out, "
        f"{money(state.cost, state.cost_known)}"
    ]
    if not state.turns:
        return lines
    lines += ["", "By turn (sub-calls included)"]
    for turn in state.turns:
        node = turn.node
        lines.append(
            f"{turn.number:>4}  {node.usage.total_tokens:>11,} tok  {node.calls:>6,} calls  "
            f"{money(node.cost, node.cost_known):>10}  {one_line(turn.prompt, 60)}"
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
    lines = [f"{characters:,} characters in {entries_text(state)}", ""]
    for how, words in _HOW.items():
        touched = state.coverage.unions[how].total  # type: ignore[index]  # one of the four
        lines.append(f"{touched:>15,}  {share(touched, characters):>9}  {words}")
    seen = _all_touched(state)
    lines.append(f"{max(0, characters - seen):>15,}  {share(max(0, characters - seen), characters):>9}  untouched")
    tokens = int(characters / CHARS_PER_TOKEN)
    whole = f"Sending all of it once would be about {tokens:,} tokens"
    if price_per_token:
        whole += f", {money(tokens * price_per_token, True)}"
    used = state.usage.input_tokens
    lines += ["", f"{whole}; this session has sent {used:,}."]
    return lines


def share(part: int, whole: int) -> str:
    """Return a part of a whole in per cent, exact enough to tell little from nothing."""
    if not part or not whole:
        return "0 %"
    percent = 100 * part / whole
    return f"{percent:.1f} %" if percent >= 0.1 else f"{percent:.1g} %" if percent >= 0.0001 else "< 0.0001 %"


def money(cost: float, known: bool) -> str:
    """Return US dollars; marked where a price was missing."""
    text = f"${cost:.4f}" if cost < 1 else f"${cost:,.2f}"
    return text if known else (f"{text} and more (a price is not known)" if cost else "price not known")


def _all_touched(state: SessionState) -> int:
    from rlm_tui.session.coverage import IntervalUnion

    whole = IntervalUnion()
    for union in state.coverage.unions.values():
        for start, end in union.intervals():
            whole.add(start, end)
    return whole.total


def changed_files(nodes: Iterable[Node]) -> list[str]:
    """Return the diffs that tools made, oldest first."""
    return [node.data["diff"] for node in nodes if isinstance(node.data.get("diff"), str) and node.status == "ok"]


def entries_text(state: SessionState) -> str:
    """Return how many entries the context has, in words."""
    return f"{state.entry_count:,} entr{'y' if state.entry_count == 1 else 'ies'}"
