"""Taking OpenCode's settings over: find them, map them, and write what is not set here yet."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rlm_tui.config.checking import ConfigProblem
from rlm_tui.config.front_matter import read_front_matter
from rlm_tui.config.opencode.jsonc import parse_jsonc
from rlm_tui.config.opencode.mapping import Mapped, agent_file, command_file, map_config
from rlm_tui.config.paths import Paths
from rlm_tui.config.remembering import remember
from rlm_tui.config.settings import load_settings
from rlm_tui.config.writing import write_atomically
from rlm_tui.errors import ConfigError

_SETTINGS = ("config.json", "opencode.json", "opencode.jsonc")
_MOST_BYTES = 1_000_000


@dataclass(slots=True)
class TakenOver:
    """What was written (`set`, `files`), what was here already (`kept`), and what could not be mapped (`told`)."""

    set: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


def config_folder() -> Path:
    """Return where OpenCode keeps a person's settings."""
    root = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(root).expanduser() / "opencode"


def database_file() -> Path:
    """Return where OpenCode keeps sessions."""
    root = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(root).expanduser() / "opencode" / "opencode.db"


def settings_files(folder: Path) -> list[Path]:
    """Return the settings files in a folder of OpenCode's, the weakest first."""
    return [folder / name for name in _SETTINGS if (folder / name).is_file()]


def take_over(paths: Paths, sources: list[Path], folders: list[Path], *, write: bool = True) -> TakenOver:
    """Take over settings files, and the agents, commands, skills and rules in `folders`.

    Nothing that is set here already is changed, and nothing of OpenCode's. Without `write`, only say what would be.
    """
    mapped, taken = Mapped(), TakenOver()
    for source in sources:
        try:
            found = map_config(parse_jsonc(_text(source), str(source)), source.parent)
        except ConfigError as error:
            taken.told.append(str(error))
            continue
        mapped.values |= found.values
        mapped.files |= found.files
        mapped.told += found.told
    for folder in folders:
        mapped.files |= dict(_folder_files(folder, mapped.told))
    taken.told += mapped.told
    _write_values(paths, mapped, taken, write=write)
    for name, text in mapped.files.items():
        _write_file(paths, name, text, taken, write=write)
    return taken


def _write_values(paths: Paths, mapped: Mapped, taken: TakenOver, *, write: bool) -> None:
    known = load_settings(paths, None, environ={}).origin
    for key, value in mapped.values.items():
        if any(name == key or name.startswith(f"{key}.") for name in known):
            taken.kept.append(key)
            continue
        try:
            if write:
                remember(paths, key, value)
        except ConfigError as error:
            taken.told.append(f"`{key}`: {error}")
        else:
            taken.set.append(key)


def _write_file(paths: Paths, name: str, text: str, taken: TakenOver, *, write: bool) -> None:
    target = paths.config_dir / name
    if target.exists():
        taken.kept.append(name)
        return
    if ".." in Path(name).parts or Path(name).is_absolute():
        taken.told.append(f"{name}: is no name of a file")
        return
    try:
        if write:
            paths.make(paths.config_dir)
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target, text)
    except (OSError, ValueError) as error:
        taken.told.append(f"{name}: could not be written ({error})")
    else:
        taken.files.append(name)


def _folder_files(folder: Path, told: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what a folder of OpenCode's holds, by its name in our config dir."""
    for kinds, ours in ((("agent", "agents"), "agents"), (("command", "commands"), "commands")):
        for kind in kinds:
            for path in _files(folder / kind, "*.md"):
                inner = path.relative_to(folder / kind).as_posix()
                problems: list[ConfigProblem] = []
                if (text := _text_or_told(path, told)) is None:
                    continue
                matter = read_front_matter(str(path), text, problems)
                told += [str(problem) for problem in problems]
                if matter is None:
                    continue
                make = agent_file if ours == "agents" else command_file
                yield f"{ours}/{inner}", make(inner.removesuffix(".md"), matter.values, matter.body, told)
    others = [
        (path, f"skills/{path.relative_to(folder / kind).as_posix()}")
        for kind in ("skill", "skills")
        for path in _files(folder / kind, "*")
    ]
    if (folder / "AGENTS.md").is_file():
        others.append((folder / "AGENTS.md", "AGENTS.md"))
    for path, name in others:
        if (copied := _text_or_told(path, told)) is not None:
            yield name, copied


def _files(folder: Path, pattern: str) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.rglob(pattern) if p.is_file() and p.stat().st_size <= _MOST_BYTES)


def _text(path: Path) -> str:
    try:
        return path.read_bytes()[:_MOST_BYTES].decode("utf-8-sig", "replace")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None


def _text_or_told(path: Path, told: list[str]) -> str | None:
    """Return a file's text; one that cannot be read, or is no text, is told and left out: half of it is worse."""
    try:
        data = path.read_bytes()
        if b"\0" not in data:
            return data.decode("utf-8-sig")
        why = "is no text"
    except UnicodeDecodeError:
        why = "is no text in UTF-8"
    except OSError as error:
        why = f"cannot be read ({error.strerror})"
    told.append(f"{path}: {why}, so it was not taken over")
    return None
