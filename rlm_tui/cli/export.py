"""`rlm-tui export` and `rlm-tui import`: sessions out of the program, and in again."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rlm_tui.cli.output import json_option, say, show_json
from rlm_tui.config.paths import Paths
from rlm_tui.errors import UsageError

if TYPE_CHECKING:
    from rlm_tui.session.export.reading import Exported

FORMATS = ("md", "html", "json", "jsonl", "cast", "svg")


@click.command(
    epilog="Example:  rlm-tui export 1a2b3c -o session.html    (or --format md | less, or --bundle -o session.zip)"
)
@click.argument("session", metavar="[ID]", default="")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="By the name of FILE if not given, else md.")
@click.option("--bundle", is_flag=True, help="One ZIP with the log and the touched context, to open elsewhere.")
@click.option("-o", "--output", default="-", metavar="FILE", help="Where to; standard output if not given.")
@click.option("--force", is_flag=True, help="Write over FILE if it exists.")
@click.option("--include", multiple=True, metavar="PART", help="Only these parts besides prompts and answers.")
@click.option("--exclude", multiple=True, metavar="PART", help="Leave this part out: reasoning, tools, calls, ...")
@click.option("--at", type=click.IntRange(0), metavar="SEQ", help="For svg: the moment right after this record.")
@click.option("--size", default="140x45", show_default=True, metavar="WxH", help="For svg and cast: columns and rows.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of --format json or jsonl instead.")
@json_option
def export(
    session: str,
    format_: str | None,
    bundle: bool,
    output: str,
    force: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    at: int | None,
    size: str,
    schema: bool,
    as_json: bool,
) -> None:
    """Export a session (the newest if none is given): trace, spans and cost included, secrets masked.

    Formats: md and html to read, json and jsonl for programs (jsonl and bundles can be imported again), cast to play
    in a terminal (asciinema), svg for a picture of one moment. The parts that --include and --exclude take are
    reasoning, tools, calls, context, files and notices.
    """
    format_ = format_ or _format_of(output)
    if schema:
        _show_schema(format_)
        return
    from rlm_tui.session.export.parts import chosen_parts
    from rlm_tui.session.export.reading import Exported
    from rlm_tui.session.library import find_session, session_directories

    paths = Paths.from_environ()
    found = session_directories(paths)
    if not session and not found:
        raise UsageError("There are no sessions yet: nothing to export.")
    directory = find_session(paths, session) if session else found[0]
    exported = Exported(directory, paths.home, parts=chosen_parts(include, exclude))
    pieces = _pieces(exported, "zip" if bundle else format_, at, _parsed_size(size))
    written = _write(pieces, output, force)
    for line in exported.report():
        say(line)
    if as_json and output != "-":
        report = {"file": output, "bytes": written, "masked": dict(sorted(exported.masker.found.items()))}
        show_json({**report, "missing": exported.missing})


def _format_of(output: str) -> str:
    suffix = Path(output).suffix.lstrip(".").lower()
    return {"htm": "html", "markdown": "md"}.get(suffix, suffix if suffix in FORMATS else "md")


def _parsed_size(text: str) -> tuple[int, int]:
    columns, _, rows = text.partition("x")
    if not (columns.isdigit() and rows.isdigit() and 40 <= int(columns) <= 400 and 12 <= int(rows) <= 200):
        raise UsageError(f"{text!r} is no size: give columns and rows, such as 140x45 (40x12 to 400x200).")
    return int(columns), int(rows)


def _show_schema(format_: str) -> None:
    from rlm_tui.session.export.json_document import document_schema
    from rlm_tui.session.export.jsonl import line_schema

    schemas = {"json": document_schema, "jsonl": line_schema}
    if format_ not in schemas:
        raise UsageError("Only json and jsonl have a schema: add `--format json` or `--format jsonl`.")
    show_json(schemas[format_]())


def _pieces(exported: "Exported", what: str, at: int | None, size: tuple[int, int]) -> Iterable[bytes]:
    if what not in ("svg", "cast"):
        from rlm_tui.session.export import formats

        return formats.pieces(exported, what)
    from rlm_tui.tui.recording import record_cast, record_svg

    return record_svg(exported, at, size) if what == "svg" else record_cast(exported, size, _frame_drawn)


def _frame_drawn(done: int, total: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done:,} of {total:,} frames " + ("\n" if done == total else ""), nl=False, err=True)


def _write(pieces: Iterable[bytes], output: str, force: bool) -> int:
    if output != "-":
        from rlm_tui.session.export.writing import write_whole

        return write_whole(Path(output).expanduser(), pieces, force=force)
    first, rest = _begun(pieces)  # what cannot be exported fails before anything is printed
    sys.stdout.flush()
    out = sys.stdout.buffer
    written = out.write(first)
    for piece in rest:
        written += out.write(piece)
    out.flush()
    return written


def _begun(pieces: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    rest = iter(pieces)
    return next(rest, b""), rest


@click.command("import", epilog="Example:  rlm-tui import session.jsonl && rlm-tui import --from opencode --dry-run")
@click.argument("file", type=click.Path(path_type=Path), metavar="[FILE]", required=False)
@click.option("--from", "source", type=click.Choice(["opencode"]), help="Take over sessions and settings of another.")
@click.option("--dry-run", is_flag=True, help="With --from: only say what would be taken over.")
@json_option
def import_(file: Path | None, source: str | None, dry_run: bool, as_json: bool) -> None:
    """Bring in a session that was exported elsewhere (jsonl or a bundle); print its id.

    With `--from opencode`, bring in OpenCode's sessions and settings from where it keeps them, or from FILE: its
    database, a session that it exported, an opencode.json, or a folder such as .opencode. Nothing of OpenCode's is
    changed, nor anything that is set here already, and what is here already is not brought in twice.
    """
    if source is not None:
        from rlm_tui.cli.import_opencode import import_opencode

        import_opencode(Paths.from_environ(), file.expanduser() if file is not None else None, dry_run, as_json)
        return
    if file is None:
        raise UsageError("Name the file to import, or say `--from opencode`.")
    from rlm_tui.session.importing import import_session
    from rlm_tui.session.library import describe

    imported = import_session(Paths.from_environ(), file.expanduser())
    for problem in imported.problems:
        say(problem)
    if as_json:
        data: dict[str, Any] = {"id": imported.directory.name, "imported_from": imported.origin}
        info = describe(imported.directory)
        show_json({**data, "title": info.title, "records": imported.records, "problems": imported.problems})
    else:
        click.echo(imported.directory.name)
