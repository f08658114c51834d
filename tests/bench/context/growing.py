"""Reading at random, appending durably, opening again, and what all of it weighs."""

import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from rlm_tui.context.corpus import Corpus as ProjectCorpus
from rlm_tui.context.store import ContextStore
from rlm_tui.session.session import Session
from tests.bench.context.corpus import Corpus
from tests.bench.context.measuring import Row, Times, memory_mib, synced_write, timed


def reads(store: ContextStore, runs: int = 2_000) -> Iterator[Row]:
    """4,000 characters anywhere; each piece is compared with the same text read in larger steps."""
    pick = random.Random(3)
    offsets = [pick.randrange(max(1, store.chars - 4_000)) for _ in range(runs)]
    times = []
    for offset in offsets:
        began = time.perf_counter()
        text = store.read(offset, 4_000)
        times.append((time.perf_counter() - began) * 1000)
        if len(text) != min(4_000, store.chars):
            raise SystemExit(f"{len(text)} characters read at {offset}")
    for offset in offsets[:50]:
        low = max(0, offset - 30_000)
        if store.read(low, 64_000)[offset - low : offset - low + 4_000] != store.read(offset, 4_000):
            raise SystemExit(f"reading at {offset} is not exact")
    result = Times(tuple(sorted(times)))
    figure = f"p50 {result.median:.3f} ms, p99 {result.percentile(0.99):.3f} ms"
    yield Row("get_context, 4,000 characters at random", figure, "", "", "p99 0.3 ms", result.percentile(0.99) <= 0.3)


def appends(session: Session, folder: Path, runs: int = 300) -> Iterator[Row]:
    """10,000 characters, on the disk before the call returns; beside one raw write and fdatasync."""
    texts = [text for _, text in Corpus(runs * 10_000 + 1, seed=11).files()]
    whole = "".join(texts)
    mine, raw = [], []
    for number in range(runs):
        text = whole[number * 10_000 : (number + 1) * 10_000]
        began = time.perf_counter()
        session.append_entry("tool", "bash", text)
        session.barrier()
        mine.append((time.perf_counter() - began) * 1000)
        raw.append(timed(lambda text=text: synced_write(folder / "raw", text.encode()), 1).best)  # type: ignore[misc]  # bound now
    ours, theirs = Times(tuple(sorted(mine))), Times(tuple(sorted(raw)))
    p50, p99 = ours.median - theirs.median, ours.percentile(0.99) - theirs.percentile(0.99)
    yield Row(
        "append 10,000 characters, durable", f"p50 {ours.median:.2f} ms, p99 {ours.percentile(0.99):.2f} ms",
        f"write + fdatasync p50 {theirs.median:.2f} ms, p99 {theirs.percentile(0.99):.2f} ms",
        f"{ours.median / theirs.median:.2f}", "p50 +2 ms, p99 +20 ms", p50 <= 2 and p99 <= 20,
    )  # fmt: skip


def index_lag(session: Session, runs: int = 40) -> Iterator[Row]:
    """From the append of a 9,000-character entry until ranking finds it."""
    text = next(text for _, text in Corpus(400_000, seed=13).files() if len(text) > 9_000)[:9_000]
    times = []
    for number in range(runs):
        word = f"lagmark{number}"
        entry = session.append_entry("tool", "bash", f"{text} {word}")
        began = time.perf_counter()
        while not any(hit.entry == entry.number for hit in session.context.rank(word, max_results=1).hits):
            time.sleep(0.002)
        times.append((time.perf_counter() - began) * 1000)
    lag = Times(tuple(sorted(times)))
    figure = f"p50 {lag.median:.0f} ms, max {lag.values[-1]:.0f} ms"
    yield Row("append to ranked, 9,000 characters", figure, "", "", "50 ms an entry", lag.median <= 50)


def huge_entry(session: Session, chars: int) -> Iterator[Row]:
    """One entry of a quarter of the corpus: stored durably, then found."""
    text = next(text for label, text in Corpus(chars * 4, seed=17).files() if label == "logs/huge.log")[:chars]
    text += "\nLAST-LINE-OF-THE-HUGE-ENTRY\n"
    began = time.perf_counter()
    session.append_entry("tool", "huge", text)
    session.barrier()
    stored = time.perf_counter() - began
    reply = session.context.find("LAST-LINE-OF-THE-HUGE-ENTRY", max_results=1)
    searched = time.perf_counter() - began
    if reply.total_found != 1:
        raise SystemExit("the huge entry's last line was not found")
    yield Row(
        f"an entry of {len(text):,} characters, stored durably", f"{stored:.2f} s", "", "", "0.5 s", stored <= 0.5
    )
    yield Row("the same, searchable", f"{searched:.2f} s", "", "", "1 s", searched <= 1)


def opening(project: Path, home: Path, folder: Path) -> Iterator[Row]:
    """A session with the corpus and a tail of 8 million characters opened again; a lost tape written again."""
    session = Session.create(folder / "reopen", home, project=project, model="offline")
    for ref in ProjectCorpus(home, project).segments:
        session.attach(ref)
    whole = "".join(text for _, text in Corpus(8_000_000, seed=19).files())
    for start in range(0, len(whole), 20_000):
        session.append_entry("tool", "bash", whole[start : start + 20_000])
    session.close()
    began = time.perf_counter()
    again = Session.resume(session.directory, home)
    seconds = time.perf_counter() - began
    chars = again.context.chars
    again.close()
    yield Row(
        f"reopen {chars:,} characters, 8,000,000 in the tail",
        f"{seconds * 1000:.0f} ms",
        "",
        "",
        "300 ms",
        seconds <= 0.3,
    )
    shutil.rmtree(session.directory)
    corpus = ProjectCorpus(home, project)
    for tape in corpus.segments_directory.glob("*.tape"):
        tape.unlink()
    store = ContextStore(home)
    began = time.perf_counter()
    for ref in corpus.segments:
        store.attach(ref)
    seconds = time.perf_counter() - began
    store.close()
    yield Row("write all tapes again", f"{seconds:.2f} s", "", "", "3 s", seconds <= 3)


def memory_row(what: str, target: float | None = None) -> Row:
    """What this process weighs now."""
    anonymous, file = memory_mib()
    met = None if target is None else anonymous <= target
    shown = "" if target is None else f"{target:.0f} MiB anonymous"
    return Row(f"memory, {what}", f"{anonymous:.0f} MiB anonymous, {file:.0f} MiB file-backed", "", "", shown, met)
