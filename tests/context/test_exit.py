"""A program that ends while the store still works in the background ends in peace."""

import subprocess
import sys
from pathlib import Path

import pytest

_RANKING = """
import sys
from pathlib import Path
from rlm_tui.context.store import ContextStore
store = ContextStore(Path(sys.argv[1]))
for number in range(200):
    store.append("file", f"{number}.txt", f"entry {number} has some words of its own\\n" * 200)
"""

_SEARCHING = """
import sys, threading, time
from pathlib import Path
from rlm_tui.context.store import ContextStore
store = ContextStore(Path(sys.argv[1]))
store.append("file", "long.txt", "some line of text with many words in it\\n" * 400_000)
search = lambda: store.search(r"[a-z]+ [a-z]+ [0-9]+ [a-z]+", max_results=5, deadline_ms=20_000)
threading.Thread(target=search, daemon=True).start()
time.sleep(0.1)
"""


@pytest.mark.parametrize("program", [_RANKING, _SEARCHING], ids=["ranking", "searching"])
def test_ending_without_closing_the_store(program: str, tmp_path: Path) -> None:
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
