"""The clock of a replay."""

from rlm_tui.session.replay.player import LONGEST_WAIT_S, SPEEDS, Player
from rlm_tui.session.replay.recording import Recording
from tests.support.generated_log import GeneratedLog


def _player(**options: float) -> Player:
    return Player(Recording(list(GeneratedLog(300, 2)), []), **options)  # type: ignore[arg-type]  # named options


def test_time_goes_by_as_it_did_and_faster_or_slower() -> None:
    player = _player(waiting=True)
    player.toggle()
    begin = player.recording.time_of(0)
    for seconds in (0.5, 1.0, 2.5):
        player.advance(seconds)
        assert player.now - begin <= 4.0 + 1e-6
    assert player.moment == player.recording.moment_at(begin + 4.0)
    fast = _player(waiting=True, speed=8.0)
    fast.toggle()
    fast.advance(0.5)
    assert fast.moment == player.moment


def test_waiting_is_skipped() -> None:
    player = _player()
    player.toggle()
    steps = 0
    while not player.ended and steps < 100_000:
        before = player.moment
        player.advance(LONGEST_WAIT_S)
        steps += 1
        assert player.ended or player.moment > before
    assert player.ended
    assert not player.playing
    assert steps * LONGEST_WAIT_S < player.length


def test_at_the_end_it_plays_from_the_beginning() -> None:
    player = _player()
    player.go(len(player.recording))
    player.toggle()
    assert (player.moment, player.playing) == (0, True)


def test_speed_has_its_steps() -> None:
    player = _player()
    player.faster(1)
    assert player.speed == 2.0
    player.faster(100)
    assert player.speed == SPEEDS[-1] == 64.0
    player.faster(-100)
    assert player.speed == SPEEDS[0] == 0.25


def test_steps_go_to_messages_and_calls_and_stop_at_the_ends() -> None:
    player = _player()
    messages = [mark.moment for mark in player.recording.marks if mark.kind in ("turn", "answer", "reply")]
    seen = []
    while not player.ended:
        player.go(player.step_message(1))
        seen.append(player.moment)
    assert seen[:-1] == messages[: len(seen) - 1]
    while player.moment:
        player.go(player.step_call(-1))
    assert player.moment == 0
