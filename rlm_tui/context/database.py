"""The one way to DuckDB: imported at first need, one cursor a thread, small memory, two threads."""

import itertools
import os
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rlm_tui.errors import ContextError

if TYPE_CHECKING:
    import duckdb

MEMORY_LIMIT = "512MB"
THREADS = 2
_INSTANCES = itertools.count()


class Database:
    """An in-memory DuckDB, opened when first used, that sealed segments are attached to.

    Thread-safe: every thread gets a cursor of its own, since one connection shared by two threads may silently
    answer one with the other's rows.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._local = threading.local()
        self._root: duckdb.DuckDBPyConnection | None = None
        self._cursors: weakref.WeakSet[duckdb.DuckDBPyConnection] = weakref.WeakSet()
        self._attached: dict[str, str] = {}
        self._names = 0
        self._closed = False

    def __enter__(self) -> "Database":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def cursor(self) -> "duckdb.DuckDBPyConnection":
        """Return this thread's cursor. Raises `ContextError` once closed."""
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if cursor is not None and not self._closed:
            return cursor
        with self._lock:
            if self._closed:
                raise ContextError("The context store is closed; open the session again.")
            if self._root is None:
                self._root = _connect()
            cursor = self._root.cursor()
            self._cursors.add(cursor)
        cursor.execute("SET enable_progress_bar = false")
        self._local.cursor = cursor
        return cursor

    def attach(self, path: Path, *, options: str = "READ_ONLY") -> str:
        """Attach a database file and return the name of its schema; the same file gives the same name.

        Raises what DuckDB raises for a file that it cannot read.
        """
        key = str(path)
        cursor = self.cursor()
        with self._lock:
            if key in self._attached:
                return self._attached[key]
            self._names += 1
            schema = f"s{self._names}"
            quoted = key.replace("'", "''")
            cursor.execute(f"ATTACH '{quoted}' AS {schema} ({options})")
            self._attached[key] = schema
        return schema

    def forget(self, path: Path) -> None:
        """Detach a file if it is attached, which closes it."""
        cursor = self.cursor()
        with self._lock:
            schema = self._attached.pop(str(path), None)
            if schema is not None:
                cursor.execute(f"DETACH {schema}")

    @contextmanager
    def limited(self, seconds: float) -> "Iterator[duckdb.DuckDBPyConnection]":
        """Give this thread's cursor; what still runs on it after `seconds` raises `duckdb.InterruptException`."""
        cursor = self.cursor()
        running = threading.Lock()

        def interrupt() -> None:
            with running:
                if not over:
                    cursor.interrupt()

        over = False
        timer = threading.Timer(seconds, interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield cursor
        finally:
            with running:
                over = True
            timer.cancel()

    def create(self, schema: str, tables: tuple[str, ...]) -> None:
        """Create `tables` (each `name(columns)`) in `schema`."""
        cursor = self.cursor()
        for table in tables:
            cursor.execute(f"CREATE TABLE {schema}.{table}")

    def insert(self, table: str, columns: dict[str, Any]) -> None:
        """Append rows given as columns: numpy arrays, or lists of text or bytes.

        Row by row would commit each of them; a registered numpy table is one bulk insert.
        """
        import numpy as np

        arrays: dict[str, Any] = {}
        for name, values in columns.items():
            if isinstance(values, list) and (not values or isinstance(values[0], (str, bytes, bytearray))):
                array = np.empty(len(values), dtype=object)
                array[:] = values
                arrays[name] = array
            else:
                arrays[name] = np.asarray(values)
        cursor = self.cursor()
        cursor.register("incoming", arrays)
        try:
            cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")
        finally:
            cursor.unregister("incoming")

    def fetch(self, query: str) -> dict[str, Any]:
        """Run `query` and return its columns as numpy arrays."""
        columns: dict[str, Any] = self.cursor().execute(query).fetchnumpy()
        return columns

    def close(self) -> None:
        """Stop what runs and close every cursor, so that no file stays open. Closing twice is fine."""
        with self._lock:
            self._closed = True
            connections = [*self._cursors, *([self._root] if self._root is not None else [])]
            self._cursors.clear()
            self._root = None
        for connection in connections:
            connection.interrupt()
            connection.close()


def _connect() -> "duckdb.DuckDBPyConnection":
    import duckdb

    return duckdb.connect(
        config={
            "memory_limit": MEMORY_LIMIT,
            "threads": THREADS,
            "autoinstall_known_extensions": False,
            # Made only when memory runs out; by default it would be a folder in the person's project.
            "temp_directory": str(Path(tempfile.gettempdir()) / f"rlm-tui-{os.getpid()}-{next(_INSTANCES)}"),
        }
    )
