"""`rlm-tui status`: what is in force here, and how much room it takes."""

import os
from pathlib import Path
from typing import Any

import click

from rlm_tui import __version__
from rlm_tui.cli.options import directory_option, load, project_folder
from rlm_tui.cli.output import json_option, say, show, show_json, show_table, size_text
from rlm_tui.config.settings import as_data, environment_names


@click.command(epilog="Example:  rlm-tui status --json")
@directory_option
@json_option
def status(directory: str, as_json: bool) -> None:
    """Show the model, the RLM_* values in force and where each came from, folders and their sizes."""
    from rlm_tui.sandbox.finding import find_containment

    project = project_folder(directory)
    paths, loaded = load(project)
    sandbox = loaded.settings.sandbox
    settings = as_data(loaded.settings)
    values = {
        variable: {
            "key": key,
            "value": _value(settings, key),
            "origin": loaded.origin.get(key, "default"),
        }
        for variable, key in environment_names().items()
    }
    for variable, folder in (("RLM_TUI_HOME", paths.home), ("RLM_TUI_CONFIG", paths.config_dir)):
        values[variable] = {
            "key": "",
            "value": str(folder),
            "origin": variable if os.environ.get(variable) else "default",
        }
    folders = {"sessions": paths.sessions, "corpora": paths.corpora, "logs": paths.logs}
    sizes = {name: disk_use(folder) for name, folder in folders.items()}
    snapshots = sum(disk_use(folder) for folder in paths.sessions.glob("*/snapshots"))
    data: dict[str, Any] = {
        "version": __version__,
        "model": loaded.settings.model.name or "offline",
        "sub_model": loaded.settings.model.sub,
        "mode": loaded.settings.model.mode,
        "approval": loaded.settings.permissions.approval,
        "sandbox": find_containment(sandbox.mode, network=sandbox.network, project=project).text,
        "values": values,
        "paths": {"home": str(paths.home), "config": str(paths.config_file), **{n: str(f) for n, f in folders.items()}},
        "disk_bytes": {**sizes, "snapshots": snapshots},
        "sessions": _count(paths.sessions),
        "corpora": _count(paths.corpora),
        "problems": [str(problem) for problem in loaded.problems],
    }
    if as_json:
        show_json(data)
        return
    for problem in loaded.problems:
        say(str(problem))
    show(f"rlm-tui {__version__}    model {data['model']}    approval {data['approval']}")
    show(f"commands: {data['sandbox']}")
    click.echo()
    show_table(("variable", "value", "from"), [(n, str(v["value"]), v["origin"]) for n, v in values.items()])
    click.echo()
    rows = [("home", "", str(paths.home)), ("config", "", str(paths.config_file))]
    rows += [(name, size_text(sizes[name]), str(folder)) for name, folder in folders.items()]
    rows.insert(3, ("· snapshots", size_text(snapshots), "what undo keeps, part of sessions"))
    show_table(("folder", "size", "path"), rows, right=" r")


def _value(settings: dict[str, Any], key: str) -> Any:
    group, _, name = key.partition(".")
    return settings[group][name]


def _count(folder: Path) -> int:
    return sum(1 for item in folder.iterdir() if item.is_dir()) if folder.is_dir() else 0


def disk_use(folder: Path) -> int:
    """Return the bytes that the files under `folder` take on the disk; what vanishes meanwhile counts as nothing."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(root, name)).st_blocks * 512  # noqa: PTH118 - thousands of files
            except OSError:
                continue
    return total
