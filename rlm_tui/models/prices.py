"""Limits and prices from litellm's own map, which comes with its package; no network is asked."""

from typing import Any

from rlm_tui.models.loading import load_litellm
from rlm_tui.models.port import Limits
from rlm_tui.models.target import Target

_PER_MILLION = 1_000_000


def known(model: str) -> dict[str, Any] | None:
    """Return the map's entry of a model (by its whole name, or without its prefix), or None."""
    prices: dict[str, dict[str, Any]] = load_litellm().model_cost
    prefix, _, bare = model.partition("/")
    entry = prices.get(model)
    if entry is None and bare:
        entry = prices.get(bare)
        if entry is not None and not str(entry.get("litellm_provider", "")).startswith(prefix):
            return None
    return entry


def limits_of(target: Target) -> Limits:
    """Return what the map says of a target. An unknown model is taken to have tools: most do."""
    entry = known(target.model) if target.priced else None
    if entry is None:
        return Limits()
    return Limits(
        context_tokens=_whole(entry.get("max_input_tokens") or entry.get("max_tokens")),
        output_tokens=_whole(entry.get("max_output_tokens")),
        input_price=_price(entry.get("input_cost_per_token")),
        output_price=_price(entry.get("output_cost_per_token")),
        supports_tools=entry.get("supports_function_calling") is not False,
        supports_images=bool(entry.get("supports_vision")),
    )


def supports_cache(target: Target) -> bool:
    """Tell whether a model takes marks for Anthropic's prompt cache."""
    if "claude" not in target.model:
        return False
    entry = known(target.model)
    return entry is not None and bool(entry.get("supports_prompt_caching"))


def cost_of(target: Target, usage: Any) -> float | None:
    """Return the price of a reply in US dollars, from litellm's usage object; None where no price is known."""
    entry = known(target.model) if target.priced and usage is not None else None
    if entry is None or "litellm_provider" not in entry:
        return None
    litellm = load_litellm()
    try:
        prompt, completion = litellm.cost_per_token(
            model=target.model, usage_object=usage, custom_llm_provider=target.prefix or None
        )
    except Exception:  # noqa: BLE001 - litellm raises plain Exception where its map lacks a price
        return None
    return float(prompt + completion)


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _price(per_token: object) -> float | None:
    return round(float(per_token) * _PER_MILLION, 6) if isinstance(per_token, int | float) else None
