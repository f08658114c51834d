"""Reading many files in order: a few threads ahead of the one that stores, with a bound on what is in flight."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct

from rlm_tui.context.decode import DecodedText, read_text
from rlm_tui.context.entry import LeftOut
from rlm_tui.context.ignore import SECRET, Candidate, IgnoreRules
from rlm_tui.context.secret import holds_private_key

IN_FLIGHT_BYTES = 64_000_000
_READERS = 2
_BATCH_FILES = 64
_BATCH_BYTES = 4_000_000
_PROGRESS_S = 0.1

Reading = tuple[Candidate, int, DecodedText | LeftOut]
"""A file, when its reading began (nanoseconds since the epoch), and what it holds or why it holds nothing."""


class IngestProgress(Struct, frozen=True):
    """How far a refresh is. `rate` is in bytes a second; `detail` is the label of the file just stored, or what
    is going on; `left_out` counts files without text by reason."""

    files_done: int = 0
    files_total: int = 0
    chars: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    rate: float = 0.0
    detail: str = ""
    left_out: dict[str, int] = {}


class ProgressMeter:
    """Counts what was read and tells `report` about ten times a second."""

    def __init__(self, report: Callable[[IngestProgress], None]) -> None:
        self._report = report
        self._started = time.monotonic()
        self._due = self._started + _PROGRESS_S
        self._files = self._bytes = self._chars = self._files_total = self._bytes_total = 0
        self.left_out: Counter[str] = Counter()

    def say(self, detail: str) -> None:
        """Tell now, with `detail` as what is going on."""
        elapsed = time.monotonic() - self._started
        self._report(
            IngestProgress(
                self._files,
                self._files_total,
                self._chars,
                self._bytes,
                self._bytes_total,
                self._bytes / elapsed if elapsed > 0 else 0.0,
                detail,
                dict(self.left_out),
            )
        )

    def begin(self, files: Sequence[Candidate]) -> None:
        """Set the totals, and start the clock of the rate."""
        self._files_total = len(files)
        self._bytes_total = sum(file.size for file in files)
        self._started = time.monotonic()

    def count(self, file: Candidate, chars: int) -> None:
        """Count one file read, with `chars` characters stored."""
        self._files += 1
        self._bytes += file.size
        self._chars += chars
        now = time.monotonic()
        if now >= self._due:
            self._due = now + _PROGRESS_S
            self.say(file.label)


def read_in_order(
    root: Path,
    files: Sequence[Candidate],
    rules: IgnoreRules,
    max_bytes: int,
    cancel: threading.Event,
) -> Iterator[Reading]:
    """Yield each of `files` below `root` with its text, in order; ends early when `cancel` is set.

    At most some `IN_FLIGHT_BYTES` are read ahead. Closing the iterator stops the threads.
    """
    batches = deque(_batched(files))
    waiting: deque[tuple[int, Future[list[Reading]]]] = deque()
    in_flight = 0
    with ThreadPoolExecutor(_READERS, thread_name_prefix="ingest") as pool:
        try:
            while (batches or waiting) and not cancel.is_set():
                while batches and (not waiting or in_flight + _size(batches[0]) <= IN_FLIGHT_BYTES):
                    batch = batches.popleft()
                    in_flight += _size(batch)
                    waiting.append((_size(batch), pool.submit(_read, root, batch, rules, max_bytes, cancel)))
                size, future = waiting.popleft()
                for reading in future.result():
                    if cancel.is_set():
                        return
                    yield reading
                in_flight -= size
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def read_file(root: Path, name: str, label: str, rules: IgnoreRules, max_bytes: int) -> DecodedText | LeftOut:
    """Read file `name` below `root`, or `root` itself where it is a file; a private key is left out as a secret."""
    found = read_text(root if root.is_file() else root / name, max_bytes, label=label)
    if isinstance(found, DecodedText) and not rules.secrets and holds_private_key(label, found.text):
        return LeftOut(label, SECRET, found.size)
    return found


def _read(
    root: Path, files: Sequence[Candidate], rules: IgnoreRules, max_bytes: int, cancel: threading.Event
) -> list[Reading]:
    readings: list[Reading] = []
    for file in files:
        if cancel.is_set():
            break
        readings.append((file, time.time_ns(), read_file(root, file.name, file.label, rules, max_bytes)))
    return readings


def _batched(files: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    batch: list[Candidate] = []
    size = 0
    for file in files:
        if batch and (len(batch) >= _BATCH_FILES or size + file.size > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def _size(batch: Sequence[Candidate]) -> int:
    return sum(file.size for file in batch)
