"""The store: what appending, hiding, sealing and limits do to what is read and found."""

import threading
from pathlib import Path

import pytest

from rlm_tui.context.entry import LeftOut
from rlm_tui.context.segment import SegmentRef, SegmentWriter
from rlm_tui.context.store import ContextStore
from rlm_tui.errors import ContextError


def segment(directory: Path, *entries: tuple[str, str], source: str = "/project") -> SegmentRef:
    with SegmentWriter(directory, source=source) as writer:
        for label, text in entries:
            writer.add("file", label, text)
        return writer.finish()


@pytest.fixture
def store(tmp_path: Path) -> ContextStore:
    return ContextStore(tmp_path, tmp_path / "session")


def offsets(store: ContextStore, text: str) -> list[int]:
    return [hit.offset for hit in store.find(text, max_results=100).hits]


# --- growing ---------------------------------------------------------------------------------------------------


def test_segments_and_appends_take_the_next_numbers_and_offsets(store: ContextStore, tmp_path: Path) -> None:
    first = store.append("user", "prompt", "héllo", at=12.5)
    assert (first.number, first.start, first.chars, first.kind, first.at) == (0, 0, 5, "user", 12.5)
    assert store.attach(segment(tmp_path, ("a.py", "alpha"), ("b.py", "beta"))) == (1, 5)
    later = store.append("tool", "bash", "output", source="ls")
    assert (later.number, later.start, later.source) == (3, 14, "ls")
    assert store.read(0, 100) == "hélloalphabetaoutput"
    assert [(entry.label, entry.source) for entry in store.entries()] == [
        ("prompt", ""),
        ("a.py", "/project"),
        ("b.py", "/project"),
        ("bash", "ls"),
    ]


def test_only_live_entries_of_a_segment_join(store: ContextStore, tmp_path: Path) -> None:
    whole = segment(tmp_path, ("a", "one"), ("b", "two"), ("c", "three"), ("d", "four"))
    part = SegmentRef(whole.segment, whole.sha, whole.path, whole.source, 3, 12, ((0, 0), (2, 3)))
    assert store.attach(part) == (0, 0)
    assert store.read(0, 99) == "onethreefour"
    assert [entry.label for entry in store.entries()] == ["a", "c", "d"]
    assert offsets(store, "two") == []
    assert offsets(store, "four") == [8]


def test_a_segment_path_may_be_relative_to_the_home(store: ContextStore, tmp_path: Path) -> None:
    ref = segment(tmp_path / "corpora", ("a", "text"))
    relative = str(Path(ref.path).relative_to(tmp_path))
    store.attach(SegmentRef(ref.segment, ref.sha, relative, ref.source, 1, 4, ref.live))
    assert store.read(0, 4) == "text"


def test_another_segment_in_its_place_is_refused(store: ContextStore, tmp_path: Path) -> None:
    ref = segment(tmp_path, ("a", "text"))
    with pytest.raises(ContextError, match="content differs"):
        store.attach(SegmentRef(ref.segment, "0" * 64, ref.path, ref.source, 1, 4, ref.live))
    with pytest.raises(ContextError, match="fewer"):
        store.attach(SegmentRef(ref.segment, ref.sha, ref.path, ref.source, 2, 4, ((0, 1),)))
    assert (store.chars, store.entry_count) == (0, 0)


def test_a_missing_segment_keeps_its_place(store: ContextStore, tmp_path: Path) -> None:
    gone = SegmentRef("x", "0" * 64, str(tmp_path / "gone.duckdb"), "/lost", 2, 10, ((0, 1),))
    with pytest.raises(ContextError, match=r"gone\.duckdb"):
        store.attach(gone)
    assert store.attach_missing(gone) == (0, 0)
    after = store.append("user", "prompt", "here")
    assert (after.number, after.start) == (2, 10)
    assert store.read(10, 4) == "here"
    assert offsets(store, "here") == [10]
    with pytest.raises(ContextError, match="missing"):
        store.read(3, 4)
    with pytest.raises(ContextError, match="missing"):
        store.line_of(3)
    assert "missing" in store.entry(0).label


def test_surrogates_are_replaced_one_for_one(store: ContextStore) -> None:
    entry = store.append("tool", "odd\udc80", "a\ud800b")
    assert (entry.chars, store.read(0, 3), entry.label) == (3, "a\ufffdb", "odd\ufffd")


# --- hiding ----------------------------------------------------------------------------------------------------


def test_superseded_entries_are_hidden_from_search_but_readable(store: ContextStore, tmp_path: Path) -> None:
    store.attach(segment(tmp_path, ("a.py", "old needle"), ("b.py", "other needle")))
    store.append("file", "a.py", "new needle")
    assert offsets(store, "needle") == [4, 16, 26]
    store.supersede(0)
    assert offsets(store, "needle") == [16, 26]
    assert store.read(0, 10) == "old needle"
    assert store.entry(0).superseded
    assert [entry.number for entry in store.entries()] == [1, 2]
    assert [entry.number for entry in store.entries(superseded=True)] == [0, 1, 2]
    with pytest.raises(ContextError, match="no entry 9"):
        store.supersede(9)


# --- searching -------------------------------------------------------------------------------------------------


def test_a_hit_says_where_it_is(store: ContextStore) -> None:
    store.append("user", "q", "première")
    store.append("tool", "bash", "line one\nthe 世界 needle here\r\nthird")
    (hit,) = store.find("needle").hits
    assert store.read(hit.offset, hit.length) == "needle"
    assert (hit.entry, hit.label, hit.line, hit.column) == (1, "bash", 2, 8)
    assert hit.snippet == "the 世界 needle here"


def test_long_lines_are_cut_around_the_match(store: ContextStore) -> None:
    store.append("tool", "bash", "é" * 5_000 + "needle" + "界" * 5_000)
    (hit,) = store.find("needle").hits
    assert hit.column == 5_001
    assert len(hit.snippet) == 200
    assert hit.snippet.startswith("…é")
    assert hit.snippet.endswith("界…")
    assert "needle" in hit.snippet


def test_a_match_lies_within_one_entry(store: ContextStore) -> None:
    store.append("tool", "a", "start nee")
    store.append("tool", "b", "dle end")
    assert offsets(store, "needle") == []
    assert store.search(r"nee\s*dle").hits == ()
    assert store.search(r"(?s)nee.{0,3}dle").hits == ()
    assert [hit.offset for hit in store.search(r"^dle").hits] == [9]


def test_parts_of_one_result_are_searched_as_one(store: ContextStore) -> None:
    for part, text in enumerate(["start nee", "d", "le end"]):
        store.append("tool", "bash", text, part=part, parts=3)
    store.append("tool", "bash", "le end", part=0, parts=2)
    for _ in range(2):
        (hit,) = store.find("needle").hits
        assert (hit.offset, hit.length, hit.entry) == (6, 6, 0)
        assert store.read(6, 6) == "needle"
        assert [entry.number for entry in store.slice(6, 6).entries] == [0, 1, 2]
        assert offsets(store, "le endle") == []
        store.seal_tail()


def test_filters_by_kind_and_label(store: ContextStore, tmp_path: Path) -> None:
    store.attach(segment(tmp_path, ("src/a.py", "needle"), ("docs/a.md", "needle")))
    store.append("user", "prompt", "needle")

    def numbers(**filters: str) -> list[int]:
        return [hit.entry for hit in store.find("needle", **filters).hits]  # type: ignore[arg-type]  # test shorthand

    assert numbers(kind="user") == [2]
    assert numbers(kind="file") == [0, 1]
    assert numbers(label="a.") == [0, 1]
    assert numbers(label="*.py") == [0]
    assert numbers(kind="user", label="src/") == []
    assert [entry.number for entry in store.entries(label="docs/*")] == [1]
    assert [entry.number for entry in store.entries(kind="file", after=0)] == [1]
    assert len(store.entries(limit=2)) == 2
    with pytest.raises(ContextError, match="entry type"):
        numbers(kind="nonsense")


def test_limits_and_totals(store: ContextStore) -> None:
    store.append("tool", "bash", "needle\n" * 30)
    reply = store.find("needle", max_results=4)
    assert (len(reply.hits), reply.total_found, reply.total_is_exact) == (4, 30, True)
    assert [hit.line for hit in reply.hits] == [1, 2, 3, 4]
    counted = store.find("needle", max_results=0)
    assert (counted.hits, counted.total_found) == ((), 30)
    with pytest.raises(ContextError, match="max_results"):
        store.find("needle", max_results=-1)


def test_a_running_ingest_makes_replies_partial(store: ContextStore) -> None:
    store.append("user", "q", "needle")
    store.mark_building(True)
    reply = store.find("needle")
    assert (reply.partial, reply.reason, reply.total_is_exact) == (True, "ingest running", False)
    assert store.stats().index.building
    store.mark_building(False)
    assert not store.find("needle").partial


def test_searching_an_empty_context_finds_nothing(store: ContextStore) -> None:
    reply = store.search("x")
    assert (reply.hits, reply.total_found, reply.partial) == ((), 0, False)


# --- places that are not there ---------------------------------------------------------------------------------


def test_places_outside_are_named(store: ContextStore) -> None:
    store.append("user", "q", "hello\n")
    assert store.read(6, 10) == ""
    assert store.read(0, 10**18) == "hello\n"
    for offset, length in ((-1, 5), (0, -5), (7, 1), (10**18, 1)):
        with pytest.raises(ContextError):
            store.read(offset, length)
    for number in (-1, 1, 10**12):
        with pytest.raises(ContextError, match="no entry"):
            store.entry(number)
    assert store.entry_at(-1) is None
    assert store.entry_at(10**18) is None
    with pytest.raises(ContextError, match="end"):
        store.line_of(6)
    assert store.offset_of_line(0, -3) == 0
    assert store.offset_of_line(0, 10**9) == 0
    with pytest.raises(ContextError, match="limit"):
        store.entries(limit=-1)


def test_a_view_names_what_it_may_read(store: ContextStore) -> None:
    store.append("user", "q", "abcdefghij" * 10)
    store.append("tool", "t", "needle")
    view = store.view([(0, 10), (5, 20), (40, 50)])
    assert view.read(15, 100) == "fghij"
    with pytest.raises(ContextError, match=r"\[0, 20\), \[40, 50\)"):
        view.read(20, 5)
    with pytest.raises(ContextError, match="outside"):
        view.entry(1)
    assert [entry.number for entry in view.entries()] == [0]
    assert view.find("needle").total_found == 0
    assert [hit.offset for hit in view.find("fghij").hits] == [5, 15, 45]
    assert [hit.offset for hit in view.find("jabc", max_results=10).hits] == [9]
    assert view.find("e").hits[0].snippet == "abcdefghijabcdefghij"
    assert view.stats().characters == 30
    with pytest.raises(ContextError, match="span"):
        store.view([(100, 200)])
    with pytest.raises(ContextError, match="span"):
        store.view([(9, 5)])


def test_a_view_hides_what_lies_one_character_between_its_spans(store: ContextStore) -> None:
    store.append("user", "q", "aaaXaaa")
    view = store.view([(0, 3), (4, 7)])
    assert view.search("aXa|X").hits == ()
    assert [(hit.offset, hit.length) for hit in view.search("a+").hits] == [(0, 3), (4, 3)]


# --- figures ---------------------------------------------------------------------------------------------------


def test_stats_count_the_whole(store: ContextStore, tmp_path: Path) -> None:
    assert store.stats().characters == 0
    store.attach(segment(tmp_path, ("a", "né"), ("b", "")))
    store.append("user", "q", "世界")
    store.add_sources(["/project", "/more"])
    store.set_left_out([LeftOut("x.bin", "binary", 12)], 7)
    stats = store.stats()
    assert (stats.characters, stats.bytes, stats.entries) == (4, 9, 3)
    assert stats.by_type == {"file": {"entries": 2, "characters": 2}, "user": {"entries": 1, "characters": 2}}
    assert stats.sources == ("/project", "/more")
    assert (stats.left_out_total, stats.left_out[0].path) == (7, "x.bin")
    assert (stats.index.segments, stats.index.building) == (1, False)


# --- sealing ---------------------------------------------------------------------------------------------------


def test_sealing_moves_text_and_no_offset(store: ContextStore, tmp_path: Path) -> None:
    store.append("user", "q", "before 😀", source="typed", at=3.0)
    store.attach(segment(tmp_path, ("a", "file needle")))
    store.append("tool", "bash", "needle after", part=0, parts=1)
    store.supersede(0)
    entries, text = store.entries(superseded=True), store.read(0, 1_000)
    sealed = store.seal_tail()
    assert sealed is not None
    ref, first, last = sealed
    assert (first, last, ref.entries) == (0, 2, 2)
    assert Path(ref.path).parent == tmp_path / "session" / "segments"
    assert store.entries(superseded=True) == entries
    assert store.read(0, 1_000) == text
    assert offsets(store, "needle") == [13, 19]
    assert store.tail_chars == 0
    assert store.seal_tail() is None
    later = store.append("tool", "more", "needle")
    assert (later.number, later.start) == (3, store.chars - 6)
    assert offsets(store, "needle") == [13, 19, 31]


def test_a_fold_may_replace_a_tail_by_its_segment(store: ContextStore, tmp_path: Path) -> None:
    store.append("user", "q", "one")
    store.append("tool", "t", "two needle")
    sealed = store.seal_tail()
    assert sealed is not None
    again = ContextStore(tmp_path)
    again.append("user", "q", "one")
    again.append("tool", "t", "two needle")
    again.append("tool", "t", "three needle")
    again.replace_by_segment(*sealed)
    assert again.read(0, 99) == "onetwo needlethree needle"
    assert offsets(again, "needle") == [7, 19]
    other = ContextStore(tmp_path)
    other.append("user", "q", "ONLY")
    other.append("tool", "t", "two needle")
    with pytest.raises(ContextError, match="another length"):
        other.replace_by_segment(*sealed)
    with pytest.raises(ContextError, match="stay in the tail"):
        other.replace_by_segment(sealed[0], 0, 0)
    assert other.read(0, 99) == "ONLYtwo needle"


def test_entries_appended_while_sealing_stay(store: ContextStore) -> None:
    for number in range(200):
        store.append("tool", f"t{number}", f"text {number} 😀\n")
    sealer = threading.Thread(target=store.seal_tail)
    sealer.start()
    for number in range(200, 300):
        store.append("tool", f"t{number}", f"text {number} 😀\n")
    sealer.join()
    assert store.read(0, store.chars) == "".join(f"text {number} 😀\n" for number in range(300))
    assert store.search(r"text \d+", max_results=1_000).total_found == 300


def test_a_failed_seal_leaves_the_tail(store: ContextStore, tmp_path: Path) -> None:
    store.append("user", "q", "needle")
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(OSError, match="file"):
        store.seal_tail(blocked)
    store.append("user", "q", "needle")
    assert offsets(store, "needle") == [0, 6]
    assert store.seal_tail(tmp_path / "good") is not None
    assert offsets(store, "needle") == [0, 6]


# --- several threads -------------------------------------------------------------------------------------------


def test_readers_see_whole_entries_while_another_thread_appends(store: ContextStore) -> None:
    done = threading.Event()
    wrong: list[str] = []

    def read() -> None:
        while not done.is_set():
            count = store.entry_count
            if not count:
                continue
            entry = store.entry(count - 1)
            text = store.read(entry.start, entry.chars)
            if text != f"{entry.number}é😀" * 500:
                wrong.append(f"entry {entry.number}: {text[:20]!r}")
            found = store.find(f"{entry.number}é", max_results=1_000, label=entry.label, deadline_ms=60_000)
            if found.total_found != 500:
                wrong.append(f"find {entry.number}: {found.total_found}")
            if store.line_of(entry.start) != (1, 1):
                wrong.append(f"line {entry.number}")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(1_000):
        store.append("tool", f"<{number}>", f"{number}é😀" * 500)
        if number == 500:
            store.seal_tail()
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    store.close()
    store.close()
