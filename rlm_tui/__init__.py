"""rlm-tui: a terminal coding assistant that shows a Recursive Language Model at work.

The Python API is imported on first use, so that `import rlm_tui` stays free of heavy rooms.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["RLM", "__version__"]

if TYPE_CHECKING:
    from rlm_tui.api import RLM


def __getattr__(name: str) -> Any:
    if name == "RLM":
        from rlm_tui.api import RLM

        return RLM
    raise AttributeError(f"module 'rlm_tui' has no attribute {name!r}")
