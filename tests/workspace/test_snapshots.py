"""Snapshots: bounded on the disk, whole or nothing when written back, and no git is needed or touched."""

import random
import subprocess
from pathlib import Path

import pytest

from rlm_tui.errors import ToolError
from rlm_tui.workspace.snapshots import Change, SnapshotStore, make_changes, take_steps


def test_what_is_kept_is_bounded_and_the_newest_stays(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path / "kept", max_bytes=60_000)
    target = tmp_path / "file.bin"
    before = None
    names = []
    for number in range(8):
        after = random.Random(number).randbytes(20_000)
        names.append(store.keep([Change(target, before, after)]))
        make_changes([Change(target, before, after)])
        before = after
    assert store.size <= 60_000 + 25_000
    assert store.plan(names[-1:], undo=True)
    with pytest.raises(ToolError, match="not kept any more"):
        store.plan(names[:1], undo=True)


def test_a_failure_halfway_puts_back_what_was_written(tmp_path: Path) -> None:
    first = tmp_path / "a.txt"
    first.write_text("before")
    (tmp_path / "blocked").write_text("a file, not a folder")
    with pytest.raises(ToolError, match="cannot be written"):
        make_changes(
            [Change(first, b"before", b"after", 0o644, 0o644), Change(tmp_path / "blocked" / "b.txt", None, b"x")]
        )
    assert first.read_text() == "before"


def test_several_changes_of_one_file_go_back_to_the_first(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path / "kept")
    target = tmp_path / "a.txt"
    names = []
    for before, after in ((None, b"1"), (b"1", b"2"), (b"2", None)):
        names.append(store.keep([Change(target, before, after)]))
        make_changes([Change(target, before, after)])
    assert store.plan(names, undo=True) == []
    steps = store.plan(names[1:], undo=True)
    assert [(step.now, step.then, step.conflict) for step in steps] == [(None, b"1", False)]
    take_steps(steps)
    assert target.read_bytes() == b"1"


def test_a_damaged_blob_changes_nothing(tmp_path: Path) -> None:
    store = SnapshotStore(tmp_path / "kept")
    target = tmp_path / "a.txt"
    target.write_bytes(b"after")
    name = store.keep([Change(target, b"before", b"after")])
    for blob in (tmp_path / "kept").iterdir():
        if blob.suffix != ".json":
            blob.write_bytes(b"garbage")
    with pytest.raises(ToolError, match="damaged"):
        store.plan([name], undo=True)
    assert target.read_bytes() == b"after"


def test_the_persons_git_sees_the_change_and_nothing_else(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "a.txt").write_text("one\n")

    def git(*words: str) -> str:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        return subprocess.run(
            ["git", *identity, *words], cwd=project, check=True, capture_output=True, text=True
        ).stdout  # fmt: skip

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    index = (project / ".git" / "index").read_bytes()
    objects = sorted(path.name for path in (project / ".git" / "objects").rglob("*"))
    store = SnapshotStore(tmp_path / "kept")
    change = Change(project / "a.txt", b"one\n", b"two\n", 0o644, 0o644)
    name = store.keep([change])
    make_changes([change])
    take_steps(store.plan([name], undo=True))
    assert (project / ".git" / "index").read_bytes() == index
    assert sorted(path.name for path in (project / ".git" / "objects").rglob("*")) == objects
    assert git("status", "--porcelain") == ""
