"""One envelope, one line: the JSON Lines format of `events.jsonl`.

A line is a JSON object whose first key is `crc`, the CRC-32 (eight hex digits) of the rest of the object as it
would read without that key. A line is thus self-checking and still plain JSON. Events are tagged by `type`.
"""

import zlib
from typing import Any

import msgspec

from rlm_tui.errors import SessionError
from rlm_tui.events import FORMAT_VERSION, Envelope, SessionOpened, UnknownEvent

_CRC_PREFIX = b'{"crc":"'
_CRC_HEAD = len(_CRC_PREFIX) + 8 + 2  # the key, eight digits, and `",`

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Envelope)


class DamagedLine(ValueError):
    """A line is torn, flipped or not ours; `str(error)` says which."""


def encode_plain(envelope: Envelope) -> bytes:
    """Return the envelope as a JSON object without a line end or check sum."""
    return _encoder.encode(envelope)


def encode_line(envelope: Envelope) -> bytes:
    """Return the envelope as one line of the log, line feed included."""
    body = _encoder.encode(envelope)
    return b'%s%08x",%s\n' % (_CRC_PREFIX, zlib.crc32(body), body[1:])


def decode_line(line: bytes) -> Envelope:
    """Return the envelope of one line (with or without its line feed).

    Raises `DamagedLine` for a line that is not whole, and `SessionError` for a log of a newer format.
    """
    line = line.rstrip(b"\r\n")
    body = _checked_body(line)
    try:
        envelope = _decoder.decode(body)
    except msgspec.ValidationError:
        envelope = _decode_unknown(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedLine(f"not JSON: {error}") from None
    if isinstance(envelope.event, SessionOpened) and envelope.event.format > FORMAT_VERSION:
        raise SessionError(
            f"This session was written by a newer version of rlm-tui (log format {envelope.event.format}, this one "
            f"reads up to {FORMAT_VERSION}). Update rlm-tui to open it; the file is left as it is."
        )
    return envelope


def _checked_body(line: bytes) -> bytes:
    if not line.startswith(_CRC_PREFIX):
        if line.startswith(b"{"):
            return line  # an exported line carries no check sum
        raise DamagedLine("not a record")
    body = b"{" + line[_CRC_HEAD:]
    try:
        expected = int(line[len(_CRC_PREFIX) : _CRC_HEAD - 2], 16)
    except ValueError:
        raise DamagedLine("unreadable check sum") from None
    if zlib.crc32(body) != expected:
        raise DamagedLine("check sum differs")
    return body


def _decode_unknown(body: bytes) -> Envelope:
    """Keep an event of a type or shape that this version does not know, inside `UnknownEvent`."""
    raw: dict[str, Any] = msgspec.json.decode(body)
    event = raw.pop("event", None)
    if not isinstance(event, dict) or "type" not in event:
        raise DamagedLine("a record without an event")
    if event["type"] == "SessionOpened" and int(event.get("format", 0)) > FORMAT_VERSION:
        event = {"type": "SessionOpened", "format": event["format"], "app_version": "", "project": "", "model": ""}
        return msgspec.convert({**raw, "event": event}, Envelope)
    try:
        return msgspec.convert({**raw, "event": {"type": "UnknownEvent", "raw": event}}, Envelope)
    except msgspec.ValidationError as error:
        raise DamagedLine(f"not an envelope: {error}") from None


def is_unknown(envelope: Envelope) -> bool:
    """Return whether the event is of a later minor version."""
    return isinstance(envelope.event, UnknownEvent)
