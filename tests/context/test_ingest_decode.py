"""A file's bytes as text, at the edges: encodings, what is binary, what cannot be read."""

import os
from pathlib import Path

import pytest

from rlm_tui.context.decode import DecodedText, decode, over_limit, read_text
from rlm_tui.context.entry import LeftOut


def read(tmp_path: Path, data: bytes, max_bytes: int = 1_000) -> DecodedText | LeftOut:
    path = tmp_path / "file"
    path.write_bytes(data)
    return read_text(path, max_bytes, label="file")


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        (b"", "", "utf-8"),
        (b"a\r\nb\rc\n", "a\r\nb\rc\n", "utf-8"),
        ("grün 漢字 🙂".encode(), "grün 漢字 🙂", "utf-8"),
        (b"\xef\xbb\xbfx\xc3\xa9", "xé", "utf-8"),
        ("\ufeffé🙂\r\n".encode("utf-16-le"), "é🙂\r\n", "utf-16-le"),
        ("\ufeffé🙂".encode("utf-16-be"), "é🙂", "utf-16-be"),
        ("\ufeffé🙂".encode("utf-32-le"), "é🙂", "utf-32-le"),
        (b"caf\xe9 \x93quoted\x94 \x81", "café “quoted” \x81", "windows-1252"),
        ("größe äöü ".encode() * 5 + b"\xff", "größe äöü " * 5 + "\ufffd", "utf-8"),
        (b"a\xed\xa0\x80b", "a\ufffdb", "utf-8"),
        (b"\x1b[31mred\x1b[0m\n", "\x1b[31mred\x1b[0m\n", "utf-8"),
    ],
)
def test_text(data: bytes, text: str, encoding: str) -> None:
    decoded = decode(data)
    assert decoded is not None
    assert decoded[:2] == (text, encoding)
    text.encode()  # no lone surrogate
    plain = encoding == "utf-8" and data.decode("utf-8", "replace") == text and "\ufffd" not in text
    assert bool(decoded[2]) != plain


@pytest.mark.parametrize(
    "data", [b"text\0", b"\x7fELF\x02\x01\x01" + bytes(9), bytes(range(1, 256)) * 8, b"\x01\x02\x03\x04" * 30]
)
def test_binary(data: bytes, tmp_path: Path) -> None:
    assert decode(data) is None
    assert read(tmp_path, data, 10_000) == LeftOut("file", "binary", len(data))


def test_over_the_limit_is_left_out_with_its_size(tmp_path: Path) -> None:
    assert read(tmp_path, b"x" * 1_001) == LeftOut("file", "over 1 KB", 1_001)
    assert isinstance(read(tmp_path, b"x" * 1_000), DecodedText)
    assert over_limit(10_000_000) == "over 10 MB"
    assert over_limit(2_500_000) == "over 2.5 MB"


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert read_text(tmp_path / "gone", 10, label="gone") == LeftOut("gone", "vanished")
    assert read_text(tmp_path / "pipe", 10, label="pipe") == LeftOut("pipe", "not a regular file")
    found = read_text(tmp_path / "link", 10, label="link")
    assert isinstance(found, LeftOut)
    assert found.reason.startswith("unreadable: ")


def test_the_hash_is_of_the_bytes_and_the_stamp_of_the_reading(tmp_path: Path) -> None:
    found = read(tmp_path, b"abc")
    assert isinstance(found, DecodedText)
    assert found.sha == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    status = (tmp_path / "file").stat()
    assert (found.size, found.mtime_ns) == (status.st_size, status.st_mtime_ns)
