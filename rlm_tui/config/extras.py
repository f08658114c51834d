"""Agents, commands and skills in force, read once when a session opens."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rlm_tui.config.agents import Agent, agents_in_force
from rlm_tui.config.checking import ConfigProblem
from rlm_tui.config.commands import OwnCommand, own_commands
from rlm_tui.config.own_files import own_files
from rlm_tui.config.paths import Paths
from rlm_tui.config.settings import Loaded
from rlm_tui.config.skills import Skill, skills_in_force


@dataclass(frozen=True, slots=True)
class Extras:
    """What a person and a trusted project added, each by name, and what of it could not be used."""

    agents: dict[str, Agent] = field(default_factory=dict)
    commands: dict[str, OwnCommand] = field(default_factory=dict)
    skills: dict[str, Skill] = field(default_factory=dict)
    problems: list[ConfigProblem] = field(default_factory=list)


def load_extras(paths: Paths, project: Path | None, loaded: Loaded, taken: Sequence[str] = ()) -> Extras:
    """Return what is in force in `project`. `taken` are names of commands that no file can take over.

    Never raises on what a file says.
    """
    problems: list[ConfigProblem] = []
    files = {
        kind: own_files(kind, paths.config_dir, project, loaded.trusted, problems)
        for kind in ("agents", "commands", "skills")
    }
    agents = agents_in_force(loaded.settings.agents, files["agents"], problems)
    commands = own_commands(files["commands"], taken, problems)
    return Extras(agents, commands, skills_in_force(files["skills"], problems), problems)
