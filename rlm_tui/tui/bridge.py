"""Between the screen's thread and the engine's: envelopes come out, requests go in, and nothing else crosses.

The engine thread has an event loop of its own and owns the session, the loop and the model client. Envelopes gather
in a bounded queue; under pressure streamed text is merged and progress replaced, facts are never dropped. The screen
is woken once a frame, so an idle program does nothing.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from rlm_tui import events as ev
from rlm_tui.config.options import AppOptions
from rlm_tui.errors import RlmTuiError
from rlm_tui.session.state import SessionState

if TYPE_CHECKING:
    from rlm_tui.context.store import ContextStore
    from rlm_tui.loop.assistant import Assistant

_MERGE_FROM = 2_000
"""Queue length from which streamed text of one call is merged."""

_CLOSE_S = 5.0


class Bridge:
    """Runs one assistant on a thread of its own.

    `wake` is called on the engine's thread when there is something to take after there was nothing; it must be
    quick and thread-safe. `state` and `context` belong to the screen once `opened` is set.
    """

    def __init__(self, options: AppOptions, wake: Callable[[], None]) -> None:
        self.options = options
        self.state = SessionState()
        self.context: ContextStore | None = None
        self.session_id = ""
        self.own_commands: dict[str, str] = {}
        """Commands of the person's own with their descriptions, once `opened` is set."""
        self.failure = ""
        self.opened = False
        self._wake = wake
        self._lock = threading.Lock()
        self._queue: deque[ev.Envelope] = deque()
        self._awake = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._assistant: Assistant | None = None
        self._stop: asyncio.Event | None = None
        self._engine_loop: asyncio.AbstractEventLoop | None = None
        self._leaving = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)

    @property
    def index_lag(self) -> int:
        """How many entries the ranked index is behind."""
        return self.context.index_lag if self.context is not None else 0

    def start(self) -> None:
        """Start the engine's thread."""
        self._thread.start()

    # --- the engine's side -----------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except RlmTuiError as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001 - the thread's outermost edge: a person must be told
            from rlm_tui.config.crash import report_crash

            self._fail(report_crash(error, self.options.paths))

    def _fail(self, message: str) -> None:
        self.failure = message
        self._signal()

    async def _main(self) -> None:
        from rlm_tui.loop.assistant import Assistant

        self._stop, self._engine_loop = asyncio.Event(), asyncio.get_running_loop()
        if self._leaving:
            return  # the person left before anything was opened
        assistant = Assistant(self.options, self._receive, attended=True)
        await assistant.open()
        self.context = assistant.session.context
        self.session_id = assistant.session.id
        self.own_commands = {name: own.description for name, own in assistant.extras.commands.items()}
        self._assistant = assistant
        self._loop = asyncio.get_running_loop()
        self.opened = True
        self._signal()
        if self.options.prompt:
            assistant.send(self.options.prompt)
        await self._stop.wait()
        await assistant.close("left")

    def _work(self, work: Callable[["Assistant"], object], assistant: "Assistant") -> None:
        """Do what the screen asked for, and let it look again: not everything that changes is an event."""
        work(assistant)
        self._signal()

    def _receive(self, envelope: ev.Envelope) -> None:
        """Take an envelope: fold it while the session is still being opened, queue it afterwards."""
        if not self.opened:
            self.state.apply(envelope)
            return
        with self._lock:
            if not self._merge(envelope):
                self._queue.append(envelope)
        self._signal()

    def _merge(self, envelope: ev.Envelope) -> bool:
        """Join streamed text to the queue's last envelope where the queue is long and it continues that."""
        if len(self._queue) < _MERGE_FROM:
            return False
        last, event = self._queue[-1], envelope.event
        if isinstance(event, ev.TextDelta | ev.ReasoningDelta | ev.ToolOutput):
            before = last.event
            same = type(before) is type(event) and last.call == envelope.call
            if same and isinstance(before, ev.TextDelta | ev.ReasoningDelta):
                self._queue[-1] = replace(envelope, event=replace(event, text=before.text + event.text))
                return True
        if isinstance(event, ev.Progress) and isinstance(last.event, ev.Progress) and event.work == last.event.work:
            self._queue[-1] = envelope
            return True
        return False

    def _signal(self) -> None:
        with self._lock:
            if self._awake:
                return
            self._awake = True
        self._wake()

    # --- the screen's side -----------------------------------------------------------------------------

    def take(self, most: int) -> list[ev.Envelope]:
        """Return up to `most` queued envelopes, oldest first; an empty answer means that `wake` comes again."""
        with self._lock:
            taken = [self._queue.popleft() for _ in range(min(most, len(self._queue)))]
            if not taken:
                self._awake = False
        return taken

    def call(self, work: Callable[["Assistant"], object]) -> bool:
        """Run `work` with the assistant on the engine's loop; return False when it is not open (any more)."""
        loop, assistant = self._loop, self._assistant
        if loop is None or assistant is None or loop.is_closed():
            return False
        loop.call_soon_threadsafe(self._work, work, assistant)
        return True

    @property
    def queued(self) -> tuple[str, ...]:
        """Prompts that wait for the running turn's end."""
        return self._assistant.queued if self._assistant is not None else ()

    def close(self) -> bool:
        """Close the session and wait for it, at most some seconds; return whether everything ended."""
        self._leaving = True
        loop, stop = self._engine_loop, self._stop  # set before the session is open: it is closed once it is
        if loop is not None and stop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)
        if self._thread.is_alive():
            self._thread.join(_CLOSE_S)
        return not self._thread.is_alive()
