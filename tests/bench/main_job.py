"""The main job in figures: `python -m tests.bench.main_job [--project DIR] [--runs N]`.

Ingest, opening again, first paint, idle cost and memory, on the running Python's own standard library unless told
otherwise, in a fresh data home. The yardstick is the smallest Textual program in the same terminal and run.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from tests.bench.terminal import Terminal

_MINIMAL = """
from textual.app import App
from textual.widgets import Static
class Minimal(App):
    def compose(self):
        yield Static("minimal-ready")
Minimal().run()
"""


def run_command(command: list[str], env: dict[str, str], cwd: Path) -> tuple[float, float, str]:
    """Return wall seconds, CPU seconds and stdout of a command that must succeed."""
    before, start = os.times(), time.perf_counter()
    done = subprocess.run(command, env={**os.environ, **env}, cwd=cwd, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - start, os.times()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed ({done.returncode}):\n{done.stderr[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, done.stdout


def _first_paint(argv: list[str], text: bytes, env: dict[str, str], cwd: Path, runs: int) -> tuple[float, float]:
    """Return the median wall and CPU seconds until `text` is painted."""
    walls, cpus = [], []
    for _ in range(runs):
        with Terminal(argv, cwd, env) as terminal:
            walls.append(terminal.wait_for(text))
            cpus.append(terminal.cpu())
            terminal.drain(0.3)
    return statistics.median(walls), statistics.median(cpus)


def small_project(folder: Path) -> Path:
    project = folder / "small"
    project.mkdir()
    for number in range(20):
        (project / f"module_{number}.py").write_text(f"def answer_{number}() -> int:\n    return {number}\n")
    return project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, default=Path(sysconfig.get_paths()["stdlib"]))
    parser.add_argument("--question", default="Where is the default pickle protocol decided?")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    program = [sys.executable, "-m", "rlm_tui"]
    rows: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory(prefix="rlm-tui-bench-") as name:
        folder = Path(name)
        env = {"RLM_TUI_HOME": str(folder / "home"), "RLM_TUI_CONFIG": str(folder / "config")}
        wall, cpu, _ = run_command([*program, "ingest", str(options.project)], env, folder)
        _, _, out = run_command([*program, "context", "stats", "--path", str(options.project), "--json"], env, folder)
        stats = json.loads(out)
        rows.append(("project", f"{stats['characters']:,} characters, {stats['entries']:,} entries", ""))
        rate = stats["characters"] / wall / 1e6
        rows.append(("ingest, first time", f"{wall:.1f} s, {cpu:.1f} CPU s, {rate:.1f} M characters/s", ""))
        wall, cpu, _ = run_command([*program, "ingest", str(options.project)], env, folder)
        rows.append(("ingest, nothing changed", f"{wall:.2f} s, {cpu:.2f} CPU s", "the whole command"))
        wall, cpu, out = run_command([*program, "run", options.question], env, options.project)
        rows.append(("a question, headless", f"{wall:.2f} s, {cpu:.2f} CPU s", "the whole command, offline model"))
        base, base_cpu = _first_paint([sys.executable, "-c", _MINIMAL], b"minimal-ready", env, folder, options.runs)
        small = small_project(folder)
        frame, frame_cpu = _first_paint([*program, str(small)], b"opening", env, folder, options.runs)
        first, first_cpu = _first_paint([*program, str(small)], b"watch how", env, folder, options.runs)
        rows.append(("first paint, minimal Textual app", f"{base:.3f} s, {base_cpu:.2f} CPU s", "yardstick"))
        rows.append(("frame of the screen, keys are kept", f"{frame:.3f} s, {frame_cpu:.2f} CPU s", "target 0.05 s"))
        ratio = f"{first / base:.2f} x the yardstick"
        rows.append(
            ("first paint, rlm-tui", f"{first:.3f} s, {first_cpu:.2f} CPU s", f"target 0.5 s, 0.6 CPU s; {ratio}")
        )
        rows += _idle(program, small, env, folder)
    for row in rows:
        print(f"{row[0]:34} {row[1]:48} {row[2]}")
    print(f"\n{options.question}\n{out}")


def _idle(program: list[str], small: Path, env: dict[str, str], folder: Path) -> list[tuple[str, str, str]]:
    """Return what the open program costs while nothing happens."""
    with Terminal([*program, str(small)], folder, env) as terminal:
        terminal.wait_for(b"entries")
        terminal.drain(5)
        before, start = terminal.cpu(), time.perf_counter()
        terminal.drain(20)
        share = (terminal.cpu() - before) / (time.perf_counter() - start) * 100
        memory = terminal.memory()
    figures = f"{memory['total']:.0f} MiB ({memory['anonymous']:.0f} anonymous, {memory['file']:.0f} file-backed)"
    return [
        ("idle CPU, small project", f"{share:.2f} %", "target 1 %"),
        ("memory, small project", figures, "target 150 MiB"),
    ]


if __name__ == "__main__":
    main()
