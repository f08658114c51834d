"""What every test may use: a home of its own, and a word about system tools that are missing."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from rlm_tui.config.paths import Paths

SYSTEM_TOOLS = {
    "git": "undo, ignore rules",
    "tmux": "the screen in a real terminal",
    "rg": "comparison of searches",
    "bwrap": "the sandbox",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="also run tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-slow"):
        return
    skip = pytest.mark.skip(reason="slow; run with --run-slow")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


def pytest_report_header() -> list[str]:
    missing = [f"{tool} ({what})" for tool, what in SYSTEM_TOOLS.items() if shutil.which(tool) is None]
    return [f"missing system tools, their tests are skipped: {', '.join(missing)}"] if missing else []


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    """A data home and a config dir of the test's own, also in the environment of what it starts."""
    for name in [name for name in os.environ if name.startswith("RLM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RLM_TUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RLM_TUI_CONFIG", str(tmp_path / "config"))
    return Paths.from_environ()


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str


RunCommand = Callable[..., Ended]


@pytest.fixture
def rlm_tui(home: Paths, tmp_path: Path) -> RunCommand:
    """Run `rlm-tui` with arguments in a process of its own, in an empty folder; return code and output."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    assert home.home.is_absolute()

    def run(*arguments: str | Path, stdin: str = "", cwd: Path = folder, env: dict[str, str] | None = None) -> Ended:
        command: Sequence[str] = [sys.executable, "-m", "rlm_tui", *map(str, arguments)]
        done = subprocess.run(
            command,
            input=stdin.encode(),
            capture_output=True,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **(env or {})},
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run
