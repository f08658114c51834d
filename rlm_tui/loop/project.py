"""The project in the context: what its corpus and its watcher report, turned into entries of one session.

Sealed segments join the context as they are ready. A file that changes while the session is open becomes a new
entry of the tail, and its old one is superseded: hidden from search, still readable at its offsets.
"""

import asyncio
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rlm_tui import events as ev
from rlm_tui.config.settings import ContextSettings, parse_size
from rlm_tui.context.corpus import Corpus, IngestProgress, RefreshReport
from rlm_tui.context.entry import LeftOut
from rlm_tui.context.ignore import IgnoreRules
from rlm_tui.context.segment import SegmentRef
from rlm_tui.context.shared import shared_segments
from rlm_tui.errors import ContextError, RlmTuiError
from rlm_tui.session.session import Session
from rlm_tui.workspace.watch import FileChange, Watcher

_SLICE = 25
"""File changes handled before the loop may do something else."""

_PAGE = 5_000


class ProjectContext:
    """Keeps a session's context in step with a project's files. Owned by the engine's loop."""

    def __init__(self, session: Session, home: Path, settings: ContextSettings) -> None:
        self._session = session
        self._home = home
        self._settings = settings
        self._rules = IgnoreRules(patterns=tuple(settings.ignore))
        self._cancel = threading.Event()
        self._current: dict[str, int] | None = None
        self._left_out: dict[str, LeftOut] = {}
        self.running = False
        self.report: RefreshReport | None = None

    # --- ingest ----------------------------------------------------------------------------------------

    async def ingest(self, root: Path) -> RefreshReport | None:
        """Bring the corpus of `root` up to date and join its segments; return the report, None after a failure.

        Runs in a worker thread; `cancel` ends it early and keeps what is there.
        """
        loop = asyncio.get_running_loop()
        self._cancel.clear()
        self.running = True
        self._session.context.mark_building(True)

        def on_segment(ref: SegmentRef) -> None:
            loop.call_soon_threadsafe(self._join, ref)

        def on_progress(progress: IngestProgress) -> None:
            loop.call_soon_threadsafe(self._show, progress)

        try:
            report = await asyncio.to_thread(
                Corpus(self._home, root).refresh,
                rules=self._rules,
                max_file_bytes=parse_size(self._settings.max_file),
                on_segment=on_segment,
                on_progress=on_progress,
                cancel=self._cancel,
            )
        except RlmTuiError as error:
            self._session.record(ev.Notice("error", str(error)))
            return None
        except asyncio.CancelledError:
            self._cancel.set()
            raise
        finally:
            self.running = False
            self._session.context.mark_building(False)
            self._session.record(ev.Progress("ingest", 0, 0, finished=True))
        await asyncio.sleep(0)  # callbacks from the thread that are still queued run first
        self._note_left_out(report.left_out, report.left_out_total)
        self.report = report
        if report.cancelled:
            self._session.record(ev.Notice("warning", "Reading the project was stopped: the context is partial."))
        return report

    async def attach_shared(self, path: Path) -> bool:
        """Join a segment or corpus that others have built; return False where `path` is neither."""
        try:
            refs = await asyncio.to_thread(shared_segments, path)
        except ContextError as error:
            self._session.record(ev.Notice("error", str(error)))
            return True
        for ref in refs or ():
            self._join(ref)
        return refs is not None

    def cancel(self) -> None:
        """Stop a running ingest; what has been read stays."""
        self._cancel.set()

    def _show(self, progress: IngestProgress) -> None:
        if self.running:
            self._session.record(
                ev.Progress("ingest", progress.files_done, progress.files_total, "files", progress.detail)
            )

    def _note_left_out(self, items: Sequence[LeftOut], total: int) -> None:
        self._left_out.update((item.path, item) for item in items)
        self._session.context.set_left_out(list(self._left_out.values()), max(total, len(self._left_out)))

    def _join(self, ref: SegmentRef) -> None:
        """Attach a segment; or, where the session has it already, hide what is not current any more."""
        known = self._session.attached.get(ref.segment)
        self._current = None
        if known is None:
            first = self._session.context.entry_count
            try:
                self._session.attach(ref)
            except ContextError as error:
                self._session.record(ev.Notice("error", str(error)))
                return
            self._supersede_tail_files(first)
        elif known.live != ref.live:
            live = set(_numbers(ref.live))
            for place, seq in enumerate(_numbers(known.live)):
                entry = known.first_entry + place
                if seq not in live and not self._session.context.entry(entry).superseded:
                    self._session.supersede(entry)

    def _supersede_tail_files(self, first: int) -> None:
        """Hide files of the tail whose newer text has come with the entries from `first` on (after a resume)."""
        tail = dict(self._session.tail_files)
        if not tail:
            return
        for entry in self._session.context.entries(kind="file", after=first - 1, limit=1_000_000):
            if entry.label in tail:
                self._session.supersede(tail[entry.label], by=entry.number)

    # --- watching --------------------------------------------------------------------------------------

    async def watch(self, root: Path) -> None:
        """Follow changes of the project's files until cancelled."""
        async for batch in Watcher(root, self._rules, max_file_bytes=parse_size(self._settings.max_file)):
            for start in range(0, len(batch), _SLICE):
                for change in batch[start : start + _SLICE]:
                    self._apply(change)
                await asyncio.sleep(0)

    def _apply(self, change: FileChange) -> None:
        current = self._entries_by_label()
        old = current.get(change.path)
        if change.text is None:
            if change.left_out is not None:
                self._note_left_out([LeftOut(change.path, change.left_out)], 0)
            if old is not None:
                self._session.supersede(old, reason="removed" if change.kind == "removed" else "left out")
                del current[change.path]
            return
        if old is not None and self._same_text(old, change.text):
            return
        entry = self._session.append_entry("file", change.path, change.text)
        if old is not None:
            self._session.supersede(old, by=entry.number)
        current[change.path] = entry.number

    def _same_text(self, number: int, text: str) -> bool:
        entry = self._session.context.entry(number)
        return entry.chars == len(text) and self._session.context.read(entry.start, entry.chars) == text

    def _entries_by_label(self) -> dict[str, int]:
        """Return the current file entries by label, gathered once and kept."""
        if self._current is None:
            self._current = {}
            after = -1
            while page := self._session.context.entries(kind="file", after=after, limit=_PAGE):
                self._current.update((entry.label, entry.number) for entry in page)
                after = page[-1].number
        return self._current


def _numbers(ranges: Iterable[tuple[int, int]]) -> Iterator[int]:
    for first, last in ranges:
        yield from range(first, last + 1)
