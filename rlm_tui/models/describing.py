"""Limits and prices of a model as short words for lists."""

from rlm_tui.models.port import Limits


def window_text(limits: Limits) -> str:
    """Return the window in tokens: `200k`, `1.05M`, empty where it is not known."""
    tokens = limits.context_tokens
    if tokens is None:
        return ""
    return f"{tokens / 1_000_000:.3g}M" if tokens >= 1_000_000 else f"{tokens // 1000}k"


def price_text(limits: Limits) -> str:
    """Return the prices of a million tokens in and out, in US dollars: `3 / 15`; empty where they are not known."""
    if limits.input_price is None or limits.output_price is None:
        return ""
    return f"{limits.input_price:g} / {limits.output_price:g}"


def limits_text(limits: Limits, reasoning: bool) -> str:
    """Return all that is known of a model as one line; empty where nothing is."""
    parts = []
    if limits.context_tokens is not None:
        parts.append(f"window {limits.context_tokens:,} tokens")
    if limits.output_tokens is not None:
        parts.append(f"output {limits.output_tokens:,}")
    if price := price_text(limits):
        parts.append(f"US$ {price} for a million tokens in / out")
    if parts:
        parts.append("calls tools" if limits.supports_tools else "calls no tools")
        parts += ["sees images"] if limits.supports_images else []
        parts += ["takes a reasoning effort"] if reasoning else []
    return ", ".join(parts)
