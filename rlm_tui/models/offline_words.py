"""Words of questions and of code: parts of identifiers, simple English stems, and how well a word fits a term.

No dictionary beyond a list of words that carry no subject and a few groups of words that programs use for the same
thing. Everything is lower case; a stem is what is left of a word without its usual endings.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from msgspec import Struct

_RUN = re.compile(r"[^\W_]+")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*|\d+|[^\W\d_A-Za-z]+")

_STOP_TEXT = """
a about above after again all also always am an and any anyone anything anyway are as at away back be because
been before being below between both but by came can cannot come comes could did do does doing don done down
during each either else ever every everything exactly explain few find for from further get gets give given go
goes going gone got had happen happened happens has have having he her here him his how i if in into is isn it
its itself just kind know let like long look looks made make makes making many may me mean means might mine more
most much must my need needs never no nor not nothing now of off often ok on once one only onto or other our out
over own place places please really same see seen she should show shows since so some something sort still such
tell than thank thanks that the their them then there these they thing things this those through to together too
under until up upon us use used uses using very via want wants was way ways we well went were what whatever when
where whether which while who whole whom whose why will with within without work works would yes yet you your
actually basically code codebase repo repository file files folder doesn won located location live lives
responsible handle handles handled handling occur occurs implemented implementation implements implement
function functions method methods class classes module modules decided decides decide determined determines
defined defines define declared definition computed called calls call caller callers named name set sets setting
list count number times occurrences describe summarize summary write fix
"""

STOP_WORDS = frozenset(_STOP_TEXT.split())

_GROUPS: tuple[tuple[str, ...], ...] = (
    ("config", "configuration", "settings", "preferences", "options"),
    ("delete", "remove", "discard", "unlink"),
    ("directory", "folder", "dir"),
    ("argument", "parameter", "arg", "param"),
    ("error", "exception", "failure"),
    ("cancel", "abort", "interrupt"),
    ("initialize", "initialise", "init", "setup"),
    ("environment", "environ", "env"),
    ("authenticate", "authentication", "auth", "login"),
    ("database", "db"),
    ("maximum", "max", "limit"),
    ("minimum", "min"),
    ("message", "msg"),
    ("context", "ctx"),
    ("temporary", "temp", "tmp"),
    ("retry", "retries", "backoff"),
    ("quote", "escape"),
    ("encode", "serialize", "dump"),
    ("decode", "deserialize", "load"),
    ("compare", "equal"),
    ("execute", "run"),
    ("create", "make"),
    ("print", "output"),
    ("command", "cmd"),
    ("read", "load"),
    ("write", "save"),
    ("start", "begin", "launch"),
    ("stop", "close", "shutdown"),
)


class Term(Struct, frozen=True):
    """A word of a question that a place may be about. `head` is its start as identifiers carry it."""

    word: str
    stem: str
    head: str
    weight: float = 1.0
    others: tuple[str, ...] = ()
    """Stems of words that mean about the same."""

    @property
    def forms(self) -> tuple[str, ...]:
        """The starts by which identifiers and file names may carry it, its own first."""
        return tuple(dict.fromkeys([self.head, *(other for other in self.others if len(other) >= 4)]))[:4]


@lru_cache(maxsize=65_536)
def parts_of(word: str) -> tuple[str, ...]:
    """Return the parts of an identifier, lower case: `parseHTTPDate_tz` is parse, http, date, tz."""
    parts = _PART.findall(word)
    if len(word) <= 4 and word.isalpha() and any(len(part) == 1 for part in parts):
        return (word.lower(),)  # NaN, iOS
    return tuple(part.lower() for part in parts)


def parts_in(text: str) -> list[str]:
    """Return the parts of all words of a text, lower case."""
    return [part for word in _RUN.findall(text) for part in parts_of(word)]


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Return a lower-case English word without its usual endings; short words are left as they are."""
    if not word.isascii() or len(word) <= 3:
        return word
    for ending, least in (
        ("ization", 3),
        ("ation", 4),
        ("ing", 3),
        ("ies", 2),
        ("ied", 2),
        ("ed", 3),
        ("es", 3),
        ("s", 3),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= least and not word.endswith("ss"):
            word = word[: -len(ending)] + ("y" if ending in {"ies", "ied"} else "")
            break
    if (len(word) > 4 and word[-1] == word[-2] and word[-1] not in "aeiouls") or (len(word) > 5 and word[-2:] == "ll"):
        word = word[:-1]
    if len(word) > 3 and word.endswith(("e", "y")) and word[-2] not in "aeiou":
        word = word[:-1]
    return word


def singular(word: str) -> str:
    """Return a word without a plural's or third person's `s`."""
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def make_term(word: str, weight: float = 1.0) -> Term:
    """Return the term of a lower-case word, with its group of near words."""
    base = stem(word)
    head = base if len(base) >= 5 else singular(word)
    others = {stem(other) for group in _GROUPS if any(stem(w) == base for w in group) for other in group}
    return Term(word, base, head, weight, tuple(sorted(others - {base})))


def word_fit(term: Term, word: str) -> float:
    """Return how well one lower-case word part fits a term: 1 the same stem, less for a compound or a near word."""
    base = stem(word)
    if base == term.stem:
        return 1.0
    if len(term.head) >= 4 and len(word) > len(term.head) and word.startswith(term.head):
        return 0.8
    if base in term.others:
        return 0.55
    if len(word) >= 4 and len(term.word) >= len(word) + 3 and term.word.startswith(word):
        return 0.5
    return 0.0


def fits(terms: Sequence[Term], text: str) -> list[float]:
    """Return for each term how well the best word of a text fits it, 0 to 1.

    A word that starts with one term and ends with another (`parsedate`) fits both.
    """
    best = [0.0] * len(terms)
    for word in set(parts_in(text)):
        starts = False
        for index, term in enumerate(terms):
            fit = word_fit(term, word)
            starts = starts or fit == 0.8
            best[index] = max(best[index], fit)
        if starts:
            for index, term in enumerate(terms):
                if len(term.head) >= 3 and word.endswith(term.head):
                    best[index] = max(best[index], 0.8)
    return best


def may_fit(terms: Iterable[Term]) -> "re.Pattern[str]":
    """Return a cheap pattern that every text which fits one of the terms matches."""
    starts = {term.stem[: max(3, len(term.stem) - 1)] for term in terms}
    starts |= {other[:3] for term in terms for other in term.others}
    starts |= {term.word[:4] for term in terms if len(term.word) >= 7}
    return re.compile("|".join(re.escape(start) for start in sorted(starts)) or r"(?!)", re.IGNORECASE)
