"""`bash`: real commands in the sandbox, what they print, how they end, and what they cannot do."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlm_tui.config.schema import SandboxSettings
from rlm_tui.permissions.policy import Containment
from rlm_tui.sandbox.finding import Found, find_containment
from rlm_tui.tools.work.shell import Shell
from tests.support.work import Bench

OFF = SandboxSettings(mode="off")
confined = pytest.mark.skipif(
    find_containment("auto").containment is not Containment.SANDBOXED,
    reason=f"no sandbox here: {find_containment('auto').text}",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture(params=["sandboxed", "plain"])
def bench(request: pytest.FixtureRequest, project: Path, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "sandboxed" and find_containment("auto").containment is not Containment.SANDBOXED:
        pytest.skip("no sandbox here")
    made = Bench(project, tmp_path / "home", sandbox=None if request.param == "sandboxed" else OFF)
    yield made
    made.shell.close()


def running(mark: str) -> list[str]:
    """Return the processes whose command line holds `mark`."""
    found = []
    for name in (path.name for path in Path("/proc").iterdir()):
        if name.isdigit() and name != str(os.getpid()):
            try:
                line = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                state = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[0]
            except (OSError, IndexError):
                continue
            if mark in line and state != "Z":
                found.append(line)
    return found


def gone(mark: str) -> bool:
    """Wait until no process with `mark` is left."""
    until = time.monotonic() + 5
    while running(mark):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_a_command_runs_in_the_project(bench: Bench, project: Path) -> None:
    (project / "a.txt").write_text("one\n")
    result = bench.use("bash", command="cat a.txt; pwd; echo two > b.txt; echo oops >&2; exit 3")
    assert not result.ok
    assert result.summary.startswith("exit code 3")
    assert result.text.startswith("Exit code 3 (")
    assert result.text.endswith(f"one\n{project}\noops\n")
    assert (project / "b.txt").read_text() == "two\n"
    assert result.data["exit"] == 3


def test_what_it_prints_becomes_an_entry_whole(bench: Bench) -> None:
    result = bench.use("bash", command="seq 1 20000")
    assert result.ok
    assert result.capture == "".join(f"{n}\n" for n in range(1, 20_001))
    assert result.label == "$ seq 1 20000"
    assert "characters left out here" in result.text
    assert len(result.text) < 25_000
    assert result.text.endswith("\n20000\n")


def test_it_asks_and_does_nothing_when_refused(project: Path, tmp_path: Path) -> None:
    bench = Bench(project, tmp_path / "home", allow=False)
    result = bench.use("bash", command="touch x", description="makes x")
    assert not result.ok
    assert "not allowed" in result.text
    assert not (project / "x").exists()
    assert [(a.tool, a.target, a.writes, a.preview) for a in bench.permits.asked] == [
        ("bash", "touch x", True, "makes x")
    ]


def test_it_gets_no_input_and_no_terminal(bench: Bench) -> None:
    result = bench.use("bash", command="cat; [ -t 0 ] || [ -t 1 ] || echo none; tty", timeout=20)
    assert "none\nnot a tty" in result.text


def test_a_command_that_takes_too_long_ends_with_all_it_started(bench: Bench) -> None:
    mark = f"31{time.time_ns() % 10**9}"
    script = f"(setsid sleep {mark} &) ; (sleep {mark} &) ; nohup sleep {mark} >/dev/null 2>&1 & sleep {mark}"
    result = bench.use("bash", command=script, timeout=0.5)
    assert not result.ok
    assert "Ended after 0.5 s" in result.text
    assert gone(mark)


def test_what_a_command_leaves_running_ends_with_it(bench: Bench) -> None:
    mark = f"32{time.time_ns() % 10**9}"
    result = bench.use("bash", command=f"(setsid sleep {mark} &); sleep {mark} & echo started", timeout=20)
    assert result.ok
    assert "started" in result.text
    assert gone(mark)


def test_cancelling_ends_the_command(project: Path, tmp_path: Path) -> None:
    bench = Bench(project, tmp_path / "home", sandbox=OFF)
    mark = f"33{time.time_ns() % 10**9}"
    assert bench.cancelled("bash", when=lambda: bool(running(f"sleep {mark}")), command=f"sleep {mark}")
    assert gone(mark)


def test_a_flood_is_kept_at_both_ends_in_bounded_memory(bench: Bench) -> None:
    result = bench.use(
        "bash", command="echo first; head -c 60000000 /dev/zero | tr '\\0' x; echo; echo last", timeout=60
    )
    assert result.ok
    assert result.capture is not None
    assert result.data["bytes"] == 60_000_012
    assert result.capture.startswith("first\nxxx")
    assert result.capture.endswith("xxx\nlast\n")
    assert "bytes of output were not kept" in result.capture
    assert len(result.capture) < 17 << 20
    assert sum(map(len, bench.shown)) < 300_000


def test_bytes_that_are_no_text_and_control_characters_arrive_harmlessly(bench: Bench) -> None:
    result = bench.use("bash", command=r"printf '\xff\xfe\0ok\x1b[31m\n'")
    assert result.capture == "\ufffd\ufffd\0ok\x1b[31m\n"


def test_keys_are_neither_passed_on_nor_shown(
    bench: Bench, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    key = "sk-test-abcdefgh0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    monkeypatch.setenv("LC_HIDDEN", key)
    (project / "leak.txt").write_text(f"the key is {key}\n")
    result = bench.use("bash", command="env; cat leak.txt; sleep 0.3; echo end")
    assert key not in result.text
    assert key not in str(result.capture)
    assert key not in "".join(bench.shown)
    assert "OPENAI_API_KEY" not in result.text
    assert "the key is [redacted]" in result.text


def test_running_output_is_shown_as_it_comes(bench: Bench) -> None:
    bench.use("bash", command="for i in 1 2 3; do echo line $i; sleep 0.15; done")
    assert "line 1\n" in bench.shown[0]
    assert len(bench.shown) > 1


def test_one_killed_by_a_signal_says_so(bench: Bench) -> None:
    result = bench.use("bash", command="kill -9 $$")
    assert not result.ok
    assert "signal 9" in result.text or "xit code 137" in result.text


def test_no_command_and_nul_are_refused(bench: Bench) -> None:
    for command in ("", "  ", "echo a\0b"):
        assert not bench.use("bash", command=command).ok


def test_a_file_that_runs_later_is_told_of(bench: Bench, project: Path) -> None:
    result = bench.use("bash", command="echo evil > .envrc")
    assert "It made .envrc" in result.text
    assert result.data["appeared"] == [".envrc"]


@confined
def test_git_commits_in_the_sandbox_but_its_hooks_stay(project: Path, tmp_path: Path) -> None:
    bench = Bench(project, tmp_path / "home")
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    (project / "a.txt").write_text("one\n")
    who = "-c user.name=a -c user.email=a@example.org"
    result = bench.use("bash", command=f"git add a.txt && git {who} commit -qm one && git log --oneline")
    assert result.ok, result.text
    assert "one" in result.text
    assert not bench.use("bash", command="git config core.pager evil").ok
    assert not bench.use("bash", command="touch .git/config").ok
    bench.shell.close()


@confined
def test_tmp_is_kept_for_the_session_and_is_not_the_systems(project: Path, tmp_path: Path) -> None:
    bench = Bench(project, tmp_path / "home")
    assert bench.use("bash", command="echo kept > /tmp/rlm-tui-kept").ok
    assert "kept" in bench.use("bash", command="cat /tmp/rlm-tui-kept").text
    assert not Path("/tmp/rlm-tui-kept").exists()
    scratch = bench.shell.scratch
    bench.shell.close()
    assert not scratch.exists()


def test_without_a_sandbox_it_is_refused_where_nobody_can_be_asked(project: Path, tmp_path: Path) -> None:
    none = Found(Containment.NONE, "bubblewrap is not installed")

    def refusal(settings: SandboxSettings, *, attended: bool) -> str:
        try:
            Shell(project, settings, none, attended=attended).check()
        except Exception as error:  # noqa: BLE001 - whatever is raised is what the test looks at
            return str(error)
        return ""

    assert "nobody to ask" in refusal(SandboxSettings(), attended=False)
    assert refusal(SandboxSettings(headless=True), attended=False) == ""
    assert refusal(SandboxSettings(), attended=True) == ""
    assert "sandbox.mode required" in refusal(SandboxSettings(mode="required"), attended=True)
