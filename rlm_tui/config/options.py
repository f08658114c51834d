"""What the command line asks the screen or a headless run to do, as plain values."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlm_tui.config.paths import Paths
from rlm_tui.config.settings import Loaded


@dataclass(frozen=True, slots=True)
class Replay:
    """Play `directory`, the folder of a past session, instead of opening one.

    `at` is the record to begin right after (-1: at the beginning), `speed` a factor, `waiting` whether pauses are
    played as long as they were. `back` is the session to return to, empty to end the program.
    """

    directory: Path
    at: int = -1
    speed: float = 1.0
    waiting: bool = False
    back: str = ""


@dataclass(frozen=True, slots=True)
class AppOptions:
    """How to open a session. `session` is an id or its beginning; `continue_` means the newest of the project.

    `flags` holds settings given as flags, by dotted key. `attach` are further files and folders; `attach_texts`
    are texts that have no file (label, text), such as standard input. `confirmed` allows a project that is `/` or
    a home directory to be read.
    """

    project: Path
    paths: Paths
    loaded: Loaded
    continue_: bool = False
    session: str = ""
    prompt: str = ""
    attach: tuple[Path, ...] = ()
    attach_texts: tuple[tuple[str, str], ...] = ()
    theme: str = ""
    mouse: bool = True
    agent: str = ""
    confirmed: bool = False
    flags: dict[str, Any] = field(default_factory=dict)
    replay: Replay | None = None
