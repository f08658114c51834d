"""What a person can ask the trace for: words, and `errors`, `slow`, `costly` with an optional limit of their own."""

from collections.abc import Callable

from rlm_tui.session.nodes import Node

SLOW_S = 5.0
COSTLY_DOLLARS = 0.01


def node_filter(text: str) -> Callable[[Node], bool]:
    """Return the test for `text`: all of its words must hold.

    `errors` keeps failed nodes, `slow` those that took 5 s (`slow:20` for 20 s), `costly` those whose calls cost a
    cent (`costly:0.5` for half a dollar), `depth:1` those of calls up to that depth; any other word must occur in
    name, title, summary or error.
    """
    tests = [_word_test(word) for word in text.casefold().split()]
    return lambda node: all(test(node) for test in tests)


def _word_test(word: str) -> Callable[[Node], bool]:
    name, _, limit = word.partition(":")
    if name in ("errors", "error") and not limit:
        return lambda node: node.status == "failed"
    if name == "slow":
        least = _number(limit, SLOW_S) * 1000
        return lambda node: (node.elapsed_ms or 0.0) >= least
    if name == "depth" and limit:
        deepest = _number(limit, 0.0)
        return lambda node: node.depth <= deepest
    if name == "costly":
        dollars = _number(limit, COSTLY_DOLLARS)
        return lambda node: node.cost >= dollars
    return lambda node: any(
        word in part.casefold() for part in (node.name, node.title, node.summary, node.error, node.activity)
    )


def _number(text: str, default: float) -> float:
    try:
        return float(text)
    except ValueError:
        return default
