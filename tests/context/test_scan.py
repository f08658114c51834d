"""Scanning: the same spans as the pattern over each entry alone, whatever blocks, blooms and slices lie between."""

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import re2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlm_tui.context.bloom import BLOCK_BYTES, BloomIndex, block_blooms
from rlm_tui.context.pattern import CompiledPattern, compile_pattern
from rlm_tui.context.scan import ScanArea, ScanResult, scan
from rlm_tui.errors import PatternError

LONG_MS = 60_000

Keep = list[bool]


def area_of(texts: list[bytes], keep: Keep | None = None, *, blooms: int | None = None) -> ScanArea:
    """Lay entries on a tape; `keep` says which to search, `blooms` how many blocks are known (None: all)."""
    tape = b"\n".join(texts)
    ends = np.cumsum([len(text) + 1 for text in texts], dtype=np.int64) - 1
    starts = ends - np.array([len(text) for text in texts], dtype=np.int64)
    chosen = np.array(keep if keep is not None else [True] * len(texts), dtype=np.bool_)
    count = -(-len(tape) // BLOCK_BYTES) if blooms is None else min(blooms, -(-len(tape) // BLOCK_BYTES))
    return ScanArea(tape, starts[chosen], ends[chosen], BloomIndex(block_blooms(tape, 0, count)))


def reference(areas: list[ScanArea], pattern: str, *, literal: bool, ignore_case: bool) -> list[tuple[int, int, int]]:
    """Run RE2 over each entry on its own."""
    options = re2.Options()
    options.literal = literal
    options.case_sensitive = not ignore_case
    program = re2.compile(pattern.encode() if literal else b"(?m)" + pattern.encode(), options)
    found = []
    for number, area in enumerate(areas):
        for low, high in zip(area.starts.tolist(), area.ends.tolist(), strict=True):
            spans = (match.span() for match in program.finditer(bytes(area.buffer[low:high])))
            found += [(number, low + start, low + end) for start, end in spans if end > start]
    return found


def run(areas: list[ScanArea], pattern: CompiledPattern, limit: int = 10**9) -> ScanResult:
    return scan(areas, pattern, limit=limit, deadline_ms=LONG_MS)


WORDS = [
    "foo",
    "needle",
    "Kelvin",
    "\u212a",
    "sS\u017f",
    "é",
    "東京",
    "🙂",
    "x",
    "12",
    " ",
    "\t",
    "\n",
    "\n\n",
    "a_b",
    ".",
]
FILLERS = ["-" * 30_000, "-" * 9 + "\n", "é " * 20_000, "foo" * 9_000]
PIECES = st.one_of(
    st.tuples(st.sampled_from(WORDS), st.integers(1, 3)),
    st.tuples(st.sampled_from(FILLERS), st.integers(1, 2)),
)
ENTRY = st.lists(PIECES, max_size=6).map(lambda pieces: "".join(word * times for word, times in pieces).encode())
ATOMS = [
    *("foo", "needle", "kelvin", "é", "東", "x", "12", "a_b", "🙂"),
    *(
        r"\d",
        r"\s",
        r"\w",
        ".",
        "[^x]",
        "[fn]",
        r"\S",
        r"\pL",
        "[[:alpha:]]",
        r"\Qa_\E",
        r"(?s:.)",
        "[0-9a-f]{2}",
        r"\n",
    ),
    *("^", "$", r"\b", r"\B", r"\A", r"\z", "(?-m:^)", "(?-m:$)"),
]


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    repeats = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "+?", "*?"])
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, repeats).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        inner.map(lambda part: f"(?i:{part})"),
    )


PATTERNS = st.recursive(st.sampled_from(ATOMS), grown, max_leaves=6)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    entries=st.lists(ENTRY, min_size=1, max_size=5),
    data=st.data(),
    pattern=PATTERNS,
    ignore_case=st.booleans(),
    known=st.sampled_from([None, 0, 1, 2]),
)
def test_finds_what_re2_finds_in_each_entry_alone(
    entries: list[bytes], data: st.DataObject, pattern: str, ignore_case: bool, known: int | None
) -> None:
    keep = data.draw(st.lists(st.booleans(), min_size=len(entries), max_size=len(entries)))
    areas = [area_of(entries, keep, blooms=known), area_of(entries[::-1])]
    compiled = compile_pattern(pattern, ignore_case=ignore_case)
    expected = reference(areas, pattern, literal=False, ignore_case=ignore_case)
    found = run(areas, compiled)
    assert found.spans == expected
    assert (found.total, found.exact, found.partial, found.reason) == (len(expected), True, False, "")
    assert run(areas, compiled, limit=3).spans == expected[:3]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    before=st.integers(BLOCK_BYTES - 12, BLOCK_BYTES + 12),
    text=st.text("kKs\u017fSé東a.*\\n\n", min_size=1, max_size=12),
    ignore_case=st.booleans(),
)
def test_literals_are_found_across_the_ends_of_blocks(before: int, text: str, ignore_case: bool) -> None:
    areas = [area_of([b"-" * before + text.encode() + b"-" * 100, text.encode() * 3])]
    found = run(areas, compile_pattern(text, literal=True, ignore_case=ignore_case))
    assert found.spans == reference(areas, text, literal=True, ignore_case=ignore_case)


@pytest.mark.parametrize(
    "pattern", [r"needle\s+foo", r"(?s)needle.*?foo", r"(?s)foo.{0,300}needle", r"needle[^x]*$", "e.*"]
)
@pytest.mark.parametrize(
    "gap", [b"\n", b"\n" * 300, b" " * 200_000, b"-" * 70_000 + b"\n"], ids=["line", "lines", "spaces", "dashes"]
)
def test_long_matches_and_long_lines_are_found_whole(pattern: str, gap: bytes) -> None:
    text = b"y" * 65_530 + b"needle" + gap + b"foo" + b"z" * 300_000
    areas = [area_of([text, b"needle", b"foo", text])]
    assert run(areas, compile_pattern(pattern)).spans == reference(areas, pattern, literal=False, ignore_case=False)


def test_a_match_never_takes_in_a_hidden_entry_or_the_separator() -> None:
    areas = [area_of([b"one two", b"two hidden", b"", b"two one"], [True, False, True, True])]
    tape = areas[0].buffer
    assert [tape[start:end] for _, start, end in run(areas, compile_pattern(r"[^q]+")).spans] == [
        b"one two",
        b"two one",
    ]
    assert run(areas, compile_pattern(r"two\none")).total == 0
    assert run(areas, compile_pattern("hidden", literal=True)).total == 0


@pytest.mark.parametrize(
    "pattern", ["^bc", "cd$", r"\bbc", r"cd\b", r"\Abc", r"cd\z", r"(?<!a)bc", r"cd(?!e)", r"(?<=a)bc"]
)
def test_a_part_of_an_entry_is_searched_as_if_it_were_all(pattern: str) -> None:
    area = ScanArea(b"abcde", np.array([1], dtype=np.int64), np.array([4], dtype=np.int64))
    expected = 0 if pattern == r"(?<=a)bc" else 1
    assert run([area], compile_pattern(pattern)).total == expected


def test_entries_end_where_they_end_though_the_buffer_goes_on() -> None:
    area = ScanArea(b"end\0\0\0\0", np.array([0], dtype=np.int64), np.array([3], dtype=np.int64))
    assert run([area], compile_pattern("end$")).total == 1


def test_nothing_to_search_is_an_exact_nothing() -> None:
    none = np.empty(0, dtype=np.int64)
    assert run([], compile_pattern("x")) == ScanResult([], 0, True, False, "")
    assert run([ScanArea(b"", none, none)], compile_pattern("x")) == ScanResult([], 0, True, False, "")
    assert run([area_of([b"", b""])], compile_pattern("x*")) == ScanResult([], 0, True, False, "")


def test_backtracking_patterns_give_byte_spans() -> None:
    areas = [area_of(["日本 foo1 é foo2".encode(), b"foo3"])]
    tape = areas[0].buffer
    spans = run(areas, compile_pattern(r"(?<=foo)\d")).spans
    assert [tape[start:end] for _, start, end in spans] == [b"1", b"2", b"3"]
    assert [tape[s:e] for _, s, e in run(areas, compile_pattern(r"(o)\1")).spans] == [b"oo"] * 3


def test_a_limit_of_none_counts_only() -> None:
    found = run([area_of([b"x" * 1000, b"x"])], compile_pattern("x"), limit=0)
    assert (found.spans, found.total, found.exact) == ([], 1001, True)


def test_a_total_past_the_limit_is_a_lower_bound_and_not_a_partial_search() -> None:
    areas = [area_of([b"x" * 30_000_000])]
    found = run(areas, compile_pattern("x"), limit=50)
    assert found.spans == [(0, place, place + 1) for place in range(50)]
    assert 50 <= found.total <= 30_000_000
    assert found.exact == (found.total == 30_000_000)
    assert not found.partial


HOSTILE = [
    r"(a+)+\1!",
    r"(?=(a|aa)+$)a+b\Z",
    r"(?:a|aa|aaa)+(?!.)b",
    r"x*",
]


@pytest.mark.parametrize("pattern", HOSTILE)
def test_hostile_patterns_stop_by_the_deadline(pattern: str) -> None:
    areas = [area_of([b"a" * 8_000_000, b"a" * 8_000_000])]
    found = scan(areas, compile_pattern(pattern), limit=10, deadline_ms=50)
    assert (found.partial, found.exact, found.reason) == (True, False, "deadline")


def test_a_cancelled_search_says_so() -> None:
    cancel = threading.Event()
    cancel.set()
    found = scan([area_of([b"x" * 100])], compile_pattern("x"), limit=10, deadline_ms=LONG_MS, cancel=cancel)
    assert (found.partial, found.exact, found.reason) == (True, False, "cancelled")


@pytest.mark.parametrize("pattern", [r"(a+)+\1!", "a*?"])
def test_cancelling_stops_a_running_search(pattern: str) -> None:
    cancel = threading.Event()
    timer = threading.Timer(0.05, cancel.set)
    timer.start()
    areas = [area_of([b"a" * 4_000_000])]
    found = scan(areas, compile_pattern(pattern), limit=10, deadline_ms=LONG_MS, cancel=cancel)
    timer.join()
    assert (found.partial, found.exact, found.reason) == (True, False, "cancelled")


def redos_cases() -> list[dict[str, str]]:
    folder = os.environ.get("RLM_TUI_CORPORA")
    path = Path(folder) / "redos" / "cases.jsonl" if folder else None
    return [json.loads(line) for line in path.read_text().splitlines()] if path and path.exists() else []


@pytest.mark.skipif(not redos_cases(), reason="RLM_TUI_CORPORA names no folder with redos/cases.jsonl")
def test_known_catastrophic_patterns_end() -> None:
    for case in redos_cases():
        try:
            compiled = compile_pattern(case["regex"])
        except PatternError:
            continue
        text = case["prefix"] + case["pump"] * 20_000 + case["suffix"]
        found = scan([area_of([text.encode("utf-8", "replace")])], compiled, limit=10, deadline_ms=100)
        assert found.exact or found.reason == "deadline" or found.total >= 10


@pytest.mark.parametrize("every", [1, 7, 2_000], ids=["on every line", "on some lines", "rare"])
@pytest.mark.parametrize(
    "pattern",
    [
        r"\w+_needle\b",
        r"^ *\w+ = needle",
        r"[a-z]+\d?needle.*$",
        r"\b\w{2} needle \w+",
        r"(?:x|.)needle",
        r".{0,3}needle.{0,3}needle",
        r"\S*needle[^\n]*東",
    ],
)
def test_looking_for_the_literal_first_changes_nothing(pattern: str, every: int) -> None:
    words = ["ab", "cd_needle", "x1", "東京", "a = needle", "zz needle yy", "needle needle", "foo7needle", "é"]
    lines = [
        " ".join(words[(number * step) % len(words)] if number % every == 0 else "plain words" for step in (1, 4, 7))
        for number in range(12_000)
    ]
    area = area_of(["\n".join(lines).encode(), b"needle", "\n".join(lines[::-1]).encode()])
    compiled = compile_pattern(pattern)
    assert compiled.probe is not None
    result = run([area], compiled)
    assert result.spans == reference([area], pattern, literal=False, ignore_case=False)
    assert result.total == len(result.spans)
    assert scan([area], compiled, limit=5, deadline_ms=LONG_MS, count=False).spans == result.spans[:5]
