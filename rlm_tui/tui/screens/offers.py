"""The models that can be offered here: `offline`, providers with a key, and local servers that answer."""

from rlm_tui.tui.screens.dialogs import Choice

OFFLINE_CHOICE = Choice("offline", "offline", "built in, no language model: extracts and searches")


async def find_offers() -> list[Choice]:
    """Look for models, for at most a fraction of a second."""
    from rlm_tui.models.catalog import find_offers as find

    return [OFFLINE_CHOICE, *(Choice(offer.model, offer.model, offer.why) for offer in await find())]
