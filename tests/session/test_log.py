"""The event log: what is written is read again, whatever happens to the file."""

import errno
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_tui import events as ev
from rlm_tui.errors import SessionError
from rlm_tui.session.codec import DamagedLine, decode_line, encode_line
from rlm_tui.session.log import LOG_NAME, Damage, LogWriter, is_held, read_log

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def _envelope(seq: int, text: str = "hello") -> ev.Envelope:
    return ev.Envelope("s1", seq, 1.5, ev.TextDelta(text), call=2, parent=1, depth=1)


def _events() -> st.SearchStrategy[ev.AnyEvent]:
    span = st.builds(ev.Span, st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from(ev.TOUCH_ORDER))
    return st.one_of(
        st.builds(ev.TextDelta, _TEXT),
        st.builds(ev.TurnStarted, st.integers(1, 99), _TEXT),
        st.builds(ev.Notice, st.sampled_from(["info", "warning", "error"]), _TEXT),
        st.builds(ev.SpanTouched, st.lists(span, max_size=4).map(tuple)),
        st.builds(
            ev.ToolFinished, _TEXT, _TEXT, st.booleans(), _TEXT, _TEXT, st.floats(0, 1e6),
            data=st.dictionaries(_TEXT, st.integers() | _TEXT, max_size=3),
        ),
        st.builds(ev.SegmentAttached, _TEXT, _TEXT, _TEXT, _TEXT, st.integers(0, 9), st.integers(0, 9),
                  st.integers(0, 9), st.integers(0, 9), st.just(((0, 3), (7, 9)))),
    )  # fmt: skip


@given(_events(), st.integers(0, 10**6))
def test_every_event_comes_back_as_it_was(event: ev.AnyEvent, seq: int) -> None:
    envelope = ev.Envelope("s1", seq, 2.25, event, call=3)
    line = encode_line(envelope)
    assert line.count(b"\n") == 1
    assert decode_line(line) == envelope


@given(st.data())
def test_a_flipped_byte_is_noticed_or_harmless(data: st.DataObject) -> None:
    line = bytearray(encode_line(_envelope(7, "a text of some length")))
    place = data.draw(st.integers(0, len(line) - 2))
    line[place] ^= data.draw(st.integers(1, 255))
    try:
        again = decode_line(bytes(line))
    except (DamagedLine, SessionError):
        return
    assert again == _envelope(7, "a text of some length")


def test_a_line_is_plain_json_with_type_tags() -> None:
    plain = msgspec.json.decode(encode_line(_envelope(3)))
    assert plain["event"] == {"type": "TextDelta", "text": "hello"}
    assert plain["seq"] == 3


def test_an_unknown_event_is_kept() -> None:
    line = b'{"session":"s","seq":4,"at":1.0,"event":{"type":"FutureThing","a":[1,2]}}'
    event = decode_line(line).event
    assert isinstance(event, ev.UnknownEvent)
    assert event.raw == {"type": "FutureThing", "a": [1, 2]}


def test_a_newer_format_is_refused_with_a_sentence() -> None:
    line = b'{"session":"s","seq":0,"at":1.0,"event":{"type":"SessionOpened","format":99,"new":1}}'
    with pytest.raises(SessionError, match="newer version"):
        decode_line(line)


def test_a_torn_end_spoils_nothing(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path)
    writer.append(_envelope(0))
    writer.append(_envelope(1, "x" * 500))
    writer.close()
    log = tmp_path / LOG_NAME
    log.write_bytes(log.read_bytes()[:-100])
    writer = LogWriter(tmp_path)
    writer.append(_envelope(2, "after"))
    writer.close()
    records = list(read_log(log))
    assert [r.seq for r in records if isinstance(r, ev.Envelope)] == [0, 2]
    assert [type(r) for r in records].count(Damage) == 1


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path)
    assert is_held(tmp_path)
    with pytest.raises(SessionError, match="open in another"):
        LogWriter(tmp_path)
    writer.close()
    assert not is_held(tmp_path)
    LogWriter(tmp_path).close()


def test_a_full_disk_shortens_nothing(tmp_path: Path) -> None:
    """`/dev/full` answers each write with 'no space left': the record stays queued until there is room."""
    writer = LogWriter(tmp_path)
    writer.append(_envelope(0))
    real = os.dup(writer._fd)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, writer._fd)
    writer.append(_envelope(1))
    writer.append(_envelope(2))
    assert "full" in writer.problem
    with pytest.raises(SessionError, match=os.strerror(errno.ENOSPC).split()[0] + "|full"):
        writer.barrier()
    os.dup2(real, writer._fd)
    writer.barrier()
    assert writer.problem == ""
    writer.close()
    os.close(real)
    os.close(full)
    assert [r.seq for r in read_log(tmp_path / LOG_NAME) if isinstance(r, ev.Envelope)] == [0, 1, 2]
