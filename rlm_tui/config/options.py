"""What the command line asks the screen or a headless run to do, as plain values."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlm_tui.config.paths import Paths
from rlm_tui.config.settings import Loaded


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
