"""The context of one session: sealed segments and a tail, with dense offsets that never change."""

import threading
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from rlm_tui.context.absent import AbsentSegment
from rlm_tui.context.core import StoreCore, tails_of
from rlm_tui.context.entry import Entry, LeftOut
from rlm_tui.context.known import KnownEntry
from rlm_tui.context.layout import SegmentRef
from rlm_tui.context.moment import MomentView
from rlm_tui.context.reading import make_entry
from rlm_tui.context.screen_view import ScreenView
from rlm_tui.context.segment import Segment, SegmentWriter
from rlm_tui.context.tail import Tail
from rlm_tui.context.view import ContextView
from rlm_tui.errors import ContextError
from rlm_tui.events import EntryKind


class ContextStore(ContextView):
    """A session's context. Any thread may read; changes take turns under a lock, so any thread may append too.

    `home` is the data home that relative segment paths start from. `session_dir` is where the tail is sealed to
    unless `seal_tail` is told otherwise. Without `ranked`, what is appended is not indexed for `rank`, which costs
    nothing then. Nothing is opened or written before it is needed.
    """

    def __init__(self, home: Path, session_dir: Path | None = None, *, ranked: bool = True) -> None:
        super().__init__(StoreCore(), None)
        self._ranked = ranked
        self._home = home
        self._session_dir = session_dir
        self._lock = threading.RLock()
        self._tails = 0
        self._tail_source = -1
        self._tail: Tail | None = None

    # --- growing -------------------------------------------------------------------------------------------

    def attach(self, ref: SegmentRef) -> tuple[int, int]:
        """Join a sealed segment's live entries to the context; return the first number and offset they took.

        Raises `ContextError` when its files cannot be read or are not the segment that `ref` means. Nothing is
        changed then; `attach_missing` keeps the place.
        """
        seqs = [seq for first, last in ref.live for seq in range(first, last + 1)]
        segment = self._open(ref)
        if seqs and not 0 <= min(seqs) <= max(seqs) < len(segment):
            raise ContextError(f"{ref.path} has {len(segment)} entries, fewer than the session refers to.")
        with self._lock:
            return self._core.table.add(self._core.table.add_source(segment, ref.source), seqs)

    def attach_all(self, refs: Iterable[SegmentRef]) -> None:
        """Join segments one after another; see `attach`."""
        for ref in refs:
            self.attach(ref)

    def attach_missing(self, ref: SegmentRef) -> tuple[int, int]:
        """Take the numbers and offsets of a segment that cannot be read, so that later ones stay what they were."""
        with self._lock:
            absent = AbsentSegment(ref)
            return self._core.table.add(self._core.table.add_source(absent, ref.source), range(len(absent.table)))

    def attach_known(self, ref: SegmentRef, known: Sequence[KnownEntry]) -> tuple[int, int]:
        """Take the numbers and offsets of a segment that cannot be read, with the text of the entries it is known of.

        Those can be read and searched as any other; the rest is missing, as with `attach_missing`.
        """
        with self._lock:
            first, start = self._core.refs.count, self._core.refs.chars
            absent = self._core.table.add_source(AbsentSegment(ref, known), ref.source)
            self._tails += 1
            present = Tail(f"known{self._tails}")
            source = self._core.table.add_source(present, ref.source)
            for is_present, run in groupby(enumerate(known), key=lambda numbered: numbered[1].text is not None):
                if is_present:
                    seqs = [
                        present.append(
                            entry.kind, entry.label, entry.text or "", at=0.0, source=ref.source,
                            part=entry.part, parts=entry.parts,
                        )
                        for _, entry in run
                    ]  # fmt: skip
                    self._core.table.add(source, seqs)
                else:
                    self._core.table.add(absent, [number for number, _ in run])
        if self._ranked:
            self._core.indexer.wake(present)
        return first, start

    def append(
        self,
        kind: EntryKind,
        label: str,
        text: str,
        *,
        at: float = 0.0,
        source: str = "",
        part: int = 0,
        parts: int = 1,
    ) -> Entry:
        """Add an entry to the tail and return it. It can be read and searched at once, ranked a moment later.

        Lone surrogates become U+FFFD, one for one. `part` of `parts` counts from 0: parts of one long result,
        appended one after another, are searched as one.
        """
        with self._lock:
            tail = self._open_tail()
            seq = tail.append(kind, label, text, at=at, source=source, part=part, parts=parts)
            number, _ = self._core.table.add(self._tail_source, [seq])
            entry = make_entry(self._core.refs, number)
        if self._ranked:
            self._core.indexer.wake(tail)
        return entry

    def open_sealed(self, ref: SegmentRef) -> int:
        """Open a segment that this context's tail was sealed into before; return what `append_sealed` takes.

        Raises `ContextError` when it cannot be read or is another one.
        """
        segment = self._open(ref)
        with self._lock:
            return self._core.table.add_source(segment, "")

    def append_sealed(self, source: int, seq: int) -> None:
        """Add entry `seq` of a sealed segment, as `append` did before it was sealed."""
        with self._lock:
            self._core.table.add(source, [seq])

    def sealed_chars(self, source: int, seq: int) -> int:
        """Return the characters of entry `seq` of a sealed segment, or -1 where it has no such entry."""
        table = self._core.refs_source(source).table
        return table.n_chars[seq] if seq < len(table) else -1

    def supersede(self, entry: int) -> None:
        """Hide an entry from search; it stays readable. Raises `ContextError` when there is none."""
        with self._lock:
            make_entry(*self._visible(entry))
            self._core.table.supersede(entry)

    def _open_tail(self) -> Tail:
        if self._tail is None:
            self._tails += 1
            self._tail = Tail(f"tail{self._tails}")
            self._tail_source = self._core.table.add_source(self._tail, "")
        return self._tail

    def _open(self, ref: SegmentRef) -> Segment:
        path = Path(ref.path)
        segment = Segment.open(path if path.is_absolute() else self._home / path, self._core.database)
        if ref.sha and segment.ref.sha != ref.sha:
            raise ContextError(f"{ref.path} is not the segment that the session refers to: its content differs.")
        return segment

    # --- sealing -------------------------------------------------------------------------------------------

    @property
    def tail_chars(self) -> int:
        """Characters in the tail: when it is some megabytes, it is worth sealing."""
        tail = self._tail
        return tail.tape.chars if tail is not None else 0

    def seal_tail(self, directory: Path | None = None) -> tuple[SegmentRef, int, int] | None:
        """Move what the tail holds now into a sealed segment; return its reference and first and last number.

        Offsets and numbers stay. Appending and reading go on meanwhile (new entries go to a new tail), so this
        may run on a worker thread. Returns None for an empty tail, and for one that ends amid the parts of one long
        result. Raises `ContextError` or `OSError` when the
        segment cannot be written; the entries then stay where they are.
        """
        if directory is None:
            if self._session_dir is None:
                raise ContextError("This context has no session folder to seal into; name a directory.")
            directory = self._session_dir / "segments"
        with self._lock:
            tail, source = self._tail, self._tail_source
            if tail is None or not len(tail.table) or tail.table.part[-1] + 1 < tail.table.parts[-1]:
                return None
            self._tail = None
            numbers = (self._core.refs.source == source).nonzero()[0].tolist()
        try:
            ref = write_tail(tail, directory)
            segment = self._open(ref)
        except BaseException:
            with self._lock:
                if self._tail is None:
                    self._tail, self._tail_source = tail, source
            raise
        with self._lock:
            moved = self._core.table.add_source(segment, "")
            self._core.table.move(numbers, moved, range(len(segment)))
        self._core.indexer.retire(tail)
        return ref, numbers[0], numbers[-1]

    def replace_by_segment(self, ref: SegmentRef, first: int, last: int) -> None:
        """Let the tail's entries among numbers `first` to `last` lie in a sealed segment from now on.

        Raises `ContextError` when the segment cannot be read or does not hold the same entries; nothing is
        changed then.
        """
        segment = self._open(ref)
        seqs = [seq for low, high in ref.live for seq in range(low, high + 1)]
        with self._lock:
            refs = self._core.refs
            numbers = [
                number
                for number in range(max(0, first), min(last + 1, refs.count))
                if isinstance(refs.place(number)[0], Tail)
            ]
            if len(numbers) != len(seqs):
                raise ContextError(
                    f"{ref.path} holds {len(seqs)} entries, but entries {first} to {last} of the tail"
                    f" are {len(numbers)}; they stay in the tail."
                )
            self._core.table.move(numbers, self._core.table.add_source(segment, ref.source), seqs)
            if self._tail is not None and not (self._core.refs.source == self._tail_source).any():
                self._tail = None

    def for_screen(self) -> ScreenView:
        """Return a reader that shows missing text as missing instead of raising."""
        return ScreenView(self._core, None)

    def moment(self) -> MomentView:
        """Return a reader that can be set to what the context was at any earlier moment."""
        return MomentView(self._core)

    # --- what is known besides -----------------------------------------------------------------------------

    def set_left_out(self, items: Sequence[LeftOut], total: int) -> None:
        """Say which files are not in the context (a few of them) and how many in all, for `stats`."""
        self._core.left_out = tuple(items)
        self._core.left_out_total = total

    def add_sources(self, names: Iterable[str]) -> None:
        """Name what the context was made from (project and attached paths), for `stats`."""
        with self._lock:
            self._core.source_names = tuple(dict.fromkeys((*self._core.source_names, *names)))

    def mark_building(self, building: bool) -> None:
        """Say whether an ingest still runs: searches then call themselves partial."""
        self._core.building = building

    @property
    def index_lag(self) -> int:
        """How many entries wait for their place in the ranked index; cheap enough for every frame."""
        return sum(len(tail.table) - tail.ranked for tail in tails_of(self._core.refs))

    def close(self) -> None:
        """Stop the background work and close the database. Closing twice is fine."""
        self._core.indexer.stop()
        self._core.database.close()


def write_tail(tail: Tail, directory: Path) -> SegmentRef:
    """Write all entries of a tail that no longer grows into a segment in `directory`."""
    table = tail.table
    with SegmentWriter(directory) as writer:
        for seq in range(len(table)):
            writer.add(
                table.kind[seq],
                table.label[seq],
                tail.text(seq),
                at=table.at[seq],
                sha=table.sha[seq],
                source=table.source[seq],
                part=table.part[seq],
                parts=table.parts[seq],
            )
        return writer.finish()
