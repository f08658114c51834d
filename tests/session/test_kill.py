"""kill -9 at any moment: what was acknowledged is there, whole, at the offsets it had.

A few kills run with the suite; `RLM_TUI_KILLS=200 python -m pytest tests/session/test_kill.py` runs more, and `-s`
shows how many there were and what was lost.
"""

import hashlib
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rlm_tui.context.corpus import Corpus
from rlm_tui.context.store import ContextStore
from rlm_tui.session.session import Session

KILLS = int(os.environ.get("RLM_TUI_KILLS", "4"))
_READY_S = 30.0

_WRITER = """
import asyncio, hashlib, random, sys
from pathlib import Path
from rlm_tui.session import sealing, session as sessions
sealing.SEAL_CHARS = 200_000
home, seed = Path(sys.argv[1]), int(sys.argv[2])
pick = random.Random(seed)
folder = home / "sessions" / "killed"
if (folder / "events.jsonl").exists():
    session = sessions.Session.resume(folder, home)
else:
    session = sessions.Session.create(home / "sessions", home, project=home, model="offline")
    session.directory.rename(folder); session.close_files()
    session = sessions.Session.resume(folder, home)
print("missing", *session.missing, flush=True)
async def write():
    while True:
        size = int(pick.lognormvariate(8, 1.8)) + 1
        text = ("".join(pick.choices("abcdef ghi\\n\\U0001f600é中", k=min(size, 300))) * (size // 300 + 1))[:size]
        entry = session.append_entry("tool", "bash", text)
        session.barrier()
        sha = hashlib.sha256(text.encode()).hexdigest()
        print("acked", entry.number, entry.start, len(text), sha, flush=True)
        if entry.number % 7 == 0:
            await session.seal()
asyncio.run(write())
"""

_INGESTER = """
import sys
from pathlib import Path
from rlm_tui.context.corpus import Corpus
print("begin", flush=True)
Corpus(Path(sys.argv[1]), Path(sys.argv[2]), first_segment_chars=20_000, segment_chars=60_000).refresh()
print("done", flush=True)
"""


def _killed_after(program: str, arguments: list[str], seconds: float) -> Iterator[str]:
    """Yield the lines a program prints until it is killed, `seconds` after its first."""
    with subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        descriptor = process.stdout.fileno()
        kept, end = b"", time.monotonic() + _READY_S
        while (left := end - time.monotonic()) > 0 and process.poll() is None:
            if select.select([descriptor], [], [], left)[0]:
                piece = os.read(descriptor, 65_536)
                if not kept and piece:
                    end = time.monotonic() + seconds
                kept += piece
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        kept += process.stdout.read()
        yield from kept.decode().splitlines()


def test_killed_while_appending_and_sealing(tmp_path: Path) -> None:
    pick = random.Random(5)
    acked: dict[int, tuple[int, int, str]] = {}
    for number in range(KILLS):
        for line in _killed_after(_WRITER, [str(tmp_path), str(number)], 0.05 + pick.random() ** 3 * 3):
            word, *rest = line.split()
            if word == "missing":
                assert rest == []
            elif word == "acked" and len(rest) == 4:
                acked[int(rest[0])] = (int(rest[1]), int(rest[2]), rest[3])
        again = Session.resume(tmp_path / "sessions" / "killed", tmp_path)
        for entry, (start, chars, sha) in acked.items():
            found = again.context.entry(entry)
            assert (found.start, found.chars) == (start, chars)
            assert hashlib.sha256(again.context.read(start, chars).encode()).hexdigest() == sha
        again.close()
    sealed = len(list((tmp_path / "sessions" / "killed" / "segments").glob("[!.]*.duckdb")))
    print(f"{KILLS} kills, {len(acked)} acknowledged entries, none lost; {sealed} segments sealed")  # noqa: T201 - shown with -s
    assert len(acked) > KILLS


def test_killed_while_reading_a_project(tmp_path: Path) -> None:
    pick = random.Random(9)
    project = tmp_path / "project"
    project.mkdir()
    texts = {f"file{number:03d}.txt": f"text {number} " * 400 for number in range(120)}
    for name, text in texts.items():
        (project / name).write_text(text)
    finished = 0
    for number in range(KILLS):
        (project / "file000.txt").write_text(texts["file000.txt"] + "x" * number)
        lines = list(_killed_after(_INGESTER, [str(tmp_path), str(project)], pick.random() * 0.5))
        finished += "done" in lines
    texts["file000.txt"] += "x" * (KILLS - 1)
    corpus = Corpus(tmp_path, project)
    report = corpus.refresh()
    store = ContextStore(tmp_path)
    store.attach_all(report.segments)
    found = {entry.label: store.read(entry.start, entry.chars) for entry in store.entries(limit=1_000)}
    store.close()
    assert found == texts
    assert not list(corpus.segments_directory.glob(".*"))
    print(f"{KILLS} kills of an ingest, {finished} of them after its end; every text whole")  # noqa: T201 - shown with -s
