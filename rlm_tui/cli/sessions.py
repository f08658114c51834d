"""`rlm-tui sessions`: the library of past sessions."""

import time
from typing import TYPE_CHECKING, Any

import click

from rlm_tui.cli.options import project_folder
from rlm_tui.cli.output import confirm, json_option, say, show_json, show_table
from rlm_tui.config.paths import Paths
from rlm_tui.text import one_line, safe_text

if TYPE_CHECKING:
    from rlm_tui.session.library import SessionInfo


@click.group(invoke_without_command=True, epilog="Example:  rlm-tui sessions --json | head -3")
@click.option("--project", default="", metavar="DIR", help="Only those of this folder.")
@json_option
@click.pass_context
def sessions(ctx: click.Context, project: str, as_json: bool) -> None:
    """List past sessions (without a command), search, rename, fork and delete them."""
    if ctx.invoked_subcommand is None:
        _list(project, as_json)


@sessions.command("list", epilog="Example:  rlm-tui sessions list --project .")
@click.option("--project", default="", metavar="DIR", help="Only those of this folder.")
@json_option
def list_all(project: str, as_json: bool) -> None:
    """List sessions, the newest first; tokens and cost include sub-calls."""
    _list(project, as_json)


def _list(project: str, as_json: bool) -> None:
    from rlm_tui.session.library import list_sessions

    infos = list_sessions(Paths.from_environ(), project_folder(project) if project else None)
    if as_json:
        for info in infos:
            show_json(_data(info))
        return
    if not infos:
        say("there are no sessions yet.")
        return
    rows = [
        (
            info.id,
            time.strftime("%Y-%m-%d %H:%M", time.localtime(info.changed_at)) if info.changed_at else "",
            str(info.turns),
            str(info.calls),
            f"{info.input_tokens + info.output_tokens:,}",
            _cost(info),
            f"{info.context_chars:,}",
            one_line(info.project, 40),
            one_line(_marked(info), 60),
        )
        for info in infos
    ]
    heads = ("session", "changed", "turns", "calls", "tokens", "cost", "context", "project", "title")
    show_table(heads, rows, right="  rrrrr")


@sessions.command(epilog='Example:  rlm-tui sessions search "retry policy"')
@click.argument("text")
@click.option("--max-results", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="At most.")
@json_option
def search(text: str, max_results: int, as_json: bool) -> None:
    """Find words in what was asked and answered in all sessions."""
    import msgspec

    from rlm_tui.session.library import search_sessions

    found = 0
    for match in search_sessions(Paths.from_environ(), text, max_results):
        found += 1
        if as_json:
            show_json(msgspec.to_builtins(match))
        else:
            click.echo(f"{match.session}  {match.kind:7}{safe_text(match.snippet, newlines=False)}")
    if not found:
        say("nothing found.")


@sessions.command(epilog='Example:  rlm-tui sessions rename 1a2b3c "Where retries are decided"')
@click.argument("session", metavar="ID")
@click.argument("title")
def rename(session: str, title: str) -> None:
    """Give a session another title."""
    from rlm_tui.session.library import find_session, rename_session

    rename_session(find_session(Paths.from_environ(), session), title)


@sessions.command(epilog="Example:  rlm-tui sessions fork 1a2b3c --at 120")
@click.argument("session", metavar="ID")
@click.option("--at", type=click.IntRange(0), metavar="SEQ", help="Up to this record only (`log --json` has them).")
@json_option
def fork(session: str, at: int | None, as_json: bool) -> None:
    """Copy a session into a new one and print the new id."""
    from rlm_tui.session.library import find_session, fork_session

    paths = Paths.from_environ()
    origin = find_session(paths, session)
    new = fork_session(paths, origin, -1 if at is None else at)
    if as_json:
        show_json({"id": new.name, "forked_from": origin.name})
    else:
        click.echo(new.name)


@sessions.command(epilog="Example:  rlm-tui sessions delete 1a2b3c --yes")
@click.argument("names", nargs=-1, required=True, metavar="ID...")
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(names: tuple[str, ...], yes: bool) -> None:
    """Delete sessions for good."""
    from rlm_tui.session.library import delete_session, describe, find_session

    paths = Paths.from_environ()
    for directory in dict.fromkeys(find_session(paths, name) for name in names):
        title = one_line(describe(directory).title, 60)
        if not yes:
            confirm(f"Delete {directory.name} ({title or 'no title'})?")
        delete_session(directory)
        say(f"{directory.name} is deleted.")


def _marked(info: "SessionInfo") -> str:
    marks = f"({info.problem}) " * bool(info.problem) + "(imported) " * bool(info.imported_from)
    return marks + info.title


def _data(info: "SessionInfo") -> dict[str, Any]:
    import msgspec

    return {**msgspec.to_builtins(info), "tokens": info.input_tokens + info.output_tokens}


def _cost(info: "SessionInfo") -> str:
    if not info.cost:
        return "$0" if info.cost_known else "unknown"
    return f"${info.cost:.4f}" + ("" if info.cost_known else "+")
