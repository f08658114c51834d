"""The corpus of a project: the text of its files in sealed segments, shared read-only by all sessions.

Opening a project again costs what has changed: unchanged files are not read, changed ones go to a new segment.
"""

import fcntl
import hashlib
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from rlm_tui.context.entry import LeftOut
from rlm_tui.context.ignore import IgnoreRules
from rlm_tui.context.ingest import IngestProgress, ProgressMeter
from rlm_tui.context.layout import DATABASE_SUFFIX, SegmentRef, tape_path
from rlm_tui.context.manifest import Manifest, load_manifest
from rlm_tui.context.tape_file import is_in_use
from rlm_tui.errors import ContextError

if TYPE_CHECKING:
    from rlm_tui.context.refresh import Refresh

__all__ = ["Corpus", "IngestProgress", "RefreshReport", "Totals", "needs_confirmation", "project_key"]

FIRST_SEGMENT_CHARS = 4_000_000
SEGMENT_CHARS = 48_000_000
DEFAULT_MAX_FILE_BYTES = 10_000_000
BUSY = "Another rlm-tui is reading this project"

_LOCK_POLL_S = 0.1
_PRUNE_AGE_S = 3_600.0  # a session may have been handed a segment and not have logged it yet
_PRIVATE = 0o700


class RefreshReport(Struct, frozen=True):
    """What a refresh found and did. `segments` are all that now make up the corpus, each with its live entries.

    `changed` counts files whose text was stored (new ones included), `removed` those that are gone. `left_out`
    is capped, `left_out_total` is not, `left_out_counts` has them by reason. `notes` are remarks on files that
    were not plain UTF-8. `cancelled` says that it ended early, `busy` that another process was at it and
    `segments` are what that one had finished.
    """

    segments: tuple[SegmentRef, ...] = ()
    files: int = 0
    chars: int = 0
    changed: int = 0
    removed: int = 0
    left_out: tuple[LeftOut, ...] = ()
    left_out_total: int = 0
    left_out_counts: dict[str, int] = {}
    notes: tuple[tuple[str, str], ...] = ()
    cancelled: bool = False
    busy: bool = False
    elapsed_ms: float = 0.0


class Totals(Struct, frozen=True):
    """Files with text, their characters and bytes, and files or trees left out."""

    files: int
    chars: int
    bytes: int
    left_out: int


class Corpus:
    """The corpus of the folder or file `root` under the data home. Making one touches nothing.

    A segment is sealed once it has `segment_chars` characters, the first of a first ingest at
    `first_segment_chars`, so that something can be searched at once.
    """

    def __init__(
        self,
        home: Path,
        root: Path,
        *,
        first_segment_chars: int = FIRST_SEGMENT_CHARS,
        segment_chars: int = SEGMENT_CHARS,
    ) -> None:
        self.home = home.absolute()
        self.root = Path(os.path.realpath(root))
        self.directory = self.home / "corpora" / project_key(root)
        self.first_segment_chars = first_segment_chars
        self.segment_chars = segment_chars

    @property
    def segments_directory(self) -> Path:
        """Where the sealed segments lie."""
        return self.directory / "segments"

    def refresh(
        self,
        *,
        rules: IgnoreRules = IgnoreRules(),  # noqa: B008 - frozen
        max_file_bytes: int = DEFAULT_MAX_FILE_BYTES,
        on_segment: Callable[[SegmentRef], None] = lambda _: None,
        on_progress: Callable[[IngestProgress], None] = lambda _: None,
        cancel: threading.Event | None = None,
        force: bool = False,
        if_busy: Literal["wait", "use"] = "wait",
    ) -> RefreshReport:
        """Bring the corpus up to date and hand over its segments, each once, as soon as it is ready.

        Segments that exist come first, with the entries that are still current as their live ranges; then new
        text in path order, of a first ingest a small segment before the large ones. `force` reads everything
        anew. While another process refreshes the same corpus, `wait` waits for it and `use` hands over what it
        has finished. `cancel` ends it within about a second; the next refresh goes on after the last segment
        handed over. Blocks: for a worker thread, on which the callbacks run too.

        Raises `ContextError` where the root does not exist or the corpus cannot be written.
        """
        from rlm_tui.context.refresh import Refresh

        started = time.monotonic()
        cancel = cancel or threading.Event()
        if not self.root.exists():
            raise ContextError(f"{self.root} does not exist: name a folder or file that does.")
        meter = ProgressMeter(on_progress)
        try:
            self.segments_directory.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            with self._locked(cancel, meter, wait=if_busy == "wait") as held:
                work = Refresh(self, rules, max_file_bytes, on_segment, meter, cancel, force=force)
                if held:
                    work.run()
                elif not cancel.is_set():
                    work.use_what_is_there()
                return self._report(work, started, cancelled=cancel.is_set(), busy=not held)
        except OSError as error:
            raise ContextError(
                f"The corpus in {self.directory} cannot be written: {error.strerror or error}."
                " Free some space there or check its permissions, then try again."
            ) from error

    @property
    def left_out(self) -> list[LeftOut]:
        """Files and trees that were left out at the last refresh, capped; `totals.left_out` counts them all."""
        return [LeftOut(path, reason, size) for path, reason, size in self.manifest().left_out]

    @property
    def totals(self) -> Totals:
        """Counts as of the last refresh."""
        manifest = self.manifest()
        files = [file for file in manifest.files if file.segment]
        return Totals(
            len(files),
            sum(file.chars for file in files),
            sum(file.size for file in files),
            manifest.left_out_total,
        )

    @property
    def sources(self) -> list[str]:
        """What the corpus was read from: the absolute path of its root."""
        return [str(self.root)]

    @property
    def segments(self) -> list[SegmentRef]:
        """The segments that make up the corpus now, with their live entries."""
        manifest = self.manifest()
        return manifest.references(manifest.files, self.home, self.segments_directory)

    def stamps(self) -> dict[str, tuple[int, int]]:
        """Return the size (bytes) and time (nanoseconds) by label of each file as it was last read, for a watcher
        that goes on from there."""
        return {file.label: (file.size, file.mtime_ns) for file in self.manifest().files}

    @property
    def size_on_disk(self) -> int:
        """Bytes of everything under the corpus' directory."""
        return sum(path.lstat().st_size for path in self.directory.rglob("*") if path.is_file())

    def manifest(self) -> Manifest:
        """Return the manifest as it is on disk. Raises `ContextError`."""
        return load_manifest(self.manifest_path, str(self.root))

    @property
    def manifest_path(self) -> Path:
        """Where the manifest lies."""
        return self.directory / "manifest.json"

    def segment_path(self, segment: str) -> Path:
        """Return where the database of segment `segment` lies."""
        return self.segments_directory / f"{segment}{DATABASE_SUFFIX}"

    def prune(self, keep: Collection[str], *, min_age_s: float = _PRUNE_AGE_S) -> int:
        """Delete segments that are neither current nor among `keep` (segment ids that sessions refer to).

        Segments that some process has open stay, and so do those that were made or current less than `min_age_s`
        ago: a session may be about to log them. Returns the bytes freed; 0 where another process is at work.
        """
        if not self.segments_directory.is_dir():
            return 0
        freed = 0
        with self._locked(threading.Event(), ProgressMeter(lambda _: None), wait=False) as held:
            if not held:
                return 0
            needed = {sealed.segment for sealed in self.manifest().segments} | set(keep)
            oldest = time.time() - min_age_s
            for database in self.segments_directory.glob(f"[!.]*{DATABASE_SUFFIX}"):
                status = database.stat()
                if database.name.removesuffix(DATABASE_SUFFIX) in needed or status.st_mtime > oldest:
                    continue
                if is_in_use(tape_path(database)):
                    continue
                for path in (database, tape_path(database)):
                    if path.exists():
                        freed += path.stat().st_size
                        path.unlink()
        return freed

    @contextmanager
    def _locked(self, cancel: threading.Event, meter: ProgressMeter, *, wait: bool) -> Iterator[bool]:
        """Hold the corpus' lock and yield True; False where another process has it and `wait` is False, or
        `cancel` was set while waiting. The system drops the lock of a process that dies."""
        with (self.directory / "lock").open("a") as lock:
            held = _try_lock(lock.fileno())
            if not held and wait:
                meter.say(BUSY)
                while not held and not cancel.wait(_LOCK_POLL_S):
                    held = _try_lock(lock.fileno())
            yield held

    def _report(self, work: "Refresh", started: float, *, cancelled: bool, busy: bool) -> RefreshReport:
        manifest = work.manifest
        files = [file for file in manifest.files if file.segment]
        return RefreshReport(
            segments=tuple(work.reported.values()),
            files=len(files),
            chars=sum(file.chars for file in files),
            changed=work.changed,
            removed=work.removed,
            left_out=tuple(LeftOut(*item) for item in manifest.left_out),
            left_out_total=manifest.left_out_total,
            left_out_counts=dict(Counter(item.reason for item in work.left_out)),
            notes=tuple((file.label, file.note) for file in files if file.note)[:100],
            cancelled=cancelled,
            busy=busy,
            elapsed_ms=(time.monotonic() - started) * 1000,
        )


def project_key(root: Path) -> str:
    """Return the name of the corpus of `root`: its own name, made safe, and a hash of its real path."""
    path = os.path.realpath(root)
    name = re.sub(r"[^a-z0-9]+", "-", os.path.basename(path).lower()).strip("-")[:40]  # noqa: PTH119
    digest = hashlib.blake2b(os.fsencode(path), digest_size=6).hexdigest()
    return f"{name or 'root'}-{digest}"


def needs_confirmation(root: Path) -> str | None:
    """Return the sentence to show before `root` is read, where that is `/`, a home directory or holds one."""
    path = Path(os.path.realpath(root))
    if path == Path(path.anchor):
        return f"{path} is the whole file system."
    if path.parent in (Path("/home"), Path("/Users")) or path in _home_and_above():
        kind = "a home directory" if path not in _home_and_above()[1:] else "a folder of home directories"
        return f"{path} is {kind}: everything in it that is text would be read."
    return None


def _home_and_above() -> tuple[Path, ...]:
    try:
        home = Path(os.path.realpath(Path.home()))
    except (RuntimeError, KeyError):
        return (Path("/root"), Path("/home"), Path("/Users"))
    return (home, *home.parents, Path("/home"), Path("/Users"))


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
