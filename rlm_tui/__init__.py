"""rlm-tui: a terminal coding assistant that shows a Recursive Language Model at work.

For programs: `from rlm_tui import RLM`. The name is found on use, so that importing the package costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlm_tui.api import RLM, Answer, CompletionError

__version__ = "0.1.0"

__all__ = ["RLM", "Answer", "CompletionError", "__version__"]


def __getattr__(name: str) -> Any:
    if name.startswith("_") or name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("rlm_tui.api"), name)
