"""From a theme file's roles to a Textual theme."""

from textual.theme import Theme

from rlm_tui.config.themes import ThemeSpec


def textual_theme(spec: ThemeSpec) -> Theme:
    """Return the theme as Textual knows it; every role is also a CSS variable of its own name."""
    roles = spec.roles()
    return Theme(
        name=spec.name,
        primary=roles["accent"],
        secondary=roles["sent"],
        warning=roles["warn"],
        error=roles["bad"],
        success=roles["good"],
        accent=roles["accent"],
        foreground=roles["text"],
        background=roles["ground"],
        surface=roles["ground"],
        panel=roles["panel"],
        boost=roles["raised"],
        dark=spec.dark,
        variables={
            **roles,
            "text-muted": roles["dim"],
            "border": roles["faint"],
            "border-blurred": roles["faint"],
            "block-cursor-background": roles["selection"],
            "block-cursor-foreground": roles["text"],
            "block-cursor-blurred-background": roles["selection"],
            "input-cursor-background": roles["cursor"],
            "input-selection-background": roles["selection"],
            "scrollbar": roles["raised"],
            "scrollbar-hover": roles["dim"],
            "scrollbar-active": roles["accent"],
            "scrollbar-background": roles["ground"],
            "scrollbar-background-hover": roles["ground"],
            "scrollbar-background-active": roles["ground"],
            "scrollbar-corner-color": roles["ground"],
        },
    )
