r"""RE2's dialect, told to a parser that only knows Python's.

The analysis of a pattern (which literals it requires, whether it may cross lines) walks the tree of Python's own
regular-expression parser. Some things that RE2 takes mean nothing, or something else, to that parser: `\p{Lu}`,
`[[:alpha:]]`, `\z`, `\Q...\E`, flags in the middle, `x{,3}`. This module rewrites them. The rewritten pattern is
only ever parsed, never run, and may match more than the original: analysis stays on the safe side.

Syntax: https://github.com/google/re2/wiki/Syntax
"""

import re
from typing import NamedTuple

import re2

_ANY = r"[\s\S]"
_ANY_BUT_NEWLINE = r"[^\n]"
_FLAGS = re.compile(r"\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])")
_LITERAL_BRACE = re.compile(r"\{,\d*\}")
_BRACED = re.compile(r"\{[^}]*\}")


class Rewritten(NamedTuple):
    """A pattern for Python's parser, and what was taken out of it.

    `flags` are the letters that any part of the pattern switches on, `unset` those that it switches off.
    `bytewise` is True for `\\C`, which can cut a character in two.
    """

    text: str
    flags: str
    unset: str
    bytewise: bool


def rewrite(pattern: str) -> Rewritten:
    """Return `pattern`, which RE2 accepts, in Python's syntax."""
    pieces: list[str] = []
    on, off = "", ""
    bytewise = False
    place = 0
    while place < len(pattern):
        char = pattern[place]
        if char == "\\":
            bytewise = bytewise or pattern.startswith("\\C", place)
            piece, place = _escape(pattern, place)
        elif char == "[":
            end = _class_end(pattern, place)
            piece, place = _class(pattern[place:end]), end
        elif flags := _FLAGS.match(pattern, place):
            on, off = on + flags[1], off + (flags[2] or "")
            piece, place = "(?:" if flags[3] == ":" else "(?:)", flags.end()
        elif pattern.startswith("(?<", place) and pattern[place + 3 : place + 4] not in ("=", "!"):
            piece, place = "(?P<", place + 3
        elif _LITERAL_BRACE.match(pattern, place):
            piece, place = r"\{", place + 1
        else:
            piece, place = char, place + 1
        pieces.append(piece)
    return Rewritten("".join(pieces), on, off, bytewise)


def _escape(pattern: str, place: int) -> tuple[str, int]:
    """Return the escape at `place` in Python's syntax, and where it ends."""
    name = pattern[place + 1 : place + 2]
    if name == "z":
        return r"\Z", place + 2
    if name == "C":
        return _ANY, place + 2
    if name == "Q":
        end = pattern.find(r"\E", place)
        quoted = pattern[place + 2 : end if end >= 0 else len(pattern)]
        return re.escape(quoted), end + 2 if end >= 0 else len(pattern)
    if name in ("p", "P"):
        braced = _BRACED.match(pattern, place + 2)
        end = braced.end() if braced else place + 3
        return _stand_in(pattern[place:end]), end
    if name == "x" and (braced := _BRACED.match(pattern, place + 2)):
        return re.escape(chr(int(braced[0][1:-1], 16))), braced.end()
    return pattern[place : place + 2], place + 2


def _class_end(pattern: str, place: int) -> int:
    """Return one past the `]` that closes the class at `place`."""
    place += 2 if pattern.startswith("[^", place) else 1
    if pattern.startswith("]", place):
        place += 1
    while place < len(pattern):
        if pattern[place] == "\\":
            place += 2
        elif pattern.startswith("[:", place) and (end := pattern.find(":]", place)) >= 0:
            place = end + 2
        elif pattern[place] == "]":
            return place + 1
        else:
            place += 1
    return len(pattern)


def _class(text: str) -> str:
    """Return a character class that Python reads alike, or one that stands in for it."""
    plain = "[" not in text[1:] and not re.search(r"\\[pPxQCb0-7]", text)
    return text if plain else _stand_in(text)


def _stand_in(atom: str) -> str:
    """Return a class that matches at least what `atom` does; without the newline where `atom` cannot match one."""
    return _ANY if re2.fullmatch(atom, "\n") else _ANY_BUT_NEWLINE
