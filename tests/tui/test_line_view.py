"""LineView: drawing, scrolling, following, selecting, copying, targets, bad states."""

import base64

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip

from rlm_tui.tui.clipboard import osc52
from rlm_tui.tui.palette import Palette, default_palette
from rlm_tui.tui.widgets.line_view import LineView
from rlm_tui.tui.widgets.selection import Selection, word_cells
from rlm_tui.tui.widgets.strips import LineStrip, Target, copied_text, padded


class Lines(LineView):
    """Lines of given text; one target on line 2."""

    follows_end = True

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self.strips: list[Strip] = [Strip([Segment(line)]) for line in lines]
        self.clicks: list[tuple[int, int, object]] = []

    def line_count(self) -> int:
        return len(self.strips)

    def line_at(self, number: int) -> Strip | None:
        return self.strips[number] if 0 <= number < len(self.strips) else None

    def on_line_click(self, line: int, column: int, target: Target | None) -> None:
        self.clicks.append((line, column, target.what if target else None))


class Shell(App[None]):
    """An app of one view."""

    CSS = "Lines { padding: 0 1; }"

    def __init__(self, view: Lines) -> None:
        super().__init__()
        self.view = view

    def compose(self) -> ComposeResult:
        yield self.view


def numbered(count: int) -> list[str]:
    return [f"line {number}" for number in range(count)]


def shown(view: LineView) -> list[str]:
    strips = view.render_lines(Region(0, 0, view.outer_size.width, view.outer_size.height))
    return [strip.text for strip in strips]


async def test_rows_are_padded_to_the_widget_and_have_a_thumb_only_when_needed() -> None:
    view = Lines(numbered(100))
    async with Shell(view).run_test(size=(20, 10)):
        rows = shown(view)
        assert rows[0] == " line 0            ▐"
        assert all(len(row) == 20 for row in rows)
        view.strips = view.strips[:3]
        view.content_changed()
        assert shown(view)[0] == " line 0             "
        assert shown(view)[5] == " " * 20


async def test_keys_scroll_and_stop_at_both_ends() -> None:
    view = Lines(numbered(30))
    async with Shell(view).run_test(size=(20, 10)) as pilot:
        view.focus()
        await pilot.press("up")
        assert view.top == 0
        await pilot.press("down", "pagedown")
        assert view.top == 10
        await pilot.press("end", "down")
        assert (view.top, view.follow) == (20, True)
        await pilot.press("up")
        assert (view.top, view.follow) == (19, False)
        await pilot.press("home")
        assert view.top == 0


async def test_following_keeps_the_end_in_view_and_reading_back_keeps_the_place() -> None:
    view = Lines(numbered(30))
    async with Shell(view).run_test(size=(20, 10)) as pilot:
        view.focus()
        await pilot.press("end")
        view.strips.extend(Strip([Segment("more")]) for _ in range(5))
        view.content_changed(30)
        assert view.top == 25
        await pilot.press("pageup")
        place = view.top
        view.strips.append(Strip([Segment("more")]))
        view.content_changed(35)
        assert view.top == place


async def test_lines_that_come_above_do_not_move_what_is_read() -> None:
    view = Lines(numbered(50))
    async with Shell(view).run_test(size=(20, 10)):
        view.scroll_to_line(20)
        view.select(Selection((22, 0), (23, 3)))
        view.strips[3:5] = [Strip([Segment("new")]) for _ in range(6)]
        view.lines_changed(3, 2, 6)
        assert shown(view)[0].startswith(" line 20")
        assert view.selected_text() == "line 22\nline"


async def test_the_mouse_selects_scrolls_and_clicks_targets() -> None:
    view = Lines(numbered(40))
    view.strips[2] = LineStrip([Segment("see "), Segment("here")], targets=(Target(4, 8, "there"),))
    async with Shell(view).run_test(size=(20, 10)) as pilot:
        await pilot.click(view, offset=(6, 2))
        await pilot.click(view, offset=(2, 3))
        assert view.clicks == [(2, 5, "there"), (3, 1, None)]
        await pilot.mouse_down(view, offset=(1, 4))
        await pilot.hover(view, offset=(4, 5))
        await pilot.mouse_up(view, offset=(4, 5))
        assert view.selected_text() == "line 4\nline"
        assert len(view.clicks) == 2
        await pilot.mouse_down(view, offset=(19, 0))
        await pilot.hover(view, offset=(19, 9))
        await pilot.mouse_up(view, offset=(19, 9))
        assert view.at_end


async def test_a_second_click_selects_the_word() -> None:
    view = Lines(["open src/retry.py now"])
    async with Shell(view).run_test(size=(30, 5)) as pilot:
        await pilot.click(view, offset=(9, 0), times=2)
        assert view.selected_text() == "src/retry.py"


async def test_keys_select_copy_and_escape_clears_first() -> None:
    view = Lines(numbered(40))
    app = Shell(view)
    async with app.run_test(size=(20, 10)) as pilot:
        view.focus()
        await pilot.press("shift+right", "shift+right", "shift+right", "shift+down")
        assert view.selected_text() == "line 0\nline"
        await pilot.press("y")
        assert app.clipboard == "line 0\nline"
        await pilot.press("shift+pagedown", "shift+pagedown")
        assert view.top > 0
        await pilot.press("escape")
        assert view.selection is None


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 2), (1, 10)])
async def test_tiny_sizes_are_harmless(size: tuple[int, int]) -> None:
    view = Lines(["漢字 and more"] * 20)
    async with Shell(view).run_test(size=size) as pilot:
        view.focus()
        await pilot.press("end", "shift+right", "home")
        await pilot.resize_terminal(40, 5)
        assert shown(view)[0].startswith(" 漢字 and more")


async def test_an_empty_view_is_harmless() -> None:
    view = Lines([])
    async with Shell(view).run_test(size=(20, 5)) as pilot:
        view.focus()
        await pilot.press("down", "end", "shift+down", "shift+end", "y", "home")
        await pilot.click(view, offset=(3, 3))
        assert view.top == 0


async def test_hidden_and_shown_again_keeps_the_lines() -> None:
    view = Lines(numbered(40))
    async with Shell(view).run_test(size=(20, 10)) as pilot:
        view.display = False
        await pilot.pause()
        view.content_changed()
        view.display = True
        await pilot.pause()
        assert shown(view)[1].startswith(" line 1")


def test_padding_cuts_wide_characters_at_the_edge() -> None:
    base = Style()
    assert padded(Strip([Segment("a漢字")]), 4, base).text == "a漢 "
    assert padded(Strip([Segment("a漢")]), 6, base).text == "a漢   "


def test_copied_text_leaves_decoration_out() -> None:
    strip = LineStrip([Segment("▌ "), Segment("word   ")], lead=2)
    assert copied_text(strip, 0, 9) == "word"
    assert copied_text(strip, 3, 5) == "or"


def test_word_cells_count_wide_characters() -> None:
    assert word_cells("漢字 word", 6) == (5, 9)
    assert word_cells("a", 7) == (7, 8)


def test_selection_that_lost_its_lines_is_gone() -> None:
    selection = Selection((5, 0), (6, 2))
    assert selection.shifted(0, 1, 3) == Selection((7, 0), (8, 2))
    assert selection.shifted(4, 4, 0) is None


def test_osc52_passes_through_tmux_and_screen() -> None:
    payload = base64.b64encode("naïve".encode()).decode()
    assert osc52("naïve", {}) == f"\x1b]52;c;{payload}\x07"
    assert osc52("naïve", {"TMUX": "/x"}).endswith(f"\x1bPtmux;\x1b\x1b]52;c;{payload}\x07\x1b\\")
    assert osc52("naïve", {"TERM": "screen"}) == f"\x1bP\x1b]52;c;{payload}\x07\x1b\\"


def test_without_colours_meanings_differ_by_attributes() -> None:
    plain = Palette(default_palette().roles, plain=True)
    styles = {str(plain.style(role)) for role in ("text", "bad", "matched", "sent", "cited", "dim")}
    assert len(styles) == 6
    assert all(plain.style(role).color is None for role in plain.roles)
    assert plain.ground("selection").reverse
    assert default_palette().style("bad", bold=True).bold
