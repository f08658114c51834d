"""A command line run in this process, and a small past session to look at."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from rlm_tui import events as ev
from rlm_tui.cli.root import run_command
from rlm_tui.config.paths import Paths
from rlm_tui.session.log import LogWriter


@dataclass(frozen=True)
class Printed:
    """What a command line gave: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


Cli = Callable[..., Printed]


@pytest.fixture
def cli(home: Paths, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """Run a command line in this process; nobody answers on stdin."""
    assert home.home.is_absolute()

    def run(*arguments: str | Path) -> Printed:
        code = run_command([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Printed(code, out, err)

    with Path(os.devnull).open(encoding="utf-8") as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        yield run


ENTRIES: tuple[tuple[ev.EntryKind, str, str], ...] = (
    ("file", "src/retry.py", "def retry():\n    # naïve 日本 🙂\n    return backoff\n"),
    ("user", "prompt", "Where is the backoff?\n"),
)


def write_session(paths: Paths, name: str, project: str, title: str = "Retries") -> Path:
    """Write the log of a small session and return its folder."""
    directory = paths.make(paths.sessions) / name
    events: list[ev.AnyEvent] = [
        ev.SessionOpened(ev.FORMAT_VERSION, "0.1.0", project, "offline"),
        ev.TitleSet(title),
    ]
    start = 0
    for number, (kind, label, text) in enumerate(ENTRIES):
        digest = sha256(text.encode()).hexdigest()
        events.append(ev.EntryAppended(number, kind, label, start, len(text), digest, text=text))
        start += len(text)
    events.append(ev.TurnStarted(1, "Where is the backoff?", entry=1))
    events.append(ev.TurnFinished(1, "In src/retry.py.", "offline"))
    writer = LogWriter(directory)
    for seq, event in enumerate(events):
        writer.append(ev.Envelope(name, seq, 1_700_000_000.0 + seq, event))
    writer.barrier()
    writer.close()
    return directory


@pytest.fixture
def session(home: Paths) -> Path:
    """One past session, closed."""
    return write_session(home, "20260101-101500-a1b2c3", "/some/project")
