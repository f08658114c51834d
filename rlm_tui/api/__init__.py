"""The Python API: ask questions about texts, files and folders with a Recursive Language Model.

The same engine, budgets and event log as on the screen. Importing this loads no database and no model client;
the first question does.
"""

from rlm_tui.api.answer import Answer, CompletionError, Trace
from rlm_tui.api.rlm import RLM
from rlm_tui.api.sources import Context

__all__ = ["RLM", "Answer", "CompletionError", "Context", "Trace"]
