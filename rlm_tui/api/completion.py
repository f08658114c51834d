"""One question from its context to its answer, on the engine's loop."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

from rlm_tui import events as ev
from rlm_tui.api.answer import Answer, make_answer
from rlm_tui.api.sources import Source, Text
from rlm_tui.config.options import AppOptions
from rlm_tui.errors import ContextError
from rlm_tui.loop.assistant import Assistant
from rlm_tui.models.gate import Gate


class Completion:
    """A session of its own for one question. `run` and `cancel` are called on the engine's loop, `run` once."""

    def __init__(
        self,
        options: AppOptions,
        sources: tuple[Source, ...],
        gate: Gate,
        listener: Callable[[ev.Envelope], None] | None,
        *,
        keep: bool,
    ) -> None:
        """`gate` is shared by all questions of one caller; `keep` leaves the session where it is afterwards."""
        self._options = options
        self._sources = sources
        self._gate = gate
        self._listener = listener
        self._keep = keep
        self._cancelled = False
        self._turn: list[ev.Envelope] = []
        self._problem = ""
        self._assistant = Assistant(options, self._take, strict=True)

    async def run(self) -> Answer:
        """Read the context, ask, and return the answer; the session is closed when this ends, however it ends.

        Raises `CompletionError` for a turn that failed, `ModelError` for a model that cannot be used,
        `ContextError` for a source that cannot be read, `asyncio.CancelledError` after `cancel`.
        """
        try:
            await self._assistant.open()
            try:
                self._assistant.engine.gate = self._gate
                return await self._ask()
            finally:
                await self._assistant.close()
        finally:
            await self._forget()

    def cancel(self) -> None:
        """Stop reading, or the turn with all its calls."""
        self._cancelled = True
        if getattr(self._assistant, "engine", None) is not None:
            self._assistant.cancel_ingest()
            self._assistant.interrupt()

    async def _ask(self) -> Answer:
        await self._assistant.ingested()
        for source in self._sources:
            self._stop_if_cancelled()
            await self._read(source)
        await self._assistant.warm_up()  # loading the model client takes none of the question's own time
        self._stop_if_cancelled()
        end = await self._assistant.ask(self._options.prompt)
        self._stop_if_cancelled()
        return make_answer(end, tuple(self._turn), self._assistant.session.id if self._keep else "")

    async def _read(self, source: Source) -> None:
        if isinstance(source, Text):
            self._assistant.session.append_entry("file", source.label, source.text)
        elif await self._assistant.project.ingest(source) is None:
            raise ContextError(self._problem or f"{source} could not be read.")

    def _stop_if_cancelled(self) -> None:
        if self._cancelled:
            raise asyncio.CancelledError

    def _take(self, envelope: ev.Envelope) -> None:
        event = envelope.event
        if isinstance(event, ev.SessionClosed):
            return
        if isinstance(event, ev.Notice) and event.level == "error":
            self._problem = event.text
        if self._turn or isinstance(event, ev.TurnStarted):
            self._turn.append(envelope)
        if self._listener is not None:
            self._listener(envelope)

    async def _forget(self) -> None:
        session = getattr(self._assistant, "session", None)
        if session is not None and not self._keep:
            folder: Path = session.directory
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
