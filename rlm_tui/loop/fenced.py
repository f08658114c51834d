"""Code blocks of a plain reply as tool requests, for models that write cells instead of calling a tool."""

from collections.abc import Sequence

import msgspec

from rlm_tui.events import ToolRequest
from rlm_tui.models.port import Message, ReplyPart
from rlm_tui.repl.cells import cells_in
from rlm_tui.tools.python_tool import PYTHON
from rlm_tui.tools.registry import Registry


def fenced_requests(reply: ReplyPart, registry: Registry, *, python: bool) -> tuple[ToolRequest, ...]:
    """Return the cells of a reply as requests without ids; none without a REPL or where the reply was cut off.

    `python` is whether blocks named `python` run, and not only those named `repl`.
    """
    if PYTHON not in registry or reply.finish == "length":
        return ()
    return tuple(
        ToolRequest("", PYTHON, msgspec.json.encode({"code": cell}).decode())
        for cell in cells_in(reply.text, python=python)
    )


def only_cells(registry: Registry) -> bool:
    """Tell whether code blocks can take the place of all tool calls."""
    return [tool.name for tool in registry] == [PYTHON]


def results_message(results: Sequence[str]) -> Message:
    """Return what cells gave as one message that every model understands; its name tells it from a prompt."""
    if len(results) == 1:
        return Message("user", f"Output of the cell:\n{results[0]}", name=PYTHON)
    outputs = (f"Output of cell {number}:\n{text}" for number, text in enumerate(results, 1))
    return Message("user", "\n\n".join(outputs), name=PYTHON)
