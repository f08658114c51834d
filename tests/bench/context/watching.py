"""Following a project while it changes: one file, and a branch switch that touches 5,000."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from rlm_tui.config.options import AppOptions
from rlm_tui.config.paths import Paths
from rlm_tui.config.settings import load_settings
from rlm_tui.loop.assistant import Assistant
from tests.bench.context.measuring import Row

FILES = 5_000
_LINES = 20
_TICK_S = 0.005
_LOOK_S = 0.05
_SETTLED_S = 2.0


def watching(folder: Path) -> Iterator[Row]:
    """Measure with the assistant that the screen uses, on the loop that it uses."""
    project = folder / "watched"
    project.mkdir()
    for number in range(FILES):
        path = _file(project, number)
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"value_{number} = 'before'\n" * _LINES)
    yield from asyncio.run(_measure(project, Paths(folder / "watch-home", folder / "watch-config")))


class _Gap:
    """The longest time for which the loop did not come back to a task that sleeps a few milliseconds."""

    def __init__(self) -> None:
        self.longest_ms = 0.0

    async def tick(self) -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.perf_counter()
            self.longest_ms = max(self.longest_ms, (now - last - _TICK_S) * 1000)
            last = now


async def _measure(project: Path, paths: Paths) -> list[Row]:
    assistant = Assistant(AppOptions(project, paths, load_settings(paths, project, {}, {})), lambda _: None)
    await assistant.open()
    await assistant.ingested()
    await asyncio.sleep(_SETTLED_S)
    single = await _until_found(assistant, project / "part00" / "file0.py")
    gap = _Gap()
    ticking = asyncio.create_task(gap.tick())
    began = time.perf_counter()
    await asyncio.to_thread(_switch, project)
    written = time.perf_counter() - began
    while await _found(assistant, "SWITCHED", 0) < FILES * _LINES:
        await asyncio.sleep(_LOOK_S)
    seconds = time.perf_counter() - began
    ticking.cancel()
    await assistant.close()
    return [
        Row("a changed file, until search finds it", f"{single * 1000:.0f} ms", "", "", "1 s", single <= 1),
        Row(
            f"a burst of {FILES:,} changed files, until search finds all",
            f"{seconds:.1f} s; longest gap of the engine's loop {gap.longest_ms:.0f} ms",
            f"writing them {written:.1f} s",
        ),
    ]


def _switch(project: Path) -> None:
    for number in range(FILES):
        _file(project, number).write_text(f"value_{number} = 'SWITCHED'\n" * _LINES)


def _file(project: Path, number: int) -> Path:
    return project / f"part{number % 50:02d}" / f"file{number}.py"


async def _found(assistant: Assistant, word: str, most: int) -> int:
    reply = await asyncio.to_thread(assistant.session.context.find, word, max_results=most, deadline_ms=5_000)
    return reply.total_found


async def _until_found(assistant: Assistant, path: Path) -> float:
    began = time.perf_counter()
    path.write_text("ALONE_NOW = 1\n")
    while not await _found(assistant, "ALONE_NOW", 1):
        await asyncio.sleep(_TICK_S)
    return time.perf_counter() - began
