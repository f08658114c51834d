"""The context browser as a person uses it: keys in, what is drawn, posted and copied out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual import on
from textual.pilot import Pilot
from textual.widget import Widget

from rlm_tui.errors import UsageError
from rlm_tui.events import Span
from rlm_tui.session.state import SessionState
from rlm_tui.tui.screens.dialogs import ChooseDialog
from rlm_tui.tui.widgets.context_browser import ContextBrowser, NodeChosen
from rlm_tui.tui.widgets.line_prompt import LinePrompt
from rlm_tui.tui.widgets.places import offset_of_place
from rlm_tui.tui.widgets.title_line import TitleLine
from tests.support.memory_reader import MemoryReader
from tests.support.pane_app import PaneApp
from tests.support.sample_session import CODE, sample_context, sample_story


class BrowserApp(PaneApp):
    """Keeps the nodes that were chosen."""

    def __init__(self, pane: Widget) -> None:
        super().__init__(pane)
        self.chosen: list[str] = []

    @on(NodeChosen)
    def _chosen(self, message: NodeChosen) -> None:
        self.chosen.append(message.key)


@asynccontextmanager
async def opened(
    reader: MemoryReader, state: SessionState, size: tuple[int, int] = (100, 40)
) -> AsyncIterator[tuple[ContextBrowser, Pilot[None]]]:
    browser = ContextBrowser()
    async with BrowserApp(browser).run_test(size=size) as pilot:
        browser.bind(reader, state)
        browser.entries.focus()
        await pilot.pause()
        yield browser, pilot


def drawn(widget: Widget) -> str:
    return "\n".join(strip.text for strip in widget.render_lines(widget.size.region))


def title_of(browser: ContextBrowser) -> str:
    return drawn(browser.query_one("#context-title", TitleLine))


async def until(pilot: Pilot[None], browser: ContextBrowser, words: str) -> None:
    """Wait for a search's words in the title."""
    for _ in range(100):
        if words in title_of(browser):
            return
        await pilot.pause(0.02)
    raise AssertionError(title_of(browser))


async def answer(pilot: Pilot[None], key: str, text: str) -> None:
    """Press a key that asks for a line, and answer it."""
    await pilot.press(key)
    for character in text:
        await pilot.press({" ": "space"}.get(character, character))
    await pilot.press("enter")
    await pilot.pause()


async def test_lists_entries_and_opens_the_text_of_one() -> None:
    reader = sample_context()
    async with opened(reader, sample_story(reader).state) as (browser, pilot):
        assert "34 entries" in title_of(browser)
        assert "src/module_0.py" in drawn(browser.entries)
        await pilot.press("end", "up", "up", "enter")
        await pilot.pause()
        assert browser.text.has_focus
        entry = reader.entry(31)
        lines = drawn(browser.text).splitlines()
        assert f"src/window.py · file · {entry.chars:,}" in lines[0]
        assert f"{entry.start:,}" in lines[1]
        assert "class RetryPolicy:" in lines[1]


async def test_filters_by_kind_and_label() -> None:
    reader = sample_context()
    async with opened(reader, sample_story(reader).state) as (browser, pilot):
        await pilot.press("k", "k")
        await pilot.pause()
        assert "1 of 34" in title_of(browser)
        assert "#1" in drawn(browser.entries)
        await pilot.press(*"kkkkk")
        await answer(pilot, "l", "module_1")
        assert "11 of 34" in title_of(browser)


async def test_touched_entries_alone_and_the_largest_first() -> None:
    reader = sample_context()
    async with opened(reader, sample_story(reader).state) as (browser, pilot):
        await pilot.press("u")
        await pilot.pause()
        assert "2 of 34" in title_of(browser)
        await pilot.press("u", "s")
        await pilot.pause()
        assert "src/window.py" in drawn(browser.entries).splitlines()[0]
        await pilot.press("s")
        await pilot.pause()
        assert "#1" in drawn(browser.entries).splitlines()[0]


async def test_superseded_entries_are_struck_through_or_hidden() -> None:
    reader = sample_context(3)
    reader.supersede(0)
    async with opened(reader, SessionState()) as (browser, pilot):
        first = browser.entries.line_at(0)
        assert first is not None
        assert any(segment.style and segment.style.strike for segment in first)
        await pilot.press("x")
        await pilot.pause()
        assert "module_0" not in drawn(browser.entries)


async def test_new_entries_appear_while_one_looks() -> None:
    reader = sample_context(3)
    async with opened(reader, SessionState()) as (browser, pilot):
        reader.append("tool", "bash make", "done\n")
        browser.context_changed()
        await until(pilot, browser, "8 entries")
        assert "bash make" in drawn(browser.entries)
        await pilot.press("v", "end")
        await pilot.pause()
        assert "done" in drawn(browser.text)


async def test_a_span_is_shown_and_marked_with_the_calls_that_touched_it() -> None:
    reader = sample_context()
    story = sample_story(reader)
    start = reader.entry(30).start
    async with opened(reader, story.state) as (browser, pilot):
        browser.open_span(start + 23, start + 53)
        await pilot.pause()
        row = next(line for line in drawn(browser.text).splitlines() if "budget: Attempts" in line)
        assert "▌" in row
        assert "cited" in row
        assert "turn 1" in row
        assert browser.text.cursor_offset == start + 23


async def test_several_spans_are_stepped_through() -> None:
    reader = sample_context()
    async with opened(reader, SessionState()) as (browser, pilot):
        browser.open_spans([Span(2_000, 2_100), Span(10, 20), Span(4_000, 4_100)])
        places = [browser.text.cursor_offset]
        for key in ("right_square_bracket", "right_square_bracket", "left_square_bracket"):
            await pilot.press(key)
            places.append(browser.text.cursor_offset)
        assert places == [10, 2_000, 4_000, 2_000]
        assert "span 2 of 3" in title_of(browser)


async def test_lists_the_calls_of_a_place_and_leads_to_one() -> None:
    reader = sample_context()
    start = reader.entry(30).start
    async with opened(reader, sample_story(reader).state) as (browser, pilot):
        browser.open_span(start + 23, start + 53)
        await pilot.press("t")
        await pilot.pause()
        assert isinstance(pilot.app.screen, ChooseDialog)
        await pilot.press("down", "enter")
        await pilot.pause()
        app = pilot.app
        assert isinstance(app, BrowserApp)
        assert app.chosen == ["tool:r2"]


async def test_searches_in_a_thread_and_steps_through_hits() -> None:
    reader = sample_context(5)
    async with opened(reader, SessionState()) as (browser, pilot):
        await answer(pilot, "slash", "dead[l]ine")
        await until(pilot, browser, "1 of 16")
        first = CODE.index("deadline")
        assert browser.text.cursor_offset == first
        await pilot.press("n")
        assert browser.text.cursor_offset == len(CODE) + first
        await pilot.press("N", "N")
        await until(pilot, browser, "16 of 16")
        await pilot.press("escape")
        assert "deadline" not in title_of(browser)


async def test_a_literal_search_takes_the_text_as_it_is() -> None:
    reader = sample_context(2)
    async with opened(reader, SessionState()) as (browser, pilot):
        await pilot.press("slash", "ctrl+f", "2", "space", "*", "*", "enter")
        await until(pilot, browser, "1 of 13")


async def test_a_bad_pattern_is_told_and_leaves_no_search() -> None:
    reader = sample_context(2)
    async with opened(reader, SessionState()) as (browser, pilot):
        await answer(pilot, "slash", "(")
        for _ in range(50):
            await pilot.pause(0.02)
            if pilot.app._notifications:
                break
        assert "does not compile" in next(iter(pilot.app._notifications)).message
        assert "searching" not in title_of(browser)


@pytest.mark.parametrize(
    ("text", "expected"), [("12,3", 123), ("1_000", 1_000), ("#2", 2 * len(CODE)), ("retry", 5 * len(CODE))]
)
def test_places_are_named_in_several_ways(text: str, expected: int) -> None:
    assert offset_of_place(sample_context(5), text, 0) == expected


def test_a_line_is_one_of_the_entry_that_is_shown() -> None:
    reader = sample_context(5)
    second_line = CODE.index("\n") + 1
    assert offset_of_place(reader, ":2", len(CODE) + 5) == len(CODE) + second_line


@pytest.mark.parametrize("text", ["", "999,999,999", "no such label"])
def test_a_place_that_is_not_there_is_told(text: str) -> None:
    with pytest.raises(UsageError, match=r"Type an offset|past the end|type a part"):
        offset_of_place(sample_context(1), text, 0)


async def test_goes_to_an_offset() -> None:
    reader = sample_context()
    async with opened(reader, SessionState()) as (browser, pilot):
        await answer(pilot, "g", "5,000")
        assert browser.text.cursor_offset == 5_000
        entry = reader.entry_at(5_000)
        assert entry is not None
        assert browser.entries.row == entry.number
        assert not browser.query_one(LinePrompt).has_class("asking")


async def test_copies_the_line_with_its_offsets_and_selected_text_as_it_is() -> None:
    reader = sample_context(2)
    async with opened(reader, SessionState()) as (browser, pilot):
        await pilot.press("v", "down", "y")
        first = CODE.index("\n") + 1
        second = CODE.index("\n", first) + 1
        assert pilot.app.clipboard == f"[{first}-{second}] src/module_0.py\n{CODE[first:second]}"
        await pilot.press("home", "shift+right", "shift+right", "shift+right")
        assert browser.text.selected_text() == "clas"
        await pilot.press("shift+down", "y")
        assert pilot.app.clipboard.startswith("[0-")


async def test_a_drag_of_the_mouse_selects_characters() -> None:
    reader = sample_context(2)
    async with opened(reader, SessionState()) as (browser, pilot):
        lead = browser.text.lead
        await pilot.mouse_down(browser.text, offset=(lead, 1))
        await pilot.hover(browser.text, offset=(lead + 4, 1))
        await pilot.mouse_up(browser.text, offset=(lead + 4, 1))
        assert browser.text.selected_text() == "class"


async def test_up_undoes_down_and_the_ends_are_reached() -> None:
    reader = sample_context()
    async with opened(reader, SessionState(), (80, 24)) as (browser, pilot):
        await pilot.press("v")
        places = []
        for _ in range(30):
            places.append(browser.text.cursor_offset)
            await pilot.press("down")
        for place in reversed(places):
            await pilot.press("up")
            assert browser.text.cursor_offset == place
        await pilot.press("end")
        assert browser.text.cursor_offset == reader.chars - 1
        assert "Where is the retry budget decided?" in drawn(browser.text)
        await pilot.press("home")
        assert browser.text.on_screen[0].header
        assert browser.text.on_screen[1].start == 0


async def test_unwrapped_rows_move_sideways_and_lines_are_numbered() -> None:
    reader = MemoryReader([("file", "a.txt", "x" * 300 + "END\n" + "second\n")])
    async with opened(reader, SessionState()) as (browser, pilot):
        await pilot.press("v", "w", "number_sign")
        lines = drawn(browser.text).splitlines()
        assert "second" in lines[2]
        assert lines[2].split()[0] == "2"
        assert "END" not in lines[1]
        for _ in range(35):
            await pilot.press("right")
        assert "END" in drawn(browser.text).splitlines()[1]


async def test_nothing_foreign_reaches_the_screen_raw() -> None:
    reader = sample_context(0)
    async with opened(reader, sample_story(reader).state, (70, 30)) as (browser, pilot):
        await pilot.press("end", "up", "enter")
        await pilot.pause(0.1)
        for widget in browser.walk_children(Widget):
            for line in drawn(widget).split("\n"):
                assert not [c for c in line if ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u202c\u200b"]
        assert "[bold]markup" in drawn(browser.text)
        assert "␛[31mred" in drawn(browser.text)


async def test_code_gets_colours_a_moment_later() -> None:
    reader = sample_context(1)
    async with opened(reader, SessionState()) as (browser, pilot):
        keyword = browser.text.palette.style("keyword").color
        for _ in range(100):
            row = browser.text.row_strip(1)
            assert row is not None
            if any(segment.style and segment.style.color == keyword and "class" in segment.text for segment in row):
                return
            await pilot.pause(0.05)
        raise AssertionError("no colours")


async def test_an_empty_context_is_shown_as_such() -> None:
    async with opened(MemoryReader(), SessionState(), (60, 20)) as (browser, pilot):
        await pilot.press("down", "enter", "v", "down", "pagedown", "end", "y", "t", "m", "enter")
        await asyncio.sleep(0)
        assert "0 entries" in title_of(browser)
