"""The supervisor of one worker: starts it, runs cells, answers its calls, stops what hangs, starts it again.

Lives on one event loop. The format of the pipe is described in `channel`.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import struct
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, BinaryIO

from rlm_tui.errors import RlmTuiError, ToolError
from rlm_tui.repl.channel import MAX_FRAME
from rlm_tui.repl.sandbox import Sandbox

Serve = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Answers one call of a cell: a name and arguments in, a JSON value out. An `RlmTuiError` goes back to the cell."""

OUTPUT_CHARS = 5_000_000
MAX_CALLS = 1_000
"""Calls of one cell that may wait at once."""
MAX_WAITING_CHARS = 128_000_000
"""Characters of what those calls ask."""
_TOO_MANY = ""
"""Characters of one cell's output that are kept; what is beyond is counted."""

_START_SECONDS = 20.0
_GRACE_SECONDS = 1.0
_GRACE_ON_CANCEL_SECONDS = 0.3
_LAST_WORDS_BYTES = 100_000


def _nowhere(_: str) -> None:
    """Take output that nobody watches."""


@dataclass(slots=True)
class CellResult:
    """How a cell ended.

    `error` is the kind of the exception that ended it, `killed` or `crashed` where the worker is gone with all
    variables, else empty. `answer` is what the call is to be answered with, or None. `dropped` counts characters of
    output beyond `OUTPUT_CHARS`. `variables` describe what the namespace holds, the newest last. `lost` says why the
    variables of earlier cells were gone when this cell began.
    """

    output: str = ""
    error: str = ""
    answer: str | None = None
    dropped: int = 0
    variables: tuple[str, ...] = ()
    lost: str = ""
    elapsed_ms: float = 0.0
    pieces: list[str] = field(default_factory=list)

    @property
    def gone(self) -> bool:
        """Whether the worker went down with this cell."""
        return self.error in ("killed", "crashed")


class Repl:
    """One worker process. One cell at a time; a cell finds the variables of those before it."""

    def __init__(self, sandbox: Sandbox, *, unconfined: bool = False) -> None:
        """`unconfined` is whether cells may run where nothing keeps them from files or the network (state `NONE`)."""
        self._sandbox = sandbox
        self._unconfined = unconfined
        self._worker: _Worker | None = None
        self._lost = ""
        self._lock = asyncio.Lock()
        self.cells = 0
        """How many cells were begun."""
        self.state = ""
        """`SANDBOXED`, `PARTIAL (why)` or `NONE (why)`; empty before the first cell."""

    async def run(
        self, code: str, serve: Serve, *, seconds: float, fresh: bool = False, output: Callable[[str], None] = _nowhere
    ) -> CellResult:
        """Run one cell and return how it ended.

        `seconds` limits the time that it computes; waiting for its calls does not count. It is interrupted then, and
        killed where that does not help. `fresh` forgets an answer that is half set. `output` is passed text as it is
        printed. When this is cancelled, the cell is stopped, and its variables stay if it heeds that at once. Raises
        `ToolError` when no worker can be started, or none that is confined and that is not wanted.
        """
        async with self._lock:
            started = time.monotonic()
            if self._worker is None:
                self._worker = await _Worker.start(self._sandbox)
                self.state = self._sandbox.state(self._worker.measures)
                await self._refuse_unconfined()
            self.cells += 1
            lost, self._lost = self._lost, ""
            cell = _Cell(self._worker, self.cells, serve, output)
            try:
                result = await cell.run(code, seconds, fresh=fresh)
            except BaseException:
                if not await cell.stop():
                    await self._drop("the cell before did not heed its interruption and was killed")
                raise
            if result.gone:
                how = "had to be killed" if result.error == "killed" else "crashed"
                await self._drop(f"the worker {how} in the cell before")
            result.lost = lost
            result.elapsed_ms = (time.monotonic() - started) * 1000
            return result

    async def _refuse_unconfined(self) -> None:
        """End the worker again where nothing confines it and nobody said that this is fine. Raises `ToolError`."""
        if self.state.startswith("NONE") and not self._unconfined:
            await self.close()
            raise ToolError(
                f"No code runs here, since nothing would keep it from your files and the network: {self.state}. "
                'Use `--mode tools`, install bubblewrap, or accept that with `sandbox.mode = "off"`.'
            )

    async def _drop(self, why: str) -> None:
        self._lost = why
        await self.close()

    async def close(self) -> None:
        """End the worker. Safe to call twice; another cell starts a new one."""
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.kill()


class _Worker:
    """A worker process with its pipe."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        folder: str,
        errors: BinaryIO,
    ) -> None:
        self._process = process
        self._reader, self._writer = streams
        self._folder = folder
        self._errors = errors
        self._pid = process.pid
        self.measures: dict[str, str] = {}

    @classmethod
    async def start(cls, sandbox: Sandbox) -> "_Worker":
        """Start a worker and wait until it serves. Raises `ToolError`."""
        ours, theirs = socket.socketpair()
        info, info_write = os.pipe()
        # In bubblewrap the worker has a folder that goes with it.
        folder = "" if sandbox.wrapped else tempfile.mkdtemp(prefix="rlm-tui-repl-")
        errors: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - the worker's, closed with it
        try:
            process = await asyncio.create_subprocess_exec(
                *sandbox.command(theirs.fileno(), info_write, OUTPUT_CHARS),
                stdin=asyncio.subprocess.DEVNULL, stdout=errors, stderr=errors, cwd=folder or "/",
                env=sandbox.environment(),
                pass_fds=(theirs.fileno(), info_write), start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            ours.close()
            os.close(info)
            errors.close()
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
            raise ToolError(f"No Python worker can be started: {error}.") from None
        finally:
            theirs.close()
            os.close(info_write)
        worker = cls(process, await asyncio.open_connection(sock=ours), folder, errors)
        try:
            await worker._greet(sandbox, info)
        except BaseException:
            await worker.kill()
            raise
        finally:
            os.close(info)
        return worker

    async def _greet(self, sandbox: Sandbox, info: int) -> None:
        message = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                message = await self.receive()
        if message is None or "ready" not in message:
            said = self._last_words()
            raise ToolError(f"The Python worker does not start{': ' if said else ''}{said}.")
        if sandbox.wrapped:
            # Written before the worker could greet.
            self._pid = int(json.loads(os.read(info, 4096))["child-pid"])
        self.measures = {str(what): str(why) for what, why in dict(message["ready"]).items()}

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read(_LAST_WORDS_BYTES).decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    async def receive(self) -> dict[str, Any] | None:
        """Return the next message, or None when the worker is gone or no longer speaks the format."""
        try:
            size = struct.unpack(">I", await self._reader.readexactly(4))[0]
            if size > MAX_FRAME:
                return None
            message = json.loads(await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError, ValueError, RecursionError):
            return None
        return message if isinstance(message, dict) else None

    async def send(self, message: dict[str, Any]) -> None:
        """Write one message; one that the worker no longer takes is lost with it. Raises `ToolError` if too large."""
        data = json.dumps(message).encode("ascii")
        if len(data) > MAX_FRAME:
            raise ToolError(f"{len(data):,} bytes are too much for one message: the limit is {MAX_FRAME:,}.")
        self._writer.write(struct.pack(">I", len(data)) + data)
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    def interrupt(self) -> None:
        """Send SIGINT to the interpreter."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self._pid, signal.SIGINT)

    async def kill(self) -> None:
        """End the worker and all that it started, for good."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._writer.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_SECONDS):
                await self._process.wait()
        self._errors.close()
        if self._folder:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)


def _chars(arguments: Any) -> int:
    """Return how many characters a call's arguments hold."""
    total, waiting = 0, [arguments]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            total += len(part)
        elif isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return total


class _Cell:
    """One running cell: its messages, its calls, its clock."""

    def __init__(self, worker: _Worker, number: int, serve: Serve, output: Callable[[str], None]) -> None:
        self._worker = worker
        self._number = number
        self._serve = serve
        self._output = output
        self._calls: set[asyncio.Task[None]] = set()
        self._called = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._stopping = False
        self._ended = False
        self._result = CellResult()
        self._room = OUTPUT_CHARS
        self._waiting_chars = 0

    async def run(self, code: str, seconds: float, *, fresh: bool) -> CellResult:
        """Send the cell and see it to its end, or to the worker's."""
        await self._worker.send({"cell": self._number, "code": code, "fresh": fresh})
        listening = self._listening = asyncio.create_task(self._listen(), name=f"cell {self._number}")
        try:
            if not await self._wait(listening, seconds):
                self._note(f"The cell computed for {seconds:g} s, which is the limit, and was interrupted.")
                self._worker.interrupt()
                if not await self._wait(listening, _GRACE_SECONDS):
                    listening.cancel()
                    self._note("It did not heed that and was killed.")
                    self._result.error = "killed"
        finally:
            await self._end_calls()
        self._result.output = "".join(self._result.pieces)
        return self._result

    async def _wait(self, listening: "asyncio.Task[None]", seconds: float) -> bool:
        """Wait for the cell's end; time in which it waits for calls does not count. Return whether it came."""
        left = seconds
        while left > 0 and not listening.done():
            if self._calls:
                await asyncio.wait({listening, *self._calls}, return_when=asyncio.FIRST_COMPLETED)
                continue
            began = time.monotonic()
            called = asyncio.create_task(self._called.wait())
            try:
                await asyncio.wait({listening, called}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                called.cancel()
            left -= time.monotonic() - began
        return listening.done()

    async def stop(self) -> bool:
        """Interrupt the cell and wait a moment for its end; return whether it came and the worker is whole."""
        if self._listening is None:
            return False
        self._stopping = True
        if not self._ended:
            self._worker.interrupt()
            await asyncio.wait({self._listening}, timeout=_GRACE_ON_CANCEL_SECONDS)
        self._listening.cancel()
        return self._ended and not self._result.gone

    async def _listen(self) -> None:
        """Take messages until the cell has ended or the worker is gone."""
        while not self._ended:
            message = await self._worker.receive()
            try:
                if message is None:
                    self._crash("The Python worker ended in this cell.")
                else:
                    self._take(message)
            except (KeyError, TypeError, ValueError):
                self._crash("The cell wrote into the worker's own pipe; the worker was ended.")

    def _take(self, message: dict[str, Any]) -> None:
        """Act on a message. Raises `KeyError`, `TypeError` or `ValueError` for one that no whole worker sends."""
        if "out" in message:
            self._print(str(message["out"]))
        elif "call" in message:
            self._begin_call(int(message["call"]), str(message["name"]), dict(message["arguments"]))
        elif message.get("done") == self._number:
            self._finish(message)

    def _crash(self, why: str) -> None:
        self._note(why)
        self._result.error = "crashed"
        self._ended = True

    def _print(self, text: str) -> None:
        """Keep output as far as there is room. The worker counts too, but code can write past it."""
        kept = text[: self._room]
        self._room -= len(kept)
        self._result.dropped += len(text) - len(kept)
        if kept:
            self._result.pieces.append(kept)
            self._output(kept)

    def _note(self, text: str) -> None:
        note = f"({text})\n"
        self._result.pieces.append(note)
        self._output(note)

    def _finish(self, message: dict[str, Any]) -> None:
        """Take the report of the cell's end. Raises `TypeError` or `ValueError` for one that makes no sense."""
        answer = message.get("answer")
        dropped = int(message.get("dropped", 0))
        self._result.error = str(message.get("error", ""))
        self._result.answer = answer if isinstance(answer, str) else None
        self._result.dropped += dropped
        self._result.variables = tuple(str(name) for name in message.get("variables", ()))
        self._ended = True

    def _begin_call(self, number: int, name: str, arguments: dict[str, Any]) -> None:
        if self._stopping:
            return
        chars = _chars(arguments)
        if len(self._calls) >= MAX_CALLS or self._waiting_chars + chars > MAX_WAITING_CHARS:
            arguments, name, chars = {}, _TOO_MANY, 0  # what it asks is not kept: the refusal needs it no more
        self._waiting_chars += chars
        task = asyncio.create_task(self._reply(number, name, arguments), name=f"call of cell {self._number}")
        self._calls.add(task)
        self._called.set()
        task.add_done_callback(partial(self._forget, chars))

    def _forget(self, chars: int, task: "asyncio.Task[None]") -> None:
        self._waiting_chars -= chars
        self._calls.discard(task)
        if not self._calls:
            self._called.clear()

    async def _reply(self, number: int, name: str, arguments: dict[str, Any]) -> None:
        reply: dict[str, Any] = {"reply": number}
        try:
            if name == _TOO_MANY:
                raise ToolError(
                    "Too much is waiting already (1,000 calls, or 128 MB of prompts): ask in smaller batches."
                )
            value = await self._serve(name, arguments)
            await self._worker.send(reply | {"value": value})
        except RlmTuiError as error:
            await self._worker.send(reply | {"error": str(error)})

    async def _end_calls(self) -> None:
        self._stopping = True
        calls = set(self._calls)
        for task in calls:
            task.cancel()
        if calls:
            await asyncio.wait(calls)
