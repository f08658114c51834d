"""Skills: folders with a `SKILL.md` that says how a kind of work is done.

The model is told names and descriptions alone, and reads a skill's text when it needs it.
"""

from dataclasses import dataclass
from pathlib import Path

from rlm_tui.config.checking import ConfigProblem
from rlm_tui.config.front_matter import read_front_matter
from rlm_tui.config.own_files import OwnFile
from rlm_tui.text import one_line

_FILE = "SKILL.md"
DESCRIPTION_CHARS = 400


@dataclass(frozen=True, slots=True)
class Skill:
    """One skill: `text` is what SKILL.md says below its front matter, `folder` where it and its other files are."""

    name: str
    description: str
    text: str
    folder: Path

    @property
    def source(self) -> str:
        """Where it is written."""
        return str(self.folder / _FILE)


def skills_in_force(files: list[OwnFile], problems: list[ConfigProblem]) -> dict[str, Skill]:
    """Return the skills that folders hold, by name. One without a description could not be chosen: a problem."""
    found: dict[str, Skill] = {}
    for file in files:
        folder, _, name = file.inner.rpartition("/")
        if name != _FILE or not folder:
            continue
        where = str(file.path)
        matter = read_front_matter(where, file.text, problems)
        if matter is None:
            continue
        named = matter.values.get("name") or folder.rpartition("/")[2]
        description = matter.values.get("description")
        if not isinstance(description, str) or not description.strip():
            problems.append(
                ConfigProblem(
                    where, matter.lines.get("description", 1), "a skill needs a `description` of when to use it"
                )
            )
            continue
        skill = Skill(str(named), one_line(description, DESCRIPTION_CHARS), matter.body.strip(), file.path.parent)
        if skill.name in found:
            problems.append(
                ConfigProblem(where, 0, f"skill `{skill.name}` takes the place of {found[skill.name].source}")
            )
        found[skill.name] = skill
    return found
