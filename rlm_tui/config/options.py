"""What the command line asks of the screen and of a headless run, as plain data.

None (or an empty text) always means that the flag was not given.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class AppOptions:
    """`rlm-tui [DIR]`: what the screen opens with. `attach` holds paths, `-` for stdin."""

    project: Path
    continue_: bool = False
    session: str = ""
    model: str = ""
    sub_model: str = ""
    mode: str = ""
    agent: str = ""
    approval: str = ""
    theme: str = ""
    mouse: bool | None = None
    prompt: str = ""
    attach: tuple[str, ...] = ()

    def flags(self) -> dict[str, Any]:
        """Return the flags that are settings, by dotted key, as `load_settings` takes them."""
        return _given(
            {
                "model.name": self.model,
                "model.sub": self.sub_model,
                "model.mode": self.mode,
                "permissions.approval": self.approval,
                "ui.theme": self.theme,
                "ui.mouse": self.mouse,
            }
        )


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`rlm-tui run [PROMPT]`: one turn without a screen.

    `limits` maps budget names (`depth`, `calls`, `cost`, `seconds`) to numbers, or `"unlimited"`.
    """

    project: Path
    prompt: str
    json: bool = False
    continue_: bool = False
    session: str = ""
    model: str = ""
    sub_model: str = ""
    mode: str = ""
    agent: str = ""
    approval: str = ""
    attach: tuple[str, ...] = ()
    limits: Mapping[str, float | int | str] = field(default_factory=dict)
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()

    def flags(self) -> dict[str, Any]:
        """Return the flags that are settings, by dotted key, as `load_settings` takes them."""
        return _given(
            {
                "model.name": self.model,
                "model.sub": self.sub_model,
                "model.mode": self.mode,
                "permissions.approval": self.approval,
                "permissions.allow": self.allow,
                "permissions.deny": self.deny,
                **{f"budget.{name}": value for name, value in self.limits.items()},
            }
        )


def _given(flags: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in flags.items() if value is not None and value not in ("", ())}
