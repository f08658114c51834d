"""`rlm-tui ingest`: read projects into their corpora."""

from typing import Any

import click

from rlm_tui.cli.options import load
from rlm_tui.cli.output import json_option, say, show_json
from rlm_tui.text import safe_text


@click.command(epilog="Example:  rlm-tui ingest ~/project")
@click.argument("names", nargs=-1, metavar="PATH...")
@click.option("--yes", "confirmed", is_flag=True, help="Read even / or your home.")
@json_option
def ingest(names: tuple[str, ...], confirmed: bool, as_json: bool) -> None:
    """Read folders or files into their corpus, or bring it up to date; say what was left out and why."""
    import msgspec

    from rlm_tui.cli.opening import existing, refresh

    for root in [existing(name) for name in names or (".",)]:
        paths, loaded = load(root if root.is_dir() else root.parent)
        for problem in loaded.problems:
            say(str(problem))
        report = refresh(paths, root, loaded.settings.context, confirmed=confirmed)
        if as_json:
            data: dict[str, Any] = msgspec.to_builtins(report)
            show_json({"path": str(root), **data, "segments": len(report.segments)})
            continue
        click.echo(
            f"{safe_text(str(root), newlines=False)}: {report.files:,} files, {report.chars:,} characters; "
            f"{report.changed:,} read, {report.removed:,} gone, {report.left_out_total:,} left out"
        )
        for item in report.left_out:
            click.echo(f"  left out: {safe_text(item.path, newlines=False)}: {safe_text(item.reason, newlines=False)}")
        for label, note in report.notes:
            click.echo(f"  note: {safe_text(label, newlines=False)}: {safe_text(note, newlines=False)}")
        if report.left_out_total > len(report.left_out):
            click.echo(f"  ... and {report.left_out_total - len(report.left_out):,} more left out")
