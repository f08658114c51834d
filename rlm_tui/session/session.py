"""A live session: the log, the fold and the context, kept in step by one writer.

Everything that happens goes through `record`: it gets its sequence number, is written, is folded into the state,
and is passed on to the listeners, in that order (durable before visible). Owned by the engine's thread; the
context may be read from any thread.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from rlm_tui import __version__
from rlm_tui import events as ev
from rlm_tui.context.entry import Entry
from rlm_tui.context.known import KNOWN_FOLDER, read_known
from rlm_tui.context.segment import SegmentRef
from rlm_tui.context.store import ContextStore
from rlm_tui.errors import ContextError, SessionError
from rlm_tui.session.log import LOG_NAME, Damage, LogWriter, read_lines, read_log
from rlm_tui.session.outputs import INLINE_CHARS, digest, load_output, save_output
from rlm_tui.session.sealing import SealedEntries, seal_from, sealed_event, sealed_segments
from rlm_tui.session.state import SessionState
from rlm_tui.text import without_surrogates

_CONTEXT_EVENTS = (b'"EntryAppended"', b'"EntrySuperseded"', b'"SegmentAttached"')

Listener = Callable[[ev.Envelope], None]


def new_session_id() -> str:
    """Return a new id that sorts by time: `20260131-235959-1a2b3c`."""
    return time.strftime("%Y%m%d-%H%M%S") + "-" + secrets.token_hex(3)


class Session:
    """One session, open for writing. Use `create` or `resume`."""

    def __init__(self, directory: Path, home: Path) -> None:
        """Take the session's lock and prepare an empty context. Raises `SessionError`."""
        self.id = directory.name
        self.directory = directory
        self._home = home
        self._log = LogWriter(directory)
        self.state = SessionState()
        self.context = ContextStore(home, directory)
        self.missing: list[str] = []
        self.attached: dict[str, ev.SegmentAttached] = {}
        self.tail_files: dict[str, int] = {}
        self._listeners: list[Listener] = []
        self._sealed_chars = 0
        self._closed = False

    @classmethod
    def create(
        cls,
        sessions: Path,
        home: Path,
        *,
        project: Path,
        model: str,
        sub_model: str = "",
        mode: str = "tools",
        listener: Listener | None = None,
    ) -> "Session":
        """Start a new session in a folder of its own under `sessions`; `listener` is passed every envelope."""
        session = cls(sessions / new_session_id(), home)
        if listener is not None:
            session.listen(listener)
        session.record(
            ev.SessionOpened(ev.FORMAT_VERSION, __version__, str(project), model, sub_model=sub_model, mode=mode)
        )
        return session

    @classmethod
    def resume(cls, directory: Path, home: Path, listener: Listener | None = None) -> "Session":
        """Open a past session again: fold its log, rebuild its context, and close what a crash left open.

        `listener` is passed every past envelope, and then those to come.

        Raises `SessionError` when it is held by another process or of a newer format. What could not be read or
        rebuilt is listed in `missing`.
        """
        if not (directory / LOG_NAME).exists():
            raise SessionError(f"There is no session {directory.name}. `rlm-tui sessions` lists those there are.")
        session = cls(directory, home)
        if listener is not None:
            session.listen(listener)
        try:
            session.missing = session._fold()
        except BaseException:
            session.close_files()
            raise
        state = session.state
        session.record(
            ev.SessionOpened(
                ev.FORMAT_VERSION, __version__, state.project, state.model,
                sub_model=state.sub_model, mode=state.settings.get("mode", "tools"), resumed=True,
            )
        )  # fmt: skip
        session._close_crashed_turn()
        for line in session.missing:
            session.record(ev.Notice("warning", line))
        return session

    def _fold(self) -> list[str]:
        def noted(records: Iterable[ev.Envelope | Damage]) -> Iterable[ev.Envelope | Damage]:
            for record in records:
                if isinstance(record, ev.Envelope):
                    self._note_files(record.event)
                    for listener in self._listeners:
                        listener(record)
                yield record

        records = noted(read_log(self.directory / LOG_NAME))
        sealed = SealedEntries(sealed_segments(self.directory / LOG_NAME), self.directory, self.context)
        missing = fold_records(records, self.directory, self._home, self.state, self.context, sealed)
        self._sealed_chars = sealed.chars
        return [*sealed.problems, *missing]

    def _note_files(self, event: ev.AnyEvent) -> None:
        """Remember which segments are attached, and which files have a current text of their own in the tail."""
        match event:
            case ev.SegmentAttached():
                self.attached[event.segment] = event
            case ev.EntryAppended(kind="file"):
                self.tail_files[event.label] = event.entry
            case ev.EntrySuperseded():
                gone = [label for label, entry in self.tail_files.items() if entry == event.entry]
                for label in gone:
                    del self.tail_files[label]
            case _:
                pass

    def _close_crashed_turn(self) -> None:
        turn = self.state.running_turn
        if turn is None:
            return
        node = turn.node
        self.record(
            ev.TurnInterrupted(
                turn.number, "crashed", node.model, answer=node.live_text, usage=node.usage,
                cost=node.cost if node.cost_known else None, calls=node.calls,
                message="The program ended during this turn. What had been found is kept; nothing was run again.",
            )
        )  # fmt: skip

    # --- recording -------------------------------------------------------------------------------------

    def listen(self, listener: Listener) -> None:
        """Pass every envelope from now on to `listener`, after it was written and folded."""
        self._listeners.append(listener)

    def record(self, event: ev.AnyEvent, *, call: int = 0, parent: int = 0, depth: int = 0) -> ev.Envelope:
        """Write, fold and pass on one event; return its envelope."""
        durable = type(event).durable
        sequence = self.state.last_seq + 1 if durable else -1
        envelope = ev.Envelope(self.id, sequence, round(time.time(), 3), event, call, parent, depth)
        if durable:
            self._log.append(envelope)
        self.state.apply(envelope)
        self._note_files(event)
        for listener in self._listeners:
            listener(envelope)
        return envelope

    def barrier(self) -> None:
        """Wait until everything recorded is on the disk. Raises `SessionError` when it cannot be."""
        self._log.barrier()

    async def synced(self) -> None:
        """Like `barrier`, for a call on the event loop: calls that wait together share one sync of the disk."""
        await self._log.synced()

    @property
    def problem(self) -> str:
        """Why the log cannot be written right now, or an empty string."""
        return self._log.problem

    def retry_writes(self) -> bool:
        """Try to write what a full disk held up; return whether nothing is left."""
        return self._log.retry()

    # --- the context -----------------------------------------------------------------------------------

    def append_entry(self, kind: ev.EntryKind, label: str, text: str, *, call: int = 0, note: str = "") -> Entry:
        """Add one entry to the end of the context, durably, and return it.

        Lone surrogates are replaced (and noted). Long text goes to a file beside the log first.
        """
        return self._append_part(kind, label, text, call, note, 0, 1)

    def append_parts(self, kind: ev.EntryKind, label: str, text: str, part_chars: int, *, call: int = 0) -> list[Entry]:
        """Add a long text as several entries of at most `part_chars` characters, searched as one."""
        pieces = [text[i : i + part_chars] for i in range(0, len(text), part_chars)] or [""]
        return [
            self._append_part(kind, label, piece, call, "", number, len(pieces)) for number, piece in enumerate(pieces)
        ]

    def _append_part(
        self, kind: ev.EntryKind, label: str, text: str, call: int, note: str, part: int, parts: int
    ) -> Entry:
        text, replaced = without_surrogates(text)
        label, _ = without_surrogates(label)
        if replaced:
            note = f"{note}; " * bool(note) + f"{replaced} lone surrogates replaced by U+FFFD"
        sha = digest(text)
        inline = len(text) <= INLINE_CHARS
        if not inline:
            save_output(self.directory / "outputs", text, sha)
        number, start = self.context.entry_count, self.context.chars
        event = ev.EntryAppended(
            number, kind, label, start, len(text), sha,
            text=text if inline else "", output="" if inline else sha, part=part, parts=parts, note=note,
        )  # fmt: skip
        self.record(event, call=call)
        return self.context.append(kind, label, text, at=time.time(), part=part, parts=parts)

    def attach(self, ref: SegmentRef) -> None:
        """Join a sealed segment to the context; its live entries take the next offsets."""
        first, start = self.context.entry_count, self.context.chars
        self.context.attach(ref)
        event = ev.SegmentAttached(
            ref.segment, ref.sha, _relative(ref.path, self._home), ref.source, first,
            self.context.entry_count - first, start, self.context.chars - start, ref.live,
        )  # fmt: skip
        self.record(event)

    def supersede(self, entry: int, *, by: int = -1, reason: str = "changed") -> None:
        """Hide an entry from search; it stays readable at its offsets."""
        self.record(ev.EntrySuperseded(entry, by, reason))
        self.context.supersede(entry)

    async def seal(self) -> bool:
        """Move a tail that has grown large into a segment, on a worker thread; return whether there was one.

        Offsets stay, and everything goes on meanwhile. Raises `ContextError` or `OSError` when it cannot be written;
        nothing is lost then.
        """
        if self.context.tail_chars < seal_from(self._sealed_chars):
            return False
        sealed = await asyncio.to_thread(self.context.seal_tail)
        if sealed is not None and not self._closed:
            self._sealed_chars += sealed[0].chars
            self.record(sealed_event(*sealed, self.directory))
        return sealed is not None

    # --- closing ---------------------------------------------------------------------------------------

    def close(self, reason: str = "") -> None:
        """Record the end and let everything go. Safe to call twice."""
        if self._closed:
            return
        self.record(ev.SessionClosed(reason))
        self.close_files()

    def close_files(self) -> None:
        """Let the log and the context go without recording an end."""
        self._closed = True
        self._log.close()
        self.context.close()


def fold_log(directory: Path, home: Path, state: SessionState | None, context: ContextStore | None) -> list[str]:
    """Fold a log into `state` and rebuild `context`, each unless it is None; return sentences on what is missing."""
    log = directory / LOG_NAME
    if context is None:
        return fold_records(read_log(log), directory, home, state, None)
    records = read_log(log) if state is not None else (record for _, record in read_lines(log, _CONTEXT_EVENTS))
    sealed = SealedEntries(sealed_segments(log), directory, context)
    missing = fold_records(records, directory, home, state, context, sealed)
    return [*sealed.problems, *missing]


def fold_records(
    records: Iterable[ev.Envelope | Damage],
    directory: Path,
    home: Path,
    state: SessionState | None,
    context: ContextStore | None,
    sealed: SealedEntries | None = None,
) -> list[str]:
    """Fold records that were read from a log; see `fold_log`."""
    missing: list[str] = []
    damaged = 0
    for record in records:
        if isinstance(record, Damage):
            damaged += 1
            continue
        if state is not None:
            state.apply(record)
        if sealed is not None and isinstance(record.event, ev.EntryAppended) and sealed.place(record.event):
            continue
        if context is not None:
            problem = apply_to_context(record.event, record.at, directory, home, context)
            if problem:
                missing.append(problem)
    if damaged:
        missing.insert(0, f"{damaged} damaged record(s) of the session log were skipped; the file is kept as it is.")
    return missing


def apply_to_context(event: ev.AnyEvent, at: float, directory: Path, home: Path, context: ContextStore) -> str:
    """Apply one event of a log to a context; return what is missing, or an empty string."""
    match event:
        case ev.EntryAppended():
            text = load_output(directory / "outputs", event.output) if event.output else event.text
            context.append(
                event.kind, event.label, "\ufffd" * event.chars if text is None else text,
                at=at, part=event.part, parts=event.parts,
            )  # fmt: skip
            if text is None:
                return f"The text of entry {event.entry} ({event.label}) is missing or damaged: outputs/{event.output}."
        case ev.EntrySuperseded():
            context.supersede(event.entry)
        case ev.SegmentAttached():
            path = Path(event.path)
            ref = SegmentRef(
                segment=event.segment, sha=event.sha, path=str(path if path.is_absolute() else home / path),
                source=event.source, entries=event.entries, chars=event.chars, live=event.live,
            )  # fmt: skip
            try:
                context.attach(ref)
            except ContextError as error:
                return _attach_without(event, ref, directory, context, error)
        case _:
            pass
    return ""


def _attach_without(
    event: ev.SegmentAttached, ref: SegmentRef, directory: Path, context: ContextStore, error: ContextError
) -> str:
    """Attach what a bundle brought along of a segment that is not here, or else only its place."""
    known_file = directory / KNOWN_FOLDER / f"{Path(event.segment).name}.jsonl"
    if known_file.is_file():
        try:
            known = read_known(known_file, event.entries, event.chars)
        except ContextError as damage:
            error = damage
        else:
            context.attach_known(ref, known)
            here = sum(entry.text is not None for entry in known)
            return f"Of {event.entries} entries of {event.source}, {here} are here with their text."
    context.attach_missing(ref)
    return f"{event.entries} entries of {event.source} cannot be read: {error}"


def _relative(path: str, home: Path) -> str:
    try:
        return str(Path(path).relative_to(home))
    except ValueError:
        return path
