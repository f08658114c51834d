"""One refresh of a corpus: find what changed, hand over what is there, store what is new."""

import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec import structs

from rlm_tui.context.decode import CHANGING, VANISHED, DecodedText, over_limit
from rlm_tui.context.entry import LeftOut
from rlm_tui.context.ignore import IGNORED, SECRET, Candidate, IgnoreRules, list_files
from rlm_tui.context.ingest import ProgressMeter, read_in_order
from rlm_tui.context.layout import SegmentRef
from rlm_tui.context.manifest import FileState, SealedSegment, save_manifest
from rlm_tui.context.segment_writer import SegmentWriter
from rlm_tui.errors import ContextError

if TYPE_CHECKING:
    from rlm_tui.context.corpus import Corpus

MAX_SMALL_SEGMENTS = 8
LEFT_OUT_CAP = 1_000
LISTING = "listing files"
SEALING = "sealing a segment"

_SHA_CHARS = 32
_TRANSIENT = (CHANGING, VANISHED, "unreadable")


class Refresh:
    """The steps of `Corpus.refresh`, in order. Holds no lock itself; runs once."""

    def __init__(
        self,
        corpus: "Corpus",
        rules: IgnoreRules,
        max_file_bytes: int,
        on_segment: Callable[[SegmentRef], None],
        meter: ProgressMeter,
        cancel: threading.Event,
        *,
        force: bool,
    ) -> None:
        self._corpus = corpus
        self._rules = rules
        self._max_file_bytes = max_file_bytes
        self._on_segment = on_segment
        self._meter = meter
        self._cancel = cancel
        self._force = force
        self.manifest = corpus.manifest()
        self.reported: dict[str, SegmentRef] = {}
        self.left_out: list[LeftOut] = []
        self.changed = 0
        self.removed = 0
        self._current: dict[str, FileState] = {}
        self._known_sha = {state.label: state.sha for state in self.manifest.files if state.segment}

    def use_what_is_there(self) -> None:
        """Hand over the segments that the manifest names, and look at no file."""
        self._current = {file.label: file for file in self.manifest.files}
        self.left_out = [LeftOut(*item) for item in self.manifest.left_out]
        self._hand_over()

    def run(self) -> None:
        """Refresh the corpus; on `cancel` what was sealed so far stays."""
        self._drop_leftovers()
        files = self._listed()
        if self._cancel.is_set():
            self.use_what_is_there()
            return
        to_read = self._compared(files)
        folded = self._folded()
        moving = {label for label, state in self._current.items() if state.segment in folded}
        self._hand_over(except_for=folded)
        by_order = [file for file in files if file.label in to_read or file.label in moving]
        complete = self._store(by_order)
        self._hand_over()
        if complete:
            live = self.manifest.live_chars(self._current.values())
            used = {state.segment for state in self._current.values()}
            current = [s for s in self.manifest.segments if live[s.segment] or s.segment in used]
            self._mark_dropped({s.segment for s in self.manifest.segments} - {s.segment for s in current})
            self.manifest.segments = current
        self._save(complete=complete)

    def _listed(self) -> list[Candidate]:
        """Return the files to have, in path order; what is left out by name or size is noted."""
        self._meter.say(LISTING)
        files: list[Candidate] = []
        for item in list_files(self._corpus.root, self._rules):
            if self._cancel.is_set():
                break
            if isinstance(item, LeftOut):
                self._leave_out(item)
            elif item.size > self._max_file_bytes:
                self._leave_out(LeftOut(item.label, over_limit(self._max_file_bytes), item.size))
            else:
                files.append(item)
        return files

    def _compared(self, files: list[Candidate]) -> set[str]:
        """Keep in `_current` what is known and unchanged; return the labels of files to read."""
        known = {} if self._force else {state.label: state for state in self.manifest.files}
        to_read: set[str] = set()
        doubtful: list[Candidate] = []
        for file in files:
            state = known.get(file.label)
            if state is None or self._lacks_text(state):
                to_read.add(file.label)
            elif state.is_still(file):
                self._current[file.label] = state
            else:
                doubtful.append(file)
        listed = {file.label for file in files}
        self.removed = sum(bool(state.segment) and state.label not in listed for state in self.manifest.files)
        to_read |= self._changed_among(doubtful, known)
        for state in self._current.values():
            if not state.segment:
                self._leave_out(LeftOut(state.label, state.note, state.size))
        return to_read

    def _lacks_text(self, state: FileState) -> bool:
        """A segment that is not there any more, or a file that other rules now let in."""
        if state.segment:
            return not self._corpus.segment_path(state.segment).is_file()
        return state.note == SECRET and self._rules.secrets

    def _changed_among(self, doubtful: list[Candidate], known: dict[str, FileState]) -> set[str]:
        """Read files whose time or size differs, or that were written as they were last read; a file with the
        same bytes keeps its entry."""
        changed = {file.label for file in doubtful}
        readings = read_in_order(self._corpus.root, doubtful, self._rules, self._max_file_bytes, self._cancel)
        for file, began, found in readings:
            state = known[file.label]
            if isinstance(found, DecodedText) and state.segment and state.sha == found.sha[:_SHA_CHARS]:
                changed.discard(file.label)
                self._current[file.label] = structs.replace(
                    state, size=found.size, mtime_ns=found.mtime_ns, read_ns=began
                )
        return changed

    def _folded(self) -> set[str]:
        """Return segments to dissolve into new ones: those with little live text, once they are many, and those
        that are mostly dead, once half of everything is. What they hold is read again from the files."""
        live = self.manifest.live_chars(self._current.values())
        total = {sealed.segment: sealed.chars for sealed in self.manifest.segments}
        small = {segment for segment, chars in live.items() if chars < self._corpus.segment_chars // 2}
        folded = small if len(small) > MAX_SMALL_SEGMENTS else set()
        if sum(live.values()) * 2 < sum(total.values()):
            folded = folded | {segment for segment, chars in live.items() if chars * 2 < total[segment]}
        return folded

    def _store(self, files: list[Candidate]) -> bool:
        """Read `files` into new segments, sealed and handed over one by one; False where `cancel` ended it."""
        self._meter.begin(files)
        if not files:
            return not self._cancel.is_set()
        import duckdb

        try:
            self._write(files)
        except duckdb.Error as error:
            words = str(error).splitlines()[0]
            raise ContextError(
                f"A segment could not be written in {self._corpus.segments_directory} ({words})."
                " Free some space there, then try again: what was finished is kept."
            ) from error
        return not self._cancel.is_set()

    def _write(self, files: list[Candidate]) -> None:
        limit = self._corpus.segment_chars if self.reported else self._corpus.first_segment_chars
        readings = read_in_order(self._corpus.root, files, self._rules, self._max_file_bytes, self._cancel)
        writer: SegmentWriter | None = None
        pending: list[FileState] = []
        try:
            for file, began, found in readings:
                if isinstance(found, LeftOut):
                    self._without_text(file, began, found)
                    self._meter.count(file, 0)
                    continue
                if writer is None:
                    writer = SegmentWriter(self._corpus.segments_directory, source=self.manifest.root)
                entry = writer.add("file", file.label, found.text, at=found.mtime_ns / 1e9, sha=found.sha)
                pending.append(_state(file, began, found, entry))
                self._meter.count(file, len(found.text))
                if writer.chars >= limit:
                    self._seal(writer, pending)
                    writer, pending, limit = None, [], self._corpus.segment_chars
            if writer is not None and not self._cancel.is_set():
                self._seal(writer, pending)
                writer = None
        finally:
            if writer is not None:
                writer.abort()

    def _without_text(self, file: Candidate, began: int, found: LeftOut) -> None:
        self._current.pop(file.label, None)
        if found.reason == VANISHED:
            return
        self._leave_out(found)
        if not found.reason.startswith(_TRANSIENT):
            self._current[file.label] = FileState(file.label, file.size, file.mtime_ns, began, note=found.reason)

    def _seal(self, writer: SegmentWriter, pending: list[FileState]) -> None:
        self._meter.say(SEALING)
        ref = writer.finish()
        self.manifest.segments.append(SealedSegment(ref.segment, ref.sha, ref.entries, ref.chars))
        for state in pending:
            self._current[state.label] = structs.replace(state, segment=ref.segment)
            self.changed += self._known_sha.get(state.label) != state.sha
        self._save(complete=False)
        self._hand_over(only={ref.segment})

    def _hand_over(self, *, only: set[str] | None = None, except_for: Iterable[str] = ()) -> None:
        skipped = set(except_for) | self.reported.keys()
        current = self._current.values()
        for ref in self.manifest.references(current, self._corpus.home, self._corpus.segments_directory):
            if ref.segment not in skipped and (only is None or ref.segment in only):
                self.reported[ref.segment] = ref
                self._on_segment(ref)

    def _leave_out(self, item: LeftOut) -> None:
        self.left_out.append(item)
        self._meter.left_out[item.reason] += 1

    def _save(self, *, complete: bool) -> None:
        self.manifest.files = sorted(self._current.values(), key=lambda state: state.label)
        shown = sorted(self.left_out, key=lambda item: (item.reason == IGNORED, item.path))[:LEFT_OUT_CAP]
        left_out = [(item.path, item.reason, item.size) for item in shown]
        after = (left_out, len(self.left_out), complete)
        self.manifest.left_out, self.manifest.left_out_total, self.manifest.complete = after
        save_manifest(self._corpus.manifest_path, self.manifest)

    def _mark_dropped(self, segments: set[str]) -> None:
        """Let a segment's age count from now: another process may be about to open what it was just told of."""
        for segment in segments:
            with suppress(OSError):
                os.utime(self._corpus.segment_path(segment))

    def _drop_leftovers(self) -> None:
        """Remove what a process left that died while it wrote: only the lock's holder writes here."""
        for path in self._corpus.segments_directory.glob(".*.tmp*"):
            with suppress(OSError):
                path.unlink()


def _state(file: Candidate, began: int, found: DecodedText, entry: int) -> FileState:
    return FileState(
        label=file.label,
        size=found.size,
        mtime_ns=found.mtime_ns,
        read_ns=began,
        sha=found.sha[:_SHA_CHARS],
        entry=entry,
        chars=len(found.text),
        note=found.note,
    )
