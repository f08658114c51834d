"""Ranked indexing of the tail, in the background: text is readable at once, ranked a moment later."""

import atexit
import threading
import time
from collections import deque

from rlm_tui.context.chunks import PASSAGE_CHARS, cut
from rlm_tui.context.database import Database
from rlm_tui.context.tail import Tail

_BATCH_CHARS = 1_000_000
_GATHER_SECONDS = 0.02


class TailIndexer:
    """One worker thread that brings tails into their ranked index, in batches. Starts with the first `wake`.

    When the index cannot be written, `problem` says why, the rest stays unranked and counts as lag.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[Tail] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._retired: Tail | None = None
        self._stopping = False
        self.problem = ""

    def wake(self, tail: Tail) -> None:
        """Say that a tail has grown."""
        with self._changed:
            if tail not in self._waiting:
                self._waiting.append(tail)
            if self._thread is None and not self._stopping:
                self._thread = threading.Thread(target=self._run, name="rlm-tail-index", daemon=True)
                atexit.register(self.stop)  # a thread inside the database while Python ends would abort the process
                self._thread.start()
            self._changed.notify_all()

    def wait(self, tail: Tail, count: int, seconds: float) -> bool:
        """Wait until the first `count` entries of a tail are ranked; return whether they are."""
        with self._changed:
            self._changed.wait_for(lambda: tail.ranked >= count or self._stopping or bool(self.problem), seconds)
        return tail.ranked >= count

    def retire(self, tail: Tail) -> None:
        """Stop ranking a sealed tail. Its index is dropped with the next one's, as a query may still use it."""
        with self._changed:
            tail.retired = True
            dropped, self._retired = self._retired, tail
        if dropped is not None and dropped.ranked:
            self._database.cursor().execute(f"DROP SCHEMA {dropped.schema} CASCADE")

    def stop(self) -> None:
        """Finish the running batch and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            atexit.unregister(self.stop)

    def _run(self) -> None:
        while (tail := self._next()) is not None:
            time.sleep(_GATHER_SECONDS)
            try:
                while not self._stopping and not tail.retired and tail.ranked < len(tail.table):
                    self._index_batch(tail)
            except Exception as error:  # noqa: BLE001  a full memory limit or a closing database end ranking only
                with self._changed:
                    self.problem = str(error)
                    self._changed.notify_all()
                return

    def _next(self) -> Tail | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            return None if self._stopping else self._waiting.popleft()

    def _index_batch(self, tail: Tail) -> None:
        from rlm_tui.context.ranked import index_passages

        first, last, chars = tail.ranked, tail.ranked, 0
        passages: list[tuple[int, int, int, str]] = []
        while last < len(tail.table) and chars < _BATCH_CHARS:
            start, text = tail.table.char_start[last], tail.text(last)
            passages.extend((last, start + at, len(piece), piece) for at, piece in cut(text, PASSAGE_CHARS))
            chars += len(text)
            last += 1
        if first == 0:
            create_index(self._database, tail)
        if passages:
            index_passages(self._database.cursor(), tail.schema, tail.passages, passages)
        with self._changed:
            tail.passages += len(passages)
            tail.ranked = last
            self._changed.notify_all()


def create_index(database: Database, tail: Tail) -> None:
    """Create the schema and tables of a tail's ranked index."""
    from rlm_tui.context.ranked import create_tables

    cursor = database.cursor()
    cursor.execute(f"CREATE SCHEMA {tail.schema}")
    create_tables(cursor, tail.schema)
