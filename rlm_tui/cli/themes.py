"""`rlm-tui themes`."""

import click

from rlm_tui.cli.options import load
from rlm_tui.cli.output import json_option, say, show_json, show_table


@click.command(epilog="Example:  rlm-tui themes && rlm-tui --theme nord")
@json_option
def themes(as_json: bool) -> None:
    """List the themes, shipped and your own; `*` marks the one in force."""
    from rlm_tui.config.themes import load_themes

    paths, loaded = load(None)
    found, problems = load_themes(paths.config_dir)
    for problem in problems:
        say(str(problem))
    chosen = loaded.settings.ui.theme
    if as_json:
        for spec in found.values():
            show_json(
                {
                    "name": spec.name,
                    "dark": spec.dark,
                    "description": spec.description,
                    "chosen": spec.name == chosen,
                    "source": spec.source,
                    "roles": spec.roles(),
                }
            )
        return
    rows = [
        ("*" if spec.name == chosen else "", name, "dark" if spec.dark else "light", spec.description)
        for name, spec in found.items()
    ]
    show_table(("", "name", "ground", "description"), rows)
