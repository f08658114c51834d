"""The prompts of one session, one after the other: queued, made ready, run as an agent, interrupted."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from rlm_tui import events as ev
from rlm_tui.errors import RlmTuiError, UsageError
from rlm_tui.loop.acting import Acting
from rlm_tui.loop.images import image_paths, keep_images, takes_images
from rlm_tui.loop.own_commands import called, expanded
from rlm_tui.loop.subcalls import is_cancelling
from rlm_tui.loop.typed_command import acting_for, typed_command
from rlm_tui.text import one_line
from rlm_tui.tools.work.shell import Bash

if TYPE_CHECKING:
    from rlm_tui.loop.assistant import Assistant

TurnEnd = ev.TurnFinished | ev.TurnInterrupted


class Turns:
    """Runs the turns of `assistant`. `last` is how the last queued one ended."""

    def __init__(self, assistant: "Assistant") -> None:
        self._assistant = assistant
        self._queue: deque[tuple[str, bool]] = deque()
        self._expanding: asyncio.Task[str] | None = None
        self.running: asyncio.Task[None] | None = None
        self.last: TurnEnd | None = None

    @property
    def queued(self) -> tuple[str, ...]:
        """Prompts that wait for the running turn to end."""
        return tuple(prompt for prompt, _ in self._queue)

    def send(self, prompt: str, *, command: bool = False) -> None:
        """Ask, or queue the prompt while a turn runs; a `command` was typed to be run."""
        if not prompt.strip():
            return
        self._queue.append((prompt, command))
        if self.running is None or self.running.done():
            self.running = self._assistant.spawn(self._run_queue(), "turns")

    async def ask(self, prompt: str) -> TurnEnd:
        """Ask and wait for the turn's end. Raises `UsageError` for an empty prompt."""
        if not prompt.strip():
            raise UsageError("The prompt is empty: say what you want to know.")
        return await self._run(prompt)

    def interrupt(self) -> bool:
        """Stop the running turn; queued prompts stay queued no longer."""
        self._queue.clear()
        if self._expanding is not None:
            return self._expanding.cancel()
        return self._assistant.engine.interrupt()

    async def stop(self) -> None:
        """Stop the running turn for good."""
        self._queue.clear()
        self._assistant.engine.interrupt()
        if self.running is not None:
            await asyncio.wait({self.running}, timeout=2)

    async def _run_queue(self) -> None:
        while self._queue:
            prompt, command = self._queue.popleft()
            try:
                self.last = await (self._run_command(prompt) if command else self._run(prompt))
            except RlmTuiError as error:
                self._assistant.notice("error", str(error))

    async def _run(self, prompt: str) -> TurnEnd:
        """Run a turn as the agent chosen; a prompt that calls an own command becomes what that says.

        Raises `UsageError` where the prompt cannot be made, `ModelError` where the agent's model cannot be used.
        """
        assistant = self._assistant
        agent = assistant.session.state.settings.get("agent", "")
        own = called(prompt, assistant.extras.commands)
        if own is None:
            acting = assistant.agents.acting(agent)
        else:
            command, arguments = own
            acting = assistant.agents.acting(command.agent or agent, command.model)
            prompt = await self._expand(expanded(command, arguments, assistant.engine, Bash(assistant.shell), acting))
        assistant.use_tools_of(acting)
        images = await self._images_of(prompt, acting)
        return await assistant.engine.run_turn(prompt, agent=acting, images=images)

    async def _expand(self, work: "asyncio._CoroutineLike[str]") -> str:
        self._expanding = asyncio.create_task(work, name="own command")
        try:
            return await self._expanding
        except asyncio.CancelledError:
            if is_cancelling():
                self._expanding.cancel()
                raise
            raise UsageError("Interrupted before anything was asked.") from None
        finally:
            self._expanding = None

    async def _images_of(self, prompt: str, acting: Acting) -> tuple[ev.Image, ...]:
        """Return the images that a prompt names, as far as the agent's model takes them; the person is told."""
        assistant, project = self._assistant, self._assistant.options.project
        if not image_paths(prompt, project):
            return ()
        model = acting.model or assistant.session.state.model
        limits = await asyncio.to_thread((acting.client or assistant.engine.client).limits, model)
        if not takes_images(model, limits):
            assistant.notice("warning", f"{model} takes no images: the prompt goes without them.")
            return ()
        kept, problems = await asyncio.to_thread(
            keep_images, prompt, project, assistant.session.directory, anywhere=assistant.attended
        )
        for problem in problems:
            assistant.notice("warning", problem)
        if kept:
            told = ", ".join(f"{one_line(image.name, 60)} ({image.size:,} bytes)" for image in kept)
            assistant.notice("info", f"The model is shown {told}.")
        return tuple(kept)

    async def _run_command(self, text: str) -> TurnEnd:
        """Run a turn that is a command of the person's, sandboxed as any, asked for by no model."""
        assistant = self._assistant
        acting = acting_for(typed_command(text) or text, assistant.shell, assistant.approvals.policy)
        return await assistant.engine.run_turn(text, agent=acting)
