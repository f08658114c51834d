"""How commands print: results to stdout, all else to stderr, JSON a line, tables aligned."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from rlm_tui.errors import RlmTuiError
from rlm_tui.text import safe_text


def say(message: str) -> None:
    """Print one line for a person on stderr."""
    click.echo(f"rlm-tui: {safe_text(message, newlines=False)}", err=True)


def show(text: str) -> None:
    """Print text that may hold foreign characters as a result; what could drive a terminal becomes marks."""
    click.echo(safe_text(text))


def show_json(value: Any) -> None:
    """Print one object as one line of JSON. Lone surrogates (of file names) are escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, separators=(", ", ": "))
    click.echo(text)


def show_exactly(text: str) -> None:
    """Print text byte for byte as UTF-8, with nothing added; on a terminal unsafe characters become marks."""
    if sys.stdout.isatty():
        click.echo(safe_text(text, tabs=True), nl=False)
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()


def show_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: str = "") -> None:
    """Print rows under heads, columns aligned; `right` has an `r` for each column of numbers, else a space.

    The last column is never padded.
    """
    cells = [[safe_text(cell, newlines=False) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    for number, row in enumerate([list(heads), *cells]):
        line = "  ".join(
            cell.rjust(width) if right[place : place + 1] == "r" else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)


def size_text(size: int) -> str:
    """Return bytes as `512 B`, `1.4 MB`."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def json_option(command: Any) -> Any:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON: an object, or one a line for a list.")(
        command
    )


def confirm(question: str) -> None:
    """Ask a person before something that cannot be taken back. Raises `RlmTuiError` for a no, or without a person."""
    if not sys.stdin.isatty():
        raise RlmTuiError("This asks first, and nobody is there to answer. Say yes beforehand with `--yes`.")
    if not click.confirm(safe_text(question, newlines=False), err=True):
        raise RlmTuiError("Nothing was changed.")
