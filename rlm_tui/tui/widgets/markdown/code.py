"""Code and diffs as lines: coloured by Pygments in small pieces, so that any size stays quick."""

from functools import lru_cache
from typing import Any

from rich.segment import Segment
from rich.style import Style

from rlm_tui.tui.palette import Palette
from rlm_tui.tui.widgets.markdown.look import Look
from rlm_tui.tui.widgets.markdown.wrap import Run, shown, wrap
from rlm_tui.tui.widgets.strips import Line

PIECE_LINES = 40
_PIECE_CHARS = 4_000
_TAB = " " * 4
_ROLES = (
    ("Comment", "comment"), ("Keyword.Type", "type"), ("Keyword", "keyword"), ("Literal.String", "string"),
    ("Literal.Number", "number"), ("Name.Function", "function"), ("Name.Class", "type"), ("Name.Builtin", "function"),
    ("Name.Decorator", "function"), ("Name.Tag", "keyword"), ("Name.Attribute", "type"), ("Operator", "operator"),
    ("Generic.Inserted", "good"), ("Generic.Deleted", "bad"), ("Generic.Heading", "heading"),
    ("Generic.Subheading", "heading"),
)  # fmt: skip
_NAMES = {"sh": "bash", "shell": "bash", "console": "bash", "py": "python", "js": "javascript", "ts": "typescript"}


def code_lines(code: str, language: str, look: Look) -> list[Line]:
    """Return a piece of code, without its last line feed, as lines on their own ground, folded to the width.

    Long pieces and unknown languages stay plain.
    """
    code = code.replace("\t", _TAB)
    lines: list[Line] = []
    for runs in _styled_lines(code, language, look):
        lines.extend(_on_ground(line, look) for line in wrap(runs or [Run("", look.fence)], look.width - 2))
    return lines


def all_code_lines(code: str, language: str, look: Look) -> list[Line]:
    """Return code of any length as lines."""
    source = code.removesuffix("\n").split("\n")
    out: list[Line] = []
    for at in range(0, len(source), PIECE_LINES):
        out.extend(code_lines("\n".join(source[at : at + PIECE_LINES]), language, look))
    return out


def _on_ground(line: Line, look: Look) -> Line:
    filler = max(0, look.width - 1 - line.cells)
    segments = [Segment(" ", look.fence), *line.segments, Segment(" " * filler, look.fence)]
    return Line(segments, (), line.joint, 1)


def _styled_lines(code: str, language: str, look: Look) -> list[list[Run]]:
    lexer = _lexer(language.lower()) if language and len(code) <= _PIECE_CHARS else None
    if lexer is None:
        return [[Run(shown(line), look.fence)] for line in code.split("\n")]
    lines: list[list[Run]] = [[]]
    for kind, text in lexer.get_tokens(code):
        style = look.fence + _token_style(kind, look.palette)
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append(Run(shown(part), style))
    return lines


@lru_cache(maxsize=64)
def _lexer(language: str) -> Any:
    """Return the lexer of a language, None where it is unknown."""
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(_NAMES.get(language, language), stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@lru_cache(maxsize=1024)
def _token_style(kind: object, palette: Palette) -> Style:
    """Return the style of a Pygments token type, whose text is such as `Token.Literal.String.Doc`."""
    name = str(kind).removeprefix("Token.")
    return next((palette.style(role) for prefix, role in _ROLES if name.startswith(prefix)), Style())


def diff_lines(diff: str, look: Look, most: int = 400) -> list[Line]:
    """Return a unified diff as lines: added, removed and places marked by colour and by their own signs."""
    style = look.palette.style
    lines: list[Line] = []
    source = diff.splitlines()
    for text in source[:most]:
        if text.startswith(("+++", "---", "diff ", "index ")):
            own = style("dim")
        elif text.startswith("@@"):
            own = style("accent")
        elif text.startswith("+"):
            own = style("good")
        elif text.startswith("-"):
            own = style("bad")
        else:
            own = style("text")
        lines.extend(wrap([Run(shown(text), own)], look.width) or [Line()])
    if len(source) > most:
        lines.extend(wrap([Run(f"… {len(source) - most:,} more lines", style("dim"))], look.width))
    return lines
