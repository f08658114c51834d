"""Tables: columns as wide as they need and the pane allows; where it allows too little, a list of cells."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment

from rlm_tui.tui.widgets.markdown.inline import inline_runs
from rlm_tui.tui.widgets.markdown.look import Look
from rlm_tui.tui.widgets.markdown.wrap import Run, cells_of, wrap
from rlm_tui.tui.widgets.strips import Line, Target

if TYPE_CHECKING:
    from markdown_it.token import Token

_LEAST_COLUMN = 4
_GAP = "  "


def table_lines(tokens: "Sequence[Token]", look: Look) -> list[Line]:
    """Return the lines of the tokens between `table_open` and `table_close`."""
    header, rows, alignments = _cells(tokens, look)
    columns = len(header)
    widths = _widths([header, *rows], columns, look.width - len(_GAP) * (columns - 1))
    if not widths:
        return _as_list(header, rows, look)
    lines = _row_lines(header, widths, alignments)
    rule = _GAP.join("─" * width for width in widths)
    lines.append(Line([Segment(rule, look.faint)]))
    for row in rows:
        lines.extend(_row_lines(row, widths, alignments))
    return lines


_Cell = list[Run]


def _cells(tokens: "Sequence[Token]", look: Look) -> tuple[list[_Cell], list[list[_Cell]], list[str]]:
    table: list[list[_Cell]] = []
    alignments: list[str] = []
    heading = False
    for token in tokens:
        if token.type == "tr_open":
            table.append([])
        elif token.type in ("th_open", "td_open"):
            heading = token.type == "th_open"
            if heading:
                alignments.append(str(token.attrs.get("style", "")).removeprefix("text-align:"))
        elif token.type == "inline":
            runs = inline_runs(token, look, look.strong if heading else look.text)
            table[-1].append([run._replace(text=run.text.replace("\n", " ")) for run in runs])
    header = table[0] if table else []
    rows = [(row + [[]] * len(header))[: len(header)] for row in table[1:]]
    return header, rows, alignments


def _text_cells(cell: _Cell) -> int:
    return sum(cells_of(run.text) for run in cell)


def _widths(rows: list[list[_Cell]], columns: int, room: int) -> list[int]:
    """Return the columns' widths; the widest give first. Empty where there is no room for all."""
    if columns == 0 or room < columns * _LEAST_COLUMN:
        return []
    widths = [max(1, *(_text_cells(row[column]) for row in rows)) for column in range(columns)]
    excess = sum(widths) - room
    while excess > 0:
        widest = max(widths)
        second = max((width for width in widths if width < widest), default=0)
        which = [column for column, width in enumerate(widths) if width == widest]
        step = max(1, min(widest - max(second, _LEAST_COLUMN), -(-excess // len(which))))
        for column in which:
            taken = min(step, excess)
            widths[column] -= taken
            excess -= taken
    return widths


def _row_lines(row: list[_Cell], widths: list[int], alignments: list[str]) -> list[Line]:
    cells = [wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
    height = max(1, *(len(lines) for lines in cells))
    return [
        _joined([lines[y] if y < len(lines) else Line() for lines in cells], widths, alignments) for y in range(height)
    ]


def _joined(parts: list[Line], widths: list[int], alignments: list[str]) -> Line:
    segments: list[Segment] = []
    targets: list[Target] = []
    column, whole = 0, sum(widths) + len(_GAP) * (len(widths) - 1)
    for part, width, alignment in zip(parts, widths, alignments, strict=True):
        spare = max(0, width - part.cells)
        before = spare if alignment == "right" else spare // 2 if alignment == "center" else 0
        targets.extend(Target(t.start + column + before, t.end + column + before, t.what) for t in part.targets)
        gap = _GAP if column + width < whole else ""
        segments.extend((Segment(" " * before), *part.segments, Segment(" " * (spare - before) + gap)))
        column += width + len(_GAP)
    return Line([segment for segment in segments if segment.text], tuple(targets))


def _as_list(header: list[_Cell], rows: list[list[_Cell]], look: Look) -> list[Line]:
    lines: list[Line] = []
    for row in rows or [header]:
        for name, cell in zip(header, row, strict=True):
            lines.extend(wrap([*name, Run(": ", look.faint), *cell] if rows else name, look.width))
        lines.append(Line([Segment("─" * min(8, look.width), look.faint)]))
    return lines[:-1]
