"""Searches of the whole corpus beside ripgrep, Python's `re` and SQLite FTS5."""

import math
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from rlm_tui.context.store import ContextStore
from tests.bench.context.measuring import Row, interleaved, ripgrep, run, timed
from tests.bench.context.patterns import ABSENT, HOSTILE, MIXED, NEEDLES, QUERIES, RARE

_DEADLINE_MS = 2_000


def with_literals(store: ContextStore, flat: Path, runs: int, needles: int) -> Iterator[Row]:
    """Patterns with a rare or absent literal; ripgrep on the flat file is the yardstick."""
    for name, pattern in (("text, rare", RARE), ("text, absent", ABSENT)):
        yield _beside_ripgrep(f"find {name}", store, pattern, flat, runs, literal=True)
    reply = store.search(NEEDLES, max_results=1_000)
    if reply.total_found != needles or not reply.total_is_exact:
        raise SystemExit(f"{reply.total_found} needles found of {needles}")
    yield _beside_ripgrep(f"search `{NEEDLES}`, all {needles}", store, NEEDLES, flat, runs)


def _beside_ripgrep(
    what: str, store: ContextStore, pattern: str, flat: Path, runs: int, *, literal: bool = False
) -> Row:
    def ours() -> None:
        if literal:
            store.find(pattern, max_results=50)
        else:
            store.search(pattern, max_results=1_000)

    if not shutil.which("rg"):
        mine = timed(ours, runs)
        return Row(what, f"{mine.median:.1f} ms", "ripgrep absent", "", "10 ms", mine.median <= 10)
    mine, theirs = interleaved(ours, lambda: run(ripgrep(pattern, flat)), runs)
    ratio = mine.median / theirs.median
    return Row(
        what, f"{mine.median:.1f} ms", f"rg {theirs.median:.1f} ms", f"{ratio:.2f}",
        "10 ms and 0.3 x rg", mine.median <= 10 and ratio <= 0.3,
    )  # fmt: skip


def mixed(store: ContextStore, flat: Path, runs: int) -> Iterator[Row]:
    """Sixteen patterns, the first 50 matches with offsets and snippets."""
    if not shutil.which("rg"):
        yield Row(f"{len(MIXED)} mixed patterns", "not measured", "ripgrep absent: apt install ripgrep")
        return
    ratios = []
    for item in MIXED:
        mine, theirs = interleaved(
            lambda pattern=item.pattern: store.search(pattern, max_results=50, count=False),  # type: ignore[misc]  # bound now
            lambda pattern=item.pattern: run(ripgrep(pattern, flat)),  # type: ignore[misc]  # bound now
            runs,
        )
        ratios.append(mine.median / theirs.median)
        shown = f"`{item.pattern}`".replace("|", "\\|")
        yield Row(f"{item.name}: {shown}", f"{mine.median:.1f} ms", f"rg {theirs.median:.1f} ms", f"{ratios[-1]:.2f}")
    mean = math.exp(sum(math.log(ratio) for ratio in ratios) / len(ratios))
    yield Row("the 16, geometric mean", "", "rg", f"{mean:.2f}", "0.3", mean <= 0.3)
    yield Row("the 16, worst", "", "rg", f"{max(ratios):.2f}", "2", max(ratios) <= 2)


def beside_re(store: ContextStore, flat: Path) -> Iterator[Row]:
    """Python's own engine over the text as one `str`, which is what a naive tool would do."""
    text = flat.read_bytes().decode()
    for name, pattern in (("search the needles", NEEDLES), ("word in a definition", r"\bdef \w+_async_\w+\(self")):
        compiled = re.compile(pattern)
        theirs = timed(lambda compiled=compiled: sum(1 for _ in compiled.finditer(text)), 1)  # type: ignore[misc]  # bound now
        mine = timed(lambda pattern=pattern: store.search(pattern, max_results=1_000), 3)  # type: ignore[misc]  # bound now
        ratio = mine.median / theirs.median
        yield Row(f"{name}, all", f"{mine.median:.1f} ms", f"Python re {theirs.median:,.0f} ms", f"{ratio:.4f}")


def hostile(store: ContextStore) -> Iterator[Row]:
    """Patterns made to be slow: they end near the deadline, and another thread goes on meanwhile."""
    for item in HOSTILE:
        gap = _Gap()
        with gap:
            began = time.perf_counter()
            reply = store.search(item.pattern, max_results=50, deadline_ms=_DEADLINE_MS)
            over = (time.perf_counter() - began) * 1000 - _DEADLINE_MS
        answer = "partial" if reply.partial else "complete"
        shown = f"`{item.pattern}`".replace("|", "\\|")
        yield Row(
            f"hostile, {item.name}: {shown}",
            f"{over:+.0f} ms of the deadline, {answer}; longest gap of a ticking thread {gap.longest_ms:.0f} ms",
            target="+250 ms, partial, gap 25 ms",
            met=over <= 250 and (reply.partial or over <= 0) and gap.longest_ms <= 25,
        )


class _Gap:
    """The longest time for which a thread that wakes every millisecond was kept from running."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _tick(self) -> None:
        last = time.perf_counter()
        while not self._over.wait(0.001):
            now = time.perf_counter()
            self.longest_ms = max(self.longest_ms, (now - last) * 1000)
            last = now


def ranked(store: ContextStore, folder: Path, files: Path, runs: int, *, fts5: bool) -> Iterator[Row]:
    """BM25, ten best, beside SQLite FTS5 over the same files (built here, which takes about a minute)."""
    mine = [timed(lambda query=query: store.rank(query, max_results=10), runs).median for query in QUERIES]  # type: ignore[misc]  # bound now
    worst = max(mine)
    if not fts5:
        yield Row("BM25 top 10, worst of 5 queries", f"{worst:.1f} ms", "", "", "30 ms", worst <= 30)
        return
    began = time.perf_counter()
    database = _fts5(folder / "fts5.sqlite", files)
    built = time.perf_counter() - began
    theirs = [timed(lambda query=query: _fts5_top(database, query), runs).median for query in QUERIES]  # type: ignore[misc]  # bound now
    size = (folder / "fts5.sqlite").stat().st_size / 1e6
    database.close()
    yardstick = f"FTS5 {max(theirs):.1f} ms (built in {built:.0f} s, {size:,.0f} MB)"
    yield Row(
        "BM25 top 10, worst of 5 queries", f"{worst:.1f} ms", yardstick, f"{worst / max(theirs):.2f}",
        "30 ms", worst <= 30,
    )  # fmt: skip


def _fts5(path: Path, files: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    database.execute("CREATE VIRTUAL TABLE texts USING fts5(body)")
    with database:
        for file in sorted(files.rglob("*")):
            if file.is_file():
                text = file.read_text()
                pieces = ((text[at : at + 16_384],) for at in range(0, len(text), 16_384))
                database.executemany("INSERT INTO texts VALUES (?)", pieces)
    return database


def _fts5_top(database: sqlite3.Connection, query: str) -> list[tuple[int]]:
    words = " OR ".join(f'"{word}"' for word in query.split())
    rows = database.execute("SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY bm25(texts) LIMIT 10", (words,))
    return rows.fetchall()
