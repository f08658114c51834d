"""How well a place answers a question: the fit of its words, what kind of line it is, and what kind of file."""

import math
import re
from collections.abc import Sequence

from rlm_tui.models.offline_question import Question
from rlm_tui.models.offline_words import Term, fits, parts_in

DEFINITION = re.compile(
    r"\s*(?:(?:export|default|public|private|protected|static|final|abstract|async|pub(?:\([^)]*\))?|unsafe|inline|extern)\s+)*"
    r"(def|class|function\*?|func|fn|struct|enum|trait|impl|interface|type|module|namespace|macro_rules!)\s+"
    r"(?:\([^)]*\)\s*)?([\w.:]+)"
)
ASSIGNMENT = re.compile(
    r"\s*(?:(?:export|public|private|protected|static|final|pub(?:\([^)]*\))?)\s+)*(?:(?:const|let|var|val)\s+)?(?:[\w<>\[\]]+\s+)?"
    r"((?:self\.|this\.|cls\.)?[A-Za-z_][\w.]*)\s*(?::\s*[^=\n]+?)?(?:=(?![=>])|:=|\?=)\s*\S|\s*#\s*define\s+(\w+)|\s*[\"']?([\w-]+)[\"']?\s*:\s+\S"
)
_CONSTANT = re.compile(r"\s*(?:(?:export|const|static|final|pub|public|private)\s+)*_?[A-Z][A-Z0-9_]+\b")
_IMPORT = re.compile(r"\s*(?:import|from|use|using|require|#\s*include|package)\b(?!.*\bdef\b)|.*\brequire\(")
_COMMENT = re.compile(r"\s*(?:#(?!!|\s*(?:define|include))|//|/\*|\*|--|;;|\"\"\"|''')")
_LITERAL = re.compile(r"[=:]\s*(?:[rbfuRBFU]{0,2}[\"']|-?\d|True\b|False\b|None\b|true\b|false\b)")
_DATA = re.compile(r"\s*(?:[\"'][^\"']*[\"']\s*,?\s*)+$|\s*\d[\d.,\s]*$")
_REASON = re.compile(
    r"\b(?:because|since|so that|in order|otherwise|to avoid|reason|workaround|must not|ensures?)\b", re.IGNORECASE
)

_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|testing|__tests__|specs?|fixtures?|idle_test|test_[\w]+)/|(?:^|/)(?:test_[^/]*|[^/]*_test|[^/]*[._]spec|conftest)\.\w+$"
)
_DULL_PATH = re.compile(
    r"(?:^|/)(?:node_modules|vendor|third_party|site-packages|_vendor|dist|build|pydoc_data|lib2to3/pgen2|encodings)/"
    r"|\.min\.|(?:^|/)(?:[\w.-]*lock[\w.-]*|[\w-]+\.lock|package-lock\.json)$|\.(?:svg|csv|tsv|map|snap|po|ipynb|pickle)$"
)
_DOC_PATH = re.compile(
    r"(?:^|/)docs?/|\.(?:md|rst|txt|adoc|html?)$|(?:^|/)(?:changelog|history|news|license|authors)\b", re.IGNORECASE
)


_ABSENT = 0.6
"""The weight of a word that occurs nowhere: it tells good places from bad ones no more."""


def line_kind(line: str) -> str:
    """Return what a line is: definition, import, comment, constant, assignment, data or other."""
    if DEFINITION.match(line):
        return "definition"
    if _IMPORT.match(line):
        return "import"
    if _COMMENT.match(line):
        return "comment"
    if ASSIGNMENT.match(line):
        return "constant" if _CONSTANT.match(line) else "assignment"
    return "data" if _DATA.match(line) else "other"


def kind_factor(kind: str, line: str, question: Question) -> float:
    """Return how much a line of this kind is worth for the question."""
    wants = question.wants
    factor = {"definition": 1.25, "constant": 1.25, "assignment": 1.0, "comment": 0.85, "import": 0.3, "data": 0.4}.get(
        kind, 0.9
    )
    if kind == "definition":
        if "usage" in wants:
            factor = 0.8
        elif "class" in wants and re.match(r"\s*(?:\w+ )*(?:class|struct|interface|type|enum|trait)\b", line):
            factor = 1.7
        elif "function" in wants:
            factor = 1.55
        elif "definition" in wants:
            factor = 1.1
    elif kind == "constant" and "definition" in wants:
        factor = 1.7
    elif kind == "assignment" and "definition" in wants:
        factor = 1.3
    elif kind == "comment" and "reason" in wants:
        factor = 1.2
    if "reason" in wants and _REASON.search(line):
        factor *= 1.3
    return factor


def path_factor(label: str, question: Question) -> float:
    """Return how much a file is worth: sources most, then docs, then tests and generated or foreign files."""
    factor = 1.0
    if _TEST_PATH.search(label):
        factor *= 1.3 if "test" in question.wants else 0.4
    elif "test" in question.wants:
        factor *= 0.75
    if _DULL_PATH.search(label):
        factor *= 0.4
    if _DOC_PATH.search(label):
        factor *= 1.2 if "doc" in question.wants else 0.7
    if any(path.lower() in label.lower() for path in question.paths):
        factor *= 2.0
    return factor


def name_fit(question: Question, line: str) -> float:
    """Return 1 for a line that holds an exact name or text of the question, 2 where it defines the name, else 0."""
    best = 0.0
    for text in question.quoted:
        if text in line:
            best = max(best, 1.5)
    for name in question.names:
        last = name.rsplit(".", 1)[-1]
        if not re.search(rf"(?<!\w){re.escape(last)}(?!\w)", line):
            continue
        definition, assignment = DEFINITION.match(line), ASSIGNMENT.match(line)
        defines = (definition is not None and definition[2] == last) or (
            assignment is not None and last in {(g or "").rsplit(".", 1)[-1] for g in assignment.groups()}
        )
        exact = name in line or definition is not None
        best = max(best, (2.0 if defines and "usage" not in question.wants else 1.0) * (1.0 if exact else 0.7))
    return best


def rarity(found: Sequence[int], size: int) -> list[float]:
    """Return a weight for each count of lines out of `size`: the rarer the heavier (inverse document frequency)."""
    return [1.0 + math.log((size + 1) / (min(count, size) + 1)) if count else _ABSENT for count in found]


def weighted(terms: Sequence[Term], weights: Sequence[float], fit: Sequence[float]) -> float:
    """Return the share of the terms' weight that fits, 0 to 1; fitting more of the terms counts more than once."""
    total = got = 0.0
    for term, weight, share in zip(terms, weights, fit, strict=True):
        total += term.weight * weight
        got += term.weight * weight * share
    return math.pow(got / total, 1.3) if total > 0 else 0.0


def line_score(
    question: Question, weights: Sequence[float], line: str, label: str, around: Sequence[float] = ()
) -> float:
    """Return how well one line answers the question, with what its surroundings (`around`) fit at a discount."""
    own = fits(question.terms, line)
    names = name_fit(question, line)
    if not any(own) and not names:
        return 0.0
    from_label = fits(question.terms, label)
    near = around or [0.0] * len(own)
    fit = [max(o, 0.6 * a, 0.6 * b) for o, a, b in zip(own, from_label, near, strict=True)]
    score = weighted(question.terms, weights, fit) * (0.4 + 0.6 * math.pow(weighted(question.terms, weights, own), 0.4))
    kind = line_kind(line)
    return (score * named_share(question, kind, line) + names) * kind_factor(kind, line, question)


def named_share(question: Question, kind: str, line: str) -> float:
    """Return a factor for a line that defines something: more the less its name says that was not asked for."""
    match = DEFINITION.match(line) if kind == "definition" else ASSIGNMENT.match(line)
    if match is None or kind not in {"definition", "constant", "assignment"} or not question.terms:
        return 1.0
    name = match[2] if kind == "definition" else next((g for g in match.groups() if g), "")
    parts = [part for part in parts_in(name) if part not in {"self", "cls", "get", "is", "this"}]
    if not parts:
        return 0.7
    asked = sum(1 for part in parts if any(fits(question.terms, part)))
    literal = 1.15 if kind != "definition" and "definition" in question.wants and _LITERAL.search(line) else 1.0
    return (0.75 + 0.5 * asked / len(parts)) * literal
