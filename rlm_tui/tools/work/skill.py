"""`skill`: how a kind of work is done here, read when it is needed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from rlm_tui.config.skills import Skill as SkillText
from rlm_tui.errors import ToolError
from rlm_tui.tools.port import Arguments, ToolResult, ToolRun

_LISTED = 60
_MOST_FILES = 50


class SkillArguments(Arguments, frozen=True):
    name: Annotated[str, Meta(description="The skill's name.")]


class Skill:
    """`skill`: the text of one skill. Its description lists the skills that there are."""

    name = "skill"
    arguments = SkillArguments
    aliases: Mapping[str, str] = {"skill": "name"}
    parallel = True

    def __init__(self, skills: Mapping[str, SkillText]) -> None:
        self._skills = skills

    @property
    def description(self) -> str:
        """What the model is told: a line for each skill."""
        lines = [f"- {skill.name}: {skill.description}" for skill in list(self._skills.values())[:_LISTED]]
        if len(self._skills) > _LISTED:
            lines.append(f"- and {len(self._skills) - _LISTED} more: {', '.join(list(self._skills)[_LISTED:])}")
        return "\n".join(["Read how a kind of work is done here, before doing it. The skills are:", *lines])

    async def run(self, arguments: SkillArguments, run: ToolRun) -> ToolResult:  # noqa: ARG002 - the port's signature
        skill = self._skills.get(arguments.name)
        if skill is None:
            raise ToolError(f"There is no skill {arguments.name!r}. The skills are: {', '.join(self._skills)}.")
        files = _other_files(skill.folder)
        text = f"{skill.text}\n\n(The skill's folder is {skill.folder}."
        text += f" It also holds: {', '.join(files)}.)" if files else ")"
        return ToolResult(text, f"read {skill.name}", capture=skill.text, label=f"skill {skill.name}")


def _other_files(folder: Path) -> list[str]:
    try:
        found = (path for path in folder.rglob("*") if path.is_file() and path.name != "SKILL.md")
        return sorted(path.relative_to(folder).as_posix() for path, _ in zip(found, range(_MOST_FILES), strict=False))
    except OSError:
        return []
