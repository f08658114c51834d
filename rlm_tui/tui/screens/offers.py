"""The models that can be offered here: `offline`, providers with a key, and local servers that answer."""

from collections.abc import Mapping

from rlm_tui.config.settings import EndpointSettings
from rlm_tui.tui.screens.dialogs import Choice


async def find_offers(endpoints: Mapping[str, EndpointSettings]) -> list[Choice]:
    """Look for models, for at most a fraction of a second; the built-in one comes last."""
    from rlm_tui.models.catalog import look_around

    found = await look_around(endpoints=endpoints)
    return [Choice(offer.model, offer.model, offer.why) for offer in found.offers]
