"""What a decision and a sandboxed command cost: `python -m tests.bench.permissions [--runs N]`.

A decision is measured on scripts of growing size beside shfmt alone on the same script; a batch through the command
line as people run it. A sandboxed command is `true`, beside `true` without the sandbox in the same run.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rlm_tui.config.schema import SandboxSettings
from rlm_tui.permissions.policy import Containment, Deed, Policy
from rlm_tui.permissions.script import read_script, shfmt
from rlm_tui.sandbox.environment import command_environment
from rlm_tui.sandbox.finding import find_containment
from rlm_tui.sandbox.running import run_command
from rlm_tui.tools.work.shell import Shell

_PARTS = ("git status --short", "grep -rn 'retry' src | head -20", "cat README.md | wc -l", "ls -la src && pwd")
TARGETS = {"decision": 10.0, "sandboxed": 40.0, "batch": 10_000.0}


def script_of(chars: int) -> str:
    """Return a script of read-only commands of about `chars` characters."""
    lines: list[str] = []
    while sum(map(len, lines)) + len(lines) < chars:
        lines.append(_PARTS[len(lines) % len(_PARTS)])
    return "\n".join(lines)[:chars].rpartition("\n")[0]


def median_ms(work: Callable[[], object], runs: int) -> float:
    """Return the median of `runs` runs in milliseconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def row(name: str, figure: float, target: float | None, yardstick: str, beside: float) -> None:
    """Print a line of the table."""
    aim = "" if target is None else f"{target:,.0f}" + ("" if figure <= target else "  MISSED")
    print(f"| {name} | {figure:,.1f} ms | {aim} | {yardstick}: {beside:,.1f} ms | {figure / beside:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    runs = parser.parse_args().runs
    print("| what | figure | target | yardstick, same run | ratio |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        project = Path(name).resolve()
        (project / "src").mkdir()
        policy = Policy(project, containment=Containment.SANDBOXED)
        for chars in (100, 1_000, 10_000):
            script = script_of(chars)

            def decide(script: str = script) -> None:
                read_script.cache_clear()
                assert policy.decide(Deed("bash", script)).verdict == "allow"

            alone = median_ms(lambda script=script: _shfmt(script), runs)  # type: ignore[misc]  # bound at once
            target = TARGETS["decision"] if chars == 1_000 else None
            row(f"decision, {len(script):,} characters", median_ms(decide, runs), target, "shfmt alone", alone)
        commands = "\n".join(f"{_PARTS[n % 4]} # {n}" for n in range(1_000)) + "\n"
        bare = median_ms(lambda: list(map(_shfmt, commands.splitlines()[:100])), 1) * 10
        checking = [sys.executable, "-m", "rlm_tui", "permissions", "check", "--stdin", "--json", "-C", name]
        environment = {**os.environ, "RLM_TUI_HOME": f"{name}/home", "RLM_TUI_CONFIG": f"{name}/config"}

        def check() -> None:
            subprocess.run(checking, input=commands.encode(), capture_output=True, check=True, env=environment)

        batch = median_ms(check, 1)
        row("`permissions check` of 1,000 commands", batch, TARGETS["batch"], "shfmt alone, 1,000 times", bare)
        _commands(project, runs)


def _shfmt(script: str) -> int:
    return subprocess.run([shfmt(), "--to-json"], input=script.encode(), capture_output=True, check=True).returncode


def _commands(project: Path, runs: int) -> None:
    plain = median_ms(lambda: subprocess.run(["/bin/bash", "-c", "true"], check=True), runs)
    found = find_containment("auto")
    for name, mode in (("plain", "off"), ("sandboxed", "auto")):
        shell = Shell(project, SandboxSettings(mode=mode), find_containment(mode))  # type: ignore[arg-type]  # two of its words

        async def once(shell: Shell = shell) -> None:
            ran = await run_command(
                shell.arguments("true"), folder=project, environment=command_environment(), seconds=20,
                output=lambda piece: None,
            )  # fmt: skip
            assert ran.code == 0

        with asyncio.Runner() as runner:
            figure = median_ms(lambda runner=runner: runner.run(once()), runs)  # type: ignore[misc]  # bound at once
        target = TARGETS["sandboxed"] if name == "sandboxed" else None
        row(f"command `true` through the shell tool's runner, {name}", figure, target, "bash -c true", plain)
        shell.close()
    if found.containment is Containment.SANDBOXED and shutil.which("bwrap"):
        argv = ["bwrap", "--ro-bind", "/", "/", "true"]
        row("bubblewrap alone, read-only root", median_ms(lambda: subprocess.run(argv, check=True), runs), None,
            "bash -c true", plain)  # fmt: skip


if __name__ == "__main__":
    main()
