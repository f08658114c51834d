"""The models that can be offered here, as choices: what is available with prices, the rest with the reason."""

from dataclasses import dataclass
from pathlib import Path

from rlm_tui.config.settings import Settings
from rlm_tui.tui.screens.dialogs import Choice


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One model to choose: `missing` says why it cannot be used, `variable` where its key would go."""

    model: str
    note: str
    limits: str = ""
    missing: str = ""
    variable: str = ""

    @property
    def choice(self) -> Choice:
        """The row as a line of a list."""
        if self.missing:
            return Choice(self.model, f"✗ {self.model}", f"{self.note}: {self.missing}")
        return Choice(self.model, f"● {self.model}", self.note)


async def find_offers(settings: Settings, home: Path) -> list[Choice]:
    """Look for models, for at most a fraction of a second; the built-in one comes last."""
    from rlm_tui.models.catalog import look_around
    from rlm_tui.models.router import keyed_environ

    found = await look_around(keyed_environ(home), settings.endpoints, folders=settings.gguf.folders)
    return [Choice(offer.model, offer.model, offer.why) for offer in found.offers]


async def find_rows(settings: Settings, home: Path) -> list[ModelRow]:
    """Return all rows of the models' screen: found ones first, then more of their providers, then what lacks a key."""
    import asyncio

    from rlm_tui.models.catalog import look_around
    from rlm_tui.models.router import keyed_environ

    found = await look_around(keyed_environ(home), settings.endpoints, folders=settings.gguf.folders)
    return await asyncio.to_thread(_rows, found)


def _rows(found: object) -> list[ModelRow]:
    from rlm_tui.models.catalog import Found, described, more_offers
    from rlm_tui.models.describing import limits_text, price_text, window_text
    from rlm_tui.models.price_map import reasons

    assert isinstance(found, Found)
    rows = []
    for offer in (*found.offers[:-1], *more_offers(found), found.offers[-1]):  # the built-in one comes last
        limits = described(offer)
        price = price_text(limits)
        figures = "  ".join(part for part in (window_text(limits), f"$ {price}" if price else "") if part)
        note = f"{figures}  {offer.why}" if figures else offer.why
        known = limits_text(limits, not offer.own and reasons(offer.model))
        rows.append(ModelRow(offer.model, note, known or offer.why))
    rows += [
        ModelRow(item.model or item.provider, item.provider, "", item.reason, item.variable) for item in found.missing
    ]
    return rows
