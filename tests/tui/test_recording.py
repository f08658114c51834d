"""Pictures and recordings of a past session: they play, and nothing secret or foreign is in them."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

from rlm_tui import events as ev
from rlm_tui.session.export.reading import Exported
from rlm_tui.session.session import Session
from rlm_tui.tui.recording import record_cast, record_svg

SECRET = "sk-proj-abcdefgh12345678"
HOSTILE = "evil \x1b]52;c;aGk=\x07 \x1b[2J [/b] \u202e text"
SIZE = (120, 36)


def _session(home: Path) -> Exported:
    session = Session.create(home / "sessions", home, project=Path("/p"), model="m")
    session.append_entry("file", "a.py", f"first line\nkey = '{SECRET}'\n{HOSTILE}\n")
    session.record(ev.TurnStarted(1, f"Where is {SECRET}? {HOSTILE}"))
    session.record(ev.CallStarted("root", "m", "q"), call=1)
    session.record(ev.TextDelta("The answer"), call=1)
    session.record(ev.TextDelta(f" is {HOSTILE} {SECRET}"), call=1)
    session.record(ev.ReplyFinished(f"The answer is {HOSTILE} {SECRET}", "m"), call=1)
    session.record(ev.TurnFinished(1, f"The answer is {HOSTILE} {SECRET}", "m"))
    session.close()
    return Exported(session.directory, home, environ={})


def _words(svg: str) -> str:
    root = ET.fromstring(svg)
    return "".join(root.itertext()).replace("\xa0", " ")


def test_a_picture_shows_its_moment(tmp_path: Path) -> None:
    exported = _session(tmp_path)
    end = b"".join(record_svg(exported, None, SIZE)).decode()
    assert "The answer is" in _words(end)
    assert "first line" in _words(end)
    assert SECRET not in end
    assert "http" not in end.replace("http://www.w3.org", "").replace("https://www.textualize.io", "")
    early = b"".join(record_svg(exported, 2, SIZE)).decode()
    assert "Where is" in _words(early)
    assert "The answer" not in _words(early)


def test_a_recording_plays_in_order_and_drives_nothing(tmp_path: Path) -> None:
    exported = _session(tmp_path)
    lines = b"".join(record_cast(exported, SIZE)).decode().splitlines()
    header = json.loads(lines[0])
    assert (header["version"], header["width"], header["height"]) == (2, *SIZE)
    frames = [json.loads(line) for line in lines[1:]]
    times = [frame[0] for frame in frames]
    assert times == sorted(times)
    output = "".join(frame[2] for frame in frames)
    assert all(frame[1] == "o" for frame in frames)
    without_ours = re.sub(r"\x1b\[(?:[0-9;]*[Hm]|2J|\?25[lh])", "", output)
    assert "\x1b" not in without_ours
    assert output.count("\x1b[2J") == 1
    assert not re.search("[\x00-\x08\x0b-\x1a\x7f-\x9f\u202e]", without_ours)
    assert "The answer is" in without_ours
    assert SECRET not in without_ours
    assert exported.masker.found
