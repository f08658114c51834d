"""Follow the files of a project: batches of what changed, with the new text, in near real time.

Only directories that may hold context are watched, one by one: ignored and generated trees cost neither watches
nor wake-ups. The system's events merely say where to look; what is reported comes from comparing the files with
what was known of them, so a lost, doubled or misnamed event does no harm.
"""

import asyncio
import contextlib
import os
import platform
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from rlm_tui.context.ignore import IgnoreRules, is_under, is_version_control, list_directories, list_trees
from rlm_tui.workspace.known_files import Batch, FileChange, KnownFiles, Stamp

if TYPE_CHECKING:
    from watchfiles._rust_notify import RustNotify

__all__ = ["FileChange", "Watcher"]

_QUIET_MS = 150  # a burst ends when nothing comes for this long; also how often the waiting thread looks up
_BURST_MS = 1_000
_WAIT_MS = 60_000
_DRAIN_MS = 1
_POLL_MIN_S = 2.0
_POLL_SHARE = 20  # comparing takes at most a twentieth of a processor
_ERROR_PAUSE_S = 1.0
_ATTEMPTS = 5
_MANY_NAMES = 200  # from here on looking everywhere is quicker
_MODIFIED = 2  # watchfiles.Change
_RULE_FILES = frozenset({".gitignore", ".ignore", "CACHEDIR.TAG", "pyvenv.cfg"})

Event = tuple[int, str]


class Watcher:
    """An async iterator of batches of `FileChange` below `root` (a folder or a file), until cancelled or `stop`.

    Changes are those since `since` (as `Corpus.stamps` gives it), else since the iteration began. `on_notice` is
    told when files are compared every few seconds instead of watched, because the system's watches are used up or
    the root is gone. A rename is a removal and an addition. For one iteration only.
    """

    def __init__(
        self,
        root: Path,
        rules: IgnoreRules,
        *,
        max_file_bytes: int = 10_000_000,
        since: Mapping[str, Stamp] | None = None,
        on_notice: Callable[[str], None] = lambda _: None,
        polling: bool = False,
    ) -> None:
        root = Path(os.path.realpath(root))
        known = KnownFiles(root, rules, max_file_bytes, since)
        self._stop = threading.Event()
        self._source = _Source(root, rules, known, self._stop, polling=polling)
        self._on_notice = on_notice

    def stop(self) -> None:
        """End the iteration soon. Safe from any thread."""
        self._stop.set()

    async def __aiter__(self) -> AsyncIterator[Batch]:
        loop = asyncio.get_running_loop()
        source = self._source
        pool = ThreadPoolExecutor(1, thread_name_prefix="watch")
        try:
            batches = await loop.run_in_executor(pool, source.open)
            while not self._stop.is_set():
                while batch := await loop.run_in_executor(pool, next, batches, ()):
                    yield batch
                if source.notice:
                    self._on_notice(source.notice)
                    source.notice = ""
                batches = await loop.run_in_executor(pool, source.wait)
        finally:
            self._stop.set()
            with contextlib.suppress(RuntimeError):  # the interpreter is ending, and the watches with it
                pool.submit(source.close)
            pool.shutdown(wait=False)


class _Source:
    """Waits for changes on the watcher's thread, by the system's events or by looking every few seconds."""

    def __init__(
        self, root: Path, rules: IgnoreRules, known: KnownFiles, stop: threading.Event, *, polling: bool
    ) -> None:
        self._root = root
        self._rules = rules
        self._known = known
        self._stop = stop
        self._polling = polling or _gets_no_events(root)
        self._one_file = root.is_file()
        self._notify: RustNotify | None = None
        self._watched: set[str] = set()
        self._left_over: set[Event] = set()
        self._poll_s = _POLL_MIN_S
        self.notice = ""

    def open(self) -> Iterator[Batch]:
        """Watch first, then look: a change in between is seen twice rather than never."""
        if not self._polling:
            self._watch()
        return self._known.look()

    def wait(self) -> Iterator[Batch]:
        """Wait for changes and return batches of them, each read as it is taken; none when nothing came."""
        if self._notify is None:
            self._stop.wait(self._poll_s)
            return iter(()) if self._stop.is_set() else self._look_after_a_while()
        events, self._left_over = self._left_over, set()
        try:
            if not events:
                events = _events(self._notify.watch(_BURST_MS, _QUIET_MS, _WAIT_MS, self._stop))
        except RuntimeError:  # a name that is not UTF-8; the notifier repeats the error from then on
            self._stop.wait(_ERROR_PAUSE_S)
            self._watch()
            return self._known.look()
        return self._look_at(events)

    def close(self) -> None:
        """Give the watches back."""
        if self._notify is not None:
            self._notify.close()
            self._notify = None

    def _look_at(self, events: set[Event]) -> Iterator[Batch]:
        if self._one_file:
            return self._known.look() if any(path == str(self._root) for _, path in events) else iter(())
        names = {os.path.relpath(path, self._root) for _, path in events}
        names = {name for name in names if not is_version_control(name)}
        if not names:
            return iter(())
        if not self._root.is_dir():
            self._poll(f"{self._root} is gone; its files are looked for every few seconds.")
            return self._known.look()
        if "." in names or any(os.path.basename(name) in _RULE_FILES for name in names):  # noqa: PTH119
            self._watch()
            return self._known.look()
        self._forget({path for kind, path in events if kind != _MODIFIED and path in self._watched})
        if fresh := [name for name in names if self._is_fresh_directory(name)]:
            self._watch(fresh)
        return self._known.look(sorted(names) if len(names) <= _MANY_NAMES else ())

    def _look_after_a_while(self) -> Iterator[Batch]:
        started = time.monotonic()
        yield from self._known.look()
        self._poll_s = max(_POLL_MIN_S, (time.monotonic() - started) * _POLL_SHARE)

    def _is_fresh_directory(self, name: str) -> bool:
        path = self._root / name
        return str(path) not in self._watched and path.is_dir() and not path.is_symlink()

    def _forget(self, gone: set[str]) -> None:
        """A directory that went, or came anew under its old name, has no watch any more, nor what was in it."""
        if gone:
            self._watched = {path for path in self._watched if not is_under(path, gone)}

    def _watch(self, fresh: Sequence[str] = ()) -> None:
        """Watch all directories that may hold context, or besides those watched already the ones below `fresh`.

        Directories that appear meanwhile are found by listing again. What the notifier before had still to tell
        is kept for the next `wait`.
        """
        for _ in range(_ATTEMPTS):
            wanted = self._directories(fresh)
            try:
                notify = _notifier(wanted)
            except (FileNotFoundError, PermissionError):
                continue  # one went away since it was listed
            except (OSError, RuntimeError) as error:
                self._poll(
                    f"The system cannot watch {len(wanted):,} directories more ({error});"
                    " files are compared every few seconds instead."
                )
                return
            if self._notify is not None:
                self._drain(self._notify)
                self._notify.close()
            self._notify, self._watched = notify, wanted
            if self._directories(fresh) <= wanted:
                return
        if self._notify is None:
            self._poll("Directories come and go too fast to watch; files are compared every few seconds.")

    def _directories(self, fresh: Sequence[str]) -> set[str]:
        if self._one_file:
            return {str(self._root.parent)}
        left_out = list_trees(self._root, self._rules, only=fresh)
        found = list_directories(self._root, left_out, starts=fresh or ("",))
        readable = {path for path in found if os.access(path, os.R_OK | os.X_OK)}
        return readable | {path for path in self._watched if os.path.isdir(path)} if fresh else readable  # noqa: PTH112

    def _drain(self, notify: "RustNotify") -> None:
        try:
            self._left_over |= _events(notify.watch(_DRAIN_MS, _DRAIN_MS, _DRAIN_MS, None))
        except RuntimeError:
            self._left_over.add((_MODIFIED, str(self._root)))  # look everywhere

    def _poll(self, why: str) -> None:
        self.close()
        self._watched = set()
        self.notice = why


def _notifier(directories: set[str]) -> "RustNotify":
    """Watch each of `directories` by itself. Raises `OSError`, or `RuntimeError` from the notifier."""
    from watchfiles._rust_notify import RustNotify

    return RustNotify(sorted(directories), False, False, 0, False, False)


def _events(answer: set[Event] | str) -> set[Event]:
    return set() if isinstance(answer, str) else answer


def _gets_no_events(root: Path) -> bool:
    """Windows drives under WSL 2 send no events."""
    return root.is_relative_to("/mnt") and "microsoft" in platform.release().lower()
