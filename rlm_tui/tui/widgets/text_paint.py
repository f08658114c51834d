"""One row of context text as coloured segments, and the way between its characters and its cells."""

from collections.abc import Iterable, Sequence

from rich.segment import Segment
from rich.style import Style

from rlm_tui.text import safe_text
from rlm_tui.tui.widgets.text_rows import TAB_CELLS, character_cells, shown

Patch = tuple[int, int, Style]
"""Characters `[start, end)` of the row's text get `style` laid over what they have."""


def cells_before(text: str, index: int) -> int:
    """Return how many cells the first `index` characters of `text` take."""
    head = text[:index]
    if head.isascii() and "\t" not in head:
        return len(head)
    return sum(map(character_cells, shown(head)))


def index_at_cell(text: str, cell: int) -> int:
    """Return the index of the character that lies at `cell`, `len(text)` past the end."""
    if text.isascii() and "\t" not in text:
        return max(0, min(cell, len(text)))
    used = 0
    for index, character in enumerate(shown(text)):
        used += character_cells(character)
        if used > cell:
            return index
    return len(text)


def paint(text: str, base: Style, patches: Iterable[Patch], mark: Style, quiet: Style) -> list[Segment]:
    """Return the row `text` drawn on `base`.

    Characters that cannot be shown as they are appear as marks in the style `mark`; a carriage return before the
    line's end, as in files from Windows, in `quiet`.
    """
    body = text.removesuffix("\n")
    safe = shown(body)
    styles: list[Style] = [base] * len(body)
    for start, end, style in patches:
        for index in range(max(0, start), min(end, len(body))):
            styles[index] += style
    if safe != body:
        for index, (drawn, own) in enumerate(zip(safe, body, strict=True)):
            if drawn != own:
                last = own == "\r" and index + 1 == len(body) < len(text)
                styles[index] = base + (quiet if last else mark)
    return _runs(safe, styles)


def _runs(safe: str, styles: Sequence[Style]) -> list[Segment]:
    segments = []
    began = 0
    for index in range(1, len(safe) + 1):
        if index == len(safe) or (styles[index] is not styles[began] and styles[index] != styles[began]):
            segments.append(Segment(safe[began:index].replace("\t", " " * TAB_CELLS), styles[began]))
            began = index
    return segments


def entry_header(label: str, kind: str, chars: int, width: int, *, superseded: bool) -> tuple[str, str, str]:
    """Return the thin line above an entry in three pieces: rule, what it is, rule; `width` cells in all."""
    name = safe_text(label, newlines=False) or "(no label)"
    said = f" {name} · {kind} · {chars:,}{' · superseded' if superseded else ''} "
    room = max(0, width - 4)
    cells = sum(map(character_cells, said))
    if cells > room:
        said = said[: index_at_cell(said, max(0, room - 2))] + "… "
        cells = sum(map(character_cells, said))
    return "──", said, "─" * max(0, width - 2 - cells)
