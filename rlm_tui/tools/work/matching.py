"""Finding the text that an edit means: exactly, or by a looser reading where exactly one place fits it.

Models copy text with small faults: line endings, trailing blanks, typographic quotes, another indentation, the line
numbers of a listing. A looser reading is used only where the exact text is nowhere and one place alone fits.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlm_tui.errors import ToolError

_TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛", "'"),
        **dict.fromkeys("“”„‟", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "),
        "…": "...",
    }
)
_NUMBERED = re.compile(r"^ *\d+\t")
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Edited:
    """The new text, how many places changed, and how the old text was found (empty: exactly)."""

    text: str
    places: int
    how: str = ""


def plain(line: str) -> str:
    """Return a line with typographic quotes, dashes and blanks as ASCII, without blanks around it."""
    return line.translate(_TYPOGRAPHIC).strip()


def _ascii(line: str) -> str:
    return line.translate(_TYPOGRAPHIC).rstrip()


def replace_text(text: str, old: str, new: str, *, replace_all: bool = False) -> Edited:
    """Replace `old` by `new` in `text`, keeping line endings. Raises `ToolError` where it is unclear what is meant."""
    if not old:
        raise ToolError("old_string is empty: give the text to replace, or use write to replace the whole file.")
    if old == new:
        raise ToolError("old_string and new_string are the same: there is nothing to change.")
    crlf = "\r\n" in text
    for wanted in dict.fromkeys((old, _crlf(old) if crlf else old, old.replace("\r\n", "\n"))):
        count = text.count(wanted)
        if count == 1 or (count and replace_all):
            return Edited(text.replace(wanted, _ending_like(new, wanted, text)), count)
        if count:
            raise ToolError(_ambiguous(text, wanted, count))
    return _loosely(text, old, new)


def _crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def _ending_like(new: str, old: str, text: str) -> str:
    """Give `new` the line endings of the text it replaces, or of the file where that is within one line."""
    sample = old if "\n" in old else text
    if "\r\n" in sample and 2 * sample.count("\r\n") > sample.count("\n"):
        return _crlf(new)
    return new.replace("\r\n", "\n") if "\n" in sample and "\r\n" not in sample else new


def _ambiguous(text: str, wanted: str, count: int) -> str:
    lines: list[int] = []
    start = 0
    while len(lines) < _SHOWN and (found := text.find(wanted, start)) >= 0:
        lines.append(text.count("\n", 0, found) + 1)
        start = found + len(wanted)
    more = ", …" if count > len(lines) else ""
    return (
        f"old_string is in the file {count} times (lines {', '.join(map(str, lines))}{more}): add lines around it "
        "until it names one place, or set replace_all to change them all."
    )


def _loosely(text: str, old: str, new: str) -> Edited:
    lines = text.splitlines(keepends=True)
    wanted = old.replace("\r\n", "\n").split("\n")
    ended = len(wanted) > 1 and wanted[-1] == ""
    if ended:
        wanted.pop()
    replacement = new.replace("\r\n", "\n")
    readings: list[tuple[str, list[str], str, Callable[[str], str]]] = [
        ("blanks at line ends ignored", wanted, replacement, str.rstrip),
        ("typographic characters read as ASCII", wanted, replacement, _ascii),
        ("indentation adjusted", wanted, replacement, plain),
    ]  # fmt: skip
    if all(_NUMBERED.match(line) for line in wanted):
        bare = [_NUMBERED.sub("", line) for line in wanted]
        numbered = "\n".join(_NUMBERED.sub("", line) for line in replacement.split("\n"))
        readings.insert(0, ("line numbers of the listing left out", bare, numbered, str.rstrip))
    for how, block, insert, key in readings:
        places = find_block(lines, block, key)
        if len(places) > 1:
            numbers = ", ".join(str(place + 1) for place in places[:_SHOWN])
            raise ToolError(
                f"old_string is not in the file exactly, and fits loosely at lines {numbers}: copy the text exactly "
                "as read shows it, with lines around it that name one place."
            )
        if places:
            return _put(lines, places[0], block, insert, how, ended=ended)
    raise ToolError(_not_found(lines, wanted))


def find_block(lines: Sequence[str], wanted: Sequence[str], key: Callable[[str], str]) -> list[int]:
    """Return the indexes where consecutive `lines` equal `wanted` under `key`; blank lines alone never fit."""
    keys = [key(line) for line in wanted]
    if not any(k.strip() for k in keys):
        return []
    have = [key(line.rstrip("\r\n")) for line in lines]
    size = len(keys)
    return [i for i in range(len(have) - size + 1) if have[i] == keys[0] and have[i : i + size] == keys]


def _put(lines: list[str], start: int, wanted: list[str], new: str, how: str, *, ended: bool) -> Edited:
    found = lines[start : start + len(wanted)]
    if how == "indentation adjusted":
        new = _reindent(wanted, found, new)
    last = found[-1]
    ending = last[len(last.rstrip("\r\n")) :]
    if "\r\n" in "".join(found):
        new = _crlf(new)
    whole = new if ended or (not new and not ended) else new + ending
    if not new:
        whole = "" if ended else ending
    return Edited("".join([*lines[:start], whole, *lines[start + len(wanted) :]]), 1, how)


def _reindent(wanted: Sequence[str], found: Sequence[str], new: str) -> str:
    """Shift `new` as `found` is shifted against `wanted`. Raises `ToolError` where no one shift explains it."""
    pairs = {(_indent(a), _indent(b)) for a, b in zip(wanted, found, strict=True) if a.strip()}
    shifts = {_shift(a, b) for a, b in pairs}
    if len(shifts) != 1 or None in shifts:
        raise ToolError(
            "old_string fits only with its lines indented differently: copy the text exactly as read shows it."
        )
    shift = shifts.pop()
    assert shift is not None
    drop, add = shift
    moved = []
    for line in new.split("\n"):
        if line.strip() and not line.startswith(drop):
            raise ToolError("new_string is indented less than old_string was: copy the indentation that read shows.")
        moved.append(add + line[len(drop) :] if line.strip() else line)
    return "\n".join(moved)


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _shift(ours: str, theirs: str) -> tuple[str, str] | None:
    """Return what to drop from and what to add to an indentation to turn `ours` into `theirs`."""
    if theirs.endswith(ours):
        return "", theirs[: len(theirs) - len(ours)]
    if ours.endswith(theirs):
        return ours[: len(ours) - len(theirs)], ""
    return None


def _not_found(lines: Sequence[str], wanted: Sequence[str]) -> str:
    first = next((line for line in wanted if line.strip()), "")
    near = [number for number, line in enumerate(lines, start=1) if plain(line) == plain(first)] if first else []
    if near:
        return (
            f"old_string is not in the file. Its first line is at line {near[0]}, but what follows differs: "
            "read the file there and copy the text exactly."
        )
    return "old_string is not in the file: read the file and copy the text exactly, without line numbers."
