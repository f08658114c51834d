"""A project's corpus: what is read when, what survives a stop, and what two processes make of one project."""

import gc
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rlm_tui.context.corpus import (
    BUSY,
    FIRST_SEGMENT_CHARS,
    SEGMENT_CHARS,
    Corpus,
    IngestProgress,
    RefreshReport,
    needs_confirmation,
    project_key,
)
from rlm_tui.context.entry import LeftOut
from rlm_tui.context.ignore import IgnoreRules
from rlm_tui.context.layout import SegmentRef
from rlm_tui.context.refresh import LISTING, MAX_SMALL_SEGMENTS
from rlm_tui.context.segment import Segment
from rlm_tui.context.store import ContextStore
from rlm_tui.errors import ContextError

RULES = IgnoreRules(use_git=False)


@dataclass
class Project:
    """A project on disk, its corpus, and what the last refresh handed over."""

    root: Path
    home: Path
    handed: list[SegmentRef] = field(default_factory=list)
    sizes: tuple[int, int] = (FIRST_SEGMENT_CHARS, SEGMENT_CHARS)

    def put(self, name: str, text: str | bytes = "text\n", *, age_s: float = 100.0) -> Path:
        """Write a file as if some time ago, so that its time alone settles whether it changed."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        when = path.stat().st_mtime - age_s
        os.utime(path, (when, when))
        return path

    @property
    def corpus(self) -> Corpus:
        first, later = self.sizes
        return Corpus(self.home, self.root, first_segment_chars=first, segment_chars=later)

    def refresh(
        self,
        *,
        rules: IgnoreRules = RULES,
        cancel_after: int = -1,
        force: bool = False,
        max_file_bytes: int = 10_000_000,
    ) -> RefreshReport:
        self.handed = []
        cancel = threading.Event()

        def on_segment(ref: SegmentRef) -> None:
            self.handed.append(ref)
            if len(self.handed) == cancel_after:
                cancel.set()

        return self.corpus.refresh(
            rules=rules, on_segment=on_segment, cancel=cancel, force=force, max_file_bytes=max_file_bytes
        )

    def texts(self) -> dict[str, str]:
        """Read back every live entry that the last refresh handed over; each label must come once."""
        found: dict[str, str] = {}
        for ref in self.handed:
            segment = Segment.open(self.home / ref.path)
            for first, last in ref.live:
                for seq in range(first, last + 1):
                    label = segment.table.label[seq]
                    assert label not in found
                    found[label] = segment.text(seq)
            segment.close()
        return found

    def files(self) -> list[Path]:
        return sorted(path for path in self.corpus.segments_directory.iterdir())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    return Project(root, tmp_path / "home")


@pytest.fixture
def small(project: Project) -> Project:
    """A project with segments of some hundred characters, so that a few small files make several."""
    project.sizes = (100, 400)
    return project


def test_the_first_refresh_stores_every_text(project: Project) -> None:
    texts = {"a.py": "x = 1\r\n", "b/grün.md": "漢字 🙂\n", "empty": "", "z.txt": "last"}
    for name, text in texts.items():
        project.put(name, text)
    report = project.refresh()
    assert project.texts() == texts
    assert (report.files, report.chars, report.changed, report.removed) == (4, sum(map(len, texts.values())), 4, 0)
    (ref,) = report.segments
    assert ref.source == str(project.root.resolve())
    assert ref.live == ((0, 3),)
    assert ref.path == f"corpora/{project_key(project.root)}/segments/{ref.segment}.duckdb"


def test_opening_again_writes_and_reads_nothing(project: Project) -> None:
    project.put("a.py")
    secret_of_reading = project.put("b.py", "b" * 50)
    first = project.refresh()
    before = [(path, path.stat().st_mtime_ns) for path in [*project.files(), project.corpus.manifest_path]]
    stamp = secret_of_reading.stat()
    secret_of_reading.write_bytes(b"c" * 50)  # same size and, below, the same time: only reading would tell
    os.utime(secret_of_reading, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    second = project.refresh()
    assert second.segments == first.segments
    assert second.changed == second.removed == 0
    assert project.texts()["b.py"] == "b" * 50
    assert before == [(path, path.stat().st_mtime_ns) for path, _ in before]


def test_only_what_changed_goes_to_a_new_segment(project: Project) -> None:
    for name in ("a", "b", "c", "d"):
        project.put(name, f"{name} one, and some more of it\n" * 9)
    project.refresh()
    project.put("b", "b two\n", age_s=50)
    (project.root / "c").rename(project.root / "e")
    (project.root / "d").unlink()
    project.put("f", "new\n")
    report = project.refresh()
    assert project.texts() == {
        "a": "a one, and some more of it\n" * 9,
        "b": "b two\n",
        "e": "c one, and some more of it\n" * 9,
        "f": "new\n",
    }
    assert (report.changed, report.removed) == (3, 2)
    assert project.handed == list(report.segments)


def test_existing_text_comes_first_with_what_is_still_current(project: Project) -> None:
    for name in ("a", "b", "c", "d", "e"):
        project.put(name, "much text\n" * 20)
    (old,) = project.refresh().segments
    project.put("b", "changed\n", age_s=50)
    project.refresh()
    assert project.handed[0].segment == old.segment
    assert project.handed[0].live == ((0, 0), (2, 4))
    assert (project.handed[0].entries, project.handed[0].chars) == (4, 4 * 200)
    assert project.handed[1].chars == 8


def test_a_touched_file_with_the_same_bytes_keeps_its_entry(project: Project) -> None:
    project.put("a")
    first = project.refresh()
    project.put("a", age_s=10)
    second = project.refresh()
    assert second.segments == first.segments
    assert second.changed == 0


def test_a_file_written_while_it_was_read_is_read_again(project: Project) -> None:
    path = project.put("a", "one", age_s=0)
    stamp = path.stat()
    project.refresh()
    path.write_text("two")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert project.refresh().changed == 1
    assert project.texts() == {"a": "two"}


def test_what_has_no_text_is_listed_with_its_reason(project: Project) -> None:
    project.put("binary.dat", b"\x00\x01")
    project.put("large.txt", "x" * 2_000)
    project.put(".env", "TOKEN=1")
    project.put("key.txt", "-----BEGIN RSA PRIVATE KEY-----\nabc")
    project.put("node_modules/a.js")
    project.put("latin.txt", b"caf\xe9 \xe0 la carte")
    (project.root / "link").symlink_to("nowhere")
    expected = {
        LeftOut("binary.dat", "binary", 2),
        LeftOut("large.txt", "over 1 KB", 2_000),
        LeftOut(".env", "secret", 7),
        LeftOut("key.txt", "secret", 35),
        LeftOut("node_modules/", "generated tree"),
        LeftOut("link", "broken link"),
    }
    for _ in range(2):
        report = project.refresh(max_file_bytes=1_000)
        assert set(report.left_out) == set(project.corpus.left_out) == expected
        assert report.left_out_total == project.corpus.totals.left_out == 6
        assert report.left_out_counts["secret"] == 2
        assert report.notes == (("latin.txt", "not UTF-8, read as Windows-1252"),)
        assert project.texts() == {"latin.txt": "café à la carte"}


def test_rules_that_let_more_in_are_obeyed_at_once(project: Project) -> None:
    project.put(".env", "TOKEN=1")
    project.put("key.txt", "-----BEGIN RSA PRIVATE KEY-----\nabc")
    project.put("large.txt", "x" * 2_000)
    assert project.refresh(max_file_bytes=1_000).files == 0
    assert project.handed == []
    report = project.refresh(rules=IgnoreRules(secrets=True, use_git=False))
    assert set(project.texts()) == {".env", "key.txt", "large.txt"}
    assert report.left_out == ()


def test_names_with_odd_bytes_become_safe_labels(project: Project) -> None:
    for raw in (b"caf\xe9", b"line\nfeed", b"esc\x1b[0m"):
        Path(os.fsdecode(os.fsencode(project.root) + b"/" + raw)).write_bytes(raw)
    project.refresh()
    assert set(project.texts()) == {"caf\\xe9", "line\\x0afeed", "esc\\x1b[0m"}
    assert project.refresh().changed <= 3


def test_the_first_segment_is_small_and_each_is_handed_over_as_it_is_ready(small: Project) -> None:
    for number in range(20):
        small.put(f"{number:02}", "x" * 60)
    seen: list[int] = []
    small.corpus.refresh(rules=RULES, on_segment=lambda ref: seen.append(len(small.corpus.segments)))
    assert seen == [1, 2, 3, 4]
    assert [ref.chars for ref in small.corpus.segments] == [120, 420, 420, 240]


def test_a_stopped_refresh_goes_on_after_the_last_segment(small: Project) -> None:
    names = [f"{number:02}" for number in range(20)]
    for name in names:
        small.put(name, name * 30)
    report = small.refresh(cancel_after=2)
    assert report.cancelled
    assert [ref.chars for ref in report.segments] == [120, 420]
    assert set(small.texts()) == set(names[:9])
    assert not any(".tmp" in path.name for path in small.files())
    report = small.refresh()
    assert not report.cancelled
    assert report.changed == 11
    assert small.texts() == {name: name * 30 for name in names}


def test_a_refresh_stopped_from_the_start_keeps_what_is_there(project: Project) -> None:
    project.put("a")
    first = project.refresh()
    cancel = threading.Event()
    cancel.set()
    report = project.corpus.refresh(rules=RULES, cancel=cancel)
    assert report.cancelled
    assert report.segments == first.segments


def test_a_killed_process_leaves_nothing_in_the_way(project: Project) -> None:
    for number in range(3):
        project.put(f"{number}", "x" * 60)
    code = f"""
import os
from pathlib import Path
from rlm_tui.context.corpus import Corpus
from rlm_tui.context.refresh import SEALING
sealing = []
def on_progress(progress):
    sealing.append(progress.detail == SEALING)
    if sum(sealing) == 2:
        os._exit(7)
corpus = Corpus(Path({str(project.home)!r}), Path({str(project.root)!r}), first_segment_chars=50)
corpus.refresh(on_progress=on_progress)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 7
    assert any(".tmp" in path.name for path in project.files())
    assert project.refresh().changed == 2
    assert set(project.texts()) == {"0", "1", "2"}
    assert not any(".tmp" in path.name for path in project.files())


def test_a_second_process_waits_and_says_so_or_uses_what_is_there(project: Project) -> None:
    project.put("a")
    first = project.refresh()
    inside, go_on = threading.Event(), threading.Event()

    def hold(_: SegmentRef) -> None:
        inside.set()
        go_on.wait(10)

    holder = threading.Thread(target=lambda: project.corpus.refresh(rules=RULES, on_segment=hold))
    holder.start()
    assert inside.wait(10)
    used = project.corpus.refresh(rules=RULES, if_busy="use")
    assert (used.busy, used.segments) == (True, first.segments)
    said: list[str] = []

    def listen(progress: IngestProgress) -> None:
        said.append(progress.detail)
        go_on.set()

    waited = project.corpus.refresh(rules=RULES, on_progress=listen)
    holder.join(10)
    assert said[0] == BUSY
    assert (waited.busy, waited.segments) == (False, first.segments)


def test_two_processes_at_once_store_every_file_once(project: Project) -> None:
    for number in range(200):
        project.put(f"{number:03}", f"file {number}\n" * 10)
    code = (
        "import sys; from pathlib import Path; from rlm_tui.context.corpus import Corpus;"
        "print(Corpus(Path(sys.argv[1]), Path(sys.argv[2])).refresh().changed)"
    )
    command = [sys.executable, "-c", code, str(project.home), str(project.root)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    changed = sorted(int(process.communicate(timeout=60)[0]) for process in running)
    assert changed == [0, 200]
    assert project.refresh().changed == 0
    assert len(project.texts()) == 200


def test_many_small_segments_are_merged(small: Project) -> None:
    small.put("00", "x" * 500)
    for number in range(1, MAX_SMALL_SEGMENTS + 2):
        small.put(f"{number:02}", "x" * 20)
        small.refresh()
    large = small.handed[0].segment
    assert len(small.handed) == MAX_SMALL_SEGMENTS + 2
    before = small.texts()
    report = small.refresh()
    assert len(report.segments) == 2
    assert report.segments[0].segment == large
    assert report.changed == 0
    assert small.texts() == before


def test_a_mostly_dead_corpus_is_written_anew(project: Project) -> None:
    for name in "abcdef":
        project.put(name, name * 100)
    (old,) = project.refresh().segments
    for name in "abcd":
        (project.root / name).unlink()
    report = project.refresh()
    assert [ref.live for ref in report.segments] == [((0, 1),)]
    assert report.segments[0].segment != old.segment
    assert (report.changed, report.removed) == (0, 4)
    assert project.texts() == {"e": "e" * 100, "f": "f" * 100}


def test_a_merge_that_is_stopped_loses_nothing(small: Project) -> None:
    for name in "abcdefghijklmnop":
        small.put(name, name * 100)
    small.refresh()
    for name in "abdefhijlmnp":
        small.put(name, "new" * 40, age_s=50)
    report = small.refresh(cancel_after=1)
    assert report.cancelled
    small.refresh()
    texts = small.texts()
    assert len(texts) == 16
    assert {name for name, text in texts.items() if text == name * 100} == set("cgko")


def test_segments_no_longer_needed_stay_until_they_are_pruned(project: Project) -> None:
    project.put("a", "one")
    (old,) = project.refresh().segments
    project.put("a", "two", age_s=50)
    (new,) = project.refresh().segments
    assert (project.home / old.path).exists()
    assert project.corpus.prune({old.segment}, min_age_s=-1) == 0
    assert project.corpus.prune(set()) == 0  # too young
    before = project.corpus.size_on_disk
    freed = project.corpus.prune(set(), min_age_s=-1)
    assert freed > 0
    assert project.corpus.size_on_disk == before - freed
    assert not (project.home / old.path).exists()
    assert (project.home / new.path).exists()


def test_a_segment_that_is_open_or_was_current_just_now_is_not_pruned(project: Project) -> None:
    project.put("a", "one")
    (old,) = project.refresh().segments
    os.utime(project.home / old.path, (1, 1))  # made long ago
    project.put("a", "two", age_s=50)
    project.refresh()
    assert project.corpus.prune(set()) == 0
    os.utime(project.home / old.path, (1, 1))
    opened = ContextStore(project.home)
    opened.attach(old)
    assert project.corpus.prune(set()) == 0
    assert opened.find("one").total_found == 1
    opened.close()
    del opened
    gc.collect()
    assert project.corpus.prune(set()) > 0


def test_a_segment_that_is_missing_is_read_again(project: Project) -> None:
    project.put("a", "one")
    project.put("b", "two")
    (ref,) = project.refresh().segments
    (project.home / ref.path).unlink()
    project.refresh()
    assert project.texts() == {"a": "one", "b": "two"}


def test_a_damaged_manifest_is_set_aside_and_a_newer_one_refused(project: Project) -> None:
    project.put("a", "one")
    project.refresh()
    path = project.corpus.manifest_path
    path.write_text(path.read_text()[:-20])
    project.refresh()
    assert project.texts() == {"a": "one"}
    assert list(path.parent.glob("manifest.json.damaged-*"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(ContextError, match="newer version"):
        project.refresh()
    assert json.loads(path.read_text())["format"] == 99


def test_force_reads_everything_anew(project: Project) -> None:
    project.put("a", "one")
    (old,) = project.refresh().segments
    (new,) = project.refresh(force=True).segments
    assert new.segment != old.segment
    assert project.texts() == {"a": "one"}


def test_one_file_is_a_corpus_of_one(project: Project) -> None:
    path = project.put("notes.md", "alone")
    project.put("other.md", "not this")
    alone = Project(path, project.home)
    alone.refresh()
    assert alone.texts() == {"notes.md": "alone"}
    assert alone.corpus.sources == [str(path)]


def test_progress_counts_files_and_bytes_up_to_the_totals(project: Project) -> None:
    for number in range(300):
        project.put(f"{number}", "x" * 100)
    seen: list[IngestProgress] = []
    project.corpus.refresh(rules=RULES, on_progress=seen.append)
    assert seen[0].detail == LISTING
    last = seen[-1]
    assert (last.files_done, last.files_total, last.bytes_done, last.bytes_total) == (300, 300, 30_000, 30_000)
    assert last.chars == 30_000


def test_a_root_that_does_not_exist_is_an_error(project: Project) -> None:
    with pytest.raises(ContextError, match="does not exist"):
        Corpus(project.home, project.root / "gone").refresh()


def test_a_home_that_cannot_be_written_is_an_error(project: Project) -> None:
    project.put("a")
    project.home.write_text("a file is in the way")
    with pytest.raises(ContextError, match="cannot be written"):
        project.refresh()


def test_keys_name_the_project_and_differ_by_place(tmp_path: Path) -> None:
    assert project_key(tmp_path / "My Project!").startswith("my-project-")
    assert project_key(tmp_path / "a") != project_key(tmp_path / "b" / "a")
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    assert project_key(tmp_path / "link") == project_key(tmp_path / "a")


def test_the_root_and_homes_ask_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "people" / "ann"
    (home / "project").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    assert "whole file system" in (needs_confirmation(Path("/")) or "")
    assert "a home directory" in (needs_confirmation(home) or "")
    assert "home directories" in (needs_confirmation(home.parent) or "")
    assert needs_confirmation(Path("/home/someone"))
    assert needs_confirmation(home / "project") is None
