"""Telling a person who looks elsewhere that the program waits for them."""

from typing import Literal

from textual.app import App

_DESKTOP = "\x1b]9;{}\x07"
"""A desktop notification, as iTerm2, kitty, WezTerm, foot and Windows Terminal understand it (OSC 9)."""


def announce(app: App[object], how: Literal["off", "bell", "desktop"], words: str) -> None:
    """Ring, or notify the desktop, unless the terminal is in front. `words` are the program's own, never foreign."""
    driver = app._driver
    if how == "off" or app.app_focus or driver is None:
        return
    if how == "desktop":
        driver.write(_DESKTOP.format(words))
    else:
        app.bell()
