"""The lines of a batch: what is read, what is kept, and what a torn or foreign results file does."""

import asyncio
import io
import json
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlm_tui.batch import (
    BadLine,
    FileResults,
    Item,
    Row,
    StreamResults,
    Tally,
    count_lines,
    encode_row,
    parse_line,
    read_items,
    run_batch,
)
from rlm_tui.errors import UsageError

# --- reading -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "item"),
    [
        ('{"id": "a", "prompt": "p"}', Item("a", 3, "p")),
        ('{"id": 7, "prompt": "p", "context": "text"}', Item(7, 3, "p", ("text",))),
        ('{"id": 7, "prompt": "p", "context": ""}', Item(7, 3, "p", ("",))),
        (
            '{"id": 7, "prompt": "p", "context": ["t", {"label": "l", "text": "u"}]}',
            Item(7, 3, "p", ("t", {"label": "l", "text": "u"})),
        ),
        ('{"id": 7, "prompt": "p", "attach": "src"}', Item(7, 3, "p", attach=("src",))),
        ('{"id": 7, "prompt": "p", "context": null, "attach": ["a", "b"]}', Item(7, 3, "p", attach=("a", "b"))),
    ],
)
def test_a_line_is_a_question(line: str, item: Item) -> None:
    assert parse_line(line.encode(), 3) == item


@pytest.mark.parametrize(
    ("line", "id_", "words"),
    [
        (b"not json", None, "not JSON"),
        (b"\xff\xfe{}", None, "not JSON"),
        (b"[" * 100_000, None, "not JSON"),
        (b"[1]", None, "not a JSON object"),
        (b'{"prompt": "p"}', None, "`id`"),
        (b'{"id": true, "prompt": "p"}', None, "`id`"),
        (b'{"id": 1.5, "prompt": "p"}', None, "`id`"),
        (b'{"id": "a"}', "a", "`prompt`"),
        (b'{"id": "a", "prompt": " "}', "a", "`prompt`"),
        (b'{"id": "a", "prompt": ["p"]}', "a", "`prompt`"),
        (b'{"id": "a", "prompt": "p", "contxt": "c"}', "a", "`contxt`"),
        (b'{"id": "a", "prompt": "p", "context": "c", "attach": "x"}', "a", "both"),
        (b'{"id": "a", "prompt": "p", "context": [1]}', "a", "`context`"),
        (b'{"id": "a", "prompt": "p", "context": {"label": "l"}}', "a", "`context`"),
        (b'{"id": "a", "prompt": "p", "attach": {"x": 1}}', "a", "`attach`"),
        (b'{"id": "a", "prompt": "p", "attach": ""}', "a", "`attach`"),
    ],
)
def test_a_wrong_line_says_what_is_wrong(line: bytes, id_: str | None, words: str) -> None:
    bad = parse_line(line, 9)
    assert isinstance(bad, BadLine)
    assert (bad.id, bad.line) == (id_, 9)
    assert words in bad.problem


@given(st.binary(max_size=200))
def test_no_bytes_raise(line: bytes) -> None:
    parse_line(line, 1)


def test_an_id_counts_once_and_empty_lines_do_not() -> None:
    file = io.BytesIO(b'{"id": 1, "prompt": "a"}\n\n{"id": 1, "prompt": "b"}\n{"id": "1", "prompt": "c"}')
    assert count_lines(file) == 3
    first, second, third = read_items(file)
    assert first == Item(1, 1, "a")
    assert isinstance(second, BadLine)
    assert (second.line, second.id) == (3, None)
    assert third == Item("1", 4, "c")


# --- keeping -----------------------------------------------------------------------------------------------

GOOD = [{"id": "a", "line": 1, "answer": "x\u2028y \U0001f642"}, {"id": 2, "line": 2, "answer": ""}]
ERROR = {"id": "c", "line": 3, "error": {"kind": "auth", "message": "m"}}


def rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_bytes().decode().split("\n") if line]


def test_results_are_taken_up_without_errors(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with FileResults(path) as results:
        assert results.done == set()
        for row in (GOOD[0], ERROR, GOOD[1]):
            results.write(row)
    with FileResults(path) as results:
        assert results.done == {"a", 2}
        results.write({"id": "c", "line": 3, "answer": "now"})
    assert rows(path) == [*GOOD, {"id": "c", "line": 3, "answer": "now"}]
    assert [file.name for file in tmp_path.iterdir()] == ["out.jsonl"]


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 400))
def test_a_file_cut_anywhere_keeps_every_whole_line(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("cut") / "out.jsonl"
    whole = [encode_row(row) for row in (GOOD[0], ERROR, GOOD[1])]
    data = b"".join(whole)[:cut]
    path.write_bytes(data)
    ends = [len(whole[0]) - 1, sum(map(len, whole)) - 1]  # a line is whole without its line feed
    kept = [row for row, end in zip(GOOD, ends, strict=True) if len(data) >= end]
    with FileResults(path) as results:
        assert results.done == {row["id"] for row in kept}
        results.write({"id": "next", "line": 9, "answer": "z"})
    assert rows(path) == [*kept, {"id": "next", "line": 9, "answer": "z"}]


@pytest.mark.parametrize("text", ["my notes\n", '{"id": "a", "prompt": "p"}\n', "[1]\n", '{"answer": "x"}\n{"to'])
def test_a_foreign_file_is_left_as_it_is(text: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(text)
    with pytest.raises(UsageError, match="Line 1"):
        FileResults(path)
    assert path.read_text() == text


def test_one_program_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(encode_row(ERROR))
    with FileResults(path), pytest.raises(UsageError, match="another batch"):
        FileResults(path)
    with FileResults(path):
        pass


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.jsonl").write_bytes(encode_row(ERROR))
    link = tmp_path / "link.jsonl"
    link.symlink_to("real.jsonl")
    with FileResults(link) as results:
        results.write(GOOD[0])
    assert link.is_symlink()
    assert rows(tmp_path / "real.jsonl") == [GOOD[0]]
    for no_file in (tmp_path, Path("/dev/null")):
        with pytest.raises(UsageError, match="not a file"):
            FileResults(no_file)


def test_a_line_that_does_not_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with FileResults(path) as results:
        results.write(GOOD[0])
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, limits[1]))
        try:
            with pytest.raises(OSError, match="large"):
                results.write({"id": "b", "answer": "much more than ten bytes"})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert rows(path) == [GOOD[0]]
        results.write(GOOD[1])
    assert rows(path) == GOOD


def test_lone_surrogates_are_escaped() -> None:
    line = encode_row({"id": "\ud800", "answer": "é"})
    assert json.loads(line) == {"id": "\ud800", "answer": "é"}
    assert line.endswith(b"\n")


# --- running -----------------------------------------------------------------------------------------------


def items(count: int) -> Iterator[Item | BadLine]:
    for number in range(count):
        yield BadLine(None, number, "bad") if number == 3 else Item(number, number, "p")


async def test_as_many_at_a_time_as_told_and_each_once() -> None:
    running, most, asked = 0, 0, []

    async def answer(item: Item) -> Row:
        nonlocal running, most
        asked.append(item.id)
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001 * (item.line % 3))
        running -= 1
        cost = None if item.id == 9 else 0.5
        return {"id": item.id, "answer": "", "usage": {"input_tokens": 2, "output_tokens": 1}, "cost": cost}

    out = io.BytesIO()
    tally = Tally()
    await run_batch(items(10), answer, StreamResults(out), done={0, 5}, concurrency=3, tally=tally)
    assert asked == [1, 2, 4, 6, 7, 8, 9], "in the order of the lines"
    assert most == 3
    assert (tally.answered, tally.failed, tally.skipped, tally.ended) == (7, 1, 2, 10)
    assert (tally.tokens, tally.cost) == (21, None)
    assert len(out.getvalue().splitlines()) == 8


async def test_cancelling_keeps_what_is_done_and_cancels_the_rest() -> None:
    cancelled: list[object] = []

    async def answer(item: Item) -> Row:
        if item.id in (0, 1):
            return {"id": item.id, "answer": "done"}
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(item.id)
            raise
        return {}

    out = io.BytesIO()
    tally = Tally()
    task = asyncio.create_task(run_batch(items(3), answer, StreamResults(out), done=set(), concurrency=2, tally=tally))
    while tally.answered < 2 or tally.running != {2}:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled == [2]
    assert [json.loads(line)["id"] for line in out.getvalue().splitlines()] == [0, 1]


async def test_results_that_cannot_be_written_end_it() -> None:
    class Full:
        def write(self, row: Row) -> None:
            raise OSError(28, "No space left on device")

    waiting: list[object] = []

    async def answer(item: Item) -> Row:
        if item.id == 0:
            return {"id": 0, "answer": ""}
        waiting.append(item.id)
        await asyncio.Event().wait()
        return {}

    with pytest.raises(OSError, match="No space"):
        await run_batch(items(3), answer, Full(), done=set(), concurrency=2, tally=Tally())
