"""Foreign text made safe to show, one character for one character.

Model replies, tool output, file content, names and errors may hold escape sequences, bidirectional controls and
invisible characters. `safe_text` replaces each such character by one visible mark, so that offsets into the shown
text stay offsets into the original, and no byte of the original can drive a terminal.
"""

import re
from functools import lru_cache

_CONTROL_PICTURE = 0x2400  # Unicode "Control Pictures": U+2400 + n shows C0 control n
_DELETE_PICTURE = 0x2421
_C1_MARK = 0x25A1  # white square
_INVISIBLE_MARK = 0x25C7  # white diamond: bidi controls, zero-width, variation selectors, tags
_SURROGATE_MARK = 0xFFFD

_INVISIBLE_RANGES = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF9, 0xFFFB),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)


@lru_cache(maxsize=1)
def _marks() -> dict[int, int]:
    """Return what each unsafe character is shown as; some 6,500 of them, so made only when one is met."""
    table = {code: _CONTROL_PICTURE + code for code in range(0x20) if code != 0x0A}
    table[0x7F] = _DELETE_PICTURE
    table.update(dict.fromkeys(range(0x80, 0xA0), _C1_MARK))
    table.update(dict.fromkeys(range(0xD800, 0xE000), _SURROGATE_MARK))
    for first, last in _INVISIBLE_RANGES:
        table.update(dict.fromkeys(range(first, last + 1), _INVISIBLE_MARK))
    return table


_UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff"
    + "".join(f"{chr(first)}-{chr(last)}" for first, last in _INVISIBLE_RANGES)
    + "]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def safe_text(text: str, *, newlines: bool = True, tabs: bool = False) -> str:
    """Return `text` with every unsafe character replaced by one visible mark; the length never changes.

    `newlines=False` also marks line feeds (for labels and one-line places). `tabs=True` lets a tab through as
    one space.
    """
    if tabs and "\t" in text:
        text = text.replace("\t", " ")
    if _UNSAFE.search(text):
        text = text.translate(_marks())
    if not newlines and "\n" in text:
        text = text.replace("\n", "\u240a")
    return text


def without_surrogates(text: str) -> tuple[str, int]:
    """Return `text` with lone surrogates replaced by U+FFFD, and how many there were.

    Neither UTF-8 nor DuckDB can hold them, so the way into the context store replaces them.
    """
    if text.isascii() or not _SURROGATE.search(text):
        return text, 0
    return _SURROGATE.subn("\ufffd", text)


def one_line(text: str, limit: int) -> str:
    """Return the first `limit` characters of `text` as one safe line, with an ellipsis where it was cut."""
    line = " ".join(text[: limit * 4].split())
    line = safe_text(line, newlines=False)
    return line if len(line) <= limit and len(text) <= limit * 4 else line[: max(0, limit - 1)] + "…"
