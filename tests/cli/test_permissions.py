"""`rlm-tui permissions`: what scripts and people are told."""

import io
import json
import sys
from pathlib import Path

import pytest

from rlm_tui.config.paths import Paths
from rlm_tui.config.project_rules import keep_rule
from tests.cli.conftest import Cli


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def feed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_one_command_says_why(cli: Cli, project: Path) -> None:
    printed = cli("permissions", "check", "git push --force", "-C", project, "--deny", "bash(git push *)")
    assert printed.code == 0
    assert printed.out.splitlines()[0] == "deny: The rule bash(git push *) forbids it."
    assert "warning: it overwrites what others may have" in printed.out


def test_many_commands_come_back_in_their_order(
    cli: Cli, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    feed(
        monkeypatch, "rm x\n\nls 'unclosed\nnpm test\ncat /etc/passwd\n日本 \udcff\n".encode("utf-8", "surrogateescape")
    )
    printed = cli(
        "permissions", "check", "--stdin", "--json", "-C", project,
        "--allow", "bash(npm test *)", "--approval", "plan",
    )  # fmt: skip
    rows = [json.loads(line) for line in printed.out.splitlines()]
    assert [row["command"] for row in rows[:5]] == ["rm x", "", "ls 'unclosed", "npm test", "cat /etc/passwd"]
    assert {row["decision"] for row in rows if row["command"]} == {"deny"}
    assert all(set(row) >= {"command", "decision", "rule", "reason"} for row in rows)
    feed(monkeypatch, b"echo a\necho b\0ls\0")
    printed = cli("permissions", "check", "--stdin", "-0", "--json", "-C", project)
    assert [json.loads(line)["command"] for line in printed.out.splitlines()] == ["echo a\necho b", "ls"]


def test_other_tools_and_rules_kept_for_the_project(cli: Cli, home: Paths, project: Path) -> None:
    check = ("permissions", "check", "-C", project, "--json")
    assert json.loads(cli(*check, "--tool", "edit", "src/a.py").out)["decision"] == "ask"
    keep_rule(home, project, "edit(src/**)")
    found = json.loads(cli(*check, "--tool", "edit", "src/a.py").out)
    assert (found["decision"], found["rule"]) == ("allow", "edit(src/**)")
    assert json.loads(cli(*check, "--tool", "read", "/etc/passwd").out)["decision"] == "ask"
    listed = json.loads(cli("permissions", "list", "-C", project, "--json").out)
    assert listed["rules"] == [{"list": "allow", "rule": "edit(src/**)", "from": "kept for this project"}]
    assert cli("permissions", "drop", "edit(src/**)", "-C", project).code == 0
    assert cli("permissions", "drop", "edit(src/**)", "-C", project).code == 2
    assert json.loads(cli(*check, "--tool", "edit", "src/a.py").out)["decision"] == "ask"


def test_wrong_usage_is_told(cli: Cli, project: Path) -> None:
    assert cli("permissions", "check", "-C", project).code == 2
    assert cli("permissions", "check", "ls", "--stdin", "-C", project).code == 2
    printed = cli("permissions", "check", "ls", "--allow", "bash(", "-C", project)
    assert "no permission rule" in printed.err


def test_status_and_doctor_tell_of_the_sandbox(cli: Cli, project: Path) -> None:
    status = json.loads(cli("status", "--json", "-C", project).out)
    assert status["sandbox"].split()[0] in ("SANDBOXED", "PARTIAL", "NONE")
    assert "snapshots" in status["disk_bytes"]
    assert "sandbox" in cli("doctor").out
