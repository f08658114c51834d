"""`rlm-tui log`: the events of a session, a line each."""

import time
from collections.abc import Iterator
from pathlib import Path

import click

from rlm_tui.cli.output import json_option, say, show_json
from rlm_tui.config.paths import Paths
from rlm_tui.errors import SessionError
from rlm_tui.text import one_line

_POLL_S = 0.2
_WIDTH = 120
_SHOWN_FIRST = (
    "message", "title", "prompt", "text", "summary", "what", "answer", "label", "reason", "name", "model", "project",
)  # fmt: skip
"""Which field of an event is shown, the first that it has."""


@click.command(epilog="Example:  rlm-tui log -f")
@click.argument("session", default="", metavar="[ID]")
@click.option("-f", "--follow", is_flag=True, help="Stay and show what happens, until interrupted.")
@click.option("-n", "--lines", type=click.IntRange(0), metavar="N", help="Only the last N of those there are.")
@json_option
def log(session: str, follow: bool, lines: int | None, as_json: bool) -> None:
    """Show the events of a session: the one given, else the newest."""
    from rlm_tui.session.library import find_session, session_directories
    from rlm_tui.session.log import LOG_NAME

    paths = Paths.from_environ()
    found = session_directories(paths)
    if not session and not found:
        raise SessionError("There are no sessions yet: nothing to show.")
    file = (find_session(paths, session) if session else found[0]) / LOG_NAME
    with file.open("rb") as source:
        past = list(_whole_lines(source.read()))
        for line in past if lines is None else past[len(past) - min(lines, len(past)) :]:
            _show(line, as_json)
        if not follow:
            return
        source.seek(sum(map(len, past)))
        for line in _follow(source.fileno(), file):
            _show(line, as_json)


def _whole_lines(data: bytes) -> Iterator[bytes]:
    for line in data.splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield line


def _follow(descriptor: int, file: Path) -> Iterator[bytes]:
    """Yield lines as they are appended, until the file is deleted."""
    import os

    rest = b""
    while True:
        data = os.read(descriptor, 1 << 20)
        if not data:
            if not file.exists():
                return
            time.sleep(_POLL_S)
            continue
        rest += data
        whole = list(_whole_lines(rest))
        rest = rest[sum(map(len, whole)) :]
        yield from whole


def _show(line: bytes, as_json: bool) -> None:
    import msgspec

    from rlm_tui.session.codec import DamagedLine, decode_line

    try:
        envelope = decode_line(line)
    except DamagedLine as error:
        say(f"a record is damaged ({error}) and left out.")
        return
    data = msgspec.to_builtins(envelope)
    if as_json:
        show_json(data)
        return
    event = data["event"]
    text = next((str(event[key]) for key in _SHOWN_FIRST if event.get(key)), "")
    clock = time.strftime("%H:%M:%S", time.localtime(envelope.at))
    where = f"call {envelope.call}" if envelope.call else ""
    click.echo(f"{envelope.seq:>6}  {clock}  {where:9}{event['type']:18}{one_line(text, _WIDTH)}".rstrip())
