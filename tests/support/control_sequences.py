"""Everything in a terminal's stream that is not plain text, told apart: for tests that only our own may be in it."""

import re

_SEQUENCE = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    rb"|\x1b[\]PX^_].*?(?:\x07|\x1b\\)"  # OSC, DCS, SOS, PM, APC
    rb"|\x1b[ -/]*[0-~]"  # others
    rb"|[\x00-\x08\x0b-\x1f\x7f]"  # bare control bytes
    rb"|\xc2[\x80-\x9f]"  # C1 in UTF-8
    rb"|\xd8\x9c|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf",  # invisible and bidirectional
    re.DOTALL,
)

_OURS = re.compile(
    rb"\x1b\[[0-9;:]*m"  # colours and styles
    rb"|\x1b\[\d+;\d+H"  # places
    rb"|\x1b\[\?(?!1049l)\d+(?:;\d+)*[hl]|\x1b\[\?\d+\$p"  # modes; leaving the alternate screen is for the end
    rb"|\x1b\[[<>=]\d*(?:;\d+)*u|\x1b\[\?u"  # the keyboard protocol
    rb"|\x1b\]22;\w*\x07|\r"  # the pointer's shape
)


_LEAVE = b"\x1b[?1049l"


def foreign_sequences(stream: bytes, more: tuple[bytes, ...] = ()) -> list[bytes]:
    """Return the control sequences in `stream` that a screen of ours does not send. `more` are allowed as they are.

    The alternate screen may be left once, where the stream ends.
    """
    stream, _, end = stream.rpartition(_LEAVE) if stream.count(_LEAVE) == 1 else (stream, b"", b"")
    stream += end
    found = (match.group() for match in _SEQUENCE.finditer(stream))
    return [sequence for sequence in found if not _OURS.fullmatch(sequence) and sequence not in more]
