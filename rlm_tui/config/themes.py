"""Themes: TOML files that give every role on the screen a colour.

A file has `name`, `dark`, optionally `description` and `base`, and a table `[roles]` of `#rrggbb` colours. What a
file leaves out comes from its `base` theme, else from `rlm-dark` or `rlm-light`. The person's own lie in `themes/`
in the config dir, beat shipped ones of the same name, and are read with the same code.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from rlm_tui.config.checking import ConfigProblem, nearest
from rlm_tui.config.positions import KeyPath, key_lines, line_of

DEFAULT_THEME = "rlm-dark"
_DEFAULT_LIGHT = "rlm-light"

ROLES: tuple[str, ...] = (
    "ground", "panel", "raised", "text", "dim", "faint",
    "accent", "good", "warn", "bad",
    "read", "matched", "sent", "cited",
    "selection", "cursor",
    "keyword", "string", "number", "comment", "function", "type", "operator",
    "heading", "code", "link", "quote",
)  # fmt: skip
"""Every role, in the order of the files."""

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_KEYS = ("name", "description", "dark", "base", "roles")


class ThemeSpec(Struct, frozen=True):
    """One theme. `colours` has a `#rrggbb` for each of `ROLES`; `source` is the file it came from."""

    name: str
    dark: bool
    description: str
    source: str
    colours: dict[str, str]

    def roles(self) -> dict[str, str]:
        """Return a copy of the colours by role."""
        return dict(self.colours)


# the sixteen as terminals are taken to have them, so that the nearest to each is itself
_BLACK, _RED, _GREEN, _YELLOW = "#000000", "#aa0000", "#00aa00", "#aa5500"
_BLUE, _MAGENTA, _CYAN, _WHITE, _GREY = "#0000aa", "#aa00aa", "#00aaaa", "#aaaaaa", "#555555"
_BRIGHT = {
    "red": "#ff5555", "green": "#55ff55", "yellow": "#ffff55", "blue": "#5555ff", "pink": "#ff55ff",
    "cyan": "#55ffff", "white": "#ffffff",
}  # fmt: skip
_SIXTEEN_DARK = {
    "ground": _BLACK, "panel": _BLACK, "raised": _BLACK, "text": _WHITE, "dim": _WHITE, "faint": _GREY,
    "accent": _BRIGHT["cyan"], "good": _BRIGHT["green"], "warn": _BRIGHT["yellow"], "bad": _BRIGHT["red"],
    "read": _BRIGHT["blue"], "matched": _BRIGHT["green"], "sent": _BRIGHT["pink"], "cited": _BRIGHT["yellow"],
    "selection": _GREY, "cursor": _CYAN,
    "keyword": _BRIGHT["pink"], "string": _GREEN, "number": _YELLOW, "comment": _GREY, "function": _BRIGHT["blue"],
    "type": _CYAN, "operator": _WHITE,
    "heading": _BRIGHT["cyan"], "code": _YELLOW, "link": _BRIGHT["blue"], "quote": _WHITE,
}  # fmt: skip
_SIXTEEN_LIGHT = {
    "ground": _BRIGHT["white"], "panel": _BRIGHT["white"], "raised": _BRIGHT["white"], "text": _BLACK, "dim": _GREY,
    "faint": _WHITE, "accent": _BLUE, "good": _GREEN, "warn": _YELLOW, "bad": _RED,
    "read": _BLUE, "matched": _GREEN, "sent": _MAGENTA, "cited": _YELLOW,
    "selection": _WHITE, "cursor": _CYAN,
    "keyword": _MAGENTA, "string": _GREEN, "number": _YELLOW, "comment": _GREY, "function": _BLUE, "type": _CYAN,
    "operator": _BLACK, "heading": _BLUE, "code": _YELLOW, "link": _BLUE, "quote": _GREY,
}  # fmt: skip


def with_sixteen_colours(spec: ThemeSpec) -> ThemeSpec:
    """Return a theme for terminals of 16 colours, dark or light as `spec` is.

    The nearest of 16 colours to each of a theme's would make some roles equal, and selections invisible.
    """
    return structs.replace(spec, colours=dict(_SIXTEEN_DARK if spec.dark else _SIXTEEN_LIGHT))


def shipped_themes() -> Path:
    """Return the folder of the shipped themes: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "themes"
    return inside if inside.is_dir() else package.parent / "themes"


def load_themes(config_dir: Path) -> tuple[dict[str, ThemeSpec], list[ConfigProblem]]:
    """Return all themes by name, in alphabetical order with the default first, and what was wrong with files.

    Never raises on what a person's file says: what cannot be used is left out or taken from the base theme.
    """
    loader = _Loader()
    loader.read_shipped(shipped_themes())
    loader.read_own(config_dir / "themes")
    found = loader.finish()
    names = sorted(found, key=lambda name: (name != DEFAULT_THEME, name))
    return {name: found[name] for name in names}, loader.problems


def quick_roles(name: str) -> dict[str, str]:
    """Return the roles of a shipped theme, those of the default where there is none of that name; reads one file."""
    for wanted in (name, DEFAULT_THEME):
        try:
            text = (shipped_themes() / f"{Path(wanted).name}.toml").read_text(encoding="utf-8")
            return dict(tomllib.loads(text)["roles"])
        except (OSError, ValueError, KeyError):
            continue
    return {}


class _Loader:
    def __init__(self) -> None:
        self.problems: list[ConfigProblem] = []
        self._shipped: dict[str, ThemeSpec] = {}
        self._own: dict[str, tuple[_Check, dict[str, Any]]] = {}
        self._done: dict[str, ThemeSpec] = {}

    def read_shipped(self, folder: Path) -> None:
        for name, (check, data) in self._read(folder).items():
            self._shipped[name] = _make(name, check, data, None)

    def read_own(self, folder: Path) -> None:
        self._own = self._read(folder)

    def finish(self) -> dict[str, ThemeSpec]:
        return self._shipped | {name: self._spec(name, ()) for name in self._own}

    def _read(self, folder: Path) -> dict[str, tuple["_Check", dict[str, Any]]]:
        found: dict[str, tuple[_Check, dict[str, Any]]] = {}
        for file in sorted(folder.glob("*.toml")):
            check = _Check(self.problems, file)
            data = check.parse()
            if data is not None:
                found[check.typed(data, "name", str, "").strip() or file.stem] = (check, data)
        return found

    def _spec(self, name: str, asking: tuple[str, ...]) -> ThemeSpec:
        if name not in self._done:
            check, data = self._own[name]
            self._done[name] = _make(name, check, data, self._base(name, check, data, (*asking, name)))
        return self._done[name]

    def _base(self, name: str, check: "_Check", data: dict[str, Any], asking: tuple[str, ...]) -> ThemeSpec:
        """Return what fills the gaps: the theme of `base`, else the shipped one of this name or of this ground."""
        plain = DEFAULT_THEME if data.get("dark", True) else _DEFAULT_LIGHT
        base = check.typed(data, "base", str, "")
        if base and base != name:
            if base in asking:
                check.problem(("base",), f"the themes {' -> '.join((*asking, base))} rest on each other")
            elif base in self._own:
                return self._spec(base, asking)
            elif base in self._shipped:
                return self._shipped[base]
            else:
                near = nearest(base, [*self._own, *self._shipped])
                check.problem(("base",), f"there is no theme {base!r}" + (f": did you mean `{near}`?" if near else ""))
        return self._shipped.get(name) or self._shipped[plain]


def _make(name: str, check: "_Check", data: dict[str, Any], base: ThemeSpec | None) -> ThemeSpec:
    for key in data:
        if key not in _KEYS:
            check.unknown((key,), _KEYS)
    colours = dict(base.colours) if base else {}
    for role, colour in check.typed(data, "roles", dict, {}).items():
        if role not in ROLES:
            check.unknown(("roles", role), ROLES)
        elif isinstance(colour, str) and _COLOUR.fullmatch(colour):
            colours[role] = colour.lower()
        else:
            check.problem(("roles", role), f'`{role}` must be a colour such as "#5eb1e8", not {colour!r}')
    return ThemeSpec(
        name=name,
        dark=check.typed(data, "dark", bool, base.dark if base else True),
        description=check.typed(data, "description", str, base.description if base else ""),
        source=str(check.file),
        colours={role: colours[role] for role in ROLES},
    )


class _Check:
    """One file, its content and its problems with their lines."""

    def __init__(self, problems: list[ConfigProblem], file: Path) -> None:
        self.file = file
        self._problems = problems
        self._text = ""
        self._lines: dict[KeyPath, int] | None = None

    def parse(self) -> dict[str, Any] | None:
        """Return what the file says, None (and a problem) where it cannot be read."""
        line, why = 0, ""
        try:
            self._text = self.file.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
            return tomllib.loads(self._text)
        except OSError as error:
            why = f"cannot be read ({error.strerror})"
        except UnicodeDecodeError:
            why = "is not UTF-8 text"
        except tomllib.TOMLDecodeError as error:
            place = re.search(r"at line (\d+)", str(error))
            line = int(place[1]) if place else self._text.count("\n") + 1
            why = f"is not valid TOML ({re.sub(r' [(]at .*', '', str(error))})"
        self._problems.append(ConfigProblem(str(self.file), line, why))
        return None

    def problem(self, key: KeyPath, message: str) -> None:
        if self._lines is None:
            self._lines = key_lines(self._text)
        self._problems.append(ConfigProblem(str(self.file), line_of(self._lines, key), message))

    def unknown(self, key: KeyPath, names: tuple[str, ...]) -> None:
        near = nearest(key[-1], names)
        hint = f"did you mean `{near}`?" if near else f"there are {', '.join(f'`{n}`' for n in names)}"
        self.problem(key, f"unknown key `{'.'.join(key)}`: {hint}")

    def typed(self, data: dict[str, Any], key: str, kind: type[Any], default: Any) -> Any:
        value = data.get(key, default)
        if isinstance(value, kind):
            return value
        words = {bool: "true or false", str: "a text in quotes", dict: "a table"}
        self.problem((key,), f"`{key}` must be {words[kind]}, not {value!r}")
        return default
