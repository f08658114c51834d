"""How long a key takes from the terminal to the screen, in a real pty, and what the program costs meanwhile."""

import itertools
import random
import statistics
import time
from dataclasses import dataclass

from tests.bench.terminal import Terminal

_GAP_S = (0.025, 0.045)
_LATE_S = 5.0

_RANGES = ((0x430, 0x44F), (0x3B1, 0x3C9), (0x561, 0x586), (0x10D0, 0x10F0), (0x13A0, 0x13F4))
LETTERS = [chr(code) for first, last in _RANGES for code in range(first, last + 1)]
"""Letters of one cell that occur in nothing else on the screen, so that their echo is theirs."""


@dataclass(frozen=True, slots=True)
class Echo:
    """Milliseconds from key to echo, the share of one core used (percent), and how many keys were typed."""

    p50: float
    p95: float
    p99: float
    worst: float
    cpu: float
    keys: int

    def __str__(self) -> str:
        return f"p50 {self.p50:.1f}  p95 {self.p95:.1f}  p99 {self.p99:.1f} ms  {self.cpu:.0f} % CPU"


def type_keys(terminal: Terminal, keys: int = 150, *, seed: int = 7) -> Echo:
    """Type letters one after the other and time each; a key that never came back counts as some seconds."""
    pause = random.Random(seed)
    took: list[float] = []
    cpu, began = terminal.cpu(), time.perf_counter()
    for letter in itertools.islice(itertools.cycle(LETTERS), keys):
        wanted = letter.encode()
        since = len(terminal.seen)
        start = time.perf_counter()
        terminal.write(wanted)
        while terminal.seen.find(wanted, since) < 0:
            if time.perf_counter() - start > _LATE_S:
                break
            terminal.read(0.5)
        took.append((time.perf_counter() - start) * 1000)
        terminal.drain(pause.uniform(*_GAP_S))
    share = (terminal.cpu() - cpu) / (time.perf_counter() - began) * 100
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    return Echo(statistics.median(took), cuts[94], cuts[98], max(took), share, keys)
