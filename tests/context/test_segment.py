"""Sealed segments: written whole or not at all, read back exactly, repaired or set aside when damaged."""

import os
from pathlib import Path

import pytest

from rlm_tui.context.segment import Segment, SegmentRef, SegmentWriter
from rlm_tui.errors import ContextError

TEXTS = [
    "first\nfile\n",
    "",
    "emoji 😀 and e\u0301 combining\r\nCRLF\r\n",
    "世界" * 40_000,
    "nul \x00 inside",
    "",
]


def write(directory: Path, texts: list[str] = TEXTS) -> SegmentRef:
    with SegmentWriter(directory, source="/project") as writer:
        for number, text in enumerate(texts):
            assert writer.add("file", f"src/{number}.py", text, at=float(number)) == number
        assert writer.chars == sum(map(len, texts))
        return writer.finish()


def texts_of(segment: Segment) -> list[str]:
    return [segment.text(seq) for seq in range(len(segment))]


def test_a_segment_reads_back_what_was_written(tmp_path: Path) -> None:
    ref = write(tmp_path)
    segment = Segment.open(Path(ref.path))
    assert texts_of(segment) == TEXTS
    assert segment.ref == ref
    assert (ref.entries, ref.chars, ref.live) == (len(TEXTS), sum(map(len, TEXTS)), ((0, len(TEXTS) - 1),))
    assert segment.table.label == [f"src/{number}.py" for number in range(len(TEXTS))]
    assert segment.table.at == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".duckdb", ".tape"]
    segment.close()


def test_the_tape_is_the_text_with_line_feeds_between_entries(tmp_path: Path) -> None:
    ref = write(tmp_path)
    assert Path(ref.path).with_suffix(".tape").read_bytes() == "\n".join(TEXTS).encode()


def test_a_segment_without_entries_opens(tmp_path: Path) -> None:
    ref = write(tmp_path, [])
    segment = Segment.open(Path(ref.path))
    assert (len(segment), segment.ref.chars, segment.ref.live) == (0, 0, ())
    segment.close()


@pytest.mark.parametrize("damage", ["missing", "short", "flipped end", "long"])
def test_a_wrong_tape_is_rebuilt(tmp_path: Path, damage: str) -> None:
    ref = write(tmp_path)
    tape = Path(ref.path).with_suffix(".tape")
    whole = tape.read_bytes()
    if damage == "missing":
        tape.unlink()
    else:
        changed = {"short": whole[:-5], "flipped end": whole[:-1] + b"X", "long": whole + b"more"}
        tape.write_bytes(changed[damage])
    segment = Segment.open(Path(ref.path))
    assert texts_of(segment) == TEXTS
    assert tape.read_bytes() == whole
    segment.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_tape_is_rebuilt_in_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    ref = write(tmp_path)
    Path(ref.path).with_suffix(".tape").unlink()
    tmp_path.chmod(0o555)
    try:
        segment = Segment.open(Path(ref.path))
        assert texts_of(segment) == TEXTS
        segment.close()
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.parametrize("damage", ["header", "body", "cut", "empty"])
def test_an_unreadable_database_is_set_aside_and_named(tmp_path: Path, damage: str) -> None:
    ref = write(tmp_path)
    path = Path(ref.path)
    whole = path.read_bytes()
    noise = bytes(range(256)) * 64
    path.write_bytes(
        {
            "header": noise + whole[len(noise) :],
            "body": whole[:12_288] + noise * 16 + whole[12_288 + 16 * len(noise) :],
            "cut": whole[:9_000],
            "empty": b"",
        }[damage]
    )
    with pytest.raises(ContextError, match=path.name):
        Segment.open(path)
    assert not path.exists()
    assert path.with_name(path.name + ".damaged-1").exists()


def test_a_missing_segment_is_named(tmp_path: Path) -> None:
    with pytest.raises(ContextError, match=r"gone\.duckdb"):
        Segment.open(tmp_path / "gone.duckdb")


def interrupted_write(directory: Path) -> None:
    with SegmentWriter(directory) as writer:
        writer.add("file", "a", "text")
        raise KeyboardInterrupt


def test_an_interrupt_while_writing_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted_write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_writer_left_without_finish_leaves_nothing(tmp_path: Path) -> None:
    with SegmentWriter(tmp_path) as writer:
        writer.add("file", "a", "text")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ContextError, match="finished"):
        writer.add("file", "b", "text")


def test_lone_surrogates_are_replaced(tmp_path: Path) -> None:
    ref = write(tmp_path, ["a\ud800b"])
    segment = Segment.open(Path(ref.path))
    assert texts_of(segment) == ["a\ufffdb"]
    segment.close()


def test_one_segment_opens_twice_at_once(tmp_path: Path) -> None:
    ref = write(tmp_path)
    first, second = Segment.open(Path(ref.path)), Segment.open(Path(ref.path))
    first.close()
    assert texts_of(second) == TEXTS
    assert second.blooms() is not None
    second.close()


def test_a_path_with_a_quote_works(tmp_path: Path) -> None:
    ref = write(tmp_path / "it's here")
    segment = Segment.open(Path(ref.path))
    assert texts_of(segment) == TEXTS
    segment.close()
