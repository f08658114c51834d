"""Columns of one line: text cut or filled to an exact number of cells."""

from rich.cells import cell_len, set_cell_size


def cut(text: str, cells: int) -> str:
    """Return `text`, shortened with an ellipsis where it is wider than `cells`."""
    if cells <= 0:
        return ""
    if len(text) <= cells and text.isascii():
        return text
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, cells - 1).rstrip() + "…"


def left(text: str, cells: int) -> str:
    """Return `text` in exactly `cells` cells, at their left end."""
    return set_cell_size(cut(text, cells), max(0, cells))


def right(text: str, cells: int) -> str:
    """Return `text` in exactly `cells` cells, at their right end."""
    short = cut(text, cells)
    return " " * max(0, cells - cell_len(short)) + short
