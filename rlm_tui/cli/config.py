"""`rlm-tui config`: show, locate, edit and trust configuration."""

from typing import Any

import click

from rlm_tui.cli.options import directory_option, load, project_folder
from rlm_tui.cli.output import confirm, json_option, say, show, show_json, show_table
from rlm_tui.errors import ConfigError


@click.group(invoke_without_command=True, epilog="Example:  rlm-tui config show --defaults > config.toml")
@click.pass_context
def config(ctx: click.Context) -> None:
    """Show, locate, edit and trust configuration. Without a command: show."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(show_config, as_json=False, defaults=False, directory=".")


@config.command("show", epilog="Example:  rlm-tui config show --json")
@click.option("--defaults", is_flag=True, help="Print a whole config.toml with defaults and comments.")
@directory_option
@json_option
def show_config(defaults: bool, directory: str, as_json: bool) -> None:
    """Show the settings in force and where each that is not a default came from."""
    from rlm_tui.config.document import defaults_text, toml_value
    from rlm_tui.config.schema import as_data

    if defaults:
        from rlm_tui.config.schema import Settings

        if as_json:
            show_json(as_data(Settings()))
        else:
            click.echo(defaults_text(), nl=False)
        return
    _, loaded = load(project_folder(directory))
    for problem in loaded.problems:
        say(str(problem))
    data = as_data(loaded.settings)
    if as_json:
        problems = [{"file": p.file, "line": p.line, "message": p.message} for p in loaded.problems]
        show_json({"settings": data, "origin": loaded.origin, "problems": problems})
        return
    rows = [(key, toml_value(value), loaded.origin.get(key, "default")) for key, value in flat(data)]
    show_table(("key", "value", "from"), rows)


@config.command("path", epilog="Example:  rlm-tui config path")
@json_option
def show_path(as_json: bool) -> None:
    """Print where config.toml is (or would be)."""
    paths, _ = load(None)
    if as_json:
        show_json({"config": str(paths.config_file), "themes": str(paths.themes), "exists": paths.config_file.exists()})
    else:
        show(str(paths.config_file))


@config.command(epilog="Example:  EDITOR=nano rlm-tui config edit")
def edit() -> None:
    """Open config.toml in $VISUAL or $EDITOR; a new one starts with every key as a comment."""
    from rlm_tui.config.document import starting_text
    from rlm_tui.config.writing import write_atomically

    paths, _ = load(None)
    if not paths.config_file.exists():
        paths.make(paths.config_dir)
        write_atomically(paths.config_file, starting_text())
    try:
        click.edit(filename=str(paths.config_file))
    except click.ClickException as error:
        raise ConfigError(f"{error.format_message()}. Set $EDITOR, or edit {paths.config_file} yourself.") from None
    _, loaded = load(None)
    for problem in loaded.problems:
        say(str(problem))


@config.command(epilog="Example:  rlm-tui config trust --directory ~/project")
@directory_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-more", is_flag=True, help="Take the trust back.")
def trust(directory: str, yes: bool, no_more: bool) -> None:
    """Trust what a project's rlm-tui.toml and .rlm-tui/ say, as they are now. A change asks again."""
    from rlm_tui.config import trust as trusting

    paths, _ = load(None)
    project = project_folder(directory)
    if no_more:
        trusting.distrust(paths, project)
        say(f"{project} is not trusted any more.")
        return
    files = trusting.project_files(project)
    if not files:
        say(f"{project} has no configuration of its own: there is nothing to trust.")
        return
    for name, content in files.items():
        show(f"--- {name}\n{content.decode('utf-8', 'replace')}")
    if not yes:
        confirm(f"Trust these in {project}?")
    trusting.trust(paths, project, files)
    say(f"{project} is trusted as it is now.")


def flat(data: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return nested settings as dotted keys and plain values."""
    found: list[tuple[str, Any]] = []
    for key, value in data.items():
        if isinstance(value, dict):
            found += flat(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value))
    return found
