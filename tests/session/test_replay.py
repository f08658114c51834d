"""Replay: the state at any moment is the state that was there live."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlm_tui import events as ev
from rlm_tui.errors import SessionError
from rlm_tui.session.log import LOG_NAME
from rlm_tui.session.replay import checkpoints
from rlm_tui.session.replay.recording import Recording
from rlm_tui.session.state import SessionState
from tests.support.generated_log import GeneratedLog, write_log
from tests.support.state_dump import dump_state


def _folded(records: list[ev.Envelope]) -> SessionState:
    state = SessionState()
    for record in records:
        state.apply(record)
    return state


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), step=st.integers(1, 90), places=st.lists(st.floats(0, 1), min_size=3, max_size=6))
def test_any_moment_equals_the_live_fold(
    monkeypatch: pytest.MonkeyPatch, seed: int, step: int, places: list[float]
) -> None:
    monkeypatch.setattr("rlm_tui.session.replay.recording.STEP", step)
    records = list(GeneratedLog(300, seed))
    recording = Recording(records, [])
    if seed % 2:
        recording.prepare()
    for place in [*places, 0.0, 1.0]:
        moment = round(place * len(records))
        assert dump_state(recording.state_at(moment)) == dump_state(_folded(records[:moment]))


def test_a_restored_state_goes_on_without_touching_what_is_kept() -> None:
    records = list(GeneratedLog(900, 7))
    recording = Recording(records, [])
    for moment in (100, 450, 100):
        state = recording.state_at(moment)
        for record in records[moment:]:
            state.apply(record)
        assert dump_state(state) == dump_state(_folded(records))
    assert dump_state(recording.state_at(100)) == dump_state(_folded(records[:100]))


def test_a_damaged_log_plays_what_is_whole(tmp_path: Path) -> None:
    directory = write_log(tmp_path, GeneratedLog(400, 3))
    log = directory / LOG_NAME
    lines = log.read_bytes().splitlines(keepends=True)
    lines[50] = lines[50].replace(b'"event"', b'"evnet"')
    lines[120] = b"\x00\xff garbage\n"
    log.write_bytes(b"".join(lines)[:-9])
    recording = Recording.open(directory)
    assert [damage.line for damage in recording.damages] == [51, 121, len(lines)]
    for moment in range(0, len(recording) + 1, 37):
        assert dump_state(recording.state_at(moment)) == dump_state(_folded(recording.records[:moment]))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"not a log\n"])
def test_a_log_without_a_record_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / LOG_NAME).write_bytes(content)
    with pytest.raises(SessionError, match="nothing to replay"):
        Recording.open(tmp_path)


def test_moments_are_found_by_number_and_by_time() -> None:
    records = list(GeneratedLog(200, 5))
    recording = Recording(records, [])
    assert recording.moment_of(records[57].seq) == 58
    assert recording.moment_of(-1) == 0
    assert recording.moment_at(records[57].at) >= 58
    assert recording.time_of(58) == records[57].at


def test_marks_tell_turns_answers_and_spending() -> None:
    records = list(GeneratedLog(400, 11))
    recording = Recording(records, [])
    kinds = {mark.kind for mark in recording.marks}
    assert {"turn", "answer", "call", "tool", "reply"} <= kinds
    assert [mark.cost for mark in recording.marks] == sorted(mark.cost for mark in recording.marks)
    assert checkpoints.STEP > 0
