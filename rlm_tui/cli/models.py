"""`rlm-tui models`: what could answer here."""

import asyncio

import click

from rlm_tui.cli.options import directory_option, load, project_folder
from rlm_tui.cli.output import json_option, say, show_json, show_table


@click.command(epilog="Example:  rlm-tui models && rlm-tui -m ollama_chat/NAME")
@directory_option
@click.option("--all", "everything", is_flag=True, help="Also what is not available, and why.")
@json_option
def models(directory: str, everything: bool, as_json: bool) -> None:
    """List models whose key is set or whose server answers on this machine; `*` marks the one in force.

    Nothing is used or paid by listing. Any other model that litellm knows can be named with `-m`.
    """
    from rlm_tui.models.catalog import look_around

    _, loaded = load(project_folder(directory))
    chosen = loaded.settings.model.name or "offline"
    found = asyncio.run(look_around(endpoints=loaded.settings.endpoints))
    if as_json:
        for offer in found.offers:
            show_json(
                {
                    "model": offer.model,
                    "provider": offer.provider,
                    "available": True,
                    "local": offer.local,
                    "chosen": offer.model == chosen,
                    "why": offer.why,
                }
            )
        for item in found.missing if everything else ():
            show_json({"model": "", "provider": item.provider, "available": False, "why": item.reason})
        return
    rows = [("*" if o.model == chosen else "", o.model, o.provider, o.why) for o in found.offers]
    if everything:
        rows += [("", "-", item.provider, item.reason) for item in found.missing]
    show_table(("", "model", "provider", "because"), rows)
    if all(offer.model != chosen for offer in found.offers):
        say(f"in force: {chosen}.")
