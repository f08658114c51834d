"""What a pattern needs before it can match: literals, lines, length.

Search is fast because most of a context can be ruled out before a pattern runs. `analyse` reads a pattern's parse
tree and returns the literals that every match must contain, whether a match may hold a newline, and how long a
match can be. Every answer errs on the safe side: where the tree is not understood, nothing is ruled out.
"""

import itertools
import re
import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple

from rlm_tui.context.dialect import Rewritten

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from re import _constants as ops  # type: ignore[attr-defined]  # the parser is private; see `analyse`
    from re import _parser as parser  # type: ignore[attr-defined]  # as above

Clause = frozenset[bytes]
"""Literals of which a match must contain at least one; where case is ignored, ASCII letters in lower case."""

MIN_LITERAL = 3
MAX_LITERAL = 256
_MAX_VARIANTS = 16
_MAX_ALTERNATIVES = 64
_MAX_CLAUSES = 4
_NOTHING: Clause = frozenset([b""])
_BYTES_A_CHARACTER = 4
# RE2 folds by Unicode: these two ASCII letters have a counterpart outside ASCII (KELVIN SIGN, LONG S).
_FOLDED = {"k": (b"k", "\u212a".encode()), "s": (b"s", "\u017f".encode())}
_NEWLINE_CATEGORIES = (ops.CATEGORY_SPACE, ops.CATEGORY_NOT_DIGIT, ops.CATEGORY_NOT_WORD)


class Analysis(NamedTuple):
    """What is known of a pattern.

    `required` is a conjunction of clauses. `crosses_lines`: a match may contain a newline. `text_anchors`: the
    pattern asks for the start or the end of the text. `max_bytes` bounds a match's length in UTF-8, or is None.
    """

    required: tuple[Clause, ...]
    crosses_lines: bool
    text_anchors: bool
    max_bytes: int | None


UNKNOWN = Analysis((), True, True, None)


def analyse(pattern: Rewritten, *, ignore_case: bool = False) -> Analysis:
    """Return what every match of `pattern` has in common; `UNKNOWN` where the parser does not understand it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = parser.parse(pattern.text)
        return _analyse_tree(tree, pattern, ignore_case or "i" in pattern.flags)
    except (re.error, RecursionError, OverflowError, ValueError):
        return UNKNOWN


def analyse_literal(text: str, *, ignore_case: bool = False) -> Analysis:
    """Return what every occurrence of `text` has in common."""
    nodes = [(ops.LITERAL, ord(char)) for char in text]
    exact, clauses = _sequence(nodes, ignore_case)
    return Analysis(_best(clauses if exact is None else [exact]), "\n" in text, False, len(text) * _BYTES_A_CHARACTER)


def _analyse_tree(tree: Any, pattern: Rewritten, ignore_case: bool) -> Analysis:
    exact, clauses = _sequence(tree, ignore_case)
    longest = tree.getwidth()[1]
    return Analysis(
        required=_best(clauses if exact is None else [exact]),
        crosses_lines=_may_hold_newline(tree, "s" in pattern.flags),
        text_anchors="m" in pattern.unset or _has_text_anchor(tree),
        max_bytes=None if longest >= ops.MAXREPEAT else longest * _BYTES_A_CHARACTER,
    )


# --- required literals ---------------------------------------------------------------------------------------


def _sequence(nodes: Iterable[tuple[Any, Any]], ignore_case: bool) -> tuple[Clause | None, list[Clause]]:
    """Return all texts that a sequence can match (None when they are too many), and its required clauses."""
    run, whole = _NOTHING, True
    clauses: list[Clause] = []
    for operator, argument in nodes:
        exact, inner = _node(operator, argument, ignore_case)
        joined = None if exact is None else _join(run, exact)
        if joined is not None:
            run = joined
            continue
        whole = False
        edge = exact or _edge(operator, argument, ignore_case) or _NOTHING
        clauses += [run if exact else _join(run, edge) or run, *inner]
        run = edge
    return (run, []) if whole else (None, [*clauses, run])


def _edge(operator: Any, argument: Any, ignore_case: bool) -> Clause | None:
    """Return the texts that a repeated part begins and ends with, if it must occur: `xx` for `x{2,}`."""
    if operator not in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT) or argument[0] == 0:
        return None
    exact, _ = _sequence(argument[2], ignore_case)
    return None if exact is None else _repeat(argument[0], argument[0], exact, [])[0] or exact


def _node(operator: Any, argument: Any, ignore_case: bool) -> tuple[Clause | None, list[Clause]]:
    if operator is ops.LITERAL:
        return _spellings(chr(argument), ignore_case), []
    if operator is ops.IN:
        return _class_spellings(argument, ignore_case), []
    if operator in (ops.AT, ops.ASSERT, ops.ASSERT_NOT):
        return _NOTHING, []
    if operator is ops.SUBPATTERN:
        return _sequence(argument[3], ignore_case)
    if operator is ops.ATOMIC_GROUP:
        return _sequence(argument, ignore_case)
    if operator is ops.BRANCH:
        return _branch([_sequence(branch, ignore_case) for branch in argument[1]])
    if operator in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
        low, high, body = argument
        return _repeat(low, high, *_sequence(body, ignore_case))
    return None, []


def _branch(branches: list[tuple[Clause | None, list[Clause]]]) -> tuple[Clause | None, list[Clause]]:
    texts: set[bytes] = set()
    for exact, _ in branches:
        texts |= exact or frozenset()
    if all(exact is not None for exact, _ in branches) and len(texts) <= _MAX_VARIANTS:
        return frozenset(texts), []
    clause: set[bytes] = set()
    for exact, clauses in branches:
        best = _best(clauses if exact is None else [exact])
        if not best:
            return None, []
        clause |= best[0]
    return None, [frozenset(clause)] if len(clause) <= _MAX_ALTERNATIVES else []


def _repeat(low: int, high: int, exact: Clause | None, clauses: list[Clause]) -> tuple[Clause | None, list[Clause]]:
    if low == 0:
        return (exact | _NOTHING, []) if exact is not None and high == 1 else (None, [])
    if exact is None:
        return None, clauses
    run = exact
    for _ in range(low - 1):
        longer = _join(run, exact)
        if longer is None:
            return None, [run]
        run = longer
    return (run, []) if low == high else (None, [run])


def _join(left: Clause, right: Clause) -> Clause | None:
    """Return every text of `left` followed by every one of `right`, or None when they grow too many or long."""
    if len(left) * len(right) > _MAX_VARIANTS:
        return None
    if max(map(len, left)) + max(map(len, right)) > MAX_LITERAL:
        return None
    return frozenset(a + b for a, b in itertools.product(left, right))


def _spellings(char: str, ignore_case: bool) -> Clause | None:
    """Return the UTF-8 spellings that may stand for `char`, or None when they are not known."""
    if not char.isascii():
        return None if ignore_case else frozenset([char.encode("utf-8", "surrogatepass")])
    if ignore_case and char.lower() in _FOLDED:
        return frozenset(_FOLDED[char.lower()])
    return frozenset([(char.lower() if ignore_case else char).encode()])


def _class_spellings(members: list[tuple[Any, Any]], ignore_case: bool) -> Clause | None:
    texts: set[bytes] = set()
    for operator, argument in members:
        if operator is not ops.LITERAL:
            return None
        spellings = _spellings(chr(argument), ignore_case)
        if spellings is None:
            return None
        texts |= spellings
    return frozenset(texts) if 0 < len(texts) <= _MAX_VARIANTS else None


def _best(clauses: Iterable[Clause]) -> tuple[Clause, ...]:
    """Return the few clauses that rule out most: those whose shortest literal is longest."""
    useful = [clause for clause in dict.fromkeys(clauses) if min(map(len, clause)) >= MIN_LITERAL]
    useful.sort(key=lambda clause: (-min(map(len, clause)), len(clause)))
    return tuple(useful[:_MAX_CLAUSES])


# --- lines and ends --------------------------------------------------------------------------------------------


def _may_hold_newline(nodes: Iterable[tuple[Any, Any]], dot_all: bool) -> bool:
    return any(_node_may_hold_newline(operator, argument, dot_all) for operator, argument in nodes)


def _node_may_hold_newline(operator: Any, argument: Any, dot_all: bool) -> bool:
    if operator is ops.LITERAL:
        return bool(argument == ord("\n"))
    if operator is ops.NOT_LITERAL:
        return bool(argument != ord("\n"))
    if operator is ops.ANY:
        return dot_all
    if operator is ops.AT:
        return False
    if operator is ops.IN:
        return _class_holds_newline(argument)
    if operator is ops.BRANCH:
        return any(_may_hold_newline(branch, dot_all) for branch in argument[1])
    body = _body(operator, argument)
    return True if body is None else _may_hold_newline(body, dot_all)


def _class_holds_newline(members: list[tuple[Any, Any]]) -> bool:
    negated = bool(members) and members[0][0] is ops.NEGATE
    holds = False
    for operator, argument in members:
        if operator is ops.LITERAL:
            holds |= argument == ord("\n")
        elif operator is ops.RANGE:
            holds |= argument[0] <= ord("\n") <= argument[1]
        elif operator is ops.CATEGORY:
            holds |= argument in _NEWLINE_CATEGORIES
    return holds != negated


def _has_text_anchor(nodes: Iterable[tuple[Any, Any]]) -> bool:
    for operator, argument in nodes:
        if operator is ops.AT and argument in (ops.AT_BEGINNING_STRING, ops.AT_END_STRING):
            return True
        if operator is ops.BRANCH:
            if any(_has_text_anchor(branch) for branch in argument[1]):
                return True
        elif (body := _body(operator, argument)) is not None and _has_text_anchor(body):
            return True
    return False


def _body(operator: Any, argument: Any) -> Any:
    """Return the sequence inside a group or repeat, or None for anything else."""
    if operator is ops.SUBPATTERN:
        return argument[3]
    if operator in (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT):
        return argument[2]
    if operator is ops.ATOMIC_GROUP:
        return argument
    return None
