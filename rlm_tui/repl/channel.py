"""The worker's end of the pipe: length-prefixed JSON, and calls that wait for their replies.

Runs inside the worker, with the standard library alone. A frame is a 4-byte big-endian length and so many bytes of
ASCII JSON. A thread reads, so that waiting can be interrupted without losing a half-read frame.

To the worker: `{"cell": n, "code": ..., "fresh": bool}` and `{"reply": id, "value" | "error": ...}`.
To the supervisor: `{"ready": {...}}`, `{"call": id, "name": ..., "arguments": {...}}`, `{"out": text}` and
`{"done": n, ...}`.
"""

import _thread
import json
import os
import queue
import struct
import threading
from typing import Any

MAX_FRAME = 64 * 1024 * 1024
"""Bytes of the largest frame; a larger one is refused on either side."""


class RemoteError(RuntimeError):
    """A call over the pipe failed; the message says why and what to do."""

    __module__ = "__main__"  # a traceback names it as cells do


class Channel:
    """One pipe, both ways. `call` may be used from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._cells: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._waiting: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._last = 0
        self.writing = False
        """Whether the main thread is within a frame: an interrupt has to wait then."""
        self.interrupted = False

    def start(self) -> None:
        """Start the thread that reads."""
        threading.Thread(target=self._read_all, name="pipe", daemon=True).start()

    def next_cell(self) -> dict[str, Any]:
        """Wait for the next cell to run."""
        return self._cells.get()

    def send(self, message: dict[str, Any]) -> None:
        """Write one frame. Raises `RemoteError` for one that is too large."""
        data = json.dumps(message).encode("ascii")
        if len(data) > MAX_FRAME:
            raise RemoteError(f"{len(data):,} bytes are too much for one message: the limit is {MAX_FRAME:,}.")
        frame = memoryview(struct.pack(">I", len(data)) + data)
        main = _thread.get_ident() == threading.main_thread().ident
        if main:
            self.writing = True
        try:
            with self._lock:
                while frame:
                    frame = frame[os.write(self._descriptor, frame) :]
        finally:
            if main:
                self.writing = False
        if main and self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt

    def call(self, name: str, arguments: dict[str, Any]) -> Any:
        """Ask the supervisor and wait for its reply. Raises `RemoteError` where it refuses or fails."""
        with self._lock:
            self._last += 1
            number = self._last
        place = self._waiting[number] = queue.SimpleQueue()
        try:
            self.send({"call": number, "name": name, "arguments": arguments})
            reply = place.get()
        finally:
            self._waiting.pop(number, None)
        if "error" in reply:
            raise RemoteError(reply["error"])
        return reply.get("value")

    def _read_all(self) -> None:
        while True:
            message = json.loads(self._exactly(struct.unpack(">I", self._exactly(4))[0]))
            if "cell" in message:
                self._cells.put(message)
                continue
            place = self._waiting.get(message.get("reply", 0))
            if place is not None:
                place.put(message)

    def _exactly(self, count: int) -> bytes:
        pieces = []
        while count:
            try:
                piece = os.read(self._descriptor, min(count, 1 << 20))
            except OSError:
                piece = b""
            if not piece:
                os._exit(0)  # the supervisor is gone
            pieces.append(piece)
            count -= len(piece)
        return b"".join(pieces)
