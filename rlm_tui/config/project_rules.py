"""Permission rules that the person chose to keep for one project, asked on the screen and answered with "always".

Kept in `rules.json` in the data home, never in the project: folder -> allow rules. They hold beside `[permissions]`.
"""

import json
from pathlib import Path

from rlm_tui.config.paths import Paths
from rlm_tui.config.writing import write_atomically
from rlm_tui.errors import ConfigError


def project_rules(paths: Paths, project: Path) -> tuple[str, ...]:
    """Return the allow rules kept for `project`, oldest first."""
    return tuple(_read(paths).get(_key(project), ()))


def keep_rule(paths: Paths, project: Path, rule: str) -> None:
    """Keep `rule` for `project`. Raises `ConfigError` where it cannot be written."""
    rules = project_rules(paths, project)
    if rule not in rules:
        _write(paths, project, (*rules, rule))


def drop_rule(paths: Paths, project: Path, rule: str) -> None:
    """Keep `rule` no longer. Raises `ConfigError` where that cannot be written."""
    rules = project_rules(paths, project)
    if rule in rules:
        _write(paths, project, tuple(kept for kept in rules if kept != rule))


def _key(project: Path) -> str:
    return str(project.resolve())


def _read(paths: Paths) -> dict[str, list[str]]:
    try:
        known = json.loads(paths.rules_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # none yet, or damaged: then nothing is allowed by it
    if not isinstance(known, dict):
        return {}
    return {str(k): [str(rule) for rule in v] for k, v in known.items() if isinstance(v, list)}


def _write(paths: Paths, project: Path, rules: tuple[str, ...]) -> None:
    known = {**_read(paths), _key(project): list(rules)}
    if not rules:
        del known[_key(project)]
    try:
        paths.make(paths.home)
        write_atomically(paths.rules_file, json.dumps(known, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
    except OSError as error:
        raise ConfigError(
            f"{paths.rules_file} could not be written: {error.strerror}. The rule holds until the session ends."
        ) from None
