"""What the working tools add to the work itself: `python -m tests.bench.work [--files N] [--runs N]`.

A project is generated; each tool runs through its registry as a model calls it, beside the plainest program that
does the same work in the same run: for `read` open and number lines, for `edit` read, replace, write, fsync and
rename, for `glob` and `grep` the listing by the project's ignore rules and one RE2 over each file. git's own listing
and (where it is installed) ripgrep stand beside them. The target is 10 ms beyond the work itself.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rlm_tui.context.ignore import Candidate, IgnoreRules, list_files
from tests.support.work import Bench

TARGET_MS = 10.0


def _project(root: Path, files: int) -> None:
    for number in range(files):
        path = root / f"pkg{number % 50:02d}" / f"module{number:05d}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"def f{number}_{i}(x):\n    return x + {i}\n\n" for i in range(40)))
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "add", "."], cwd=root, check=True)


def _median_ms(work: Callable[[], object], runs: int) -> float:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def _plain_read(path: Path) -> str:
    return "\n".join(f"{n:>6}\t{line}" for n, line in enumerate(path.read_text().split("\n"), start=1))


def _plain_edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    part = path.with_suffix(".part")
    with part.open("w") as file:
        file.write(text.replace(old, new))
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)


def _plain_grep(root: Path, pattern: bytes) -> int:
    import re2

    program = re2.compile(pattern)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True).stdout
    return sum(
        1
        for name in listed.split(b"\0")
        if name
        for _ in program.finditer((root / os.fsdecode(name)).read_bytes())
    )  # fmt: skip


def _same_listing_grep(root: Path, pattern: bytes) -> int:
    import re2

    program = re2.compile(pattern)
    found = (item for item in list_files(root, IgnoreRules()) if isinstance(item, Candidate))
    return sum(1 for item in found for _ in program.finditer((root / item.name).read_bytes()))


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5_000)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        root.mkdir()
        _project(root, options.files)
        bench = Bench(root, Path(folder) / "home")
        name = "pkg07/module00007.py"
        target = root / name
        turn = [0]

        def edit() -> None:
            turn[0] += 1
            old, new = f"f7_3{'x' * (turn[0] - 1)}(x)", f"f7_3{'x' * turn[0]}(x)"
            result = bench.use("edit", path=name, old_string=old, new_string=new)
            assert result.ok, result.text

        pattern = r"def f4\d99_3\("

        def listing() -> list[object]:
            return list(list_files(root, IgnoreRules()))

        compared: list[tuple[str, Callable[[], object], Callable[[], object], str]] = [
            ("read", lambda: bench.use("read", path=name), lambda: _plain_read(target), "open, number lines"),
            ("edit", edit, lambda: _plain_edit(target, "return", "return"), "read, replace, fsync, rename"),
            ("glob", lambda: bench.use("glob", pattern="**/module0000*.py"), listing, "the same listing"),
            ("grep", lambda: bench.use("grep", pattern=pattern),
             lambda: _same_listing_grep(root, pattern.encode()), "the same listing, RE2"),
            ("grep", lambda: bench.use("grep", pattern=pattern),
             lambda: _plain_grep(root, pattern.encode()), "git ls-files, RE2"),
        ]  # fmt: skip
        if shutil.which("rg"):
            ripgrep = ["rg", "-n", pattern]
            compared.append(
                ("grep", lambda: bench.use("grep", pattern=pattern),
                 lambda: subprocess.run(ripgrep, cwd=root, capture_output=True, check=True), "ripgrep, all cores")
            )  # fmt: skip
        rows = [
            (tool, _median_ms(ours, options.runs), _median_ms(plain, options.runs), what)
            for tool, ours, plain, what in compared
        ]
    print(f"{options.files:,} files, median of {options.runs}; target: at most {TARGET_MS:g} ms beyond the work itself")
    print(f"{'tool':6} {'ours ms':>9} {'work ms':>9} {'beyond':>8}  yardstick")
    for tool, ours, plain, what in rows:
        print(f"{tool:6} {ours:9.2f} {plain:9.2f} {ours - plain:8.2f}  {what}")


if __name__ == "__main__":
    main()
