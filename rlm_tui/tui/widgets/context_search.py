"""A search of the whole context from the screen: in a thread, first hits soon, the rest when they are there."""

from collections.abc import Callable
from functools import partial
from threading import Event

from textual.widget import Widget

from rlm_tui.context.entry import SearchReply
from rlm_tui.context.reader import ContextReader
from rlm_tui.errors import RlmTuiError

MAX_HITS = 2_000
_FIRST_LOOK_MS = 250
_DEADLINE_MS = 120_000


class ContextSearch:
    """One search at a time. `arrived` is called on the screen's thread with a reply, a text of what went wrong, or
    both None while there is no search; a reply that is `partial` may be followed by a better one."""

    def __init__(self, owner: Widget, arrived: Callable[[SearchReply | None, str, bool], None]) -> None:
        self._owner = owner
        self._arrived = arrived
        self._cancel = Event()
        self.running = False

    def start(self, reader: ContextReader, pattern: str, *, literal: bool) -> None:
        """Look for `pattern` (RE2's syntax, or a literal text); cancels the search before."""
        self.cancel()
        self._cancel = Event()
        self.running = True
        work = partial(self._work, reader, pattern, literal, self._cancel)
        self._owner.run_worker(work, thread=True, group="search", exit_on_error=False)

    def cancel(self) -> bool:
        """Stop the search; return whether one was running."""
        was, self.running = self.running, False
        self._cancel.set()
        return was

    def _work(self, reader: ContextReader, pattern: str, literal: bool, cancel: Event) -> None:
        look = reader.find if literal else reader.search
        try:
            for deadline in (_FIRST_LOOK_MS, _DEADLINE_MS):
                reply = look(pattern, max_results=MAX_HITS, deadline_ms=deadline, cancel=cancel)
                last = not reply.partial or deadline == _DEADLINE_MS
                self._tell(cancel, reply, "", last)
                if last or cancel.is_set():
                    return
        except RlmTuiError as error:
            self._tell(cancel, None, str(error), True)
        except Exception as error:  # noqa: BLE001 - the thread's outermost edge: the person must not wait for ever
            self._tell(cancel, None, f"The search failed ({type(error).__name__}: {error}); try another pattern.", True)

    def _tell(self, cancel: Event, reply: SearchReply | None, problem: str, last: bool) -> None:
        if cancel.is_set() or not self._owner.is_attached:
            return
        self._owner.call_later(self._take, cancel, reply, problem, last)

    def _take(self, cancel: Event, reply: SearchReply | None, problem: str, last: bool) -> None:
        if cancel is self._cancel and not cancel.is_set():
            self.running = not last
            self._arrived(reply, problem, last)


def hits_text(reply: SearchReply, chosen: int, running: bool) -> str:
    """Return how many hits there are and which one is shown: `3 of 41`, `3 of ≥2,000 …`."""
    total = f"{'' if reply.total_is_exact else '≥'}{reply.total_found:,}"
    where = f"{chosen + 1:,} of {total}" if chosen >= 0 else f"{total} hits"
    if running:
        return f"{where} …"
    if reply.partial:
        return f"{where} (not all was searched: {reply.reason})"
    if reply.total_found > len(reply.hits):
        return f"{where}, the first {len(reply.hits):,} are stepped through"
    return where
