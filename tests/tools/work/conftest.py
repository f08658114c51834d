"""A project of a few files, and the working tools over it."""

import os
from pathlib import Path

import pytest

from tests.support.work import Bench


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    (root / "src" / "a.py").write_text("def one():\n    return 1\n\n\ndef two():\n    return 2\n")
    (root / "src" / "b.txt").write_bytes("größe\r\nzwei\r\n".encode())
    (root / ".gitignore").write_text("build/\n*.log\n")
    (root / "build").mkdir()
    (root / "build" / "out.py").write_text("def one(): pass\n")
    (root / "x.log").write_text("def one\n")
    (root / ".env").write_text("KEY=hunter2\n")
    (root / "pic.png").write_bytes(b"\x89PNG\r\n\0\0\0")
    return root


@pytest.fixture
def bench(project: Path, tmp_path: Path) -> Bench:
    return Bench(project, tmp_path / "home")


def corpora() -> Path | None:
    """Return the folder of public cases, where there is one."""
    name = os.environ.get("RLM_TUI_CORPORA")
    return Path(name) if name else None
