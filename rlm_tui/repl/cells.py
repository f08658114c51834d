"""Cells in a plain reply: what a model without tool calling writes as fenced code, and `FINAL` outside of it."""

import ast
import re

_FENCE = re.compile(
    r"^[ \t]*```[ \t]*(?P<name>[\w+-]*)[^\n]*\n(?P<code>.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_ALWAYS = {"repl"}
_PYTHON = {"python", "python3"}
_FINAL_VAR = re.compile(r"^[ \t]*FINAL_VAR\(\s*[\"']?(\w+)[\"']?\s*\)[ \t]*$", re.MULTILINE)
_FINAL = re.compile(r"^[ \t]*(?:FINAL|SUBMIT)\((.*)\)\s*\Z", re.DOTALL | re.MULTILINE)


def cells_in(text: str, *, python: bool = True) -> list[str]:
    """Return the code to run for a reply, in order: fenced blocks named `repl` and, with `python`, `python`.

    A line `FINAL_VAR(name)` outside of fences runs after them. `FINAL(text)` at the end counts only where there is
    nothing to run, since a model that writes both has not seen what its code gives.
    """
    names = _ALWAYS | _PYTHON if python else _ALWAYS
    blocks = list(_FENCE.finditer(text))
    cells = [block["code"] for block in blocks if block["name"].lower() in names and block["code"].strip()]
    outside = _FENCE.sub("", text)
    cells += [f"FINAL_VAR({name!r})" for name in _FINAL_VAR.findall(outside)[-1:]]
    final = _FINAL.search(text)
    if not cells and final is not None:
        cells.append(f"FINAL({_unquoted(final[1].strip())!r})")
    return cells


def _unquoted(text: str) -> str:
    """Return what a string literal says; other text as it is."""
    if text[:1] in "\"'" and text[-1:] == text[:1]:
        try:
            value = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            return text
        if isinstance(value, str):
            return value
    return text
