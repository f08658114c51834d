"""The official library, `rlms`, at the same tasks with the same model; nothing where it is not installed."""

import importlib
import importlib.util
import time
from typing import Any

from tests.bench.harness.oracle import NOOPS


def official_figures(url: str) -> dict[str, str]:
    """Return its figures by task: `loop`, `20`, `80`; empty where it is not installed."""
    if importlib.util.find_spec("rlm") is None:
        return {}
    library: Any = importlib.import_module("rlm")
    rlm = library.RLM(
        backend="openai", backend_kwargs={"model_name": "scripted", "base_url": url, "api_key": "none"},
        max_iterations=NOOPS + 5, max_concurrent_subcalls=16,
    )  # fmt: skip

    def seconds(task: str) -> float:
        started = time.perf_counter()
        rlm.completion("x", root_prompt=f"TASK:{task}")
        return time.perf_counter() - started

    seconds("warm")
    empty = min(seconds("warm") for _ in range(3))
    figures = {"loop": f"{(seconds('loop') - empty) / NOOPS * 1000:.1f} ms"}
    for leaves in (20, 80):
        figures[str(leaves)] = f"{min(seconds(f'code {leaves}') for _ in range(3)):.3f} s (whole question)"
    return figures
