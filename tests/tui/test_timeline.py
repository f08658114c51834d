"""The trace as a timeline: bars where nodes worked, thin lines where they waited, on a turn's axis or a node's."""

import pytest

from rlm_tui.tui.palette import default_palette
from rlm_tui.tui.widgets.timeline_row import axis_of, timeline_strip
from rlm_tui.tui.widgets.title_line import TitleLine
from rlm_tui.tui.widgets.trace_view import TraceView
from tests.support.pane_app import PaneApp
from tests.support.sample_session import Story, sample_context, sample_story
from tests.tui.test_app import until
from tests.tui.test_trace_tree import new_node


def bar(node: object, axis: object, now: float = 10.0) -> str:
    palette = default_palette()
    strip = timeline_strip(
        node, 60, palette, palette.style("text"), folded=None, now=now, frame=0, axis=axis  # type: ignore[arg-type]  # made below
    )  # fmt: skip
    assert strip.cell_length == 60
    return strip.text[21:51]


def test_a_call_waits_where_its_tools_run() -> None:
    turn = new_node("turn", "turn", None)
    turn.started, turn.ended, turn.status = 0.0, 10.0, "ok"
    tool = new_node("tool", "tool", turn)
    tool.started, tool.ended, tool.status = 3.0, 6.0, "ok"
    axis = axis_of(turn, 10.0)
    assert bar(turn, axis) == "█" * 9 + "─" * 9 + "█" * 12
    assert bar(tool, axis).strip(" ┊") == "▒" * 9
    assert bar(tool, axis).index("▒") == 9
    assert bar(tool, axis_of(tool, 10.0)) == "▒" * 30
    assert set(bar(turn, axis_of(tool, 10.0))) == {"─"}


def test_a_running_axis_ends_at_a_round_number_and_bars_are_never_outside() -> None:
    turn = new_node("turn", "turn", None)
    assert axis_of(turn, 7.0).seconds == 10
    assert axis_of(turn, 11.0).seconds == 20
    assert axis_of(turn, 90_000.0).seconds == 112_500
    assert bar(turn, axis_of(turn, 7.0), 7.0)[20] == "▸"
    late = new_node("late", "tool", turn)
    late.started, late.ended = 500.0, 501.0
    assert "▒" not in bar(late, axis_of(turn, 7.0))
    late.started = late.ended = -5.0
    assert "▒" not in bar(late, axis_of(turn, 7.0))


@pytest.mark.parametrize("size", [(140, 30), (60, 10)])
async def test_the_trace_becomes_a_timeline_and_lines_again(size: tuple[int, int]) -> None:
    story: Story = sample_story(sample_context())
    view = TraceView()
    app = PaneApp(view)
    async with app.run_test(size=size) as pilot:
        view.bind(story.state)
        view.lines.focus()
        await pilot.press("v")
        await until(lambda: _title(view).startswith(" TIMELINE"), "the title")
        assert "█" in _row(view, 0)
        await pilot.press("home", "down", "s")
        await until(lambda: "rlm_search" in _title(view) or size[0] < 100, "the scale")
        assert view.lines.at is not None
        assert _row(view, 1).count("▒") > 5
        await pilot.press("s", "v")
        await until(lambda: _title(view).startswith(" TRACE"), "the title again")
        assert "█" not in _row(view, 0)


def _title(view: TraceView) -> str:
    return view.query_one("#trace-title", TitleLine).render_line(0).text


def _row(view: TraceView, row: int) -> str:
    strip = view.lines.line_at(row)
    assert strip is not None
    return strip.text
