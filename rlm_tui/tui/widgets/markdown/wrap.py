"""Runs of styled text broken into lines of a width in cells, between words where possible."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from rich.cells import cell_len, get_character_cell_size
from rich.segment import Segment
from rich.style import Style

from rlm_tui.text import safe_text
from rlm_tui.tui.widgets.strips import Line, Target

_WIDE = (
    "\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f"
    "\uff01-\uff60\uffe0-\uffe6\U00020000-\U0003fffd"
)
_ATOM = re.compile(rf"\n|[^\S\n]+|[{_WIDE}]|[^\s{_WIDE}]+")
_PICTURES = "\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff0-9#*"
_JOINERS = re.compile(f"(?<=[{_PICTURES}])\ufe0f(?:\u200d(?=[{_PICTURES}]))?|(?<=[{_PICTURES}])\u200d(?=[{_PICTURES}])")


class Run(NamedTuple):
    """Text of one style, safe to show. `what` makes it a target; `whole` text is never broken at its spaces."""

    text: str
    style: Style
    what: object = None
    whole: bool = False


def shown(text: str) -> str:
    """Return foreign text as it may be shown: safe, tabs as spaces, emoji without their invisible joiners.

    A joiner is taken out only where it stands in an emoji; anywhere else it gets a visible mark.
    """
    if text.isascii() and text.isprintable():
        return text
    if "\ufe0f" in text or "\u200d" in text:
        text = _JOINERS.sub("", text)
    return safe_text(text, tabs=True)


def cells_of(text: str) -> int:
    """Return the width of safe text in cells."""
    return len(text) if text.isascii() else cell_len(text)


def wrap(runs: Iterable[Run], width: int) -> list[Line]:
    """Return `runs` as lines of at most `width` cells. A line feed in a run ends a line; no runs make no lines."""
    runs = list(runs)
    if runs and sum(len(run.text) for run in runs) <= width and all(_is_plain(run.text) for run in runs):
        return [line_of(runs)]
    writer = _Writer(max(1, width))
    for run in runs:
        writer.write(run)
    return writer.finish()


def _is_plain(text: str) -> bool:
    return text.isascii() and "\n" not in text


class _Writer:
    def __init__(self, width: int) -> None:
        self._width = width
        self._lines: list[Line] = []
        self._line: list[Run] = []
        self._column = 0
        self._word: list[Run] = []
        self._word_cells = 0
        self._space: Run | None = None
        self._started = False

    def write(self, run: Run) -> None:
        self._started = True
        if run.whole:
            self._add(run, cells_of(run.text))
            return
        for match in _ATOM.finditer(run.text):
            text = match.group()
            if text == "\n":
                self._place()
                self._break("\n")
            elif text[0].isspace():
                self._place()
                spaces = " " * len(text)
                self._space = Run((self._space.text if self._space else "") + spaces, run.style, run.what)
            elif text.isascii():
                self._add(Run(text, run.style, run.what), len(text))
            elif len(text) == 1 and get_character_cell_size(text) == 2:
                self._place()
                self._add(Run(text, run.style, run.what), 2)
                self._place()
            else:
                self._add(Run(text, run.style, run.what), cell_len(text))

    def finish(self) -> list[Line]:
        self._place()
        if self._started and (self._line or not self._lines):
            self._break("\n")
        return self._lines

    def _add(self, run: Run, cells: int) -> None:
        self._word.append(run)
        self._word_cells += cells

    def _place(self) -> None:
        """Put the gathered word on the line, on the next one where it does not fit, or fold it over several."""
        if not self._word:
            return
        space = self._space
        room = self._width - self._column - (len(space.text) if space else 0)
        if self._word_cells > room and self._column:
            self._break(" " if space else "")
            space = None
        if space is not None:
            text = space.text[: max(0, self._width - 1)]
            self._line.append(space._replace(text=text))
            self._column += len(text)
        if self._column + self._word_cells <= self._width:
            self._line += self._word
            self._column += self._word_cells
        else:
            for run in self._word:
                self._put(run)
        self._word, self._word_cells, self._space = [], 0, None

    def _put(self, run: Run) -> None:
        text = run.text
        cells = cells_of(text)
        while self._column + cells > self._width:
            taken = _fitting(text, self._width - self._column)
            if not taken and not self._column:
                taken = 1
            if taken:
                self._line.append(run._replace(text=text[:taken]))
            self._break("")
            text = text[taken:]
            cells = cells_of(text)
            if not text:
                return
        self._line.append(run._replace(text=text))
        self._column += cells

    def _break(self, joint: str) -> None:
        self._lines.append(line_of(self._line, joint))
        self._line, self._column, self._space = [], 0, None


def _fitting(text: str, cells: int) -> int:
    """Return how many characters of `text` fit into `cells`."""
    if text.isascii():
        return max(0, cells)
    used = 0
    for count, character in enumerate(text):
        used += get_character_cell_size(character)
        if used > cells:
            return count
    return len(text)


def line_of(runs: Iterable[Run], joint: str = "\n") -> Line:
    """Return one line of `runs`, neighbours of one style joined, with a target for each run that names one."""
    segments: list[Segment] = []
    targets: list[Target] = []
    column = 0
    text, style = "", Style()
    for run in runs:
        cells = cells_of(run.text)
        if run.what is not None:
            if targets and targets[-1].what is run.what and targets[-1].end == column:
                targets[-1] = targets[-1]._replace(end=column + cells)
            else:
                targets.append(Target(column, column + cells, run.what))
        column += cells
        if run.style is style or run.style == style:
            text += run.text
        else:
            if text:
                segments.append(Segment(text, style))
            text, style = run.text, run.style
    if text:
        segments.append(Segment(text, style))
    return Line(segments, tuple(targets), joint)
