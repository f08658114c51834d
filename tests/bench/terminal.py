"""A program in a real pseudo-terminal: what it paints and when, and what it costs. Linux only (`/proc`)."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Terminal:
    """A running program and its terminal. Times are seconds since the start, CPU seconds include its threads."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    columns: int = 140
    rows: int = 45
    seen: bytearray = field(default_factory=bytearray)
    pid: int = 0
    _fd: int = -1
    _start: float = 0.0

    def __enter__(self) -> "Terminal":
        environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **self.env}
        self._start = time.perf_counter()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(self.cwd)
            os.execvpe(self.argv[0], list(self.argv), environ)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", self.rows, self.columns, 0, 0))
        return self

    def __exit__(self, *_: object) -> None:
        for number, wait in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                break
            if self._ended(wait):
                break
        os.close(self._fd)

    def _ended(self, seconds: float) -> bool:
        deadline = time.perf_counter() + seconds
        while time.perf_counter() < deadline:
            self.read(0.05)
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return True
        return False

    @property
    def fd(self) -> int:
        """The terminal's end that a person has."""
        return self._fd

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._start

    def read(self, seconds: float) -> bytes:
        """Return what is painted next, waiting at most `seconds` for it."""
        ready, _, _ = select.select([self._fd], [], [], seconds)
        if not ready:
            return b""
        try:
            data = os.read(self._fd, 1 << 20)
        except OSError:
            return b""
        self.seen += data
        return data

    def wait_for(self, text: bytes, seconds: float = 30.0, *, since: int = 0) -> float:
        """Return how many seconds after the start `text` was painted. Raises `TimeoutError`."""
        deadline = time.perf_counter() + seconds
        while self.seen.find(text, since) < 0:
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{text!r} was not painted in {seconds} s; the end was {bytes(self.seen[-400:])!r}")
            self.read(0.02)
        return self.elapsed

    def write(self, keys: bytes) -> None:
        """Type."""
        os.write(self._fd, keys)

    def drain(self, seconds: float) -> None:
        """Let the program go on for a while and take what it paints."""
        deadline = time.perf_counter() + seconds
        while (left := deadline - time.perf_counter()) > 0:
            self.read(left)

    def cpu(self) -> float:
        """Return the CPU seconds used so far, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> dict[str, float]:
        """Return resident memory in MiB: `total`, and of it `anonymous` and `file`."""
        kib = {}
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in ("VmRSS", "RssAnon", "RssFile"):
                kib[name] = int(rest.split()[0])
        return {"total": kib["VmRSS"] / 1024, "anonymous": kib["RssAnon"] / 1024, "file": kib["RssFile"] / 1024}
