"""The coverage strip: zoom, parts, turns and the calls behind them, by key and by mouse."""

from textual.pilot import Pilot

from rlm_tui import events as ev
from rlm_tui.session.coverage import Coverage, TurnCoverage
from rlm_tui.tui.screens.dialogs import ChooseDialog
from rlm_tui.tui.widgets.context_browser import ContextBrowser
from tests.support.sample_session import Story, sample_context, sample_story
from tests.tui.test_browser import BrowserApp, drawn, opened


def second_turn(first: int) -> ev.Span:
    return ev.Span(first, first + 40, "read")


async def test_zooming_shows_a_part_and_comes_back() -> None:
    reader = sample_context()
    async with opened(reader, sample_story(reader).state) as (browser, pilot):
        strip = browser.strip
        await pilot.press("m", "home", *["right"] * 10)
        whole = strip.part
        middle = sum(strip.selected) // 2
        await pilot.press("plus", "plus")
        low, high = strip.part
        assert low <= middle < high
        assert high - low == (whole[1] - whole[0]) // 16
        assert f" {low:,} " in drawn(strip)
        assert f" {high:,} " in drawn(strip)
        await pilot.press(*["left"] * 200)
        assert strip.part[0] == 0, "a part moves on at its ends"
        await pilot.press(*["plus"] * 20)
        assert strip.part[1] - strip.part[0] >= strip.cells, "a cell is a character at least"
        await pilot.press("0")
        assert strip.part == whole
        await pilot.press("plus", "minus", "minus", "minus")
        assert strip.part == whole


async def test_what_is_selected_fills_the_strip_and_names_its_calls() -> None:
    reader = sample_context()
    story = sample_story(reader)
    window = next(entry for entry in reader.entries(limit=100) if entry.label == "src/window.py")
    async with opened(reader, story.state, (140, 40)) as (browser, pilot):
        strip = browser.strip
        cell = strip.cells * window.start // reader.chars
        await pilot.press("m", "home", *["right"] * cell, *["shift+right"] * 12)
        selected = strip.selected
        await pilot.press("t")
        dialog = pilot.app.screen
        assert isinstance(dialog, ChooseDialog)
        assert f"{selected[0]:,}–{selected[1]:,}" in dialog._heading
        assert len(dialog._choices) > 5
        await pilot.press("enter")
        assert isinstance(pilot.app, BrowserApp)
        assert pilot.app.chosen[0].startswith("call:")
        await pilot.press("m", "home", *["right"] * cell, *["shift+right"] * 12, "plus")
        assert strip.part == selected
        assert " untouched 100 %" not in drawn(strip)
        assert strip._figures["sent"] != "11.4 %", "figures are those of the part"


async def test_one_turn_is_shown_alone() -> None:
    reader = sample_context()
    story = sample_story(reader)
    async with opened(reader, story.state, (140, 40)) as (browser, pilot):
        strip = browser.strip
        await pilot.press("m", "left_square_bracket")
        assert strip.turn == 1
        assert "turn 1" in drawn(strip)
        assert strip.coverage.totals() == story.state.coverage.totals()
        _tell_second_turn(story)
        browser.take_changes()
        assert strip.coverage.totals()["read"] == 130, "the first turn's"
        await pilot.press("right_square_bracket")
        assert strip.turn == 2
        assert strip.coverage.totals() == {"matched": 0, "read": 40, "sent": 0, "cited": 0}
        await pilot.press("e", "u")
        assert "1 of 34" in drawn(browser.query_one("#context-title")), "touched in that turn"
        await pilot.press("u", "m", "right_square_bracket", "right_square_bracket")
        assert strip.turn == 0
        await _rebound(browser, pilot)


async def _rebound(browser: ContextBrowser, pilot: Pilot[None]) -> None:
    """A replay binds another fold of the same session."""
    await pilot.press("left_square_bracket")
    reader = sample_context()
    browser.bind(reader, sample_story(reader).state)
    assert browser.strip.coverage.totals()["read"] == 0, "that turn has not begun yet"


def _tell_second_turn(story: Story) -> None:
    tell = story.tell
    tell(ev.TurnStarted(2, "And then?"))
    tell(ev.CallStarted("root", "provider/model", "?"), 90)
    tell(ev.ToolRequested("r90", "rlm_get_context", {}), 90)
    tell(ev.ToolFinished("r90", "rlm_get_context", True, "x", "x", 1.0, (second_turn(10),)), 90)


async def test_the_mouse_selects_opens_and_zooms() -> None:
    reader = sample_context()
    async with opened(reader, sample_story(reader).state, (140, 40)) as (browser, pilot):
        strip = browser.strip
        await pilot.mouse_down(strip, offset=(30, 0))
        await pilot.hover(strip, offset=(40, 0))
        await pilot.mouse_up(strip, offset=(40, 0))
        start, end = strip.selected
        assert end - start > 5 * reader.chars // strip.cells
        before = browser.text.cursor_offset
        await pilot.click(strip, offset=(100, 0))
        assert browser.text.cursor_offset != before


def test_a_turns_coverage_follows_the_sessions() -> None:
    whole = Coverage()
    only = TurnCoverage(whole, 2)
    for number in range(100):
        whole.add(ev.Span(number * 10, number * 10 + 5, "read"), f"n{number}", 1 + number % 2)
        if number % 7 == 0:
            only.catch_up()
    assert only.catch_up().totals()["read"] == 250
    assert only.coverage.strongest(10, 15) == "read"
    assert only.coverage.strongest(0, 5) is None
