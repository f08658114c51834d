"""One whole session of work: a scripted model reads, edits, runs the tests in the sandbox, wants something dangerous,
is refused, and is taken back.

`python -m tests.loop.test_safe_hands` prints it.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest

from rlm_tui import events as ev
from rlm_tui.config.options import AppOptions
from rlm_tui.config.paths import Paths
from rlm_tui.config.settings import EndpointSettings, Loaded, ModelSettings, Settings
from rlm_tui.loop.assistant import Assistant
from rlm_tui.permissions.policy import Containment
from rlm_tui.permissions.reply import Reply
from rlm_tui.sandbox.finding import find_containment
from tests.support.scripted_server import ScriptedServer, Text, Tool, Turn

CODE = "def add(a, b):\n    return a - b\n"
CHECK = "from calc import add\nassert add(2, 3) == 5, add(2, 3)\nprint('1 passed')\n"
RUN = "python3 -B check.py"  # a kept .pyc tells no two edits of one second apart


class Person:
    """Allows once, but nothing that carries a warning."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.assistant: Assistant | None = None

    def __call__(self, envelope: ev.Envelope) -> None:
        event = envelope.event
        if isinstance(event, ev.ToolFinished):
            self.lines.append(f"{event.name:<8} {'ok' if event.ok else 'no':<3} {event.summary}")
        if isinstance(event, ev.PermissionAsked) and self.assistant is not None:
            reply = Reply("deny", reason="never delete that") if event.warning else Reply("once")
            self.lines.append(f"asked    {event.what!r}: {event.reason} -> {reply.decision}")
            asyncio.get_running_loop().call_soon(self.assistant.approvals.answer, event.request, reply)


async def work(folder: Path) -> tuple[list[str], list[str]]:
    """Do the session below `folder`; return what was seen, and the results that the model was given."""
    project = folder / "project"
    project.mkdir()
    (project / "calc.py").write_text(CODE)
    (project / "check.py").write_text(CHECK)
    with ScriptedServer() as server:
        endpoints = {"lab": EndpointSettings(api_base=server.base_url)}
        settings = msgspec.structs.replace(Settings(), model=ModelSettings(name="lab/scripted"), endpoints=endpoints)
        person = Person()
        options = AppOptions(project, Paths(folder / "home", folder / "config"), Loaded(settings, [], {}))
        assistant = Assistant(options, person, strict=True, attended=True)
        await assistant.open()
        await assistant.ingested()
        person.assistant = assistant
        server.queue(
            Turn(Tool("read", {"path": "calc.py"})),
            Turn(Tool("bash", {"command": RUN})),
            Turn(Tool("edit", {"path": "calc.py", "old_string": "a - b", "new_string": "a + b"})),
            Turn(Tool("bash", {"command": RUN})),
            Turn(Tool("bash", {"command": "rm -rf .git ~"})),
            Turn(Text("Fixed: add subtracted.")),
        )
        end = await assistant.ask("Make the check pass")
        assert isinstance(end, ev.TurnFinished)
        person.lines.append(f"answer   {end.answer}")
        assert (project / "calc.py").read_text() == CODE.replace("-", "+")
        assistant.undo.carry_out(assistant.undo.plan_undo())
        person.lines.append(f"undone   calc.py is as it was: {(project / 'calc.py').read_text() == CODE}")
        results = server.requests[-1].tool_results
        await assistant.close()
    return person.lines, results


@pytest.mark.skipif(
    find_containment("auto").containment is not Containment.SANDBOXED,
    reason=f"no sandbox here: {find_containment('auto').text}",
)
async def test_a_model_works_is_refused_and_is_taken_back(tmp_path: Path) -> None:
    lines, results = await work(tmp_path)
    assert "AssertionError: -1" in results[1]
    assert results[3].startswith("Exit code 0")
    assert "1 passed" in results[3]
    assert results[4] == "The person did not allow this: never delete that"
    assert lines[-1] == "undone   calc.py is as it was: True"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        sys.stdout.write("\n".join(asyncio.run(work(Path(name)))[0]) + "\n")
