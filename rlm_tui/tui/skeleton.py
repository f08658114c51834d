"""What stands on the screen while Textual is still being imported: the header, the prompt's frame, "opening".

Written by hand before that, in the theme's colours. Keys that are typed meanwhile are not echoed and reach the
prompt. Imports nothing heavy.
"""

import os
import sys
from types import TracebackType
from typing import Any, Self

from rlm_tui.config.options import AppOptions
from rlm_tui.config.themes import DEFAULT_THEME, quick_roles
from rlm_tui.text import one_line

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[0m\x1b[?25h\x1b[?1049l"
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"
_NARROW = 100


class Skeleton:
    """As a context around the whole screen: draws on entering, and leaves the terminal's modes as they were found.

    `modes` are those. When the real screen does not start, the terminal shows again what it did.
    """

    def __init__(self, options: AppOptions) -> None:
        self._options = options
        self.modes: list[Any] | None = None
        self._drawn = False

    def __enter__(self) -> Self:
        if sys.stdout.isatty() and os.environ.get("TERM") not in (None, "", "dumb"):
            text = self._text()
            self._quiet_keys()
            self._write(_ENTER + _NO_WRAP + text + _WRAP)
            self._drawn = True
        return self

    def restore(self) -> None:
        """Give the terminal the modes in which it was found, as for another program."""
        if self.modes is not None:
            import termios

            termios.tcsetattr(0, termios.TCSANOW, self.modes)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restore()
        if kind is not None and self._drawn:
            self._write(_LEAVE)

    def _quiet_keys(self) -> None:
        """Let keys wait unseen. Ctrl+C still ends the program."""
        import termios
        import tty

        try:
            self.modes = termios.tcgetattr(0)
            tty.setcbreak(0, termios.TCSANOW)
        except termios.error:  # no such terminal: then keys are echoed
            self.modes = None

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    def _text(self) -> str:
        """Return the frame: where the real one will have the same things, in the same colours."""
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
        settings = self._options.loaded.settings.ui
        roles = quick_roles(self._options.theme or settings.theme or DEFAULT_THEME)
        plain = bool(os.environ.get("NO_COLOR")) or not _has_colours() or not roles
        ground, panel = ("", "") if plain else (_back(roles["ground"]), _back(roles["panel"]))
        text, dim, accent = ("", "", "") if plain else (_fore(roles[r]) for r in ("text", "dim", "accent"))
        project = one_line(self._options.project.name or str(self._options.project), 30)
        header = f" rlm-tui │ {project}"[:columns]
        blank = " " * columns  # written out: a foreign text that clears the screen could not be told from ours
        lines = [f"\x1b[{row};1H\x1b[0m{ground}{blank}" for row in range(2, rows)]
        lines.append(f"\x1b[1;1H{panel}{accent}{header:<{columns}}")
        left = columns if columns < _NARROW else columns * 46 // 100
        edge = "─" * max(0, left - 4)
        if rows > 8 and left > 10:
            inner = " " * max(0, left - 4)
            frame = (f"╭{edge}╮", f"│{inner}│", f"╰{edge}╯")
            lines += [f"\x1b[{rows - 3 + at};2H{ground}{dim}{line}" for at, line in enumerate(frame)]
        lines.append(f"\x1b[{rows};1H{panel}{dim}{'opening… ':>{columns}}\x1b[0m{text}")
        return "".join(lines)


def _has_colours() -> bool:
    return os.environ.get("COLORTERM", "").lower() in ("truecolor", "24bit")


def _fore(colour: str) -> str:
    return f"\x1b[38;2;{_channels(colour)}m"


def _back(colour: str) -> str:
    return f"\x1b[48;2;{_channels(colour)}m"


def _channels(colour: str) -> str:
    return ";".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
