"""The context engine in figures: `python -m tests.bench.context [--chars N] [--runs N] [--minutes M] [--no-fts5]`.

Makes a corpus (the same everywhere), ingests it as a project, and measures the operations that people and models
wait for, beside ripgrep on the same text as one cached file, SQLite FTS5, and Python's `re`.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from rlm_tui.context.corpus import Corpus as ProjectCorpus
from rlm_tui.context.store import ContextStore
from rlm_tui.session.session import Session
from tests.bench.context import corpus, growing, searches, watching
from tests.bench.context.measuring import Row, cpu_seconds, print_table, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chars", type=int, default=242_000_000, help="characters of the corpus")
    parser.add_argument("--runs", type=int, default=7, help="runs of each search; the median counts")
    parser.add_argument("--minutes", type=float, default=0.5, help="minutes of appends before memory is taken")
    parser.add_argument("--no-fts5", action="store_true", help="leave SQLite FTS5 out (building it takes long)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rlm-tui-bench-") as name:
        _measure(Path(name), options)


def _measure(folder: Path, options: argparse.Namespace) -> None:
    project, home, flat = folder / "project", folder / "home", folder / "flat.txt"
    files, needles = corpus.write(project, flat, options.chars)
    rows = list(_shown(_ingest(project, home, options.chars, files)))
    run(["cat", str(flat)])
    store = ContextStore(home)
    began = time.perf_counter()
    for ref in ProjectCorpus(home, project).segments:
        store.attach(ref)
    rows += _shown([Row("attach the corpus", f"{(time.perf_counter() - began) * 1000:.0f} ms")])
    rows += _shown(searches.with_literals(store, flat, options.runs, needles))
    rows += _shown(searches.mixed(store, flat, options.runs))
    rows += _shown(searches.hostile(store))
    rows += _shown(growing.reads(store))
    rows += _shown(searches.ranked(store, folder, project, options.runs, fts5=not options.no_fts5))
    rows += _shown(searches.beside_re(store, flat))
    store.close()
    session = Session.create(folder / "sessions", home, project=project, model="offline")
    rows += _shown(growing.appends(session, folder))
    rows += _shown(growing.index_lag(session))
    rows += _shown(growing.huge_entry(session, options.chars // 4))
    session.close()
    rows += _shown(growing.opening(project, home, folder))
    rows += _shown(watching.watching(folder))
    print()
    print_table(rows)
    command = [sys.executable, "-m", "tests.bench.context.memory", str(project), str(home), str(options.minutes)]
    subprocess.run(command, check=True)


def _ingest(project: Path, home: Path, chars: int, files: int) -> Iterable[Row]:
    began, cpu = time.perf_counter(), cpu_seconds()
    report = ProjectCorpus(home, project).refresh(max_file_bytes=1 << 40)
    wall, spent = time.perf_counter() - began, cpu_seconds() - cpu
    if (report.files, report.chars) != (files, chars):
        raise SystemExit(f"{report.files} files with {report.chars} characters were ingested of {files} with {chars}")
    size = ProjectCorpus(home, project).size_on_disk / 1e6
    yield Row(
        "corpus", f"{chars:,} characters in {files:,} files; {size:,.0f} MB on disk, {len(report.segments)} segments"
    )
    yield Row("ingest and index in bulk", f"{wall:.1f} s, {spent:.1f} CPU s", "", "", "25 CPU s", spent <= 25)


def _shown(rows: Iterable[Row]) -> Iterable[Row]:
    """Pass rows on, each printed as it comes: the whole takes minutes."""
    for row in rows:
        print(f"{row.what}: {row.figure} {row.yardstick} {row.ratio}", file=sys.stderr, flush=True)
        yield row


if __name__ == "__main__":
    main()
