"""`rlm-tui models`: what could answer here, what it costs, and the keys that were entered for it."""

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from rlm_tui.cli.options import directory_option, load, project_folder
from rlm_tui.cli.output import json_option, say, show_json, show_table

if TYPE_CHECKING:
    from rlm_tui.config.paths import Paths
    from rlm_tui.models.catalog import Found, Offer


@click.command(epilog="Example:  rlm-tui models && rlm-tui models claude && rlm-tui models --set-key anthropic")
@click.argument("words", nargs=-1)
@directory_option
@click.option("--all", "everything", is_flag=True, help="Also what is not available, and why.")
@click.option("--set-key", default="", metavar="NAME", help="Keep a provider's key in the system's keyring.")
@click.option("--forget-key", default="", metavar="NAME", help="Delete a key from the keyring.")
@json_option
def models(
    words: tuple[str, ...], directory: str, everything: bool, set_key: str, forget_key: str, as_json: bool
) -> None:
    """List models whose key is set or whose server answers on this machine; `*` marks the one in force.

    With WORDS, every known model of the providers that are available whose name has all of them. Prices are US
    dollars for a million tokens, in and out. Nothing is used or paid by listing. Any other model that litellm knows
    can be named with `-m`.
    """
    from rlm_tui.models.catalog import look_around, more_offers
    from rlm_tui.models.router import keyed_environ

    paths, loaded = load(project_folder(directory))
    if set_key or forget_key:
        _change_key(paths, set_key, forget_key)
        return
    settings = loaded.settings
    chosen = settings.model.name or "offline"
    found = asyncio.run(look_around(keyed_environ(paths.home), settings.endpoints, folders=settings.gguf.folders))
    offers = found.offers
    if words:
        offers = tuple(
            o for o in (*offers, *more_offers(found)) if all(w.casefold() in o.model.casefold() for w in words)
        )
    missing = found if everything else None
    if as_json:
        _show_json(offers, missing, chosen)
        return
    rows = [_row(offer, chosen) for offer in offers]
    if missing is not None:
        rows += [("", "-", item.provider, "", "", item.reason) for item in missing.missing]
    show_table(("", "model", "provider", "window", "$ in / out", "because"), rows, right="   rr")
    if not words and all(offer.model != chosen for offer in offers):
        say(f"in force: {chosen}.")


def _row(offer: "Offer", chosen: str) -> tuple[str, str, str, str, str, str]:
    from rlm_tui.models.catalog import described
    from rlm_tui.models.describing import price_text, window_text

    limits = described(offer)
    mark = "*" if offer.model == chosen else ""
    return mark, offer.model, offer.provider, window_text(limits), price_text(limits), offer.why


def _show_json(offers: "tuple[Offer, ...]", missing: "Found | None", chosen: str) -> None:
    from rlm_tui.models.catalog import described

    for offer in offers:
        limits = described(offer)
        show_json(
            {
                "model": offer.model,
                "provider": offer.provider,
                "available": True,
                "local": offer.local,
                "chosen": offer.model == chosen,
                "why": offer.why,
                "context_tokens": limits.context_tokens,
                "output_tokens": limits.output_tokens,
                "input_price": limits.input_price,
                "output_price": limits.output_price,
            }
        )
    for item in missing.missing if missing is not None else ():
        show_json({"model": "", "provider": item.provider, "available": False, "why": item.reason})


def _change_key(paths: "Paths", set_key: str, forget_key: str) -> None:
    from rlm_tui.models.keys import key_store
    from rlm_tui.models.providers import key_variable

    store = key_store(paths.make(paths.home))
    variable = key_variable(set_key or forget_key)
    if forget_key:
        say(f"{variable} is deleted." if store.forget(variable) else f"There was no stored key {variable}.")
        return
    if sys.stdin.isatty():
        key = click.prompt(f"Key for {variable} (not shown)", hide_input=True, err=True)
    else:
        key = sys.stdin.readline()
    store.put(variable, key)
    say(f"{variable} is in the system's keyring.")
