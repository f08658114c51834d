"""The marks that stand for ways of touching the context: one colour role and one glyph each, everywhere."""

from typing import NamedTuple

from rlm_tui.events import Touch


class TouchMark(NamedTuple):
    """`role` is the palette's; `gutter` stands beside a row of text, `bar` fills a cell of a coverage strip."""

    role: Touch
    gutter: str
    bar: str


MARKS: dict[Touch, TouchMark] = {
    "read": TouchMark("read", "│", "▅"),
    "matched": TouchMark("matched", "·", "▃"),
    "sent": TouchMark("sent", "┃", "▆"),
    "cited": TouchMark("cited", "▌", "█"),
}
UNTOUCHED_BAR = "▁"
LEGEND_ORDER: tuple[Touch, ...] = ("read", "matched", "sent", "cited")
