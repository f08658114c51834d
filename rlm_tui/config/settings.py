"""Settings in layers: defaults, `config.toml`, a trusted project's `rlm-tui.toml`, environment, flags.

Later layers beat earlier ones, key by key; permission rules of all layers add up. What cannot be understood is
left out with a problem that names file, line and the nearest right name, and everything else still counts. A
project's file that is not trusted is one such problem.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from rlm_tui.config.checking import Checker, ConfigProblem
from rlm_tui.config.paths import Paths
from rlm_tui.config.positions import KeyPath, key_lines, line_of
from rlm_tui.config.remembering import remember
from rlm_tui.config.schema import (
    AgentSettings,
    Approval,
    BudgetSettings,
    CaptureSettings,
    ContextSettings,
    EndpointSettings,
    McpSettings,
    Mode,
    ModelSettings,
    PermissionSettings,
    SandboxSettings,
    Settings,
    UiSettings,
    WindowSettings,
    as_data,
    field_meta,
    parse_size,
)
from rlm_tui.config.trust import PROJECT_FILE, is_trusted, project_files

__all__ = [
    "AgentSettings",
    "Approval",
    "BudgetSettings",
    "CaptureSettings",
    "ConfigProblem",
    "ContextSettings",
    "EndpointSettings",
    "Loaded",
    "McpSettings",
    "Mode",
    "ModelSettings",
    "PermissionSettings",
    "SandboxSettings",
    "Settings",
    "UiSettings",
    "WindowSettings",
    "as_data",
    "environment_names",
    "load_settings",
    "parse_size",
    "remember",
]

_RECOVERIES = 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading gave.

    `origin` says for each dotted key that is not a default where its value came from (`/x/config.toml:3`,
    `RLM_TOKEN_RESERVE`, `flag`). `untrusted` names the project's files that were not used for lack of trust,
    `trusted` holds those that are, as they were when they were looked at.
    """

    settings: Settings
    problems: list[ConfigProblem] = field(default_factory=list)
    origin: dict[str, str] = field(default_factory=dict)
    untrusted: tuple[str, ...] = ()
    trusted: Mapping[str, bytes] = field(default_factory=dict)


def load_settings(
    paths: Paths,
    project: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Return the settings in force in `project`. Never raises on what a file, variable or flag says.

    `flags` maps dotted keys (`"budget.depth"`) to values; None means not given, `"unlimited"` no limit.
    """
    layers = _Layers()
    if (text := layers.read(paths.config_file)) is not None:
        layers.add_file(paths.config_file, text)
    untrusted: tuple[str, ...] = ()
    trusted: Mapping[str, bytes] = {}
    if project is not None and (files := project_files(project)):
        if is_trusted(paths, project, files):
            trusted = files
            layers.add_file(project / PROJECT_FILE, layers.decode(project / PROJECT_FILE, files.get(PROJECT_FILE, b"")))
        else:
            untrusted = tuple(files)
            layers.problems.append(
                ConfigProblem(
                    str(project / untrusted[0]), 0,
                    "is not used until you trust this folder: `rlm-tui config trust` shows what it says and asks",
                )
            )  # fmt: skip
    layers.add_environment(os.environ if environ is None else environ)
    layers.add_flags(flags or {})
    return Loaded(layers.settings(), layers.problems, layers.origin, untrusted, trusted)


def environment_names() -> dict[str, str]:
    """Return the environment variables that set a key, and the dotted key of each."""
    names: dict[str, str] = {}
    for group, struct in Settings.__annotations__.items():
        if isinstance(struct, type) and issubclass(struct, Struct):
            for name in struct.__struct_fields__:
                if variable := (field_meta(struct, name).extra or {}).get("env"):
                    names[variable] = f"{group}.{name}"
    return names


class _Layers:
    """The layers read so far, merged."""

    def __init__(self) -> None:
        self.problems: list[ConfigProblem] = []
        self.origin: dict[str, str] = {}
        self._values: dict[str, Any] = {}

    def read(self, path: Path) -> str | None:
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self.problems.append(ConfigProblem(str(path), 0, f"cannot be read ({error.strerror})"))
            return None
        return self.decode(path, data)

    def decode(self, path: Path, data: bytes) -> str:
        try:
            return data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self.problems.append(ConfigProblem(str(path), line, "is not UTF-8 text, so the file is not used"))
            return ""

    def add_file(self, path: Path, text: str) -> None:
        data, text = _parse(str(path), text, self.problems)
        lines = key_lines(text)
        checker = Checker(str(path), lambda key: line_of(lines, key))
        self._merge(checker, data, lambda key: f"{path}:{line_of(lines, key)}")

    def add_environment(self, environ: Mapping[str, str]) -> None:
        for variable, key in environment_names().items():
            if environ.get(variable, "").strip():
                checker = Checker(variable, lambda _: 0, from_text=True)
                self._merge(checker, _nested(key, environ[variable].strip()), lambda _, v=variable: v)

    def add_flags(self, flags: Mapping[str, Any]) -> None:
        checker = Checker("flag", lambda _: 0, from_text=True)
        for key, value in flags.items():
            if value is not None:
                self._merge(checker, _nested(key, value), lambda _: "flag")

    def settings(self) -> Settings:
        settings = msgspec.convert(self._values, Settings)
        window = settings.window
        if window.reserve >= window.max_tokens:
            self.problems.append(
                ConfigProblem(
                    self.origin.get("window.reserve", self.origin.get("window.max_tokens", "")),
                    0,
                    f"`window.reserve` ({window.reserve}) leaves nothing of `window.max_tokens` ({window.max_tokens}): "
                    f"an eighth of it is reserved instead",
                )
            )
            window = msgspec.structs.replace(window, reserve=window.max_tokens // 8)
            settings = msgspec.structs.replace(settings, window=window)
        return settings

    def _merge(self, checker: Checker, data: dict[str, Any], where: Any) -> None:
        for key, value in checker.leaves(data):
            dotted = ".".join(key)
            origin = where(key)
            if value == () and key in checker.adding:
                continue
            if key in checker.adding and dotted in self.origin:
                value = (*_get(self._values, key), *value)
                origin = f"{self.origin[dotted]}, {origin}"
            _put(self._values, key, value)
            self.origin[dotted] = origin
        self.problems += checker.problems
        checker.problems = []


def _parse(file: str, text: str, problems: list[ConfigProblem]) -> tuple[dict[str, Any], str]:
    """Return what a TOML text says, leaving out lines that are not TOML (each a problem), and the text as used."""
    import tomllib

    for _ in range(_RECOVERIES):
        try:
            return tomllib.loads(text), text
        except tomllib.TOMLDecodeError as error:
            place = re.search(r"\(at line (\d+), column \d+\)", str(error))
            lines = text.split("\n")
            number = int(place[1]) if place else len(lines)
            reason = re.sub(r" \(at .*\)$", "", str(error))
            problems.append(ConfigProblem(file, number, f"is not valid TOML ({reason[:1].lower()}{reason[1:]})"))
            if not place or not lines[number - 1].strip():
                break
            text = "\n".join(_without_statement(lines, number - 1))
    return {}, ""


def _without_statement(lines: list[str], index: int) -> list[str]:
    """Blank a line; a table header takes its table along, so that no key slips into the table before it."""
    end = index + 1
    if lines[index].lstrip().startswith("["):
        while end < len(lines) and not lines[end].lstrip().startswith("["):
            end += 1
    return [*lines[:index], *([""] * (end - index)), *lines[end:]]


def _nested(dotted: str, value: Any) -> dict[str, Any]:
    for part in reversed(dotted.split(".")):
        value = {part: value}
    return dict(value)


def _get(values: dict[str, Any], key: KeyPath) -> Any:
    for part in key:
        values = values[part]
    return values


def _put(values: dict[str, Any], key: KeyPath, value: Any) -> None:
    for part in key[:-1]:
        values = values.setdefault(part, {})
    values[key[-1]] = value
