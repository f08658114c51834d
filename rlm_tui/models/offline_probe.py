"""The first round of tools for a question: searches for exact names, likely names, words, and their frequencies."""

import re
from typing import Any

from msgspec import Struct

from rlm_tui.models.offline_question import Question
from rlm_tui.models.offline_words import Term

DEFINE = r"(?:def|class|function|func|fn|struct|interface|type|enum|trait|const|let|var|macro_rules!)\s+"

_RANKED = 30
_COUNTED = 6


class Wish(Struct, frozen=True):
    """A tool to run, with its arguments."""

    name: str
    arguments: dict[str, Any]


def probe(question: Question) -> list[Wish]:
    """Return what to look for first. Only files are searched: the conversation holds the question itself."""
    wishes: list[Wish] = []
    for name in question.names:
        last = re.escape(name.rsplit(".", 1)[-1])
        wishes.append(
            _search(rf"{DEFINE}{last}\b|^[ \t]*(?:self\.)?{last}\s*(?::[^=\n]+)?=[^=]|#\s*define\s+{last}\b", 40)
        )
        wishes.append(_search(rf"\b{last}\b" if re.match(r"\w", last) else last, 100))
    wishes += [Wish("rlm_find", {"text": text, "max_results": 60, "type": "file"}) for text in question.quoted]
    wishes += [Wish("rlm_get_entries", {"type": "file", "label": path, "limit": 20}) for path in question.paths]
    if question.terms:
        ranked = {"query": rank_query(question), "max_results": _RANKED, "type": "file"}
        wishes += [Wish("rlm_rank", {**ranked, "label": path}) for path in question.paths]
        wishes.append(Wish("rlm_rank", ranked))
        wishes += _likely_names(question.terms)
        wishes += [_search(frequency_pattern(term), 0) for term in question.terms[:_COUNTED]]
    return wishes


def widen(question: Question) -> list[Wish]:
    """Return what to look for when nothing was found: the words alone, as parts of longer words too."""
    return [_search(f"(?i){re.escape(term.head[: max(4, len(term.head) - 2)])}", 40) for term in question.terms[:4]]


def rank_query(question: Question) -> str:
    """Return the words to rank passages by: the question's own first, then near words and compounds."""
    words = [term.word for term in question.terms] + [term.head for term in question.terms]
    words += [f"{a.head}_{b.head}" for a, b in zip(question.terms, question.terms[1:], strict=False)]
    return " ".join(dict.fromkeys([*question.names, *words]))


def frequency_pattern(term: Term) -> str:
    """Return the pattern whose total says how common a term is."""
    return f"(?i){re.escape(term.head)}"


def _likely_names(terms: tuple[Term, ...]) -> list[Wish]:
    """Return searches for identifiers made of two of the words, and for definitions in files named by one of them."""
    terms = tuple(term for term in terms[:5] if len(term.head) >= 3)
    heads = [re.escape(term.head) for term in terms]
    wishes = []
    pairs = [rf"{a}\w{{0,4}}[ _.-]?{b}" for a in heads for b in heads if a != b]
    if pairs:
        wishes.append(_search(f"(?i)(?:{'|'.join(pairs)})", 150))
    for place, term in enumerate(terms[:4]):
        others = [form for index, other in enumerate(terms) if index != place for form in other.forms]
        if not others:
            continue
        named = "|".join(map(re.escape, others))
        pattern = rf"(?i)(?:{DEFINE}\w*(?:{named})|^[ \t]*\w*(?:{named})\w*\s*(?::[^=\n]+)?=[^=])"
        wishes.append(_search(pattern, 40, label=term.head[:6] if len(term.head) >= 8 else term.head))
    if len(heads) == 1:
        wishes.append(_search(rf"(?i)(?:{DEFINE}\w*{heads[0]}|^[ \t]*\w*{heads[0]}\w*\s*(?::[^=\n]+)?=[^=])", 100))
    return wishes


def _search(pattern: str, most: int, **more: str) -> Wish:
    return Wish("rlm_search", {"pattern": pattern, "max_results": most, "type": "file", **more})
