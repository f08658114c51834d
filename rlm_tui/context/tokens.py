r"""Words as ranked search knows them: one definition, in Python for queries and in SQL for text in bulk.

A word is a run of letters, digits and underscores. Its terms are the word in lower case; the parts of snake_case
and camelCase, digits kept with the letters before them; and for Chinese, Japanese and Korean, which write no
spaces, each two neighbouring characters. Both forms use the same regular expressions of RE2, whose library DuckDB
is built on too, and lower case one character for one, so their terms are the same (save for scripts so new that
only one of the libraries knows them).
"""

import re2

MAX_TERM_CHARS = 64
"""Longer terms are encoded data, not words, and are left out."""

MAX_WORD_CHARS = 256
"""Longer words are left out whole."""

_WORD = r"[\p{L}\p{N}_]+"
_CJK = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}ー]+"
_ACRONYM_END = r"(\p{Lu}+)(\p{Lu}\p{Ll})"
_HUMP = r"([\p{Ll}\p{N}])(\p{Lu})"
_COMPOUND = rf"_|{_ACRONYM_END}|{_HUMP}|{_CJK}"
_SPLIT = r"\1_\2"
# Lower-cased by Python into two characters, by DuckDB into one.
_DOTTED_I, _PLAIN_I = "\u0130", "i"


def words(text: str) -> list[str]:
    """Return the words of a text, in order, as they are written."""
    return [word for word in _compiled(_WORD).findall(text) if len(word) <= MAX_WORD_CHARS]


def terms(text: str) -> list[str]:
    """Return the terms of all words of a text, in order, repeated as often as they occur."""
    return [term for word in words(text) for term in word_terms(word)]


def word_terms(word: str) -> list[str]:
    """Return the terms of one word: itself, then each part of it once. Terms that are too long are left out."""
    found = [_lower(word)]
    if _compiled(_COMPOUND).search(word):
        cjk = _compiled(_CJK)
        humps = _compiled(_HUMP).sub(_SPLIT, _compiled(_ACRONYM_END).sub(_SPLIT, cjk.sub("_", word)))
        found += _lower(humps).split("_")
        for run in cjk.findall(word):
            found += [_lower(run[at : at + 2]) for at in range(max(1, len(run) - 1))]
    return [term for term in dict.fromkeys(found) if 0 < len(term) <= MAX_TERM_CHARS]


def words_sql(text: str) -> str:
    """Return the SQL expression for the list of words of the text expression `text`; long ones are included."""
    return f"regexp_extract_all({text}, '{_WORD}')"


def word_terms_sql(word: str) -> str:
    """Return the SQL expression for the list of terms of the word expression `word`, in any order."""
    humps = f"regexp_replace({word}, '{_CJK}', '_', 'g')"
    for pattern in (_ACRONYM_END, _HUMP):
        humps = f"regexp_replace({humps}, '{pattern}', '{_SPLIT}', 'g')"
    bigrams = (
        f"flatten(list_transform(regexp_extract_all({word}, '{_CJK}'), lambda run:"
        " list_transform(range(greatest(1, len(run) - 1)), lambda place: lower(substring(run, place::BIGINT + 1, 2)))))"
    )
    parts = f"list_concat(string_split(lower({humps}), '_'), {bigrams})"
    every = (
        f"CASE WHEN regexp_matches({word}, '{_COMPOUND}')"
        f" THEN list_distinct(list_prepend(lower({word}), {parts})) ELSE [lower({word})] END"
    )
    return f"list_filter({every}, lambda term: len(term) BETWEEN 1 AND {MAX_TERM_CHARS})"


def _lower(text: str) -> str:
    if text.isascii():
        return text.lower()
    return "".join(_PLAIN_I if char == _DOTTED_I else char.lower() for char in text)


def _compiled(pattern: str) -> re2._Regexp:
    return re2.compile(pattern)
