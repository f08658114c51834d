"""Offsets, entries, lines and matches of the store agree with plain Python text, however it was put together."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_tui.context.segment import SegmentWriter
from rlm_tui.context.store import ContextStore
from rlm_tui.errors import ContextError

TEXT = st.lists(
    st.sampled_from(["a", "b", " ", "\n", "\r\n", "é", "e\u0301", "世", "界", "😀", "\u200d", "\x00", "Z" * 90]),
    max_size=40,
).map("".join)
Entries = list[str]
Groups = list[tuple[bool, Entries]]
GROUPS = st.lists(st.tuples(st.booleans(), st.lists(TEXT, max_size=5)), min_size=1, max_size=3)


@contextmanager
def store_of(groups: Groups) -> Iterator[tuple[ContextStore, Entries]]:
    """Build a store of sealed segments (True) and tail entries (False); yield it with all texts in order."""
    texts: Entries = []
    with TemporaryDirectory() as folder:
        home = Path(folder)
        store = ContextStore(home, home)
        for sealed, entries in groups:
            if sealed:
                with SegmentWriter(home / "segments") as writer:
                    for text in entries:
                        writer.add("file", f"f{len(texts)}", text)
                        texts.append(text)
                    store.attach(writer.finish())
            else:
                for text in entries:
                    store.append("tool", f"t{len(texts)}", text)
                    texts.append(text)
        yield store, texts
        store.close()


def place_of(texts: Entries, offset: int) -> tuple[int, int]:
    """Return the entry that holds an offset, and the offset within it."""
    for number, text in enumerate(texts):
        if offset < len(text):
            return number, offset
        offset -= len(text)
    raise AssertionError("past the end")


@settings(max_examples=12, deadline=None)
@given(GROUPS, st.booleans(), st.data())
def test_text_entries_and_lines_agree(groups: Groups, seal: bool, data: st.DataObject) -> None:
    with store_of(groups) as (store, texts):
        if seal:
            store.seal_tail()
        check_reading(store, "".join(texts), data)
        check_entries(store, texts)
        check_offsets(store, texts)


def check_reading(store: ContextStore, whole: str, data: st.DataObject) -> None:
    assert store.chars == len(whole)
    for _ in range(10):
        offset = data.draw(st.integers(0, len(whole)))
        length = data.draw(st.integers(0, len(whole) + 5))
        assert store.read(offset, length) == whole[offset : offset + length]
        piece = store.slice(offset, length)
        assert (piece.text, piece.length) == (whole[offset : offset + length], len(piece.text))
        assert all(entry.start < offset + length and entry.end > offset for entry in piece.entries if length)


def check_entries(store: ContextStore, texts: Entries) -> None:
    assert store.entry_count == len(texts)
    start = 0
    for number, text in enumerate(texts):
        entry = store.entry(number)
        assert (entry.start, entry.chars, entry.end) == (start, len(text), start + len(text))
        lines = text.split("\n")
        if text.endswith("\n"):
            lines.pop()
        line_begins = 0
        for line, content in enumerate(lines, 1):
            assert store.offset_of_line(number, line) == start + line_begins
            line_begins += len(content) + 1
        assert store.offset_of_line(number, len(lines) + 9) == store.offset_of_line(number, max(1, len(lines)))
        start += len(text)


def check_offsets(store: ContextStore, texts: Entries) -> None:
    for offset in range(store.chars):
        number, within = place_of(texts, offset)
        found = store.entry_at(offset)
        assert found is not None
        assert found.number == number
        before = texts[number][:within]
        assert store.line_of(offset) == (before.count("\n") + 1, within - (before.rfind("\n") + 1) + 1)
    assert store.entry_at(store.chars) is None


# Patterns that mean the same to RE2, which reads `\s` as ASCII, and to Python on this alphabet.
PATTERNS = ["a", "b+", "é", "世界?", "😀", r"a.b", r"^a", r"[^a]b", r"a\nb", r"\s+a", r"Z{50,}", "(?:a|b)(?:\r\n)"]


@settings(max_examples=12, deadline=None)
@given(GROUPS, st.booleans())
def test_matches_are_those_of_each_entry(groups: Groups, seal: bool) -> None:
    with store_of(groups) as (store, texts):
        if seal:
            store.seal_tail()
        for pattern in PATTERNS:
            expected, start = [], 0
            for number, text in enumerate(texts):
                matches = re.compile(pattern, re.MULTILINE).finditer(text)
                expected += [(start + match.start(), len(match.group()), number) for match in matches]
                start += len(text)
            reply = store.search(pattern, max_results=10_000)
            assert [(hit.offset, hit.length, hit.entry) for hit in reply.hits] == expected
            assert (reply.total_found, reply.total_is_exact, reply.partial) == (len(expected), True, False)
            for hit in reply.hits:
                assert (hit.line, hit.column) == store.line_of(hit.offset)
                assert len(hit.snippet) <= 200


@settings(max_examples=12, deadline=None)
@given(GROUPS, st.data())
def test_a_view_reads_and_matches_within_its_spans_only(groups: Groups, data: st.DataObject) -> None:
    with store_of(groups) as (store, texts):
        whole = "".join(texts)
        bounds = st.tuples(st.integers(0, len(whole)), st.integers(0, len(whole))).map(lambda pair: sorted(pair))
        spans = [(start, end) for start, end in data.draw(st.lists(bounds, max_size=4))]
        view = store.view(spans)
        reachable = {offset for start, end in spans for offset in range(start, end)}
        assert view.chars == len(whole)
        assert view.stats().characters == len(reachable)
        assert view.stats().bytes == len("".join(whole[offset] for offset in sorted(reachable)).encode())
        for offset in range(len(whole)):
            if offset in reachable:
                assert view.read(offset, 1) == whole[offset]
                assert view.entry_at(offset) == store.entry_at(offset)
            else:
                assert view.entry_at(offset) is None
                with pytest.raises(ContextError, match="outside"):
                    view.read(offset, 1)
        for hit in view.search("[ab]{1,3}|é", max_results=1_000).hits:
            assert set(range(hit.offset, hit.offset + hit.length)) <= reachable
        found = [hit.offset for hit in view.find("a", max_results=1_000).hits]
        assert found == [offset for offset in sorted(reachable) if whole[offset] == "a"]


def test_offsets_are_exact_over_many_blocks(tmp_path: Path) -> None:
    texts = ["😀é" * 50_000, "plain\n" * 40_000, "界\n" * 70_000, "tail 😀"]
    with SegmentWriter(tmp_path) as writer:
        for text in texts[:3]:
            writer.add("file", "f", text)
        ref = writer.finish()
    store = ContextStore(tmp_path)
    store.attach(ref)
    store.append("note", "n", texts[3])
    whole = "".join(texts)
    for offset in range(0, len(whole), 7_919):
        assert store.read(offset, 40) == whole[offset : offset + 40]
    assert store.read(0, len(whole)) == whole
    assert store.line_of(100_000 + 6 * 39_999 + 2) == (40_000, 3)
    assert store.offset_of_line(2, 70_000) == 100_000 + 240_000 + 2 * 69_999
    assert [hit.offset for hit in store.find("tail").hits] == [len(whole) - 6]
    store.close()
