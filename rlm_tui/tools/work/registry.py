"""The working tools as one set, in the order in which a model is told of them."""

from collections.abc import Mapping

from rlm_tui.config.skills import Skill as SkillText
from rlm_tui.tools.port import Tool
from rlm_tui.tools.work.asking import Ask, Task, Todo
from rlm_tui.tools.work.changing import ApplyPatch, Edit, Write
from rlm_tui.tools.work.looking import Glob, Grep, ListDirectory, Read
from rlm_tui.tools.work.shell import Bash, Shell
from rlm_tui.tools.work.skill import Skill
from rlm_tui.tools.work.web import WebFetch
from rlm_tui.workspace.project_files import ProjectFiles

TASK = "task"
WORK_TOOLS = (
    "read", "list", "glob", "grep", "edit", "write", "apply_patch", "bash", "todo", "web_fetch", "ask", TASK, "skill",
)  # fmt: skip
"""Names of the tools that only the root call and sub-agents have; other sub-calls look at their spans alone."""


def work_tools(
    files: ProjectFiles,
    shell: Shell,
    agents: Mapping[str, str] | None = None,
    skills: Mapping[str, SkillText] | None = None,
) -> tuple[Tool, ...]:
    """Return the working tools over one project's files, with commands that run in `shell`.

    `agents` are those that `task` can call, with what each is for. Without `skills` there is no such tool.
    """
    return (
        Read(files), ListDirectory(files), Glob(files), Grep(files), Edit(files), Write(files), ApplyPatch(files),
        Bash(shell), Todo(), WebFetch(), Ask(), Task(agents),
        *([Skill(skills)] if skills else []),
    )  # fmt: skip
