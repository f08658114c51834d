"""A past session held ready for replay: all its records, and its state at any moment of them.

A moment is a number of records: at moment 0 nothing has happened, at moment `len(recording)` everything.
"""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

from rlm_tui.errors import SessionError
from rlm_tui.events import EntrySuperseded, Envelope, Reverted
from rlm_tui.session.collecting import no_collection
from rlm_tui.session.log import LOG_NAME, Damage, read_log
from rlm_tui.session.replay.checkpoints import STEP, Checkpoints
from rlm_tui.session.replay.marks import marks_of
from rlm_tui.session.state import SessionState


class Recording:
    """The records of one log. `Recording.open` reads a session's; any thread may use it.

    Reading is quick; `prepare` then folds the whole log once, so that every moment is near a checkpoint. A moment
    that is asked for before it is prepared takes as long as folding up to it does.
    """

    def __init__(self, records: list[Envelope], damages: list[Damage]) -> None:
        """`damages` are the stretches of the log that could not be read."""
        self.records = records
        self.damages = damages
        self.marks = list(marks_of(records))
        self._superseded = [
            (index, record.event.entry) for index, record in enumerate(records) if type(record.event) is EntrySuperseded
        ]
        self._seqs = [record.seq for record in records]
        self._times = list(accumulate((record.at for record in records), max))  # never back, whatever the clock did
        self._lock = threading.Lock()
        self._folded = SessionState()
        self._checkpoints = Checkpoints(self._folded)
        self._checkpoints.keep()

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

    def __len__(self) -> int:
        return len(self.records)

    def prepare(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Fold what is not folded yet, in small pieces, until everything is or `stop` says so."""
        with no_collection():
            while not stop():
                with self._lock:
                    if not self._fold_more():
                        return

    def _fold_more(self) -> bool:
        """Fold up to the next checkpoint; return whether there was anything to fold."""
        first = (len(self._checkpoints) - 1) * STEP
        piece = self.records[first : first + STEP]
        if len(piece) < STEP:
            return False  # fewer than a checkpoint is worth
        for record in piece:
            self._folded.apply(record)
        self._checkpoints.keep(any_turn=any(type(record.event) is Reverted for record in piece))
        return True

    def state_at(self, moment: int) -> SessionState:
        """Return the state after the first `moment` records, as a state of its own that may be folded further."""
        moment = max(0, min(moment, len(self)))
        number = moment // STEP
        with no_collection():
            with self._lock:
                while len(self._checkpoints) <= number:
                    self._fold_more()
                state = self._checkpoints.restore(number)
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
