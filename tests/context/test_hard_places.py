"""Hard places: a disk that fills up or cannot be written, huge lines, odd bytes, changing files, nonsense asked."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rlm_tui.context.corpus import Corpus
from rlm_tui.context.store import ContextStore
from rlm_tui.errors import ContextError, PatternError
from rlm_tui.events import ENTRY_KINDS
from rlm_tui.session.session import Session

_FULL = """
import json, sys
from pathlib import Path
from rlm_tui.context.corpus import Corpus
from rlm_tui.errors import ContextError, SessionError
from rlm_tui.session.session import Session
disk, project = Path(sys.argv[1]), Path(sys.argv[2])
told = {}
session = Session.create(disk / "sessions", disk, project=project, model="offline")
filler = disk / "filler"
kept = []
for number in range(5):
    kept.append(session.append_entry("tool", "bash", f"before {number} " * 50).number)
session.barrier()
with filler.open("wb", buffering=0) as file:
    try:
        while file.write(b"x" * 4096) == 4096:
            pass
    except OSError:
        pass
try:
    Corpus(disk, project).refresh()
except ContextError as error:
    told["ingest"] = str(error)
for number in range(3):
    kept.append(session.append_entry("tool", "bash", f"during {number} " * 500).number)
told["log"] = session.problem
try:
    session.barrier()
except SessionError as error:
    told["barrier"] = str(error)
filler.unlink()
session.barrier()
told["log after"] = session.problem
for number in range(2):
    session.append_entry("tool", "bash", f"after {number}")
told["chars"] = session.context.chars
session.close()
again = Session.resume(session.directory, disk)
told["chars again"] = again.context.chars
told["missing"] = again.missing
told["found"] = [again.context.find(word).total_found for word in ("before 4", "during 2", "after 1")]
again.close()
report = Corpus(disk, project).refresh()
told["ingested"] = report.files
print(json.dumps(told))
"""


def _in_small_disk(program: str, *arguments: str) -> str:
    """Run a program in a mount namespace of its own, where `/mnt` is a disk of a few megabytes."""
    mount = 'mount -t tmpfs -o size=8m none /mnt && exec "$0" -c "$1" /mnt "${@:2}"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "bash", "-c", mount, sys.executable, program]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=120, check=False)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no disk of its own can be had here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_disk_that_fills_up_shortens_nothing_and_work_goes_on_when_there_is_room(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("alpha = 1\n" * 5_000)
    told = json.loads(_in_small_disk(_FULL, str(tmp_path)))
    assert "Free some space" in told["ingest"]
    assert "full" in told["log"]
    assert "full" in told["barrier"]
    assert told["log after"] == ""
    assert told["missing"] == []
    assert told["chars again"] == told["chars"]
    assert told["found"] == [50, 500, 1]
    assert told["ingested"] == 1


def test_a_data_folder_that_cannot_be_made_gives_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "a.py").write_text("alpha")
    with pytest.raises(ContextError, match="cannot be written"):
        Corpus(tmp_path / "file", tmp_path / "project").refresh()


@pytest.fixture(scope="module")
def huge(tmp_path_factory: pytest.TempPathFactory) -> ContextStore:
    """One line of 60 million characters between two short entries."""
    store = ContextStore(tmp_path_factory.mktemp("huge"))
    store.append("file", "first", "short\n")
    store.append("file", "line", "ab cd東" * 12_000_000)
    store.append("file", "last", "needle\n")
    return store


def test_a_line_of_sixty_million_characters(huge: ContextStore) -> None:
    assert huge.chars == 72_000_013
    assert huge.read(6 + 59_999_995, 6) == "b cd東a"
    hit = huge.find("needle").hits[0]
    assert (hit.offset, hit.line, hit.column) == (72_000_006, 1, 1)
    reply = huge.search("東ab cd東ab", max_results=3)
    assert [(hit.offset, hit.line, hit.column) for hit in reply.hits] == [(11, 1, 6), (23, 1, 18), (35, 1, 30)]
    assert all(len(hit.snippet) <= 200 for hit in reply.hits)
    assert huge.search("x{3}y", deadline_ms=3_000).total_found == 0


@pytest.mark.parametrize("offset", [-1, -(10**9), 72_000_014, 10**18])
def test_offsets_outside_the_context_are_refused_with_its_size(huge: ContextStore, offset: int) -> None:
    with pytest.raises(ContextError, match=r"count from 0|72.?000.?013"):
        huge.read(offset, 10)


def test_reading_past_the_end_gives_what_there_is(huge: ContextStore) -> None:
    assert huge.read(huge.chars - 3, 10**12) == "le\n"


@pytest.mark.parametrize(
    ("pattern", "said"),
    [("", "empty"), ("(", "position"), ("a{2,1}", "repe"), ("[z-a]", "position"), ("\ud800", "surrogate")],
)
def test_a_pattern_that_cannot_be_says_where_and_why(huge: ContextStore, pattern: str, said: str) -> None:
    with pytest.raises(PatternError, match=said):
        huge.search(pattern)


def test_counting_alone_and_asking_for_nothing(huge: ContextStore) -> None:
    reply = huge.find("short", max_results=0)
    assert (reply.total_found, reply.hits) == (1, ())
    with pytest.raises(ContextError, match="0 or more"):
        huge.find("short", max_results=-1)


def test_nul_bytes_and_lone_surrogates_are_text_like_any_other(tmp_path: Path) -> None:
    session = Session.create(tmp_path / "s", tmp_path, project=tmp_path, model="offline")
    session.append_entry("tool", "od\0d \udc80", "a\0b\udcffc needle")
    assert session.context.search(r"a\x00b").total_found == 1
    session.close()
    again = Session.resume(session.directory, tmp_path)
    assert again.context.read(0, 99) == "a\0b\ufffdc needle"
    again.close()
    assert "user" in ENTRY_KINDS


def test_a_second_writer_of_a_session_is_refused_and_readers_are_not(tmp_path: Path) -> None:
    session = Session.create(tmp_path / "s", tmp_path, project=tmp_path, model="offline")
    session.append_entry("user", "#1", "hello")
    program = (
        "import sys; from pathlib import Path; from rlm_tui.session.session import Session, fold_log;"
        "from rlm_tui.session.state import SessionState; from rlm_tui.context.store import ContextStore;"
        "store = ContextStore(Path(sys.argv[2]));"
        "fold_log(Path(sys.argv[1]), Path(sys.argv[2]), SessionState(), store);"
        "print(store.read(0, 9)); store.close(); Session.resume(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(session.directory), str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "hello\n"
    assert "is open in another rlm-tui" in done.stderr
    session.append_entry("user", "#2", "still here")
    session.close()


def test_files_that_change_and_vanish_while_they_are_read(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for number in range(300):
        (project / f"{number:03d}.txt").write_text("x" * 2_000)
    over = threading.Event()

    def disturb() -> None:
        number = 0
        while not over.is_set():
            path = project / f"{number % 150:03d}.txt"
            if number % 3 == 0:
                path.unlink(missing_ok=True)
            else:
                path.write_text("y" * (1_000 + number % 700))
            number += 1

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        report = Corpus(tmp_path, project).refresh()
    finally:
        over.set()
        thread.join()
    store = ContextStore(tmp_path)
    store.attach_all(report.segments)
    texts = {entry.label: store.read(entry.start, entry.chars) for entry in store.entries(limit=1_000)}
    store.close()
    assert all(len(set(text)) <= 1 for text in texts.values())
    assert set(texts) >= {f"{number:03d}.txt" for number in range(150, 300)}
    final = Corpus(tmp_path, project).refresh()
    assert final.files == len(os.listdir(project))  # noqa: PTH208
