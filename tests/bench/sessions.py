"""Replay and export of a long session: `python -m tests.bench.sessions [--events N] [--seeks N]`.

A made-up session of 100,000 records is opened for replay, sought in, and exported in each format in a process of its
own (time and peak memory of the whole process). The yardstick is reading and decoding the same log in the same
process. A page of a session of 2,000 messages is opened in headless Chromium, where there is one.
"""

import argparse
import gc
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rlm_tui.session.export.formats import FORMATS
from rlm_tui.session.log import LOG_NAME, read_log
from rlm_tui.session.replay.recording import Recording
from tests.support.generated_log import GeneratedLog, write_log

_EXPORT = """
import sys, time
from pathlib import Path
from rlm_tui.session.export.formats import pieces
from rlm_tui.session.export.reading import Exported
directory, kind = Path(sys.argv[1]), sys.argv[2]
start = time.perf_counter()
size = sum(len(piece) for piece in pieces(Exported(directory, directory.parent, environ={}), kind))
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(time.perf_counter() - start, int(peak.split()[1]) / 1024, size)
"""


def _row(name: str, figure: float, unit: str, target: float | None, beside: str, ratio: str) -> None:
    aim = "" if target is None else f"{target:g} {unit}" + ("" if figure <= target else ": MISSED")
    print(f"| {name} | {figure:,.3f} {unit} | {aim} | {beside} | {ratio} |", flush=True)


def _replay(directory: Path, seeks: int) -> float:
    """Print the rows of replay; return the seconds that reading the log takes."""
    gc.disable()  # as the screen does while it runs
    start = time.perf_counter()
    count = sum(1 for _ in read_log(directory / LOG_NAME))
    reading = time.perf_counter() - start
    start = time.perf_counter()
    recording = Recording.open(directory)
    opening = time.perf_counter() - start
    beside = f"reading the log {reading:.3f} s"
    _row(f"open {count:,} records", opening, "s", 1.5, beside, f"{opening / reading:.2f}")
    start = time.perf_counter()
    recording.prepare()
    _row("prepare it for seeking, beside playing", time.perf_counter() - start, "s", None, beside, "")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _row("memory of the program with it", memory, "MiB", None, "", "")
    gc.freeze()
    chance = random.Random(1)
    times = []
    for _ in range(seeks):
        moment = chance.randrange(len(recording))
        start = time.perf_counter()
        recording.state_at(moment)
        times.append((time.perf_counter() - start) * 1000)
        gc.collect()  # as the screen does between frames
    times.append(_longest(recording))
    _row("seek anywhere, median", statistics.median(times), "ms", 100, "", "")
    _row(f"seek anywhere, slowest of {len(times)}", max(times), "ms", 100, "", "")
    gc.enable()
    return reading


def _longest(recording: Recording) -> float:
    start = time.perf_counter()
    recording.state_at(len(recording) - 1)
    return (time.perf_counter() - start) * 1000


def _exports(directory: Path, reading: float) -> None:
    for kind in FORMATS:
        command = [sys.executable, "-c", _EXPORT, str(directory), kind]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        seconds, memory, size = map(float, printed.split())
        name = f"export {kind}, {size / 1_000_000:,.1f} MB"
        _row(name, seconds, "s", 5, f"reading the log {reading:.3f} s", f"{seconds / reading:.1f}")
        _row(f"export {kind}, peak memory", memory, "MiB", 300, "", "")


def _page(folder: Path, messages: int) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        print("| page in a browser | no Chromium here | 2 s | | |")
        return
    directory = write_log(folder / "page", GeneratedLog(messages * 19, 3))
    printed = subprocess.run(
        [sys.executable, "-m", "tests.bench.sessions", "--page", str(directory)], check=True, capture_output=True
    )
    page = folder / "page.html"
    page.write_bytes(printed.stdout)
    count = printed.stdout.count(b'class="user"') + printed.stdout.count(b'class="assistant"')
    empty = folder / "empty.html"
    empty.write_text("<!doctype html><title>empty</title>")
    times = {}
    for name in (empty, page):
        runs = []
        for number in range(3):
            command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/p{number}",
                       f"--screenshot={folder}/shot.png", "--window-size=1200,900", name.as_uri()]  # fmt: skip
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            runs.append(time.perf_counter() - start)
        times[name] = min(runs)
    own = times[page] - times[empty]
    _row(f"page of {count:,} messages in Chromium, beyond an empty page", own, "s", 2,
         f"empty page, whole process {times[empty]:.3f} s", f"{times[page] / times[empty]:.2f}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seeks", type=int, default=60)
    parser.add_argument("--page", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.page is not None:
        from rlm_tui.session.export.html import write_html
        from rlm_tui.session.export.reading import Exported

        for piece in write_html(Exported(options.page, options.page.parent, environ={})):
            sys.stdout.buffer.write(piece)
        return
    print("| what | figure | target | yardstick, same run | ratio |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        directory = write_log(folder, GeneratedLog(options.events))
        _exports(directory, _replay(directory, options.seeks))
        _page(folder, 2_000)


if __name__ == "__main__":
    main()
