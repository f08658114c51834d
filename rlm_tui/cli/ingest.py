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
        refs, report = refresh(paths, root, loaded.settings.context, confirmed=confirmed)
        counts = {"entries": sum(_live(ref) for ref in refs), "segments": len(refs)}
        data: dict[str, Any] = msgspec.to_builtins(report)
        if as_json:
            show_json({"path": str(root), **counts, **data})
            continue
        click.echo(f"{safe_text(str(root), newlines=False)}: {counts['entries']:,} entries")
        if report.left_out_total:
            click.echo(f"left out: {report.left_out_total:,}")
        for item in report.left_out:
            click.echo(f"  {safe_text(item.path, newlines=False)}: {safe_text(item.reason, newlines=False)}")


def _live(ref: Any) -> int:
    return sum(last - first + 1 for first, last in ref.live)
