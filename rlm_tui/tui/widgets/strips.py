"""Lines ready for the screen: strips of a known width that carry what can be clicked and how they are copied."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip


class Target(NamedTuple):
    """Cells `[start, end)` of a line that can be chosen; `what` is whatever the line's maker wants to be told."""

    start: int
    end: int
    what: object


class LineStrip(Strip):
    """A strip with targets and with what copying needs.

    `joint` is put between this line and the next when both are copied: a line feed, or nothing or a space where
    the text was merely wrapped. The first `lead` cells are decoration and are never copied.
    """

    __slots__ = ("joint", "lead", "targets")

    def __init__(
        self,
        segments: Iterable[Segment],
        cell_length: int | None = None,
        *,
        targets: tuple[Target, ...] = (),
        joint: str = "\n",
        lead: int = 0,
    ) -> None:
        super().__init__(segments, cell_length)
        self.targets = targets
        self.joint = joint
        self.lead = lead


class Line:
    """A line that is not drawn yet: far smaller than a strip, so that a long text can be kept whole.

    `segments`, `targets`, `joint` and `lead` are as in `LineStrip`. `strip` is the place for whoever draws it to
    keep the result.
    """

    __slots__ = ("joint", "lead", "segments", "strip", "targets")

    def __init__(
        self,
        segments: Sequence[Segment] = (),
        targets: tuple[Target, ...] = (),
        joint: str = "\n",
        lead: int = 0,
    ) -> None:
        self.segments = segments
        self.targets = targets
        self.joint = joint
        self.lead = lead
        self.strip: LineStrip | None = None

    @property
    def text(self) -> str:
        """The line's text, decoration included."""
        return "".join(segment.text for segment in self.segments)

    @property
    def cells(self) -> int:
        """The line's width."""
        return sum(cell_len(segment.text) for segment in self.segments)

    def prefixed(self, prefix: Sequence[Segment], cells: int) -> "Line":
        """Return the line behind a decoration of so many cells."""
        targets = tuple(Target(start + cells, end + cells, what) for start, end, what in self.targets)
        return Line([*prefix, *self.segments], targets, self.joint, self.lead + cells)

    def drawn(self, width: int, base: Style) -> "LineStrip":
        """Return the line as a strip of `width` cells on `base`."""
        strip = LineStrip(self.segments, targets=self.targets, joint=self.joint, lead=self.lead)
        return padded(strip, width, base)


def padded(strip: Strip, width: int, base: Style) -> LineStrip:
    """Return `strip` drawn on `base`, exactly `width` cells wide."""
    segments: list[Segment] = []
    length = 0
    for text, style, control in strip:
        if control or not text:
            continue
        cells = len(text) if text.isascii() else cell_len(text)
        if length + cells > width:
            text = set_cell_size(text, width - length)
            cells = width - length
        segments.append(Segment(text, base + style if style else base))
        length += cells
        if length >= width:
            break
    if length < width:
        segments.append(Segment(" " * (width - length), base))
    if isinstance(strip, LineStrip):
        return LineStrip(segments, width, targets=strip.targets, joint=strip.joint, lead=strip.lead)
    return LineStrip(segments, width)


def restyled(strip: Strip, start: int, end: int, style: Style) -> Strip:
    """Return `strip` with `style` laid over the cells `[start, end)`."""
    width = strip.cell_length
    start, end = max(0, start), min(end, width)
    if start >= end:
        return strip
    marked = [Segment(text, (own or Style()) + style) for text, own, _ in strip.crop(start, end)]
    return Strip.join([strip.crop(0, start), Strip(marked, end - start), strip.crop(end, width)])


def copied_text(strip: Strip, start: int, end: int) -> str:
    """Return the text in the cells `[start, end)`, without decoration and without the padding at its end."""
    lead = strip.lead if isinstance(strip, LineStrip) else 0
    start, end = max(start, lead), min(end, strip.cell_length)
    if start >= end:
        return ""
    text = strip.crop(start, end).text
    return text.rstrip() if end >= strip.cell_length else text


def target_at(strip: Strip, column: int) -> Target | None:
    """Return the target under the cell `column`, if any."""
    if isinstance(strip, LineStrip):
        for target in strip.targets:
            if target.start <= column < target.end:
                return target
    return None
