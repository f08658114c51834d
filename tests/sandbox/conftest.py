"""Folders for sandboxes."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user can reach: pytest's own are closed to others."""
    name = tempfile.mkdtemp(prefix="rlm-escape-", dir="/var/tmp")
    Path(name).chmod(0o755)
    yield Path(name)
    shutil.rmtree(name, ignore_errors=True)
