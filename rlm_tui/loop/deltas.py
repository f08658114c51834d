"""Coalescing of streamed text: many small pieces become a few facts a second."""

import time
from collections.abc import Callable

from rlm_tui.events import ReasoningDelta, TextDelta

INTERVAL_S = 0.08
"""At most some twelve deltas a second a call; the first piece goes out at once."""


class DeltaBuffer:
    """Gathers text and reasoning of one reply and hands them on in order, at intervals."""

    def __init__(self, emit: Callable[[TextDelta | ReasoningDelta], None]) -> None:
        self._emit = emit
        self._parts: list[str] = []
        self._reasoning = False
        self._sent_at = 0.0

    def add(self, text: str, *, reasoning: bool) -> None:
        """Take one piece; pass on what has gathered when the interval is over or the kind changes."""
        if not text:
            return
        if reasoning != self._reasoning:
            self.flush()
            self._reasoning = reasoning
        self._parts.append(text)
        if time.monotonic() - self._sent_at >= INTERVAL_S:
            self.flush()

    def flush(self) -> None:
        """Pass on what has gathered."""
        if self._parts:
            text = "".join(self._parts)
            self._parts.clear()
            self._sent_at = time.monotonic()
            self._emit(ReasoningDelta(text) if self._reasoning else TextDelta(text))

    def drop(self) -> None:
        """Forget what has gathered: the reply was cut off and starts again."""
        self._parts.clear()
