"""The fold: trace, chat, totals and coverage from a sequence of facts."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from rlm_tui import events as ev
from rlm_tui.session.coverage import Coverage, IntervalUnion
from rlm_tui.session.state import SessionState


def _play(*facts: tuple[ev.AnyEvent, int, int, int]) -> SessionState:
    """Fold `(event, call, parent, depth)` facts."""
    state = SessionState()
    for seq, (event, call, parent, depth) in enumerate(facts):
        state.apply(ev.Envelope("s", seq, float(seq), event, call, parent, depth))
    return state


def _recursive_turn() -> SessionState:
    usage, sub = ev.Usage(100, 10), ev.Usage(50, 5)
    request = ev.ToolRequest("t1", "rlm_query", "{}", "p1")
    return _play(
        (ev.SessionOpened(1, "0", "/p", "m"), 0, 0, 0),
        (ev.SegmentAttached("g", "", "", "/p", 0, 3, 0, 900, ((0, 2),)), 0, 0, 0),
        (ev.EntryAppended(3, "user", "#1", 900, 8, "", "question"), 0, 0, 0),
        (ev.TurnStarted(1, "question", 3), 0, 0, 0),
        (ev.CallStarted("root", "m", "question"), 1, 0, 0),
        (ev.TextDelta("look"), 1, 0, 0),
        (ev.TextDelta("ing"), 1, 0, 0),
        (ev.ReplyFinished("looking", "m", (request,), usage=usage, cost=0.5), 1, 0, 0),
        (ev.ToolRequested("t1", "rlm_query", {"prompt": "sub"}), 1, 0, 0),
        (ev.CallStarted("query", "m", "sub", (ev.Span(0, 100, "sent"),), "t1"), 2, 1, 1),
        (ev.ReplyFinished("yes", "m", usage=sub, cost=0.25), 2, 1, 1),
        (ev.CallFinished("yes", (ev.Citation(10, 20),), sub, 0.25), 2, 1, 1),
        (ev.ToolFinished("t1", "rlm_query", True, "yes", "call 2", 3.0), 1, 0, 0),
        (ev.ReplyFinished("It is so [10-20].", "m", usage=usage, cost=0.5), 1, 0, 0),
        (ev.CallFinished("It is so [10-20].", (ev.Citation(10, 20),), usage, 1.0), 1, 0, 0),
        (ev.TurnFinished(1, "It is so [10-20].", "m", (ev.Citation(10, 20),), usage, 1.25, 2), 0, 0, 0),
    )


def test_the_trace_nests_calls_under_the_tools_that_made_them() -> None:
    state = _recursive_turn()
    turn = state.roots[0]
    assert [child.key for child in turn.children] == ["tool:t1"]
    assert [child.key for child in turn.children[0].children] == ["call:2"]
    assert {node.status for node in state.nodes.values()} == {"ok"}


def test_totals_count_the_whole_tree() -> None:
    state = _recursive_turn()
    turn = state.roots[0]
    assert (turn.calls, turn.usage.total_tokens, turn.cost) == (2, 275, 1.25)
    assert state.usage.total_tokens == 275
    assert state.nodes["call:2"].usage.total_tokens == 55


def test_the_chat_shows_what_was_said_in_order() -> None:
    state = _recursive_turn()
    assert [(item.role, item.text) for item in state.items] == [
        ("user", "question"),
        ("assistant", "looking"),
        ("tool", ""),
        ("assistant", "It is so [10-20]."),
        ("status", ""),
    ]
    assert state.items[3].citations[0].start == 10


def test_coverage_knows_the_strongest_touch() -> None:
    state = _recursive_turn()
    assert state.coverage.strip(0, 100, 10) == ["sent", "cited", *["sent"] * 8]
    assert state.coverage.totals() == {"matched": 0, "read": 0, "sent": 100, "cited": 10}
    assert state.coverage.untouched(900) == 800
    assert {t.node for t in state.coverage.at(12, 13)} == {"turn:1", "call:2"}


def test_a_cut_reply_that_is_asked_again_leaves_no_double_text() -> None:
    state = _play(
        (ev.TurnStarted(1, "q"), 0, 0, 0),
        (ev.CallStarted("root", "m", "q"), 1, 0, 0),
        (ev.TextDelta("half an ans"), 1, 0, 0),
        (ev.ModelRetry(1, 500, "cut", "the stream was cut"), 1, 0, 0),
        (ev.TextDelta("whole answer"), 1, 0, 0),
        (ev.ReplyFinished("whole answer", "m"), 1, 0, 0),
    )
    assert [item.text for item in state.items if item.role == "assistant"] == ["whole answer"]
    assert state.roots[0].live_text == "whole answer"
    assert state.roots[0].retries == 1


def test_an_interrupted_turn_ends_everything_below_it() -> None:
    state = _play(
        (ev.TurnStarted(1, "q"), 0, 0, 0),
        (ev.CallStarted("root", "m", "q"), 1, 0, 0),
        (ev.ToolRequested("t1", "rlm_map", {}), 1, 0, 0),
        (ev.CallStarted("map", "m", "sub", request="t1"), 2, 1, 1),
        (ev.TurnInterrupted(1, "interrupted", "m", message="Interrupted."), 0, 0, 0),
    )
    assert {node.status for node in state.nodes.values()} == {"cancelled"}
    assert not state.busy
    assert state.items[-2].text == "Interrupted."


def test_events_out_of_place_do_no_harm() -> None:
    orphans: list[ev.AnyEvent] = [
        ev.TextDelta("x"), ev.ReplyFinished("x", "m"), ev.ToolFinished("t9", "n", True, "", "", 1.0),
        ev.CallFinished("x"), ev.CallFailed("k", "m"), ev.TurnFinished(4, "a", "m"), ev.SpanTouched((ev.Span(1, 2),)),
        ev.PermissionAnswered("t1", "once"), ev.UnknownEvent({"type": "X"}),
    ]  # fmt: skip
    state = _play(*((event, 5, 4, 3) for event in orphans))
    assert state.roots == []


def test_changes_are_told_once() -> None:
    state = _recursive_turn()
    nodes, items = state.take_changes()
    assert {node.key for node in nodes} == {"turn:1", "tool:t1", "call:2"}
    assert len(items) == 5
    assert state.take_changes() == ([], [])


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=25), st.integers(0, 60), st.integers(0, 60))
def test_a_union_of_intervals_is_a_set(pairs: list[tuple[int, int]], low: int, high: int) -> None:
    union, naive = IntervalUnion(), set[int]()
    for start, end in pairs:
        union.add(start, end)
        naive.update(range(start, end))
    assert union.total == len(naive)
    assert sorted(i for s, e in union.intervals() for i in range(s, e)) == sorted(naive)
    assert union.covered(low, max(low, high)) == len(naive & set(range(low, high)))
    assert union.overlaps(low, high) == bool(naive & set(range(low, high)))


def test_touches_are_listed_newest_first() -> None:
    coverage = Coverage()
    numbers = count()
    for start in (0, 5, 50):
        coverage.add(ev.Span(start, start + 10), f"n{next(numbers)}", 1)
    assert [t.node for t in coverage.at(6, 9)] == ["n1", "n0"]
