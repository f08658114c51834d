"""The worker: one Python namespace that lives as long as its process, and runs cells in it.

It runs as a script in the sandbox, with the standard library alone. A cell that raises leaves what it had computed;
SIGINT stops a cell and nothing else; `sys.exit` ends the cell; what a cell deletes or overwrites of the given names
is there again afterwards. All output of a cell goes to the supervisor as text, up to a limit.
"""

import ast
import builtins
import io
import json
import linecache
import os
import signal
import sys
import traceback
from types import CodeType, FrameType
from typing import Any

from rlm_tui.repl.channel import Channel, RemoteError
from rlm_tui.repl.confine import Limits, confine
from rlm_tui.repl.objects import Answer, Context, Models

_OWN_FOLDER = os.path.dirname(__file__)  # noqa: PTH120 - one import less
_PIECE_CHARS = 8_192
_FRAMES = 12
_NAMED_VARIABLES = 30
_SIZED = (str, bytes, list, tuple, dict, set, frozenset)


class Output(io.TextIOBase):
    """`sys.stdout` and `sys.stderr` of a cell: text goes out in pieces; beyond `most` characters it is counted only."""

    def __init__(self, channel: Channel, most: int) -> None:
        self._channel = channel
        self._most = most
        self._pieces: list[str] = []
        self._held = 0
        self.written = 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        room = self._most - self.written
        self.written += len(text)
        if room > 0:
            self._pieces.append(text[:room])
            self._held += min(len(text), room)
            if self._held >= _PIECE_CHARS:
                self.flush()
        return len(text)

    def flush(self) -> None:
        if self._pieces:
            text = "".join(self._pieces)
            self._pieces.clear()
            self._held = 0
            self._channel.send({"out": text})

    def start(self) -> None:
        """Begin a new cell."""
        self.written = 0

    @property
    def dropped(self) -> int:
        """Characters of this cell that went nowhere."""
        return max(0, self.written - self._most)


class Stray:
    """What is written past `sys.stdout`, to the descriptors 1 and 2: a file, read after each cell."""

    def __init__(self) -> None:
        self._file = os.open(".output", os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        os.unlink(".output")  # noqa: PTH108 - one import less
        os.dup2(self._file, 1)
        os.dup2(self._file, 2)

    def take(self) -> str:
        """Return what was written since the last time."""
        size = os.fstat(self._file).st_size
        if not size:
            return ""
        data = os.pread(self._file, size, 0)
        os.ftruncate(self._file, 0)
        return data.decode("utf-8", "replace")


class Repl:
    """The namespace and what runs cells in it."""

    def __init__(self, channel: Channel, output_chars: int) -> None:
        self._channel = channel
        self._output = Output(channel, output_chars)
        self._stray = Stray()
        self._running = False
        self.names: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
        self._answer = Answer(self.names, self._output.write)
        self._models = Models(channel)
        models = self._models
        self._given: dict[str, Any] = {
            "context": Context(channel),
            "llm_query": models.llm_query,
            "llm_query_batched": models.llm_query_batched,
            "rlm_query": models.rlm_query,
            "rlm_query_batched": models.rlm_query_batched,
            "FINAL": self._answer.final,
            "FINAL_VAR": self._answer.final_var,
            "SUBMIT": self._answer.submit,
        }
        self._restore()

    def interrupt(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's signature
        """Stop the running cell: SIGINT's handler."""
        if self._running and self._channel.writing:
            self._channel.interrupted = True
        elif self._running:
            raise KeyboardInterrupt

    def run(self, number: int, code: str, *, fresh: bool) -> None:
        """Run one cell and report its end; nothing that it does gets out of here."""
        self._output.start()
        self._models.replies = []
        if fresh:
            self._answer.reset()
        error = self._execute(f"<cell {number}>", code)
        self._restore()
        signal.signal(signal.SIGINT, self.interrupt)
        answer = self._answer.take()
        if error and answer is not None:
            self._output.write("The answer was not submitted, since the cell failed.\n")
            answer = None
        if error and self._models.replies:
            self.names["last_replies"] = self._models.replies
            self._output.write(
                f"What models answered in this cell ({len(self._models.replies)}) is kept in last_replies.\n"
            )
        stray = self._stray.take()
        if stray:
            self._output.write(stray)
        self._output.flush()
        end = {"done": number, "error": error, "answer": answer, "dropped": self._output.dropped}
        try:
            self._channel.send({**end, "variables": self._variables()})
        except RemoteError as problem:
            self._output.write(f"The answer was not submitted: {problem}\n")
            self._output.flush()
            self._channel.send({**end, "error": "RemoteError", "answer": None, "variables": []})

    def _execute(self, name: str, code: str) -> str:
        """Run a cell; return which kind of error ended it, or an empty string."""
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        try:
            try:
                self._running = True
                self._run_code(name, code)
            finally:
                self._running = False
        except KeyboardInterrupt:
            self._output.write("KeyboardInterrupt: the cell was stopped; its variables are kept.\n")
            return "KeyboardInterrupt"
        except SystemExit as end:
            self._output.write(f"SystemExit({end.code!r}) ended the cell; the REPL goes on.\n")
            return "SystemExit"
        except BaseException as error:  # noqa: BLE001 - the outermost edge of model code
            self._output.write(_trace(error))
            return type(error).__name__
        return ""

    def _run_code(self, name: str, code: str) -> None:
        sys.stdout = sys.stderr = self._output
        for part in _compiled(name, code):
            value = eval(part, self.names)
            if value is not None:
                self.names["_"] = value
                self._output.write(f"{value!r}\n")

    def _restore(self) -> None:
        """Put back what a cell deleted or overwrote of the given names."""
        self.names.update(self._given)
        self.names["__builtins__"] = builtins

    def _variables(self) -> list[str]:
        """Return the cell's own variables with type and size, the newest last."""
        own = [
            (name, value)
            for name, value in self.names.items()
            if not name.startswith("_") and name not in self._given and name != "answer"
            and type(value).__name__ not in ("module", "function", "type", "builtin_function_or_method")
        ]  # fmt: skip
        return [_described(name, value) for name, value in own[-_NAMED_VARIABLES:]]


def _described(name: str, value: object) -> str:
    kind = type(value)
    size = f" of {len(value):,}" if kind in _SIZED else ""  # type: ignore[arg-type]  # these kinds have a length
    return f"{name[:60]} ({kind.__name__[:60]}{size})"


def _compiled(name: str, code: str) -> list[CodeType]:
    """Return a cell's code: its statements, and apart from them its last expression, whose value is shown."""
    tree = compile(code, name, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    parts = [compile(tree, name, "exec")]
    if isinstance(last, ast.Expr):
        parts.append(compile(ast.Expression(last.value), name, "eval"))
    return parts


def _trace(error: BaseException) -> str:
    """Return a traceback of the cell's own code; frames of the worker are left out."""
    try:
        told = traceback.TracebackException.from_exception(error, limit=-_FRAMES)
        told.stack[:] = [frame for frame in told.stack if not frame.filename.startswith(_OWN_FOLDER)]
        return "".join(told.format())
    except BaseException:  # noqa: BLE001 - an exception of the model's own may fail in any way when it is shown
        return f"{type(error).__name__} (it could not be shown)\n"


def main(descriptor: int, options: str) -> None:
    """Serve cells over `descriptor` until the supervisor goes. `options` is JSON: limits, files, output."""
    chosen = json.loads(options)
    channel = Channel(descriptor)
    repl = Repl(channel, chosen["output"])
    signal.signal(signal.SIGINT, repl.interrupt)
    sys.setrecursionlimit(1_000)
    measures = confine(Limits(*chosen["limits"]), files=chosen["files"])
    channel.start()
    channel.send({"ready": measures})
    while True:
        message = channel.next_cell()
        repl.run(message["cell"], message["code"], fresh=message["fresh"])
