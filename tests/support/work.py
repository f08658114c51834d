"""The working tools on a real folder, with permissions and a person that a test decides on."""

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any

from rlm_tui.config.schema import SandboxSettings
from rlm_tui.context.store import ContextStore
from rlm_tui.errors import RlmTuiError, ToolError
from rlm_tui.permissions.places import is_inside
from rlm_tui.sandbox.finding import find_containment
from rlm_tui.tools.port import Action, Permits, SubAnswer, SubTask, Tool, ToolResult, ToolRun
from rlm_tui.tools.registry import Registry
from rlm_tui.tools.work.registry import work_tools
from rlm_tui.tools.work.shell import Shell
from rlm_tui.tools.work.web import WebFetch
from rlm_tui.workspace.project_files import ProjectFiles
from rlm_tui.workspace.snapshots import SnapshotStore


class RecordingPermits:
    """Allows everything, or nothing, but looking at the project always; remembers what it was asked beside that."""

    def __init__(self, project: Path, allow: bool = True) -> None:
        self.allow = allow
        self.asked: list[Action] = []
        self._project = project.resolve()

    async def require(self, action: Action, request: str) -> None:
        if action.paths and not action.writes and all(is_inside(path, self._project) for path in action.paths):
            return
        self.asked.append(action)
        if not self.allow:
            raise ToolError(f"{action.tool} is not allowed: the person said no.")

    def at_most(self, approval: str) -> Permits:
        return self


class AnsweringPerson:
    """Answers every question with the first option, or `yes`."""

    async def ask(self, question: str, options: tuple[str, ...], request: str) -> str:
        return options[0] if options else "yes"


class EchoingSubCalls:
    """Answers a sub-call with what it was asked, and remembers the tasks."""

    def __init__(self) -> None:
        self.tasks: list[SubTask] = []

    async def query(self, task: SubTask, request: str) -> SubAnswer:
        self.tasks.append(task)
        return SubAnswer(7, f"done: {task.prompt}")

    async def map(self, tasks: list[SubTask], request: str) -> list[SubAnswer]:
        return [await self.query(task, request) for task in tasks]

    def remaining(self) -> dict[str, float]:
        return {}


class Bench:
    """The tools over the folder `project`; `use` runs one as a model would call it."""

    def __init__(
        self, project: Path, home: Path, *, allow: bool = True, allow_private: bool = False,
        sandbox: SandboxSettings | None = None, attended: bool = True,
    ) -> None:  # fmt: skip
        self.project = project
        self.taken: list[tuple[str, tuple[str, ...]]] = []
        self.files = ProjectFiles(
            project, SnapshotStore(home / "snapshots"), lambda name, paths: self.taken.append((name, paths))
        )
        self.permits = RecordingPermits(project, allow)
        self.sub = EchoingSubCalls()
        self.context = ContextStore(home)
        web: Sequence[Tool] = [WebFetch(allow_private=True)] if allow_private else []
        settings = sandbox or SandboxSettings()
        found = find_containment(settings.mode, network=settings.network)
        self.shell = Shell(project, settings, found, hidden=(home,), attended=attended)
        self.shown: list[str] = []
        self.registry = Registry((*work_tools(self.files, self.shell), *web))
        self._runner = asyncio.Runner()

    def use(self, name: str, **arguments: Any) -> ToolResult:
        """Run a tool; a refusal comes back as a result that is not ok, as the loop makes it."""
        return self._runner.run(self._run(name, arguments))

    def cancelled(self, name: str, *, when: Callable[[], bool], **arguments: Any) -> bool:
        """Run a tool and cancel it as soon as `when` holds; return whether it ended by that."""

        async def go() -> bool:
            task = asyncio.create_task(self._run(name, arguments))
            while not when() and not task.done():
                await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait({task})
            return task.cancelled()

        return self._runner.run(go())

    async def _run(self, name: str, arguments: dict[str, Any]) -> ToolResult:
        run = ToolRun(
            "t1", 1, 0, self.context, self.sub, self.project, Event(), self.shown.append, self.permits,
            AnsweringPerson(),
        )  # fmt: skip
        try:
            tool, checked, _ = self.registry.parse(name, json.dumps(arguments))
            return await tool.run(checked, run)
        except RlmTuiError as error:
            return ToolResult(str(error), str(error), ok=False)
