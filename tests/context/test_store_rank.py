"""Ranked search over a whole context: what is found, hidden, limited, and how the tail joins the index."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rlm_tui.context.entry import RankReply
from rlm_tui.context.reader import ContextReader
from rlm_tui.context.segment import SegmentRef, SegmentWriter
from rlm_tui.context.store import ContextStore
from rlm_tui.errors import ContextError

FILLER = "plain words about nothing in particular\n" * 60


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ContextStore]:
    store = ContextStore(tmp_path, tmp_path / "session")
    yield store
    store.close()


def project(directory: Path, *texts: str) -> SegmentRef:
    with SegmentWriter(directory, source="/project") as writer:
        for number, text in enumerate(texts):
            writer.add("file", f"src/{number}.py", text)
        return writer.finish()


def ranked(store: ContextReader, query: str, **how: Any) -> RankReply:
    """Rank, once the index holds what was appended: on a busy machine that takes longer than a reply waits."""
    until = time.monotonic() + 20
    while (reply := store.rank(query, **how)).lag and time.monotonic() < until:
        time.sleep(0.02)
    return reply


def test_segments_and_tail_are_ranked_together(store: ContextStore, tmp_path: Path) -> None:
    store.append("user", "before", "É" * 50)
    store.attach(project(tmp_path, FILLER, FILLER + "retry the connection\n", "nothing"))
    store.append("tool", "log", "世界 connection connection retry retry")
    reply = ranked(store, "retry connection")
    assert [hit.entry for hit in reply.hits] == [4, 2]
    assert reply.hits[0].score > reply.hits[1].score > 0
    assert (reply.total_found, reply.total_is_exact, reply.partial, reply.lag) == (2, True, False, 0)
    for hit in reply.hits:
        assert "retry" in store.read(hit.offset, hit.length)
        assert (hit.line, hit.column) == store.line_of(hit.offset)
    assert reply.hits[1].snippet == "retry the connection"


def test_passages_of_a_long_entry_have_their_own_offsets(store: ContextStore) -> None:
    store.append("tool", "long", "😀 line\n" * 3_000 + "the needle lies here\n" + "after\n" * 3_000)
    for _ in range(2):
        (hit,) = ranked(store, "needle").hits
        assert 0 < hit.length <= 4_000
        assert "needle" in store.read(hit.offset, hit.length)
        assert hit.snippet == "the needle lies here"
        store.seal_tail()


def test_sealing_changes_no_rank(store: ContextStore) -> None:
    for number in range(6):
        store.append("tool", f"t{number}", f"needle {FILLER * number}")
    before = [(hit.entry, hit.offset, hit.length) for hit in ranked(store, "needle").hits]
    assert len(before) == 6
    store.seal_tail()
    assert [(hit.entry, hit.offset, hit.length) for hit in ranked(store, "needle").hits] == before
    store.append("tool", "later", "needle")
    store.seal_tail()
    store.append("tool", "last", "needle")
    assert ranked(store, "needle").total_found == 8
    assert store.stats().index.lag == 0


def test_hidden_and_filtered_entries_are_not_ranked(store: ContextStore, tmp_path: Path) -> None:
    whole = project(tmp_path, "needle zero", "needle one", "needle two")
    store.attach(SegmentRef(whole.segment, whole.sha, whole.path, "", 2, 21, ((0, 0), (2, 2))))
    store.append("tool", "log", "needle three")
    store.supersede(0)
    assert sorted(hit.entry for hit in ranked(store, "needle").hits) == [1, 2]
    assert [hit.entry for hit in ranked(store, "needle", kind="tool").hits] == [2]
    assert [hit.entry for hit in ranked(store, "needle", label="src/").hits] == [1]
    assert ranked(store, "needle", label="absent").hits == ()


def test_limits(store: ContextStore) -> None:
    for number in range(5):
        store.append("tool", f"t{number}", "needle")
    assert len(ranked(store, "needle", max_results=3).hits) == 3
    assert ranked(store, "needle", max_results=3).total_found == 5
    counted = ranked(store, "needle", max_results=0)
    assert (counted.hits, counted.total_found) == ((), 5)
    assert ranked(store, "").hits == ()
    assert ranked(store, "?!").hits == ()
    with pytest.raises(ContextError, match="max_results"):
        store.rank("needle", max_results=-1)
    cancelled = threading.Event()
    cancelled.set()
    assert store.rank("needle", cancel=cancelled).reason == "cancelled"
    assert store.rank("needle", deadline_ms=0).reason == "deadline"


def test_an_empty_context_ranks_nothing(store: ContextStore) -> None:
    reply = ranked(store, "anything")
    assert (reply.hits, reply.total_found, reply.partial) == ((), 0, False)


def test_a_view_ranks_within_its_spans(store: ContextStore) -> None:
    store.append("tool", "big", ("needle needle needle\n" * 190 + FILLER) * 30)
    entry = store.entry(0)
    span = (entry.chars - 500, entry.chars - 100)
    store.append("tool", "other", "needle")
    reply = ranked(store.view([span]), "particular nothing", max_results=2)
    assert reply.hits
    for hit in reply.hits:
        assert span[0] <= hit.offset
        assert hit.offset + hit.length <= span[1]
        assert hit.entry == 0
    assert ranked(store.view([(entry.chars, entry.chars + 6)]), "needle").hits[0].entry == 1


def test_several_threads_rank_while_one_appends(store: ContextStore) -> None:
    store.append("tool", "t", "needle")
    done = threading.Event()
    found: list[RankReply] = []

    def rank() -> None:
        while not done.is_set():
            found.append(store.rank("needle"))

    readers = [threading.Thread(target=rank) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(60):
        store.append("tool", f"t{number}", "needle " + FILLER)
        if number % 25 == 24:
            store.seal_tail()
    done.set()
    for reader in readers:
        reader.join()
    assert found
    assert all(reply.total_found >= 1 or reply.lag for reply in found), "what is missing is said to lag"
    assert ranked(store, "needle").total_found == 61
