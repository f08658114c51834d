"""The roles of a theme as Rich styles, for widgets that draw their own lines.

With no colours (`NO_COLOR`, or a theme of greys) the roles that carry meaning differ by bold, italic, underline and
reverse instead, so that nothing is told by colour alone.
"""

import os
import tomllib
from collections.abc import Mapping
from functools import lru_cache

from rich.style import Style

from rlm_tui.config.themes import DEFAULT_THEME, ROLES, shipped_themes

_MEANINGFUL = ("accent", "good", "warn", "bad", "read", "matched", "sent", "cited")
_WITHOUT_COLOUR: dict[str, Style] = {
    "dim": Style(dim=True),
    "faint": Style(dim=True),
    "accent": Style(bold=True),
    "warn": Style(bold=True),
    "bad": Style(bold=True, underline=True),
    "matched": Style(italic=True),
    "sent": Style(bold=True),
    "cited": Style(underline=True),
    "keyword": Style(bold=True),
    "comment": Style(dim=True, italic=True),
    "heading": Style(bold=True, underline=True),
    "link": Style(underline=True),
    "quote": Style(italic=True),
}
_GROUND_WITHOUT_COLOUR: dict[str, Style] = {"selection": Style(reverse=True), "cursor": Style(reverse=True)}
_GREY_SPREAD = 12  # levels of 255 that a grey's channels may differ by


class Palette:
    """Styles by role. `roles` maps each role to `#rrggbb`; `plain` says that no colour may be used."""

    def __init__(self, roles: Mapping[str, str], *, plain: bool = False) -> None:
        self.roles = dict(roles)
        self.plain = plain
        self._told_by_attributes = plain or all(_is_grey(self.roles[role]) for role in _MEANINGFUL)
        self._styles: dict[tuple[str, str | None, tuple[bool | None, ...]], Style] = {}

    @classmethod
    def from_roles(cls, roles: Mapping[str, str]) -> "Palette":
        """Return the palette of a theme's roles; plain when the environment sets `NO_COLOR`.

        Raises KeyError where a role is missing.
        """
        return cls({role: roles[role] for role in ROLES}, plain=bool(os.environ.get("NO_COLOR")))

    def style(
        self,
        role: str,
        *,
        on: str | None = None,
        bold: bool | None = None,
        italic: bool | None = None,
        underline: bool | None = None,
        strike: bool | None = None,
        reverse: bool | None = None,
    ) -> Style:
        """Return the style of `role`, drawn on the colour of the role `on` (None leaves the ground alone)."""
        attributes = (bold, italic, underline, strike, reverse)
        key = (role, on, attributes)
        style = self._styles.get(key)
        if style is None:
            style = self._styles[key] = self._made(role, on, attributes)
        return style

    def _made(self, role: str, on: str | None, attributes: tuple[bool | None, ...]) -> Style:
        style = Style()
        if not self.plain:
            style = Style(color=self.roles[role], bgcolor=self.roles[on] if on else None)
        if self._told_by_attributes:
            style += _WITHOUT_COLOUR.get(role, Style()) + _GROUND_WITHOUT_COLOUR.get(on or "", Style())
        bold, italic, underline, strike, reverse = attributes
        return style + Style(bold=bold, italic=italic, underline=underline, strike=strike, reverse=reverse)

    def ground(self, role: str) -> Style:
        """Return a style that changes the ground alone, for marking what is already drawn (a selection)."""
        if self._told_by_attributes:
            return _GROUND_WITHOUT_COLOUR.get(role, Style())
        return Style(bgcolor=self.roles[role])


def _is_grey(colour: str) -> bool:
    channels = [int(colour[at : at + 2], 16) for at in (1, 3, 5)] if len(colour) == 7 else [0, 255, 0]
    return max(channels) - min(channels) <= _GREY_SPREAD


@lru_cache(maxsize=1)
def default_palette() -> Palette:
    """Return the palette of the theme that is used when nobody chose one."""
    text = (shipped_themes() / f"{DEFAULT_THEME}.toml").read_text(encoding="utf-8")
    return Palette.from_roles(tomllib.loads(text)["roles"])
