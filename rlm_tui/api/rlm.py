"""`RLM`: a model with its budgets, to ask about any context; sync, async, or event by event."""

import asyncio
import concurrent.futures
import contextlib
import math
import os
import shutil
import tempfile
import threading
import weakref
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rlm_tui.api.answer import Answer, CompletionError
from rlm_tui.api.sources import Context, sources_of
from rlm_tui.errors import ConfigError, UsageError
from rlm_tui.events import Envelope
from rlm_tui.text import without_surrogates

if TYPE_CHECKING:
    from rlm_tui.api.completion import Completion
    from rlm_tui.config.options import AppOptions
    from rlm_tui.config.paths import Paths
    from rlm_tui.models.gate import Gate

_STOP_S = 5.0
"""How long an interrupted `completion` waits for its calls to end."""

_EMPTY = "no-project"


class RLM:
    """A model to ask about contexts. One object may be used from many threads and tasks at once.

    Each question has a session of its own. Without `home` it lies in a temporary data home that goes with this object
    (or at `close`); what was read of files and folders is kept there meanwhile, so asking again reads only changes.
    """

    def __init__(
        self,
        model: str = "",
        *,
        sub_model: str = "",
        mode: str = "",
        max_depth: float | None = None,
        max_calls: float | None = None,
        max_tokens: float | None = None,
        max_cost: float | None = None,
        timeout: float | None = None,
        concurrency: int | None = None,
        home: str | os.PathLike[str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Say which model and how much it may spend on one question; nothing is loaded or checked yet.

        `model` and `sub_model` are litellm's names; not given, they come from environment and configuration, and
        else the built-in `offline` policy answers. Limits hold over the whole tree of calls: depth of recursion,
        number of calls, tokens in and out, US dollars, seconds; `math.inf` lifts one, None leaves what is
        configured. `concurrency` is how many calls run at once. `home` is a data home that keeps the sessions,
        as `rlm-tui sessions` shows them. `settings` are further configuration keys, dotted:
        `{"endpoints.lab.api_base": "http://localhost:8000/v1"}`.
        """
        given = {
            "model.name": model or None,
            "model.sub": sub_model or None,
            "model.mode": mode or None,
            "budget.depth": max_depth,
            "budget.calls": max_calls,
            "budget.tokens": max_tokens,
            "budget.cost": max_cost,
            "budget.seconds": timeout,
            "budget.concurrency": concurrency,
        }
        self._flags = {
            **{key: "unlimited" if value == math.inf else value for key, value in given.items() if value is not None},
            "context.watch": False,
            **(settings or {}),
        }
        self._home = None if home is None else Path(home).expanduser().absolute()
        self._keep = home is not None
        self._lock = threading.Lock()
        self._gate: Gate | None = None
        self._forget: Callable[[], object] = lambda: None

    # --- asking ----------------------------------------------------------------------------------------

    def completion(self, prompt: str, context: Context = None) -> Answer:
        """Answer `prompt` from `context` and return when done. Also works where an event loop runs already.

        `context` is a text of any size, a `pathlib.Path` of a file or folder, a list of either, documents as
        `{"label", "text"}`, or None. Raises `UsageError`, `ConfigError`, `ModelError` for what cannot be started,
        `ContextError` for a source that cannot be read, `CompletionError` for a question that got no answer.
        """
        work = self._prepare(prompt, context, None)
        future = _start(work.run())
        try:
            return future.result()
        except (KeyboardInterrupt, SystemExit):
            _cancel(work)
            concurrent.futures.wait([future], _STOP_S)
            raise

    async def acompletion(self, prompt: str, context: Context = None) -> Answer:
        """Answer like `completion`. Cancelling this stops all its calls; it ends when they have."""
        work = self._prepare(prompt, context, None)
        future = _start(work.run())
        try:
            return await asyncio.shield(asyncio.wrap_future(future))
        finally:
            await _stopped(work, future)

    async def stream(self, question: str, context: Context = None) -> AsyncGenerator[Envelope, None]:
        """Yield everything that happens, from the session's opening to `TurnFinished` or `TurnInterrupted`.

        Leaving the loop early stops all calls. Raises as `completion` does, but for a turn that failed: its last
        envelope says so.
        """
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Envelope | None] = asyncio.Queue()
        arrived: deque[Envelope | None] = deque()

        woken = False

        def take() -> None:
            nonlocal woken
            woken = False  # before emptying: what arrives from here on wakes the loop again
            while arrived:
                queue.put_nowait(arrived.popleft())

        def put(envelope: Envelope | None) -> None:
            nonlocal woken
            arrived.append(envelope)
            if not woken:
                woken = True
                with contextlib.suppress(RuntimeError):  # the caller's loop is closed: nobody listens any more
                    loop.call_soon_threadsafe(take)

        work = self._prepare(question, context, put)
        future = _start(work.run())
        future.add_done_callback(lambda _: put(None))
        try:
            while (envelope := await queue.get()) is not None:
                yield envelope
            with contextlib.suppress(CompletionError):
                future.result()
        finally:
            await _stopped(work, future)

    def check(self) -> None:
        """Make sure that the models can be used, without network. Raises `ConfigError` or `ModelError`."""
        from rlm_tui.models.router import keyed_environ, make_client

        options = self._options("check")
        settings, environ = options.loaded.settings, keyed_environ(options.paths.home)
        for name in (settings.model.name, settings.model.sub):
            make_client(name, settings, environ)

    # --- the data home ---------------------------------------------------------------------------------

    def close(self) -> None:
        """Delete the temporary data home; a `home` that was given stays. Asking again makes a new one."""
        with self._lock:
            self._forget()
            self._forget = lambda: None
            if not self._keep:
                self._home = None

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _data_home(self) -> Path:
        with self._lock:
            if self._home is None:
                self._home = Path(tempfile.mkdtemp(prefix="rlm-tui-"))
                self._forget = weakref.finalize(self, shutil.rmtree, self._home, ignore_errors=True)
            return self._home

    # --- preparing -------------------------------------------------------------------------------------

    def _prepare(self, prompt: str, context: Context, listener: Callable[[Envelope], None] | None) -> "Completion":
        if not prompt.strip():
            raise UsageError("The prompt is empty: say what you want to know.")
        prompt, _ = without_surrogates(prompt)
        sources = sources_of(context)
        options = self._options(prompt)
        from rlm_tui.api.completion import Completion

        gate = self._shared_gate(options.loaded.settings.budget.concurrency)
        return Completion(options, sources, gate, listener, keep=self._keep)

    def _options(self, prompt: str) -> "AppOptions":
        from rlm_tui.config.options import AppOptions
        from rlm_tui.config.paths import Paths
        from rlm_tui.config.settings import load_settings

        own = Paths.from_environ()
        loaded = load_settings(own, None, self._flags)
        wrong = [str(problem) for problem in loaded.problems if problem.file == "flag"]
        if wrong:
            raise ConfigError(" ".join(wrong).replace("flag: ", ""))
        paths = Paths(self._data_home(), own.config_dir)
        return AppOptions(_empty_folder(paths), paths, loaded, prompt=prompt, flags=self._flags)

    def _shared_gate(self, limit: int) -> "Gate":
        from rlm_tui.models.gate import Gate

        with self._lock:
            if self._gate is None:
                self._gate = Gate(limit)
            return self._gate


def _empty_folder(paths: "Paths") -> Path:
    """Return the folder that stands for the project: nothing is in it, so only what is given becomes context."""
    folder = paths.make(paths.home) / _EMPTY
    folder.mkdir(mode=0o500, exist_ok=True)
    return folder


def _start(work: Coroutine[Any, Any, Answer]) -> "concurrent.futures.Future[Answer]":
    from rlm_tui.api.engine_thread import engine_loop

    return asyncio.run_coroutine_threadsafe(work, engine_loop())


def _cancel(work: "Completion") -> None:
    from rlm_tui.api.engine_thread import engine_loop

    engine_loop().call_soon_threadsafe(work.cancel)


async def _stopped(work: "Completion", future: "concurrent.futures.Future[Answer]") -> None:
    """Stop what still runs, and wait until it has ended."""
    if future.done():
        return
    _cancel(work)
    waiter = asyncio.wrap_future(future)
    await asyncio.wait({waiter})
    if not waiter.cancelled():
        waiter.exception()  # or the loop complains that nobody looked at it
