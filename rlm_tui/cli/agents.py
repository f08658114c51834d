"""`rlm-tui agents`: the agents, own commands and skills in force, and what of them could not be used."""

from typing import TYPE_CHECKING

import click

from rlm_tui.cli.options import directory_option, load, project_folder
from rlm_tui.cli.output import json_option, say, show_json, show_table

if TYPE_CHECKING:
    from rlm_tui.config.extras import Extras


@click.command(epilog="Example:  rlm-tui agents && rlm-tui --agent plan")
@directory_option
@json_option
def agents(directory: str, as_json: bool) -> None:
    """List agents, commands and skills, built in and your own, with where each is written.

    Your own are Markdown files in agents/, commands/ and skills/ of the config dir, and in .rlm-tui/ of a project that
    you trust. What cannot be used of them is said on stderr, with file and line.
    """
    from rlm_tui.config.commands import BUILT_IN_COMMANDS
    from rlm_tui.config.extras import load_extras

    project = project_folder(directory)
    paths, loaded = load(project)
    extras = load_extras(paths, project, loaded, BUILT_IN_COMMANDS)
    for problem in extras.problems:
        say(str(problem))
    rows = list(_rows(extras))
    if as_json:
        for kind, name, description, source in rows:
            show_json({"kind": kind, "name": name, "description": description, "source": source})
        return
    show_table(("kind", "name", "description", "from"), rows)


def _rows(extras: "Extras") -> list[tuple[str, str, str, str]]:
    rows = [("agent", a.name, a.settings.description, a.source or "built in") for a in extras.agents.values()]
    rows += [("command", f"/{c.name}", c.description, c.source) for c in extras.commands.values()]
    return [*rows, *(("skill", s.name, s.description, s.source) for s in extras.skills.values())]
