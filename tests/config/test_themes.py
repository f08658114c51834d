"""Shipped themes can be read, and a person's own are checked."""

from itertools import combinations, pairwise
from math import dist
from pathlib import Path

import pytest
from rich.color import Color, ColorSystem

from rlm_tui.config.paths import Paths
from rlm_tui.config.themes import (
    DEFAULT_THEME,
    ROLES,
    ThemeSpec,
    load_themes,
    shipped_themes,
    with_sixteen_colours,
)

MEANINGS = ("read", "matched", "sent", "cited")
QUIET = ("panel", "raised", "faint", "selection")


def _linear(colour: str) -> tuple[float, float, float]:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return red, green, blue


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _lab(colour: str) -> tuple[float, float, float]:
    red, green, blue = _linear(colour)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    fx, fy, fz = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


def distance(one: str, other: str) -> float:
    """CIE 1976's difference of two colours; some 2.3 is just seen side by side."""
    return dist(_lab(one), _lab(other))


def shipped() -> list[ThemeSpec]:
    themes, problems = load_themes(shipped_themes() / "none")
    assert problems == []
    return list(themes.values())


def own(home: Paths, name: str, text: str) -> None:
    home.make(home.themes)
    (home.themes / name).write_text(text, encoding="utf-8")


def test_there_are_enough_and_the_default_is_first() -> None:
    names = [theme.name for theme in shipped()]
    assert len(names) >= 12
    assert names[0] == DEFAULT_THEME == "rlm-dark"
    assert {"rlm-light", "high-contrast", "monochrome", "colour-blind", "dracula", "nord", "tokyo-night"} <= set(names)


@pytest.mark.parametrize("theme", shipped(), ids=lambda theme: theme.name)
def test_a_shipped_theme_can_be_read(theme: ThemeSpec) -> None:
    roles = theme.roles()
    assert tuple(roles) == ROLES
    grounds = (roles["ground"], roles["panel"])
    for ground in grounds:
        assert contrast(roles["text"], ground) >= 7
        assert contrast(roles["dim"], ground) >= 4.5
        for role in set(ROLES) - {*QUIET, "ground", "cursor"}:
            assert contrast(roles[role], ground) >= 3, role
    assert contrast(roles["text"], roles["selection"]) >= 4.5
    assert (_luminance(roles["ground"]) < 0.2) is theme.dark
    for one, other in combinations(MEANINGS, 2):
        assert distance(roles[one], roles[other]) >= 15, (one, other)


def test_monochrome_has_no_colour() -> None:
    theme = next(theme for theme in shipped() if theme.name == "monochrome")
    assert all(len({c[1:3], c[3:5], c[5:7]}) == 1 for c in theme.roles().values())


def test_an_own_theme_fills_its_gaps_from_its_base(home: Paths) -> None:
    own(home, "mine.toml", 'name = "mine"\nbase = "nord"\n[roles]\naccent = "#FF00FF"\n')
    themes, problems = load_themes(home.config_dir)
    assert problems == []
    assert themes["mine"].roles() == themes["nord"].roles() | {"accent": "#ff00ff"}
    assert themes["mine"].dark


def test_an_own_theme_beats_a_shipped_one_of_its_name(home: Paths) -> None:
    shipped_nord = load_themes(home.config_dir)[0]["nord"]
    own(home, "nord.toml", '[roles]\nground = "#000000"\n')
    nord = load_themes(home.config_dir)[0]["nord"]
    assert nord.roles() == shipped_nord.roles() | {"ground": "#000000"}


def test_a_light_theme_without_base_fills_from_the_light_one(home: Paths) -> None:
    own(home, "day.toml", "dark = false\n")
    themes, _ = load_themes(home.config_dir)
    assert themes["day"].roles() == themes["rlm-light"].roles()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('[roles]\n\nacent = "#123456"\n', 3, "`accent`"),
        ('[roles]\naccent = "blue"\n', 2, "must be a colour"),
        ('dark = "yes"\n', 1, "true or false"),
        ('base = "nrod"\n', 1, "`nord`"),
        ('base = "own"\nname = "other"\n', 1, "no theme"),
        ("[roles\n", 1, "not valid TOML"),
        ("colour = 1\n", 1, "unknown key"),
    ],
)
def test_what_is_wrong_with_an_own_theme_names_its_line(home: Paths, text: str, line: int, words: str) -> None:
    own(home, "own.toml", text)
    themes, problems = load_themes(home.config_dir)
    assert [problem.line for problem in problems] == [line]
    assert words in str(problems[0])
    assert len(themes) >= len(shipped())
    assert all(tuple(theme.roles()) == ROLES for theme in themes.values())


def test_themes_that_rest_on_each_other_end(home: Paths) -> None:
    for name, base in pairwise(("a", "b", "c", "a")):
        own(home, f"{name}.toml", f'base = "{base}"\n')
    themes, problems = load_themes(home.config_dir)
    assert {"a", "b", "c"} <= set(themes)
    assert any("rest on each other" in str(problem) for problem in problems)


@pytest.mark.parametrize("dark", [True, False])
def test_sixteen_colours_are_exact_and_tell_roles_apart(dark: bool) -> None:
    themes, _ = load_themes(Path("/nowhere"))
    spec = with_sixteen_colours(next(spec for spec in themes.values() if spec.dark is dark))
    roles = spec.roles()
    assert set(roles) == set(ROLES)
    numbers = {}
    for role, colour in roles.items():
        nearest = Color.parse(colour).downgrade(ColorSystem.STANDARD)
        numbers[role] = nearest.number
    assert len({numbers[role] for role in ("read", "matched", "sent", "cited")}) == 4
    grounds = {numbers["ground"], numbers["panel"], numbers["raised"]}
    assert numbers["selection"] not in grounds
    for role in ("text", "dim", "faint", "accent", "bad", "warn", "good", "comment"):
        assert numbers[role] not in grounds, role
    assert numbers["text"] != numbers["selection"]
    assert numbers["text"] != numbers["cursor"]
