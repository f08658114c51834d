"""How Markdown is drawn: width, styles and what is known of the citations."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.style import Style

from rlm_tui.events import Citation
from rlm_tui.tui.palette import Palette

_NO_CITATIONS: Mapping[tuple[int, int], Citation] = {}


@dataclass(frozen=True, slots=True)
class SpanTarget:
    """A cited span of the context, in characters."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class LinkTarget:
    """An address that a text names; nothing ever opens it by itself."""

    url: str


class Look:
    """The width in cells, the palette's styles by use, and the citations by `(start, end)`."""

    def __init__(
        self, width: int, palette: Palette, citations: Mapping[tuple[int, int], Citation] = _NO_CITATIONS
    ) -> None:
        self.width = max(1, width)
        self.palette = palette
        self.citations = citations
        style = palette.style
        self.text = Style()
        self.strong = Style(bold=True)
        self.emphasis = Style(italic=True)
        self.struck = Style(strike=True)
        self.code = style("code")
        self.link = style("link", underline=True)
        self.address = style("dim")
        self.headings = (style("heading", bold=True, underline=True), style("heading", bold=True), style("heading"))
        self.marker = style("accent", bold=True)
        self.quote = style("quote", italic=True)
        self.faint = style("faint")
        self.fence = style("text", on="panel")
        self.chip = style("cited", on="raised")
        self.bad_chip = style("bad", on="raised", strike=True)


@dataclass(slots=True)
class CodeBlock:
    """A block of code as it was written, and where it is drawn: lines `[first, last)` of its message."""

    first: int
    last: int
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The code."""
        return "".join(self.parts)
