"""What is remembered of a project's layout, and what the trace's filter keeps."""

from pathlib import Path

import pytest

from rlm_tui.tui.arrangement import Arrangement, load_arrangement, save_arrangement
from rlm_tui.tui.widgets.trace_filter import node_filter
from tests.support.sample_session import sample_context, sample_story
from tests.tui.test_app import make_app, opened, project

__all__ = ["project"]  # the fixture


def test_projects_keep_arrangements_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "arrangements.json"
    save_arrangement(file, Path("/one"), Arrangement("stacked", 30, 70))
    save_arrangement(file, Path("/two"), Arrangement("chat"))
    assert load_arrangement(file, Path("/one"), "auto") == Arrangement("stacked", 30, 70)
    assert load_arrangement(file, Path("/two"), "auto") == Arrangement("chat")
    assert load_arrangement(file, Path("/three"), "columns") == Arrangement("columns")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"/one": 3}', b'{"/one": {"layout": "round"}}', b"\xff\xfe", b"{"])
def test_a_spoilt_file_is_no_error_and_is_written_anew(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "arrangements.json"
    file.write_bytes(content)
    assert load_arrangement(file, Path("/one"), "auto") == Arrangement()
    save_arrangement(file, Path("/one"), Arrangement("columns"))
    assert load_arrangement(file, Path("/one"), "auto").layout == "columns"


def test_shares_stay_within_what_can_be_used() -> None:
    small = large = Arrangement()
    for _ in range(100):
        small, large = small.resized(chat=-4, browser=-4), large.resized(chat=4, browser=4)
    assert (small.chat, small.browser) == (20, 20)
    assert (large.chat, large.browser) == (80, 80)


@pytest.mark.parametrize(
    ("words", "kept"),
    [("errors", {"tool:r4"}), ("depth:0", {"turn:1"}), ("depth:1 rlm_search", {"tool:r1"}), ("costly:0.001 call", 9)],
)
def test_filters_keep_what_they_say(words: str, kept: set[str] | int) -> None:
    state = sample_story(sample_context()).state
    fits = node_filter(words)
    found = {key for key, node in state.nodes.items() if fits(node)}
    assert found == kept if isinstance(kept, set) else len(found) == kept


async def test_the_lines_between_panes_are_dragged(project: Path, tmp_path: Path) -> None:
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=(140, 45)) as pilot:
        screen = await opened(app)
        edge = screen.query_one("#right").region.x
        await pilot.mouse_down(offset=(edge, 20))
        await pilot.hover(offset=(100, 20))
        await pilot.mouse_up(offset=(100, 20))
        assert abs(screen.query_one("#right").region.x - 100) <= 1
        row = screen.query_one("#trace-area").region.y
        await pilot.mouse_down(offset=(120, row))
        await pilot.hover(offset=(120, 15))
        await pilot.mouse_up(offset=(120, 15))
        assert abs(screen.query_one("#trace-area").region.y - 15) <= 1
        await pilot.hover(offset=(120, 30))
        assert abs(screen.query_one("#trace-area").region.y - 15) <= 1, "it was let go"
    kept = load_arrangement(tmp_path / "home" / "data" / "arrangements.json", project, "auto")
    assert (kept.chat, kept.browser) == (71, 32)
