"""Numbers as people read them on a screen."""


def compact_count(number: int) -> str:
    """Return a count in at most five characters or so: `812`, `14.2k`, `61.2M`."""
    for limit, suffix in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= limit:
            return f"{number / limit:.1f}{suffix}"
    return str(number)


def cost_text(cost: float, known: bool) -> str:
    """Return a cost in dollars: four digits while it is small; marked where a price was missing."""
    text = f"${cost:.4f}" if cost < 1 else f"${cost:,.2f}"
    return text if known else (f"{text}+?" if cost else "$?")


def duration_text(milliseconds: float) -> str:
    """Return a duration: `6 ms`, `3.2 s`, `2 m 05 s`."""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(int(milliseconds / 1000), 60)
    return f"{minutes} m {seconds:02d} s"


def percent_text(part: int, whole: int) -> str:
    """Return a share in percent with one digit; what is not nothing is never shown as nothing, nor all as all."""
    if part <= 0 or whole <= 0:
        return "0 %"
    share = 100 * part / whole
    if share < 0.1:
        return "<0.1 %"
    if share > 99.9 and part < whole:
        return ">99.9 %"
    return f"{share:.1f} %" if share < 99.95 else "100 %"


def entries_text(count: int) -> str:
    """Return how many entries a context has, in words."""
    return f"{count:,} entr{'y' if count == 1 else 'ies'}"
