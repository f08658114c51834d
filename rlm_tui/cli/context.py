"""`rlm-tui context`: the tools over a context, by hand."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rlm_tui.cli.output import json_option, say, show_exactly, show_json, show_table
from rlm_tui.events import ENTRY_KINDS
from rlm_tui.text import safe_text

if TYPE_CHECKING:
    from rlm_tui.context.entry import RankReply, SearchReply

Command = TypeVar("Command", bound=Callable[..., Any])


def _where_options(command: Command) -> Command:
    for option in reversed(
        (
            click.option("--session", default="", metavar="ID", help="Of this session (id or title)."),
            click.option("--path", default="", metavar="DIR|FILE", help="Of this folder or file; the current folder."),
            click.option("--yes", "confirmed", is_flag=True, help="Read even / or your home."),
        )
    ):
        command = option(command)
    return command


def _filter_options(command: Command) -> Command:
    command = click.option("--label", metavar="TEXT", help="Only entries whose label holds this, or matches a glob.")(
        command
    )
    return click.option("--type", "kind", type=click.Choice(ENTRY_KINDS), help="Only entries of this type.")(command)


@click.group(epilog='Example:  rlm-tui context find "retry" --path ~/project')
def context() -> None:
    """Look into a context by hand, with the tools that a model has."""


@context.command(epilog="Example:  rlm-tui context stats --path . --json")
@_where_options
@json_option
def stats(session: str, path: str, confirmed: bool, as_json: bool) -> None:
    """Show how much there is, of what, and what was left out."""
    import msgspec

    from rlm_tui.cli.opening import open_context

    with open_context(session, path, confirmed=confirmed) as store:
        found = store.stats()
    if as_json:
        data = msgspec.to_builtins(found)
        show_json(data)
        return
    click.echo(f"characters  {found.characters:,}")
    click.echo(f"bytes       {found.bytes:,}")
    click.echo(f"entries     {found.entries:,}")
    for kind, counts in found.by_type.items():
        click.echo(f"  {kind:10}" + "  ".join(f"{name} {count:,}" for name, count in counts.items()))
    for source in found.sources:
        click.echo(f"source      {safe_text(source, newlines=False)}")
    if found.left_out_total:
        click.echo(f"left out    {found.left_out_total:,}")
        for item in found.left_out:
            click.echo(f"  {safe_text(item.path, newlines=False)}: {safe_text(item.reason, newlines=False)}")


@context.command(epilog="Example:  rlm-tui context entries --type file --label '*.py' --max-results 20")
@_where_options
@_filter_options
@click.option("--max-results", type=click.IntRange(0), default=100, show_default=True, metavar="N", help="At most.")
@click.option("--after", type=int, default=-1, metavar="N", help="Only entries numbered above this.")
@json_option
def entries(
    session: str,
    path: str,
    confirmed: bool,
    kind: Any,
    label: str | None,
    max_results: int,
    after: int,
    as_json: bool,
) -> None:
    """List entries with their offsets."""
    import msgspec

    from rlm_tui.cli.opening import open_context

    with open_context(session, path, confirmed=confirmed) as store:
        found = store.entries(kind=kind, label=label, after=after, limit=max_results)
    if as_json:
        for entry in found:
            show_json({**msgspec.to_builtins(entry), "end": entry.end})
        return
    rows = [(str(e.number), str(e.start), str(e.end), str(e.chars), e.kind, e.label) for e in found]
    show_table(("entry", "start", "end", "chars", "type", "label"), rows, right="rrrr")


@context.command(epilog="Example:  rlm-tui context get --offset 1200 --length 400")
@_where_options
@click.option("--offset", type=click.IntRange(0), default=0, show_default=True, metavar="N", help="First character.")
@click.option("--length", type=click.IntRange(0), default=4000, show_default=True, metavar="N", help="Characters.")
@json_option
def get(session: str, path: str, confirmed: bool, offset: int, length: int, as_json: bool) -> None:
    """Print text by offset, byte for byte."""
    import msgspec

    from rlm_tui.cli.opening import open_context

    with open_context(session, path, confirmed=confirmed) as store:
        piece = store.slice(offset, length)
    if as_json:
        show_json(msgspec.to_builtins(piece))
    else:
        show_exactly(piece.text)


@context.command(epilog="Example:  rlm-tui context find 'def main(' --max-results 5")
@click.argument("text")
@_where_options
@_filter_options
@click.option("--max-results", type=click.IntRange(0), default=50, show_default=True, metavar="N", help="At most.")
@click.option("-i", "--ignore-case", is_flag=True, help="Upper and lower case are the same.")
@json_option
def find(
    text: str,
    session: str,
    path: str,
    confirmed: bool,
    kind: Any,
    label: str | None,
    max_results: int,
    ignore_case: bool,
    as_json: bool,
) -> None:
    """Find a text exactly as it is written."""
    from rlm_tui.cli.opening import open_context

    with open_context(session, path, confirmed=confirmed) as store:
        reply = store.find(text, max_results=max_results, kind=kind, label=label, ignore_case=ignore_case)
    _show_reply(text, reply, as_json)


@context.command(epilog=r"Example:  rlm-tui context search 'class \w+Error' --label '*.py'")
@click.argument("pattern")
@_where_options
@_filter_options
@click.option("--max-results", type=click.IntRange(0), default=50, show_default=True, metavar="N", help="At most.")
@json_option
def search(
    pattern: str,
    session: str,
    path: str,
    confirmed: bool,
    kind: Any,
    label: str | None,
    max_results: int,
    as_json: bool,
) -> None:
    """Search by a regular expression (RE2)."""
    from rlm_tui.cli.opening import open_context

    with open_context(session, path, confirmed=confirmed) as store:
        reply = store.search(pattern, max_results=max_results, kind=kind, label=label)
    _show_reply(pattern, reply, as_json)


@context.command(epilog='Example:  rlm-tui context rank "how are retries decided" --max-results 5')
@click.argument("query")
@_where_options
@_filter_options
@click.option("--max-results", type=click.IntRange(0), default=10, show_default=True, metavar="N", help="At most.")
@json_option
def rank(
    query: str,
    session: str,
    path: str,
    confirmed: bool,
    kind: Any,
    label: str | None,
    max_results: int,
    as_json: bool,
) -> None:
    """Rank passages by how well they fit some words (BM25)."""
    from rlm_tui.cli.opening import open_context

    with open_context(session, path, confirmed=confirmed) as store:
        reply = store.rank(query, max_results=max_results, kind=kind, label=label)
    _show_reply(query, reply, as_json)


def _show_reply(pattern: str, reply: "SearchReply | RankReply", as_json: bool) -> None:
    import msgspec

    if as_json:
        data: dict[str, Any] = msgspec.to_builtins(reply)
        data.pop("query", None)
        show_json({"pattern": pattern, **data})
        return
    for hit in reply.hits:
        place = f"{hit.label}:{hit.line}:{hit.column}"
        click.echo(f"{safe_text(place, newlines=False)}  [{hit.offset}+{hit.length}]  {_one_row(hit.snippet)}")
    total = f"{reply.total_found:,}{'' if reply.total_is_exact else ' or more'}"
    shown = f", {len(reply.hits):,} shown" if len(reply.hits) < reply.total_found else ""
    partial = f"; partial ({reply.reason})" if reply.partial else ""
    say(f"{total} found{shown}{partial}.")


def _one_row(snippet: str) -> str:
    return safe_text(" ".join(snippet.split()), newlines=False)
