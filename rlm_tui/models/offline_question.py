"""What a question asks for, by rules: its kind, the words that carry its subject, and exact names in it."""

import re
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from rlm_tui.models.offline_words import STOP_WORDS, Term, make_term, parts_of, stem

Kind = Literal["greeting", "statistics", "count", "overview", "conversation", "find"]

MAX_TERMS = 7
_MAX_NAMES = 3
_MAX_QUESTION = 4_000

_GREETING = re.compile(
    r"(?:hi|hello|hey|hallo|yo|good (?:morning|evening|afternoon|day)|thanks?|thank you|bye|goodbye|ok(?:ay)?|test|"
    r"who are you|what are you|what can you do|help)[\s!.,?]*",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    r"^(?:please |pls |can you |could you |would you |now |let'?s |i want you to |help me (?:to )?)*"
    r"(write|implement|fix|refactor|translate|generate|create|add|change|edit|rename|delete|remove|rewrite|improve|"
    r"optimi[sz]e|convert|port|migrate|update|build|make|run|execute|install|commit|draw|plan|design|review)\b",
    re.IGNORECASE,
)
_EXPLAIN = re.compile(r"\b(explain|summari[sz]e|summary|describe|compare|discuss|elaborate)\b", re.IGNORECASE)
_OVERVIEW = re.compile(
    r"\b(?:what (?:is|does) (?:this|the) (?:project|repo(?:sitory)?|code ?base|program|package|app|library)"
    r"(?: do| about)?\b|overview of (?:this|the) (?:project|repo|code)"
    r"|(?:explain|describe|summari[sz]e|about) this (?:project|repo|code))",
    re.IGNORECASE,
)
_STATISTICS = re.compile(
    r"\bhow (?:big|large|long) is "
    r"(?:it\b|(?:this|the|my) (?:\w+ )?(?:project|repo|repository|code|codebase|context)\b)"
    r"|\bhow (?:many|much) "
    r"(?:\w+ )?(?:files?|entries|characters?|text|bytes?|lines?(?: of code)?|code|loc)\b"
    r"(?! (?:with|that|contain|mention|use|import|match|call))"
    r"|\b(?:size of|statistics|stats)\b.*\b(?:context|project|repo|repository|code|codebase)\b"
    r"|\bfiles? (?:is|are) (?:the )?(?:largest|biggest|longest|smallest)\b"
    r"|\b(?:largest|biggest|longest|smallest) (?:\w+ )?files?\b"
    r"|\b(?:what|which|list)(?: all)?(?: the)? (?:kinds? of |types? of )?(?:files|languages)(?: are| is)?"
    r"(?: there| here| in (?:this|the) (?:project|repo|context))"
    r"|^(?:list|show) (?:all |the )*(?:files|entries)[\s.?!]*$|\bwhat (?:is|was) left out\b",
    re.IGNORECASE,
)
_CONVERSATION = re.compile(
    r"\b(?:did (?:i|you|we) (?:\w+ )?(?:say|ask|tell|answer|mean|discuss)"
    r"|my (?:last|first|previous|earlier) (?:question|prompt)s?"
    r"|(?:earlier|previous) (?:in this )?(?:conversation|questions?|answers?))\b",
    re.IGNORECASE,
)
_COUNT = re.compile(
    r"\b(?:how (?:many (?:times|occurrences)|often)|count|number of (?:times|occurrences|uses|calls)"
    r"|list (?:all|every)|every (?:place|occurrence|use)|all (?:places|occurrences|uses|mentions)"
    r"|how many (?!\w* ?(?:files?|lines?)\b))\b",
    re.IGNORECASE,
)
_FOLLOW_UP = re.compile(
    r"^(?:and|or|but|also|then|so|what about|how about|which of (?:those|them|these)|more|go on|continue|the same)\b"
    r"|\b(?:it|its|they|them|those|these|that one|there|the first one|the second one)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"`([^`\n]{2,200})`|\"([^\"\n]{2,200})\"|“([^”\n]{2,200})”|(?<!\w)'([^'\n]{3,200})'(?!\w)")
_PATH = re.compile(
    r"(?<![\w/.-])(?:[\w.-]+/)+[\w.-]+|(?<![\w/.-])[\w-]+\."
    r"(?:py|pyi|js|ts|tsx|jsx|go|rs|c|h|cc|cpp|hpp|java|rb|sh|md|rst|txt|toml|yaml|yml|json|ini|cfg|sql|html|css|tcss"
    r"|lock)\b"
)
_NAME = re.compile(
    r"(?<![\w.])(?:[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[A-Za-z_]\w*(?=\(\))|[a-z0-9]+(?:_[a-z0-9]+)+_?|_+[A-Za-z]\w*"
    r"|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[a-z]+(?:[A-Z][a-z0-9]+)+|(?:[A-Z][a-z0-9]+){2,}|[A-Z]{2,}[a-z]\w+)(?![\w])"
)
_IDENTIFIER = re.compile(r"[A-Za-z_][\w]*(?:\.[A-Za-z_]\w*)*(?:\(\))?")
_WORD = re.compile(r"[^\W_]+(?:[_'’][^\W_]+)*")


class Question(Struct, frozen=True):
    """A question, understood by rules alone.

    `names` are exact identifiers, `quoted` exact texts, `paths` parts of file names. `wants` are what kind of place
    is asked for: `definition`, `function`, `class`, `usage`, `test`, `reason`, `doc`.
    """

    text: str
    kind: Kind
    terms: tuple[Term, ...] = ()
    names: tuple[str, ...] = ()
    quoted: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    wants: frozenset[str] = frozenset()
    follow_up: bool = False
    cannot: str = ""
    """What was asked beyond searching, as the person said it: `write`, `explain`, ..., or empty."""

    @property
    def searchable(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self.terms or self.names or self.quoted or self.paths)


def understand(task: str, earlier: Sequence[str] = ()) -> Question:
    """Return what `task` asks for. `earlier` are the person's earlier prompts, oldest first, for a follow-up."""
    text = task.strip()[:_MAX_QUESTION]
    if _GREETING.fullmatch(text) or not text:
        return Question(text, "greeting")
    quoted, names, paths = _exact(text)
    terms = _terms(_without(text, paths), (*names, *quoted))
    follow_up = bool(earlier) and len(terms) + len(names) + len(quoted) < 4 and bool(_FOLLOW_UP.search(text))
    if follow_up:
        for before in reversed(earlier[-2:]):
            old_quoted, old_names, old_paths = _exact(before[:_MAX_QUESTION])
            terms = _joined(terms, _terms(before, old_names), 0.7)
            names = (*names, *(name for name in old_names if name not in names))[:_MAX_NAMES]
            quoted = (*quoted, *(text for text in old_quoted if text not in quoted))[:_MAX_NAMES]
            paths = (*paths, *(path for path in old_paths if path not in paths))[:_MAX_NAMES]
    wants = _wants(text)
    terms = tuple(t for t in terms if not (t.stem in {"test", "doc"} and t.stem in wants and len(terms) > 1))
    change = _CHANGE.search(text)
    explain = _EXPLAIN.search(text)
    cannot = (change or explain or [""])[1 if change or explain else 0].lower()
    return Question(text, _kind(text, bool(names or quoted)), terms, names, quoted, paths, wants, follow_up, cannot)


def _kind(text: str, exact: bool) -> Kind:
    if _OVERVIEW.search(text):
        return "overview"
    if _CONVERSATION.search(text):
        return "conversation"
    if _STATISTICS.search(text) and not exact:
        return "statistics"
    if _COUNT.search(text):
        return "count"
    return "find"


def _exact(text: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the quoted texts, the names and the paths of a question."""
    quoted: list[str] = []
    names: list[str] = []
    rest = text
    for match in _QUOTED.finditer(text):
        inner = next(group for group in match.groups() if group).strip()
        rest = rest.replace(match.group(), " ")
        if _IDENTIFIER.fullmatch(inner) and not _PATH.fullmatch(inner):
            names.append(inner.removesuffix("()"))
        elif inner:
            quoted.append(inner)
    paths = [match.group() for match in _PATH.finditer(rest)]
    paths += [inner for inner in quoted if _PATH.fullmatch(inner)]
    quoted = [inner for inner in quoted if inner not in paths]
    for path in paths:
        rest = rest.replace(path, " ")
    names += [match.group() for match in _NAME.finditer(rest)]
    return _first(quoted), _first(names), _first(paths)


def _without(text: str, paths: Sequence[str]) -> str:
    """Return a question without what only says how to answer it: its paths and its words of counting."""
    for path in paths:
        text = text.replace(path, " ")
    return _COUNT.sub(" ", text)


def _first(items: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))[:_MAX_NAMES]


def _terms(text: str, names: Sequence[str]) -> tuple[Term, ...]:
    """Return the words that carry the subject, those of exact names included, in the order of the question."""
    found: dict[str, Term] = {}
    for word in _WORD.findall(text):
        for part in parts_of(re.sub(r"['’]\w*", "", word)):
            if part in STOP_WORDS or (len(part) < 2 and part.isascii()) or part.isdigit():
                continue
            found.setdefault(stem(part), make_term(part, 1.0))
    named = {stem(part) for name in names for part in parts_of(name)}
    terms = [t if t.stem not in named else make_term(t.word, 0.4) for t in found.values()]
    return tuple(sorted(terms, key=lambda t: -t.weight)[:MAX_TERMS])


def _joined(terms: tuple[Term, ...], more: tuple[Term, ...], weight: float) -> tuple[Term, ...]:
    known = {term.stem for term in terms}
    added = [make_term(term.word, term.weight * weight) for term in more if term.stem not in known]
    return (*terms, *added)[:MAX_TERMS]


_WANTS: tuple[tuple[str, str], ...] = (
    (
        "definition",
        r"\b(?:decide[ds]?|determined?|defined?|declared?|set|default|configured|constants?|value of|version)\b",
    ),
    (
        "function",
        r"\b(?:functions?|methods?|routines?|how (?:does|do|is|are)|parses?|computes?|implement\w*|handle[ds]?)\b",
    ),
    ("class", r"\b(?:class(?:es)?|types?|structs?|interfaces?)\b"),
    (
        "usage",
        r"\b(?:who (?:calls|uses|imports)|what (?:calls|uses)|callers?|usages?|(?:is|are|it) (?:used|called|imported)"
        r"|uses? of|calls? to|which \w+ (?:call|use|import)s?)\b",
    ),
    ("test", r"\b(?:tests?|tested|testing|unittests?|specs?)\b"),
    ("reason", r"\b(?:why|reasons?|because|rationale|motivation)\b"),
    ("doc", r"\b(?:docs?|documentation|documented|readme|changelog|manual)\b"),
)


def _wants(text: str) -> frozenset[str]:
    return frozenset(want for want, pattern in _WANTS if re.search(pattern, text, re.IGNORECASE))
