"""Agents: `build` and `plan`, those of `[agents.NAME]`, and those in Markdown files with front matter."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from rlm_tui.config.checking import Checker, ConfigProblem
from rlm_tui.config.front_matter import read_front_matter
from rlm_tui.config.own_files import OwnFile
from rlm_tui.config.schema import AgentSettings

BUILD = "build"
PLAN = "plan"


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent: its name, what is set of it, and where that is written (empty where it is built in)."""

    name: str
    settings: AgentSettings
    source: str = ""


BUILT_IN: Mapping[str, Agent] = {
    BUILD: Agent(BUILD, AgentSettings(description="does the work: reads, edits, runs what the permissions allow")),
    PLAN: Agent(
        PLAN,
        AgentSettings(
            description="looks and plans: nothing is changed and no command runs that could change something",
            prompt="You are planning. Look at whatever you need, change nothing, and end with a plan: the steps, the "
            "files that each touches, and what could go wrong.",
            approval="plan",
        ),
    ),
}


def agents_in_force(
    settings: Mapping[str, AgentSettings], files: list[OwnFile], problems: list[ConfigProblem]
) -> dict[str, Agent]:
    """Return all agents by name: built-in ones, then those of the settings, then those of files; later ones win."""
    found = dict(BUILT_IN)
    found |= {name: _upon_built_in(Agent(name, agent, "settings")) for name, agent in settings.items()}
    for file in files:
        agent = read_agent(file, problems)
        if agent is None:
            continue
        before = found.get(agent.name)
        if before is not None and before.source:
            problems.append(ConfigProblem(agent.source, 0, f"agent `{agent.name}` takes the place of {before.source}"))
        found[agent.name] = _upon_built_in(agent)
    return found


def _upon_built_in(agent: Agent) -> Agent:
    """Return an agent that bears a built-in one's name as an addition to that: `plan` stays locked."""
    built_in = BUILT_IN.get(agent.name)
    if built_in is None:
        return agent
    own, base = agent.settings, built_in.settings
    return replace(
        agent,
        settings=msgspec.structs.replace(
            own,
            description=own.description or base.description,
            prompt=own.prompt or base.prompt,
            approval=base.approval or own.approval,
        ),
    )


def read_agent(file: OwnFile, problems: list[ConfigProblem]) -> Agent | None:
    """Return the agent that a file describes; what cannot be used of it becomes problems."""
    where = str(file.path)
    matter = read_front_matter(where, file.text, problems)
    if matter is None:
        return None
    values = {**matter.values, "prompt": matter.body.strip()}
    if isinstance(tools := values.get("tools"), str):
        values["tools"] = [name.strip() for name in tools.split(",") if name.strip()]
    name = values.pop("name", None) or name_of(file.inner)
    checker = Checker(where, lambda key: matter.lines.get(key[0], 1))
    fields = checker.fields(AgentSettings, values)
    problems += checker.problems
    if _must_not_be_lost(checker.problems, matter.values, fields):
        problems.append(ConfigProblem(where, 0, "the agent is not used: what it may do could not be read"))
        return None
    return Agent(str(name), msgspec.convert(fields, AgentSettings), where)


def _must_not_be_lost(problems: list[ConfigProblem], said: Mapping[str, Any], used: Mapping[str, Any]) -> bool:
    """Whether a limit that was meant got lost: then the agent could do more than its author wanted."""
    limits = ("approval", "tools", "max_calls", "max_tokens", "max_cost", "timeout")
    return bool(problems) and any(name in said and name not in used for name in limits)


def name_of(inner: str) -> str:
    """Return the name of `sub/folder/name.md`: `sub:folder:name`."""
    return inner.removesuffix(".md").replace("/", ":")
