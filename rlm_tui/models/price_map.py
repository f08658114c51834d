"""Prices and limits of known models, read from the map in litellm's package without importing litellm.

The file holds some thousands of models and is decoded in milliseconds; litellm itself takes seconds to import.
"""

from datetime import UTC, datetime
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from rlm_tui.models.port import Limits

_FILE = "model_prices_and_context_window_backup.json"
_PER_MILLION = 1_000_000
_TALKING = ("chat", "responses")


class Known(Struct, frozen=True):
    """One model of the map, as far as it is of use here. The map's values are of any type now and then."""

    litellm_provider: Any = ""
    mode: Any = ""
    max_input_tokens: Any = None
    max_output_tokens: Any = None
    max_tokens: Any = None
    input_cost_per_token: Any = None
    output_cost_per_token: Any = None
    supports_function_calling: Any = None
    supports_vision: Any = None
    supports_reasoning: Any = None
    deprecation_date: Any = ""


@lru_cache(maxsize=1)
def price_map() -> dict[str, Known]:
    """Return the map by litellm's names; empty where the file is not to be had."""
    spec = find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        return {}
    try:
        return msgspec.json.decode(
            (Path(spec.submodule_search_locations[0]) / _FILE).read_bytes(), type=dict[str, Known]
        )
    except (OSError, msgspec.DecodeError):
        return {}


def known_model(model: str) -> Known | None:
    """Return what the map says of a model, by its whole name or without its prefix; None where it has none."""
    found = price_map().get(model)
    prefix, _, bare = model.partition("/")
    if found is None and bare:
        found = price_map().get(bare)
        if found is not None and not str(found.litellm_provider).startswith(prefix):
            return None
    return found


def known_limits(model: str) -> Limits:
    """Return window and prices of a model; unknown ones have no known limits."""
    found = known_model(model)
    if found is None:
        return Limits()
    return Limits(
        context_tokens=_whole(found.max_input_tokens or found.max_tokens),
        output_tokens=_whole(found.max_output_tokens),
        input_price=_price(found.input_cost_per_token),
        output_price=_price(found.output_cost_per_token),
        supports_tools=found.supports_function_calling is not False,
        supports_images=bool(found.supports_vision),
    )


def reasons(model: str) -> bool:
    """Return whether the map says that a model takes a reasoning effort."""
    found = known_model(model)
    return found is not None and bool(found.supports_reasoning)


def models_of(prefix: str) -> list[str]:
    """Return the names of a provider's models that hold conversations and are not gone, in alphabetical order."""
    today = datetime.now(UTC).date().isoformat()
    names = {
        name if name.startswith(f"{prefix}/") else f"{prefix}/{name}"
        for name, one in price_map().items()
        if one.litellm_provider == prefix
        and one.mode in _TALKING
        and one.supports_function_calling
        and not name.startswith("ft:")
        and not (isinstance(one.deprecation_date, str) and "" < one.deprecation_date <= today)
    }
    return sorted(names)


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _price(per_token: object) -> float | None:
    return round(float(per_token) * _PER_MILLION, 6) if isinstance(per_token, int | float) else None
