"""What `docs/python.md` shows is run as it stands."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from rlm_tui.config.paths import Paths
from tests.support.scripted_server import ScriptedServer, Text, Turn, Usage

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def env(home: Paths, server: ScriptedServer) -> dict[str, str]:
    server.answer(lambda request: Turn(Text("Port 8123, see [15-26]."), Usage(100, 10)))
    keys = {"OPENAI_API_BASE": server.base_url, "OPENAI_API_KEY": "sk-nothing"}
    return {**os.environ, **keys, "PYTHONPATH": str(ROOT)}


def test_the_examples_run(env: dict[str, str], tmp_path: Path, server: ScriptedServer) -> None:
    program = tmp_path / "program.py"
    program.write_text("\n".join(blocks("python")), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(program)], env=env, cwd=tmp_path, capture_output=True, text=True,
        timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["Port 8123, see [15-26].", "context 15 26 port = 8123"]
    assert lines[2].startswith("110 ")
    assert lines[2].endswith("1 done openai/gpt-5")
    assert any(line.endswith(" TurnFinished") for line in lines)
    assert lines[-1].startswith("no_model ") or "nonsense" in lines[-1]
    assert len(server.requests) == 1


def test_the_batch_example_runs(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "questions.jsonl").write_text(blocks("json")[0])
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "retry.md").write_text("Retries are decided in the gate.\n")
    name, *arguments = shlex.split(blocks("console")[0])
    assert name == "rlm-tui"
    done = subprocess.run(
        [sys.executable, "-m", "rlm_tui", *arguments], env=env, cwd=tmp_path, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    rows = {row["id"]: row for row in map(json.loads, (tmp_path / "answers.jsonl").read_text().splitlines())}
    assert "Signed by Ada" in rows["q1"]["answer"]
    assert "retry.md" in rows["q2"]["answer"]
    assert rows["q3"]["error"]["kind"] == "bad_line"
