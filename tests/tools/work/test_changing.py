"""Changing files: exact, whole or not at all, and never over what somebody else wrote."""

import os
import stat
from pathlib import Path

import pytest

from tests.support.work import Bench


def test_an_edit_keeps_endings_mark_encoding_and_mode(bench: Bench, project: Path) -> None:
    crlf = project / "src" / "b.txt"
    crlf.chmod(0o750)
    assert bench.use("edit", path="src/b.txt", old_string="größe\nzwei", new_string="größe\neins\nzwei").ok
    assert crlf.read_bytes() == "größe\r\neins\r\nzwei\r\n".encode()
    assert stat.S_IMODE(crlf.stat().st_mode) == 0o750
    for name, data, after in (
        ("bom.txt", b"\xef\xbb\xbfold\n", b"\xef\xbb\xbfnew\n"),
        ("utf16.txt", "\ufeffold\r\n".encode("utf-16-le"), "\ufeffnew\r\n".encode("utf-16-le")),
        ("latin.txt", "old é\n".encode("cp1252"), "new é\n".encode("cp1252")),
        ("mixed.txt", b"a\r\nold\nb\r\n", b"a\r\nnew\nb\r\n"),
        ("noend.txt", b"old", b"new"),
    ):
        (project / name).write_bytes(data)
        assert bench.use("edit", path=name, old_string="old", new_string="new").ok, name
        assert (project / name).read_bytes() == after, name


def test_what_an_encoding_cannot_hold_is_refused(bench: Bench, project: Path) -> None:
    (project / "latin.txt").write_bytes("old é\n".encode("cp1252"))
    result = bench.use("edit", path="latin.txt", old_string="old", new_string="日本")
    assert not result.ok
    assert "windows-1252" in result.text
    (project / "torn.txt").write_bytes("äöü old\n".encode() + b"\xff\n")
    assert "not valid utf-8" in bench.use("edit", path="torn.txt", old_string="old", new_string="new").text
    assert (project / "torn.txt").read_bytes() == "äöü old\n".encode() + b"\xff\n"


def test_ambiguous_text_is_refused_and_says_where(bench: Bench, project: Path) -> None:
    before = (project / "src" / "a.py").read_bytes()
    result = bench.use("edit", path="src/a.py", old_string="    return", new_string="    yield")
    assert not result.ok
    assert "2 times (lines 2, 6)" in result.text
    assert (project / "src" / "a.py").read_bytes() == before
    assert bench.use("edit", path="src/a.py", old_string="    return", new_string="    yield", replace_all=True).ok
    assert (project / "src" / "a.py").read_text().count("yield") == 2


@pytest.mark.parametrize(
    ("old", "new", "after"),
    [
        ("def one():  \n    return 1", "def one():\n    return 9", "def one():\n    return 9\n\n\ndef two"),
        ("  def one():\n      return 1\n", "  def one():\n      return 9\n", "def one():\n    return 9\n\n\ndef two"),
        ("     1\tdef one():\n     2\t    return 1", "     1\tdef one():\n     2\t    return 9", "def one():\n"),
    ],
)  # fmt: skip
def test_text_with_a_small_fault_is_found_where_one_place_fits(
    bench: Bench, project: Path, old: str, new: str, after: str
) -> None:
    result = bench.use("edit", path="src/a.py", old_string=old, new_string=new)
    assert result.ok, result.text
    assert (project / "src" / "a.py").read_text().startswith(after)
    assert "was found with" in result.text


def test_loose_readings_never_choose(bench: Bench, project: Path) -> None:
    (project / "twice.py").write_text("if a:\n    go()\nif b:\n        go()\n")
    result = bench.use("edit", path="twice.py", old_string="  go() ", new_string="stop()")
    assert not result.ok
    assert "lines 2, 4" in result.text


def test_a_file_that_changed_since_it_was_read_is_not_touched(bench: Bench, project: Path) -> None:
    target = project / "src" / "a.py"
    bench.use("read", path="src/a.py")
    target.write_text("def one():\n    return 1  # mine\n")
    for result in (
        bench.use("edit", path="src/a.py", old_string="def one", new_string="def uno"),
        bench.use("write", path="src/a.py", content="gone"),
        bench.use("apply_patch", patch="*** Begin Patch\n*** Delete File: src/a.py\n*** End Patch"),
    ):
        assert not result.ok
        assert "changed since you read it" in result.text
    assert "mine" in target.read_text()
    bench.use("read", path="src/a.py")
    assert bench.use("edit", path="src/a.py", old_string="def one", new_string="def uno").ok


def test_write_creates_folders_and_wants_to_have_read_what_it_replaces(bench: Bench, project: Path) -> None:
    assert bench.use("write", path="new/deep/file.txt", content="hello\n").ok
    assert (project / "new" / "deep" / "file.txt").read_text() == "hello\n"
    assert bench.use("write", path="new/deep/file.txt", content="again\n").ok
    assert "have not read it" in bench.use("write", path="src/b.txt", content="x").text
    bench.use("read", path="src/b.txt")
    assert bench.use("write", path="src/b.txt", content="x\ny\n").ok
    assert (project / "src" / "b.txt").read_bytes() == b"x\r\ny\r\n"


def test_nothing_is_written_without_permission_and_the_diff_is_shown(project: Path, tmp_path: Path) -> None:
    bench = Bench(project, tmp_path / "home", allow=False)
    before = (project / "src" / "a.py").read_bytes()
    assert not bench.use("edit", path="src/a.py", old_string="return 1", new_string="return 9").ok
    assert not bench.use("write", path="fresh.txt", content="x").ok
    assert (project / "src" / "a.py").read_bytes() == before
    assert not (project / "fresh.txt").exists()
    assert bench.taken == []
    asked = bench.permits.asked[0]
    assert (asked.tool, asked.target, asked.paths, asked.writes) == (
        "edit", "src/a.py", (project / "src" / "a.py",), True,
    )  # fmt: skip
    assert "-    return 1\n+    return 9\n" in asked.preview


def test_a_link_is_followed_inside_and_asked_for_outside(bench: Bench, project: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("theirs")
    (project / "out.txt").symlink_to(tmp_path / "outside.txt")
    (project / "in.txt").symlink_to("src/a.py")
    bench.use("edit", path="out.txt", old_string="theirs", new_string="ours")
    assert bench.permits.asked[-1].paths == (tmp_path / "outside.txt",)
    assert bench.use("edit", path="in.txt", old_string="return 1", new_string="return 9").ok
    assert (project / "in.txt").is_symlink()
    assert "return 9" in (project / "src" / "a.py").read_text()


def test_a_directory_that_becomes_a_link_after_the_check_is_not_followed(project: Path, tmp_path: Path) -> None:
    from rlm_tui.errors import ToolError
    from rlm_tui.workspace.atomic import write_file

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = project / "src" / "a.py"
    os.rename(project / "src", project / "moved")  # noqa: PTH104
    (project / "src").symlink_to(elsewhere)
    with pytest.raises(ToolError, match="cannot be written"):
        write_file(target, b"escaped")
    assert list(elsewhere.iterdir()) == []


def test_no_leftovers_when_a_write_fails(bench: Bench, project: Path) -> None:
    (project / "dir").mkdir()
    assert not bench.use("write", path="dir", content="x").ok
    assert not bench.use("write", path="src/a.py/b", content="x").ok
    assert not list(project.rglob("*.tmp"))


def test_a_patch_is_all_or_nothing(bench: Bench, project: Path) -> None:
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    patch = (
        "*** Begin Patch\n*** Add File: made.txt\n+x\n*** Update File: src/a.py\n@@\n-    return 1\n+    return 9\n"
        "*** Update File: src/b.txt\n@@\n-nowhere\n+x\n*** End Patch"
    )
    result = bench.use("apply_patch", patch=patch)
    assert not result.ok
    assert "chunk 1 is not in the file" in result.text
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before
    good = bench.use("apply_patch", patch=patch.replace("-nowhere\n", "-zwei\n"))
    assert good.ok, good.text
    assert (project / "src" / "b.txt").read_bytes() == "größe\r\nx\r\n".encode()
    assert len(bench.permits.asked) == 1
    assert len(bench.taken) == 1


def test_a_patch_that_fails_while_writing_is_taken_back(bench: Bench, project: Path) -> None:
    before = (project / "src" / "a.py").read_bytes()
    patch = (
        "*** Begin Patch\n*** Update File: src/a.py\n@@\n-    return 1\n+    return 9\n"
        "*** Add File: pic.png/under.txt\n+x\n*** End Patch"
    )
    assert not bench.use("apply_patch", patch=patch).ok
    assert (project / "src" / "a.py").read_bytes() == before
