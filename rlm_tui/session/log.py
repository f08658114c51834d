"""The event log of one session: `events.jsonl`, written as things happen, read whole however it was torn.

One writer holds the session (an flock on `lock`); readers need no lock. Every record is handed to the operating
system at once, so it survives a killed process; `barrier` and `synced` also wait for the disk. A record is never cut
short: what does not fit on a full disk stays queued, in order, and is written when there is room.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rlm_tui.errors import SessionError
from rlm_tui.events import Envelope
from rlm_tui.session.codec import DamagedLine, decode_line, encode_line

LOG_NAME = "events.jsonl"
LOCK_NAME = "lock"
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Damage:
    """A stretch of a log that could not be read: 1-based line, bytes, and why."""

    line: int
    size: int
    reason: str


def read_log(path: Path) -> Iterator[Envelope | Damage]:
    """Yield every whole record of the log at `path` in order, and a `Damage` for each that is not.

    Raises `SessionError` when the file cannot be opened or is of a newer format. A last line without its line
    feed is read too if it is whole (the writer may be between two writes).
    """
    for _, record in read_lines(path):
        yield record


def read_lines(path: Path, having: Sequence[bytes] = ()) -> Iterator[tuple[bytes, Envelope | Damage]]:
    """Yield each line as it is with what `read_log` yields for it.

    With `having`, lines that hold none of these are left out undecoded. Raises `SessionError`.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise SessionError(f"The session log {path} cannot be read: {error.strerror}.") from None
    with file:
        for number, line in enumerate(file, start=1):
            if (having and not any(word in line for word in having)) or not line.strip():
                continue
            try:
                record: Envelope | Damage = decode_line(line)
            except DamagedLine as damage:
                record = Damage(number, len(line), str(damage))
            yield line, record


class LogWriter:
    """Appends records to a session's log. Not thread-safe: the engine's thread owns it."""

    def __init__(self, directory: Path) -> None:
        """Take the session in `directory`, creating it if need be.

        Raises `SessionError` when another process holds it or the directory cannot be written.
        """
        self.path = directory / LOG_NAME
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _take_lock(directory / LOCK_NAME)
            self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise SessionError(
                f"The session in {directory} cannot be written: {error.strerror}. "
                "Check the folder's owner and free space, or set RLM_TUI_HOME to another folder."
            ) from None
        self._queue: deque[bytes] = deque()
        self._written = 0
        self._synced = 0
        self._sync: asyncio.Task[None] | None = None
        self._sync_lock = threading.Lock()
        self._syncer = ThreadPoolExecutor(1, "rlm-log-sync")
        self.problem = ""
        self._isolate_torn_end()

    def _isolate_torn_end(self) -> None:
        """Give a torn last line an end of its own, so that it spoils no record after it."""
        size = os.fstat(self._fd).st_size
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            self._queue.append(b"\n")
            self._drain()

    def append(self, envelope: Envelope) -> None:
        """Write one record. On a full disk it stays queued and `problem` says so."""
        self._queue.append(encode_line(envelope))
        self._drain()

    def _drain(self) -> None:
        while self._queue:
            data = self._queue[0]
            try:
                written = os.write(self._fd, data)
            except OSError as error:
                self.problem = _write_problem(error, self.path)
                return
            self._written += written
            if written == len(data):
                self._queue.popleft()
            else:
                self._queue[0] = data[written:]
        self.problem = ""

    def retry(self) -> bool:
        """Try again to write what is queued; return whether nothing is left."""
        self._drain()
        return not self._queue

    def barrier(self) -> None:
        """Wait until everything appended so far is on the disk. Raises `SessionError` if it cannot be."""
        if not self.retry():
            raise SessionError(self.problem)
        self._sync_now()

    async def synced(self) -> None:
        """Like `barrier`, without blocking the loop: those who wait at the same time share one sync of the disk."""
        if not self.retry():
            raise SessionError(self.problem)
        wanted = self._written
        while self._synced < wanted:
            if self._sync is None:
                self._sync = asyncio.create_task(self._sync_aside())
            await asyncio.shield(self._sync)

    async def _sync_aside(self) -> None:
        try:
            await asyncio.sleep(0)  # what others write in this round of the loop goes along
            await asyncio.get_running_loop().run_in_executor(self._syncer, self._sync_now)
        finally:
            self._sync = None

    def _sync_now(self) -> None:
        """Bring what is written to the disk. One at a time; the log may be closed while another thread waits here."""
        with self._sync_lock:
            written = self._written
            if self._fd < 0 or self._synced >= written:
                return
            try:
                os.fdatasync(self._fd)
            except OSError as error:
                self.problem = _write_problem(error, self.path)
                raise SessionError(self.problem) from None
            self._synced = written

    def close(self) -> None:
        """Write what is queued as far as possible, sync, and let the session go."""
        if self._fd < 0:
            return
        self.retry()
        with contextlib.suppress(SessionError):  # said in `problem`; there is nothing more to do about it
            self._sync_now()
        with self._sync_lock:
            os.close(self._fd)
            os.close(self._lock)
            self._fd = self._lock = -1
        self._syncer.shutdown(wait=False)


def _write_problem(error: OSError, path: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk that holds {path} is full: free some space, nothing is lost and writing goes on by itself."
    return f"The session log {path} cannot be written: {error.strerror}."


def _take_lock(path: Path) -> int:
    """Return a descriptor that holds the session's lock. Raises `SessionError` if another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise SessionError(
            f"Session {path.parent.name} is open in another rlm-tui. Close it there, or start a new session here."
        ) from None
    return descriptor


def is_held(directory: Path) -> bool:
    """Return whether some process has the session in `directory` open for writing."""
    try:
        descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
