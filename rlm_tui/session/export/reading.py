"""A session as exports read it: records with texts inline, secrets masked, parts left out, and their fold."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from rlm_tui import events as ev
from rlm_tui.errors import SessionError
from rlm_tui.session.collecting import no_collection
from rlm_tui.session.export.masking import Masker
from rlm_tui.session.export.parts import PARTS, keep_parts
from rlm_tui.session.log import LOG_NAME, Damage, read_lines
from rlm_tui.session.outputs import load_output
from rlm_tui.session.state import SessionState


class Exported:
    """One session on its way out. Every format is made from `records` or from `state`, never from the log itself.

    `missing` says in sentences what could not be read; it fills while records are read, and so does `attached`, the
    segments of the context. `absent` names those whose text is not here, once the context was opened.
    """

    def __init__(
        self,
        directory: Path,
        home: Path,
        *,
        parts: frozenset[str] = frozenset(PARTS),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """`home` is the data home that attached segments lie under."""
        self.directory = directory
        self.home = home
        self.parts = parts
        self.masker = Masker(environ)
        self.missing: list[str] = []
        self.attached: list[ev.SegmentAttached] = []
        self.absent: set[str] = set()
        self.entries: list[ev.EntryAppended] = []
        self._state: SessionState | None = None

    def folded(self) -> Iterator[ev.Envelope]:
        """Yield what `records` does, and fold it on the way: afterwards `state` is there without a second reading."""
        state = SessionState()
        for record in self.records():
            state.apply(record)
            if isinstance(record.event, ev.EntryAppended):
                self.entries.append(record.event)
            yield record
        self._state = state

    def records(self) -> Iterator[ev.Envelope]:
        """Yield every whole record, masked. Raises `SessionError` for a log that cannot be read or is empty."""
        self.masker.found.clear()
        self.missing.clear()
        self.attached.clear()
        damaged = whole = 0
        for line, record in read_lines(self.directory / LOG_NAME):
            if isinstance(record, Damage):
                damaged += 1
                continue
            whole += 1
            if isinstance(record.event, ev.SegmentSealed):
                continue  # names a file beside the log that only repeats its text
            if isinstance(record.event, ev.SegmentAttached):
                self.attached.append(record.event)
            whole_record = self._with_text(record)
            kept = keep_parts(whole_record, self.parts)
            if kept is not None:
                harmless = whole_record is record and not self.masker.may_concern(line)
                yield kept if harmless else self.masker.envelope(kept)
        if damaged:
            self.missing.insert(0, f"{damaged} damaged record(s) of the session log are not in the export.")
        if not whole:
            raise SessionError(f"There is nothing to export in {self.directory.name}: its log has no whole record.")

    def _with_text(self, record: ev.Envelope) -> ev.Envelope:
        """Return the record with a large text, which lies in a file beside the log, put back in its place."""
        event = record.event
        if not isinstance(event, ev.EntryAppended) or not event.output or "context" not in self.parts:
            return record
        text = load_output(self.directory / "outputs", event.output)
        if text is None:
            self.missing.append(f"The text of entry {event.entry} ({event.label}) is missing: outputs/{event.output}.")
            return record
        return replace(record, event=replace(event, text=text, output=""))

    @property
    def state(self) -> SessionState:
        """The fold of all records; `entries` then has those that were appended."""
        if self._state is None:
            with no_collection():
                for _ in self.folded():
                    pass
        assert self._state is not None  # folded above
        return self._state

    def report(self) -> list[str]:
        """Return sentences on what was masked and what is missing, for the person who exports."""
        lines = []
        if self.masker.found:
            kinds = ", ".join(f"{count} × {what}" for what, count in sorted(self.masker.found.items()))
            lines.append(f"{self.masker.found.total()} secrets were masked: {kinds}.")
        return [*lines, *self.missing]
