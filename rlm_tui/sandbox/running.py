"""Running one command: its output as it comes, an end after a time, and an end for all that it started.

Where a sandbox wraps the command, ending bubblewrap ends everything in it. Without one, what left the process group
(a daemon, a grandchild in a session of its own) is found by a mark in its environment.
"""

import asyncio
import contextlib
import os
import signal
import sys
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlm_tui.errors import ToolError

MARK = "RLM_TUI_COMMAND"
HEAD_BYTES = 12 << 20
TAIL_BYTES = 4 << 20
_PIECE = 65_536
_LEFT_OPEN_S = 0.3
"""How long what a command left running may go on writing after the command's own end."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended. `code` is its exit code, negative for a signal. `output` holds its first 12 MiB and its
    last 4 MiB; `size` is all that it wrote, in bytes. `left` is how many processes it left behind, which were ended.
    """

    code: int
    output: bytes
    size: int
    timed_out: bool
    left: int = 0

    @property
    def whole(self) -> bool:
        """Whether `output` is everything that was written."""
        return self.size == len(self.output)


class _Kept:
    """The beginning and the end of a stream, in bounded memory."""

    def __init__(self) -> None:
        self.size = 0
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        room = HEAD_BYTES - len(self._head)
        self._head += piece[:room]
        if rest := piece[room:] if room > 0 else piece:
            self._tail.append(rest)
            self._tail_size += len(rest)
            while self._tail_size - len(self._tail[0]) >= TAIL_BYTES:
                self._tail_size -= len(self._tail.popleft())

    def bytes(self) -> bytes:
        missing = self.size - len(self._head) - self._tail_size
        gap = f"\n… {missing:,} bytes of output were not kept …\n".encode() if missing else b""
        return bytes(self._head) + gap + b"".join(self._tail)


async def run_command(
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    output: Callable[[bytes], None],
) -> Ran:
    """Run `arguments` in `folder` with no input; `output` is given each piece of what it writes, as it comes.

    After `seconds`, or when the caller is cancelled, the command ends with all that it started. Raises `ToolError`
    where it cannot be started.
    """
    mark = uuid.uuid4().hex
    pipe = _Pipe(output)
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments, cwd=folder, env={**environment, MARK: mark}, stdin=asyncio.subprocess.DEVNULL,
            stdout=pipe.writer, stderr=pipe.writer, start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        pipe.close()
        raise ToolError(f"The command cannot be started: {error}.") from None
    pipe.start()
    timed_out = False
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
            await asyncio.wait({pipe.ended}, timeout=_LEFT_OPEN_S)
    except TimeoutError:
        timed_out = True
    finally:
        left = end_all(process.pid, mark)
        if process.returncode is None:
            await asyncio.shield(process.wait())
        pipe.close()
    assert process.returncode is not None
    return Ran(process.returncode, pipe.kept.bytes(), pipe.kept.size, timed_out, left)


class _Pipe:
    """The command's output. It is a pipe of our own, because asyncio's makes the end of the command wait for everyone
    who still holds it open."""

    def __init__(self, output: Callable[[bytes], None]) -> None:
        self.kept = _Kept()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reader, self.writer = os.pipe()
        self._output = output
        self._loop = asyncio.get_running_loop()
        self._open = {self._reader, self.writer}
        os.set_blocking(self._reader, False)

    def start(self) -> None:
        """Read what comes; the command has the writing end now."""
        self._close(self.writer)
        self._loop.add_reader(self._reader, self._read)

    def close(self) -> None:
        """Take what is left in the pipe and let it go."""
        self._loop.remove_reader(self._reader)
        while self._reader in self._open and not self.ended.done() and self._read():
            pass
        self._close(self.writer)
        self._close(self._reader)
        if not self.ended.done():
            self.ended.set_result(None)

    def _read(self) -> bool:
        """Take one piece; return whether there may be more at once."""
        try:
            piece = os.read(self._reader, _PIECE)
        except BlockingIOError:
            return False
        if piece:
            self.kept.add(piece)
            self._output(piece)
            return True
        self._loop.remove_reader(self._reader)
        if not self.ended.done():
            self.ended.set_result(None)
        return False

    def _close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.discard(descriptor)
            os.close(descriptor)


def end_all(leader: int, mark: str) -> int:
    """End the process group that `leader` leads, and every process that carries `mark`; return how many those were."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    ended = 0
    for _ in range(20):  # what is ended may have started something just before
        found = _marked(mark)
        if not found:
            break
        for process in found:
            try:
                os.kill(process, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        ended = max(ended, len(found))
    return ended


def _marked(mark: str) -> list[int]:
    """Return the running processes with `mark` in their environment. Linux alone tells; elsewhere there are none."""
    if sys.platform != "linux":
        return []
    wanted = f"{MARK}={mark}".encode()
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - names alone
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:  # noqa: PTH123 - a file of the kernel's
                if wanted not in file.read(_PIECE):
                    continue
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                if file.read().rpartition(b")")[2].split()[0] != b"Z":
                    found.append(int(name))
        except (OSError, IndexError):
            continue
    return found
