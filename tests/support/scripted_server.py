"""A deterministic language model over HTTP: OpenAI's chat completions (and Anthropic's messages) from a script.

The server listens on loopback only and runs in a thread of its own, so plain tests, async tests and programs in other
processes can all talk to it:

    with ScriptedServer() as server:
        server.queue(Turn(Text("Hel", "lo"), Usage(12, 4)), failure(429, retry_after="1"))
        ...  # point a client at server.base_url
        assert server.requests[0].messages[-1]["content"] == "Hi"

Turns are taken from the queue first, then from the `answer` function; without either a request is refused with status
400. From a shell: `python -m tests.support.scripted_server --port 8123 --script hello` (or `--script module:function`).
"""

import argparse
import asyncio
import contextlib
import importlib
import signal
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from tests.support.scripted_http import read_body, read_head, send_whole
from tests.support.scripted_turns import (
    Drop,
    End,
    Finish,
    Hang,
    Interleaved,
    Raw,
    Reasoning,
    Status,
    Step,
    Text,
    Tool,
    Turn,
    Usage,
    Wait,
    burst,
    failure,
    trickle,
)
from tests.support.scripted_wire import (
    SIGNATURE,
    Piece,
    anthropic_stream,
    anthropic_whole,
    openai_stream,
    openai_whole,
)

__all__ = [
    "SIGNATURE",
    "Drop",
    "End",
    "Finish",
    "Hang",
    "Interleaved",
    "Raw",
    "Reasoning",
    "Request",
    "ScriptedServer",
    "Status",
    "Step",
    "Text",
    "Tool",
    "Turn",
    "Usage",
    "Wait",
    "burst",
    "failure",
    "trickle",
]

_WRITE_BYTES = 16_384
"""Chunks are gathered up to this size while no step waits, so that a burst costs few writes."""


@dataclass(eq=False, slots=True)
class Request:
    """One request as it arrived, and what became of it. `at` is `time.monotonic()` in seconds.

    `done` is set once the whole reply was sent; `closed` once the client closed the connection before that.
    """

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float
    connection: int
    chunks: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def messages(self) -> list[dict[str, Any]]:
        return list(self.body.get("messages", []))

    @property
    def tool_names(self) -> list[str]:
        return [tool["function"]["name"] for tool in self.body.get("tools", [])]

    @property
    def prompt(self) -> str:
        """The text of the newest user message."""
        users = [message for message in self.messages if message["role"] == "user"]
        return _plain_text(users[-1]["content"]) if users else ""

    @property
    def tool_results(self) -> list[str]:
        """The texts of the tool messages, in order."""
        return [_plain_text(message["content"]) for message in self.messages if message["role"] == "tool"]


Answer = Callable[[Request], Turn]


def _plain_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or [])


class ScriptedServer:
    """The server. Entering it starts it; leaving it closes every connection and joins its thread.

    `models` are the names that `/v1/models` and Ollama's `/api/tags` list.
    """

    def __init__(self, answer: Answer | None = None, *, port: int = 0, models: tuple[str, ...] = ("scripted",)) -> None:
        self.port = port
        self.models = models
        self.requests: list[Request] = []
        self.most_at_once = 0
        self._answer = answer
        self._turns: deque[Turn] = deque()
        self._at_once = 0
        self._connections = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="scripted-server", daemon=True)
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._stop: asyncio.Event | None = None

    # --- for the test ---

    @property
    def base_url(self) -> str:
        """The address that an OpenAI client takes, `/v1` included."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def root_url(self) -> str:
        """The address without `/v1`, which Anthropic's and Ollama's clients take."""
        return f"http://127.0.0.1:{self.port}"

    def queue(self, *turns: Turn) -> None:
        """Add turns that answer the next requests, one each."""
        self._turns.extend(turns)

    def answer(self, answer: Answer) -> None:
        """Answer requests that find no queued turn by a function of the request."""
        self._answer = answer

    def wait_for_requests(self, count: int, seconds: float = 10.0) -> list[Request]:
        """Return the first `count` requests as soon as they arrived. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, seconds):
                raise TimeoutError(f"{len(self.requests)} of {count} requests arrived in {seconds} s.")
            return self.requests[:count]

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    # --- the thread ---

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        try:
            server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, backlog=1024)
        except OSError as error:
            self._failure = error
            return
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._connections += 1
        number = self._connections
        try:
            while await self._exchange(reader, writer, number):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> bool:
        """Serve one request; return whether the connection goes on."""
        head = await read_head(reader)
        if head is None:
            return False
        method, path, headers = head
        body = await read_body(reader, headers)
        if method == "GET":
            await self._serve_lists(writer, path)
            return True
        request = Request(path, headers, body, time.monotonic(), connection)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        turn = self._next_turn(request)
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        gone = asyncio.ensure_future(reader.read(1))
        try:
            return await self._reply(writer, request, turn, gone)
        finally:
            self._at_once -= 1
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await gone
            if not request.done.is_set():
                request.closed.set()

    def _next_turn(self, request: Request) -> Turn:
        if self._turns:
            return self._turns.popleft()
        if self._answer is not None:
            return self._answer(request)
        return failure(400, "The script has no turn for this request.", type="invalid_request_error")

    async def _serve_lists(self, writer: asyncio.StreamWriter, path: str) -> None:
        if path.endswith("/models"):
            send_whole(writer, 200, {"object": "list", "data": [{"id": n, "object": "model"} for n in self.models]})
        elif path.endswith("/api/tags"):
            send_whole(writer, 200, {"models": [{"name": name, "model": name} for name in self.models]})
        else:
            send_whole(writer, 404, {"error": "no such path"})
        await writer.drain()

    async def _reply(
        self, writer: asyncio.StreamWriter, request: Request, turn: Turn, gone: "asyncio.Future[bytes]"
    ) -> bool:
        status: Status | None = turn.first(Status)
        anthropic = request.path.endswith("/messages")
        if request.body.get("stream") and status is None:
            pieces = (anthropic_stream if anthropic else openai_stream)(turn, request.body)
            return await self._send_stream(writer, request, pieces, gone)
        for step in turn.steps:
            if isinstance(step, Wait | Hang | Drop) and not await _hold(writer, step, gone):
                return False
        if status is not None:
            send_whole(writer, status.code, status.body, status.headers)
        else:
            send_whole(writer, 200, (anthropic_whole if anthropic else openai_whole)(turn, request.body))
        await writer.drain()
        request.done.set()
        return True

    async def _send_stream(
        self, writer: asyncio.StreamWriter, request: Request, pieces: Iterator[Piece], gone: "asyncio.Future[bytes]"
    ) -> bool:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        pending = bytearray()
        for piece in pieces:
            if isinstance(piece, bytes):
                pending += b"%x\r\n%b\r\n" % (len(piece), piece)
                request.chunks += 1
                if len(pending) < _WRITE_BYTES:
                    continue
            writer.write(bytes(pending))
            pending.clear()
            await writer.drain()
            if gone.done():
                return False
            if not isinstance(piece, bytes) and not await _hold(writer, piece, gone):
                return False
        writer.write(bytes(pending) + b"0\r\n\r\n")
        await writer.drain()
        request.done.set()
        return True


async def _hold(writer: asyncio.StreamWriter, step: Wait | Hang | Drop, gone: "asyncio.Future[bytes]") -> bool:
    """Wait, hang or drop as the step says; return whether the reply goes on."""
    match step:
        case Wait():
            done, _ = await asyncio.wait({gone}, timeout=step.seconds)
            return not done
        case Hang():
            await asyncio.wait({gone})
            return False
        case Drop():
            await writer.drain()
            if step.reset:
                linger_off = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_off)
                # Wait until what was sent has been read: a reset discards what is still in the socket.
                await asyncio.sleep(0.05)
            writer.transport.abort()
            return False


# --- from a shell ------------------------------------------------------------------------------------------

SCRIPTS: dict[str, Answer] = {
    "hello": lambda _: Turn(Text("Hello", " from ", "the script."), Usage(12, 4)),
    "echo": lambda request: Turn(Text(request.prompt), Usage(len(request.prompt) // 4, len(request.prompt) // 4)),
    "burst": lambda _: burst(5000),
    "trickle": lambda _: trickle(100, 0.1),
    "hang": lambda _: Turn(Hang()),
    "refuse": lambda _: failure(401, "Incorrect API key provided.", code="invalid_api_key"),
}


def find_script(name: str) -> Answer:
    """Return a script by name, or by `module:function`. Raises `SystemExit` with a sentence."""
    if name in SCRIPTS:
        return SCRIPTS[name]
    module, _, function = name.partition(":")
    if not function:
        raise SystemExit(f"No script is called {name!r}; there are {', '.join(SCRIPTS)}, or module:function.")
    found: Answer = getattr(importlib.import_module(module), function)
    return found


def main() -> None:
    """Serve a script until SIGTERM or Ctrl+C; the first line printed is the base URL."""
    parser = argparse.ArgumentParser(description="Serve a scripted language model on loopback.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", default="hello")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ScriptedServer(find_script(arguments.script), port=arguments.port) as server:
        sys.stdout.write(server.base_url + "\n")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
