"""Prompts that call a command of one's own: `/name arguments` becomes the prompt that its file describes."""

import asyncio
from collections.abc import Mapping
from threading import Event as CancelFlag

from rlm_tui import events as ev
from rlm_tui.config.commands import OwnCommand, filled, takes_arguments
from rlm_tui.errors import ToolError, UsageError
from rlm_tui.loop.acting import Acting
from rlm_tui.loop.call import CallSpec
from rlm_tui.loop.engine import Engine
from rlm_tui.tools.port import ToolRun
from rlm_tui.tools.work.shell import Bash, BashArguments

WORK = "command"
"""The name of this work in `Progress` events."""

SECONDS = 60.0
"""Most seconds that one insert may take."""


def called(prompt: str, commands: Mapping[str, OwnCommand]) -> tuple[OwnCommand, str] | None:
    """Return the command that a prompt calls and what was typed after its name, None where it calls none."""
    text = prompt.strip()
    if not text.startswith("/"):
        return None
    parts = text[1:].split(None, 1)
    command = commands.get(parts[0]) if parts else None
    return None if command is None else (command, parts[1] if len(parts) > 1 else "")


async def expanded(command: OwnCommand, arguments: str, engine: Engine, bash: Bash, acting: Acting) -> str:
    """Return the prompt. Inserts run one after the other, under the permissions that `acting` would have.

    Raises `UsageError` where one may not run, or fails to start.
    """
    pieces = command.pieces
    texts = [filled(pieces[0], arguments)]
    inserts = list(zip(pieces[1::2], pieces[2::2], strict=True))
    try:
        for done, (line, text) in enumerate(inserts):
            engine.session.record(ev.Progress(WORK, done, len(inserts), "inserts", f"/{command.name}: {line}"))
            texts += [await _output(command, line, engine, bash, acting), filled(text, arguments)]
    finally:
        if inserts:
            engine.session.record(ev.Progress(WORK, len(inserts), len(inserts), finished=True))
    prompt = "".join(texts)
    if arguments and not takes_arguments(command):
        prompt = f"{prompt}\n\n{arguments}"
    return prompt


def _not_shown(_: str) -> None:
    """Take running output: what an insert prints stands in the prompt when it has ended."""


async def _output(command: OwnCommand, line: str, engine: Engine, bash: Bash, acting: Acting) -> str:
    cancel = CancelFlag()
    spec = CallSpec(0, 0, 0, "root", "", "", engine.session.context, engine.registry, acting=acting)
    run = ToolRun(
        engine.next_request(), 0, 0, engine.session.context, engine.sub_calls(spec), engine.project, cancel,
        _not_shown, engine.permits.at_most(acting.approval), engine.person,
    )  # fmt: skip
    try:
        result = await bash.run(BashArguments(line, timeout=SECONDS, description=f"for /{command.name}"), run)
    except ToolError as error:
        raise UsageError(f"/{command.name} was not sent: `{line}` did not run. {error}") from None
    except asyncio.CancelledError:
        cancel.set()
        raise
    return (result.capture or "").strip("\n") if result.ok else result.text
