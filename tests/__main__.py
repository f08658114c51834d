"""`python -m tests`: everything that a change must pass, on a machine with only Python and pip.

Outside a virtual environment it makes one under `build/`; in one that lacks the tools it installs them there, with
the versions and hashes of `requirements.lock`. Then it formats nothing and checks everything: ruff, mypy, the
import contracts and the tests. Arguments go to pytest.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
OWN_VENV = ROOT / "build" / "test-venv"
TOOLS = ("pytest", "xdist", "ruff", "mypy", "importlinter", "hypothesis", "textual", "duckdb", "litellm", "rlm_tui")


def main(arguments: list[str]) -> int:
    """Prepare, run every check, say which failed; return the exit code."""
    if sys.prefix == sys.base_prefix:
        return _again_in_own_venv(arguments)
    os.chdir(ROOT)
    missing = [tool for tool in TOOLS if importlib.util.find_spec(tool) is None]
    if missing or not _is_installed():
        _say(f"installing into {sys.prefix}")
        _install(Path(sys.executable))
    scripts = Path(sys.executable).parent
    checks = {
        "ruff check": [str(scripts / "ruff"), "check", "."],
        "ruff format": [str(scripts / "ruff"), "format", "--check", "."],
        "mypy": [str(scripts / "mypy")],
        "import contracts": [str(scripts / "lint-imports")],
        "tests": [sys.executable, "-m", "pytest", "-q", "-n", "2", *arguments],
    }
    failed = [name for name, command in checks.items() if not _passes(name, command)]
    _say(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def _again_in_own_venv(arguments: list[str]) -> int:
    python = OWN_VENV / "bin" / "python"
    stamp = OWN_VENV / "lock.sha256"
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not python.exists() or not stamp.exists() or stamp.read_text() != digest:
        _say(f"making {OWN_VENV.relative_to(ROOT)}")
        venv.create(OWN_VENV, with_pip=True, clear=True)
        _install(python)
        stamp.write_text(digest)
    return subprocess.run([str(python), "-m", "tests", *arguments], cwd=ROOT, check=False).returncode


def _is_installed() -> bool:
    """Return whether the project itself is installed, not only importable from here."""
    from importlib import metadata

    try:
        metadata.version("rlm-tui")
    except metadata.PackageNotFoundError:
        return False
    return True


def _install(python: Path) -> None:
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(LOCK)], cwd=ROOT, check=True)
    subprocess.run([*pip, "--no-deps", "--editable", "."], cwd=ROOT, check=True)


def _passes(name: str, command: list[str]) -> bool:
    _say(name)
    started = time.monotonic()
    passed = subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    _say(f"{name}: {'passed' if passed else 'FAILED'} in {time.monotonic() - started:.0f} s")
    return passed


def _say(text: str) -> None:
    sys.stdout.write(f"== {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
