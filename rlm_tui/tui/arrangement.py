"""How the panes of a project's screen are arranged, remembered in the data home beside the prompts."""

from pathlib import Path
from typing import Literal, get_args

import msgspec
from msgspec import Struct

from rlm_tui.config.writing import write_atomically

Layout = Literal["auto", "columns", "stacked", "chat"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

_SMALLEST, _LARGEST = 20, 80
_KEPT = 200


class Arrangement(Struct, frozen=True, omit_defaults=True):
    """The layout, and the shares in percent: of the chat across (or down, where stacked), of the browser down."""

    layout: Layout = "auto"
    chat: int = 46
    browser: int = 55

    def resized(self, chat: int = 0, browser: int = 0) -> "Arrangement":
        """Return the arrangement with shares changed by so many percent, as far as they go."""
        return Arrangement(self.layout, _share(self.chat + chat), _share(self.browser + browser))

    def with_shares(self, chat: int = 0, browser: int = 0) -> "Arrangement":
        """Return the arrangement with these shares in percent, as far as they go; 0 leaves one as it is."""
        return Arrangement(self.layout, _share(chat or self.chat), _share(browser or self.browser))

    def next_layout(self) -> "Arrangement":
        """Return the arrangement with the next of the layouts."""
        layout = LAYOUTS[(LAYOUTS.index(self.layout) + 1) % len(LAYOUTS)]
        return Arrangement(layout, self.chat, self.browser)


def _share(percent: int) -> int:
    return max(_SMALLEST, min(percent, _LARGEST))


def _read(file: Path) -> dict[str, Arrangement]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Arrangement])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return {}


def load_arrangement(file: Path, project: Path, default: Layout) -> Arrangement:
    """Return what `file` remembers of `project`, else the default; a file that cannot be read is no error."""
    known = _read(file).get(str(project))
    return known.resized() if known is not None else Arrangement(default)


def save_arrangement(file: Path, project: Path, arrangement: Arrangement) -> None:
    """Remember the arrangement of `project`, for the newest two hundred projects. Raises `OSError`."""
    known = _read(file)
    known.pop(str(project), None)
    known[str(project)] = arrangement
    kept = dict(list(known.items())[-_KEPT:])
    write_atomically(file, msgspec.json.encode(kept).decode())
