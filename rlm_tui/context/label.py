"""Names of files as labels of entries, and back.

A file name is bytes. Python keeps those that are not UTF-8 as lone surrogates (PEP 383, `os.fsdecode`), which no
text column can hold, and a name may hold line feeds or escape sequences. A label writes each such byte as `\\xNN`,
a C1 control as `\\u00NN`, and a backslash twice, so that the name can be found again.
"""

import re

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\\\\\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(?:\\|x([0-9a-f]{2})|u([0-9a-f]{4}))")
_ESCAPED_BYTE = 0xDC00  # PEP 383: byte 0xNN, not UTF-8, is kept as U+DCNN


def label_of(name: str) -> str:
    """Return file name `name` (as `os.fsdecode` gives it) as printable text without lone surrogates."""
    if name.isascii() and name.isprintable() and "\\" not in name:
        return name
    return _UNSAFE.sub(_escape, name)


def name_of(label: str) -> str:
    """Return the file name that `label_of` made into `label`."""
    return label if "\\" not in label else _ESCAPE.sub(_unescape, label)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    if character == "\\":
        return "\\\\"
    if code < 0x80:
        return f"\\x{code:02x}"
    if _ESCAPED_BYTE + 0x80 <= code <= _ESCAPED_BYTE + 0xFF:
        return f"\\x{code - _ESCAPED_BYTE:02x}"
    return f"\\u{code:04x}"


def _unescape(found: re.Match[str]) -> str:
    if found[1]:
        code = int(found[1], 16)
        return chr(code if code < 0x80 else _ESCAPED_BYTE + code)
    return chr(int(found[2], 16)) if found[2] else "\\"
