"""A past session held ready for replay: all its records, and its state at any moment of them.

A moment is a number of records: at moment 0 nothing has happened, at moment `len(recording)` everything.
"""

from bisect import bisect_left, bisect_right
from pathlib import Path

from rlm_tui.errors import SessionError
from rlm_tui.events import EntrySuperseded, Envelope
from rlm_tui.session.collecting import no_collection
from rlm_tui.session.log import LOG_NAME, Damage, read_log
from rlm_tui.session.replay.checkpoints import STEP, Checkpoints
from rlm_tui.session.replay.marks import MARKED, Mark, mark_of
from rlm_tui.session.state import SessionState


class Recording:
    """The records of one log. `Recording.open` reads a session's; any thread may use `state_at`, one at a time."""

    def __init__(self, records: list[Envelope], damages: list[Damage]) -> None:
        """Fold all records once. `damages` are the stretches of the log that could not be read."""
        self.records = records
        self.damages = damages
        self.marks: list[Mark] = []
        self._superseded: list[tuple[int, int]] = []
        self.final = SessionState()
        self._checkpoints = Checkpoints(self.final)
        self._fold()
        self._seqs = [record.seq for record in records]
        self._times = _ascending([record.at for record in records])

    @classmethod
    def open(cls, directory: Path) -> "Recording":
        """Read a session's folder. Raises `SessionError` where there is no log, an empty one or a newer format."""
        records: list[Envelope] = []
        damages: list[Damage] = []
        with no_collection():
            for record in read_log(directory / LOG_NAME):
                if isinstance(record, Damage):
                    damages.append(record)
                else:
                    records.append(record)
            if not records:
                raise SessionError(f"There is nothing to replay in {directory.name}: its log has no whole record.")
            return cls(records, damages)

    def _fold(self) -> None:
        apply = self.final.apply
        for index, record in enumerate(self.records):
            if index % STEP == 0:
                self._checkpoints.keep()
            apply(record)
            if type(record.event) in MARKED:
                mark = mark_of(index, record, self.final)
                if mark is not None:
                    self.marks.append(mark)
            elif isinstance(record.event, EntrySuperseded):
                self._superseded.append((index, record.event.entry))
        self._checkpoints.keep()

    def __len__(self) -> int:
        return len(self.records)

    def state_at(self, moment: int) -> SessionState:
        """Return the state after the first `moment` records, as a state of its own that may be folded further."""
        moment = max(0, min(moment, len(self)))
        with no_collection():
            last = len(self._checkpoints) - 1
            number = last if moment == len(self) else moment // STEP
            state = self._checkpoints.restore(number)
            if number != last:
                for record in self.records[number * STEP : moment]:
                    state.apply(record)
        return state

    def moment_of(self, seq: int) -> int:
        """Return the moment at which the record numbered `seq`, and all before it, have happened."""
        return bisect_right(self._seqs, seq)

    def moment_at(self, at: float) -> int:
        """Return the moment at which everything up to the time `at` (seconds since the epoch) has happened."""
        return bisect_right(self._times, at)

    def time_of(self, moment: int) -> float:
        """Return when the last record before `moment` was written; at moment 0 the first one's time."""
        return self._times[max(0, min(moment, len(self)) - 1)]

    def superseded_at(self, moment: int) -> list[int]:
        """Return the numbers of the entries that were superseded by then."""
        return [entry for _, entry in self._superseded[: bisect_left(self._superseded, (moment, -1))]]


def _ascending(times: list[float]) -> list[float]:
    """Return times that never go back, whatever the clock did."""
    latest = times[0] if times else 0.0
    result = []
    for time in times:
        latest = max(latest, time)
        result.append(latest)
    return result
