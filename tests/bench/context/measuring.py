"""Timing, processes' memory, and the rows of a report."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report; `met` is None where no target is set."""

    what: str
    figure: str
    yardstick: str = ""
    ratio: str = ""
    target: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Times:
    """Wall times of one operation, in milliseconds, sorted."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def best(self) -> float:
        return self.values[0]

    def percentile(self, part: float) -> float:
        """Return the value below which `part` (0 to 1) of the times lie."""
        return self.values[min(len(self.values) - 1, int(len(self.values) * part))]


def timed(work: Callable[[], object], runs: int) -> Times:
    """Run `work` `runs` times."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return Times(tuple(sorted(times)))


def interleaved(ours: Callable[[], object], theirs: Callable[[], object], runs: int) -> tuple[Times, Times]:
    """Run two pieces of work in turn, so that a slow moment of the machine strikes both."""
    first, second = [], []
    for _ in range(runs):
        first.append(timed(ours, 1).best)
        second.append(timed(theirs, 1).best)
    return Times(tuple(sorted(first))), Times(tuple(sorted(second)))


def cpu_seconds() -> float:
    """CPU seconds of this process and its threads so far."""
    return time.process_time()


def memory_mib() -> tuple[float, float]:
    """Anonymous and file-backed resident memory of this process, in MiB (Linux, `/proc`)."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    anonymous, file = (int(fields[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile"))
    return anonymous, file


def ripgrep(pattern: str, flat: Path) -> list[str]:
    """The command that yields the first 50 matching lines' matches with byte offsets, as bytes where it can."""
    bytewise = ["--no-unicode"] if pattern.isascii() else []
    return ["rg", "--no-config", "-a", "-o", "-b", "-N", "-m", "50", *bytewise, "-e", pattern, str(flat)]


def run(command: Sequence[str]) -> int:
    """Run a command to its end and return the bytes it printed."""
    return len(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout)


def synced_write(path: Path, data: bytes) -> None:
    """The least that a durable append can cost: one write and one fdatasync."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, data)
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def print_table(rows: Sequence[Row]) -> None:
    """Print rows as a Markdown table."""
    print("| what | figure | yardstick | ratio | target | |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        met = "" if row.met is None else "met" if row.met else "**missed**"
        print(f"| {row.what} | {row.figure} | {row.yardstick} | {row.ratio} | {row.target} | {met} |")
