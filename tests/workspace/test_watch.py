"""Following a project's files: real events from a real file system, and comparing where there are none."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rlm_tui.context.ignore import IgnoreRules
from rlm_tui.workspace.watch import FileChange, Watcher

PATIENCE_S = 20


class Following:
    """A watcher that runs, and what it has told so far."""

    def __init__(self, root: Path, **options: object) -> None:
        self.notices: list[str] = []
        rules = options.pop("rules", IgnoreRules())
        assert isinstance(rules, IgnoreRules)
        self.watcher = Watcher(root, rules, on_notice=self.notices.append, **options)  # type: ignore[arg-type]  # a test's own keywords
        self.batches: list[tuple[FileChange, ...]] = []
        self._told = asyncio.Event()
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async for batch in self.watcher:
            self.batches.append(batch)
            self._told.set()

    @property
    def changes(self) -> list[FileChange]:
        return [change for batch in self.batches for change in batch]

    def last(self, path: str) -> FileChange | None:
        return next((change for change in reversed(self.changes) if change.path == path), None)

    async def until(self, enough: Callable[[], object]) -> None:
        """Wait until `enough` of what was told; fail with it otherwise."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not enough():
                    self._told.clear()
                    await self._told.wait()
        except TimeoutError:
            pytest.fail(f"told only {self.changes}")

    async def settle(self, root: Path) -> None:
        """Come to where everything so far has been looked at: a marker that was written last is told."""
        name = f"marker-{len(self.batches)}-{len(self.changes)}"
        while not self.last(name):
            (root / name).write_text("x")
            try:
                async with asyncio.timeout(0.5):
                    await self._told.wait()
                    self._told.clear()
            except TimeoutError:
                (root / name).write_text("y" * (1 + os.urandom(1)[0]))
