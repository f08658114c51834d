"""The clock of a replay: how far a recording is to be played at any instant, faster, slower, or without the waiting."""

from bisect import bisect_left, bisect_right

from rlm_tui.session.replay.marks import CALL_KINDS, MESSAGE_KINDS, Mark, MarkKind
from rlm_tui.session.replay.recording import Recording

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
LONGEST_WAIT_S = 0.4
"""Without waiting, the longest pause between two records, in seconds of the session at speed 1."""


class Player:
    """Where a replay is. `moment` counts the records that have happened; `advance` moves it while `playing`.

    Time is the session's own, in seconds; the caller tells how much of its own time went by.
    """

    def __init__(self, recording: Recording, *, speed: float = 1.0, waiting: bool = False) -> None:
        self.recording = recording
        self.moment = 0
        self.playing = False
        self.waiting = waiting
        self.speed = speed
        self._now = recording.time_of(0)
        self._messages = _moments(recording.marks, MESSAGE_KINDS)
        self._calls = _moments(recording.marks, CALL_KINDS)

    @property
    def now(self) -> float:
        """The time it is in the session, in seconds since the epoch."""
        return max(self._now, self.recording.time_of(self.moment))

    @property
    def ended(self) -> bool:
        """Whether everything has happened."""
        return self.moment >= len(self.recording)

    @property
    def elapsed(self) -> float:
        """Seconds of the session that have gone by."""
        return self.recording.time_of(self.moment) - self.recording.time_of(0)

    @property
    def length(self) -> float:
        """Seconds that the session took."""
        return self.recording.time_of(len(self.recording)) - self.recording.time_of(0)

    def go(self, moment: int) -> None:
        """Be at `moment`, as far as there is one."""
        self.moment = max(0, min(moment, len(self.recording)))
        self._now = self.recording.time_of(self.moment)

    def toggle(self) -> None:
        """Play or pause; at the end, play from the beginning."""
        if not self.playing and self.ended:
            self.go(0)
        self.playing = not self.playing

    def faster(self, steps: int) -> None:
        """Change the speed by so many steps of `SPEEDS`."""
        place = bisect_left(SPEEDS, self.speed) + steps
        self.speed = SPEEDS[max(0, min(place, len(SPEEDS) - 1))]

    def advance(self, seconds: float) -> int:
        """Let `seconds` of the viewer's time go by; return the moment that is reached."""
        if not self.playing:
            return self.moment
        self._now += seconds * self.speed
        self.moment = max(self.moment, self.recording.moment_at(self._now))
        if self.ended:
            self.playing = False
        elif not self.waiting:
            following = self.recording.time_of(self.moment + 1)
            self._now = max(self._now, following - LONGEST_WAIT_S)
        return self.moment

    def step_message(self, by: int) -> int:
        """Return the moment of the next message (1) or the one before (-1)."""
        return self._step(self._messages, by)

    def step_call(self, by: int) -> int:
        """Return the moment of the next sub-call, or the one before."""
        return self._step(self._calls, by)

    def _step(self, moments: list[int], by: int) -> int:
        if by > 0:
            place = bisect_right(moments, self.moment)
            return moments[place] if place < len(moments) else len(self.recording)
        place = bisect_left(moments, self.moment) - 1
        return moments[place] if place >= 0 else 0


def _moments(marks: list[Mark], kinds: frozenset[MarkKind]) -> list[int]:
    return [mark.moment for mark in marks if mark.kind in kinds]
