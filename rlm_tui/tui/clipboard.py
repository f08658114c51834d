"""The clipboard by escape sequence (OSC 52), which reaches the person's own machine through ssh and tmux.

The sequence is `ESC ] 52 ; c ; base64 BEL` (xterm control sequences, "Manipulate Selection Data"). tmux hands on what
stands between `ESC P tmux ;` and `ESC \\`, with each ESC inside doubled (tmux(1), `allow-passthrough`), and also
understands the plain sequence itself where `set-clipboard` is on; GNU screen hands on `ESC P ... ESC \\`.
"""

import base64
import os
from collections.abc import Mapping

from textual.app import App

LIMIT_BYTES = 100_000
_SCREEN_PIECE = 250  # GNU screen cuts longer device control strings


def osc52(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Return the sequence that puts `text` into the clipboard of the terminal described by `environment`."""
    environment = os.environ if environment is None else environment
    payload = base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")
    sequence = f"\x1b]52;c;{payload}\x07"
    if environment.get("TMUX"):
        return sequence + "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    if environment.get("TERM", "").startswith("screen"):
        pieces = [sequence[at : at + _SCREEN_PIECE] for at in range(0, len(sequence), _SCREEN_PIECE)]
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return sequence


def copy(app: App[object], text: str) -> bool:
    """Put `text` into the clipboard, and into the program's own for pasting here.

    Returns False where the text is longer than `LIMIT_BYTES`: most terminals drop such sequences silently, so the
    person should be told to save it to a file instead.
    """
    fits = len(text.encode("utf-8", "replace")) <= LIMIT_BYTES
    app._clipboard = text
    driver = app._driver
    if driver is not None and fits:
        driver.write(osc52(text))
    return fits
