"""Opening a context to look into it: a session's, or that of a folder or file, brought up to date first."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rlm_tui.cli.options import load
from rlm_tui.cli.output import say
from rlm_tui.config.paths import Paths
from rlm_tui.config.settings import ContextSettings
from rlm_tui.errors import ContextError, UsageError
from rlm_tui.text import one_line

if TYPE_CHECKING:
    from rlm_tui.context.corpus import IngestProgress, RefreshReport
    from rlm_tui.context.store import ContextStore

_REDRAW_S = 0.1


@contextmanager
def open_context(session: str, path: str, *, confirmed: bool = False) -> Iterator["ContextStore"]:
    """Yield the context of `session` (an id or title), else of `path`, read-only for the caller.

    Raises `UsageError` for a session or path that does not exist.
    """
    if session and path:
        raise UsageError("Give either `--session` or `--path`, not both.")
    from rlm_tui.context.shared import shared_segments
    from rlm_tui.context.store import ContextStore

    if session:
        paths, _ = load(None)
        store = ContextStore(paths.home)
        try:
            _fold(paths, session, store)
            yield store
        finally:
            store.close()
        return
    root = existing(path or ".")
    paths, loaded = load(root if root.is_dir() else root.parent)
    for problem in loaded.problems:
        say(str(problem))
    store = ContextStore(paths.home)
    shared = shared_segments(root)
    if shared is not None:
        try:
            store.attach_all(shared)
            store.add_sources([str(root)])
            yield store
        finally:
            store.close()
        return
    try:
        report = refresh(paths, root, loaded.settings.context, confirmed=confirmed)
        try:
            store.attach_all(report.segments)
        except ContextError:  # damaged and set aside just now, or gone since: what is missing is read again
            store.close()
            store = ContextStore(paths.home)
            report = refresh(paths, root, loaded.settings.context, confirmed=confirmed)
            store.attach_all(report.segments)
        store.add_sources([str(root)])
        store.set_left_out(list(report.left_out), report.left_out_total)
        yield store
    finally:
        store.close()


def existing(name: str) -> Path:
    """Return the absolute path of a folder or file. Raises `UsageError`."""
    path = Path(name).expanduser()
    if not path.exists():
        raise UsageError(f"{name!r} does not exist: give a folder or file that does.")
    return path.resolve()


def refresh(paths: Paths, root: Path, settings: ContextSettings, *, confirmed: bool = False) -> "RefreshReport":
    """Bring the corpus of `root` up to date, with a progress bar on a terminal.

    Raises `UsageError` for `/` or a home directory that nobody confirmed, `ContextError`.
    """
    from rlm_tui.context.corpus import Corpus, needs_confirmation
    from rlm_tui.context.ignore import IgnoreRules

    question = needs_confirmation(root)
    if question and not confirmed:
        raise UsageError(f"{question} Say so with `--yes`, or name a folder inside.")
    with _bar() as draw:
        return Corpus(paths.make(paths.home), root).refresh(
            rules=IgnoreRules(patterns=settings.ignore, secrets=settings.secrets),
            max_file_bytes=settings.max_file_bytes,
            on_progress=draw,
        )


class _Bar:
    """A progress bar on a terminal; nothing elsewhere, nor before half a second has passed."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._due = time.monotonic() + 0.5
        self._drawn = False

    def __call__(self, progress: "IngestProgress") -> None:
        now = time.monotonic()
        if not self._on or now < self._due:
            return
        self._due = now + _REDRAW_S
        self._drawn = True
        done, total = progress.files_done, progress.files_total
        filled = 24 * done // total if total else 0
        bar = "━" * filled + "·" * (24 - filled)
        detail = one_line(progress.detail, 40)
        sys.stderr.write(f"\r\x1b[K{bar}  {done:,} of {total:,} files  {detail}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Take the bar off the terminal."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@contextmanager
def _bar() -> Iterator[_Bar]:
    bar = _Bar()
    try:
        yield bar
    finally:
        bar.clear()


def _fold(paths: Paths, session: str, store: "ContextStore") -> None:
    from rlm_tui.session.library import find_session
    from rlm_tui.session.session import fold_log
    from rlm_tui.session.state import SessionState

    directory = find_session(paths, session)
    for missing in fold_log(directory, paths.home, SessionState(), store):
        say(missing)
