"""On which line of a TOML text a key stands.

The standard parser keeps no positions. This scanner reads only as much of TOML (https://toml.io/en/v1.0.0) as it
takes to see table headers and keys and to step over strings, arrays and inline tables; the text is known to parse.
"""

import re
from collections.abc import Iterator

_HEADER = re.compile(r"\s*\[\[?\s*(.+?)\s*\]\]?\s*(#.*)?$")
_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(\.?)""")
_STRING = re.compile(
    r"'''(?:.|\n)*?'''+|\"\"\"(?:[^\\]|\\(?:.|\n))*?\"\"\"+|'[^'\n]*'|\"(?:[^\"\\\n]|\\.)*\"|#[^\n]*|[\[\]{}]|\n"
)

KeyPath = tuple[str, ...]


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the 1-based line of each table and key, by its whole dotted path."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, line in _logical_lines(text):
        header = _HEADER.match(line)
        if header and line.lstrip().startswith("["):
            table = _parts(header[1])
            _note(lines, table, number)
            continue
        key = _key_of(line)
        if key:
            _note(lines, (*table, *key), number)
    return lines


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """Return the line of `path`, or of the nearest table above it that has one; 0 where none has."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return 0


def _note(lines: dict[KeyPath, int], path: KeyPath, number: int) -> None:
    for end in range(1, len(path) + 1):
        lines.setdefault(path[:end], number)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line on which a statement begins; what a value spans further is stepped over."""
    number = start = 1
    begin = depth = 0
    for match in _STRING.finditer(text):
        token = match[0]
        if token == "\n":
            if depth == 0:
                yield start, text[begin : match.start()].partition("\n")[0]
                begin, start = match.end(), number + 1
        elif token in "[{":
            depth += 1
        elif token in "]}":
            depth = max(0, depth - 1)
        number += token.count("\n")
    if text[begin:].strip():
        yield start, text[begin:].partition("\n")[0]


def _key_of(line: str) -> KeyPath:
    """Return the dotted key that a statement assigns to, or nothing."""
    parts: list[str] = []
    position = 0
    while match := _PART.match(line, position):
        parts.append(_plain(match))
        position = match.end()
        if not match[4]:
            break
    return tuple(parts) if line[position : position + 1] == "=" else ()


def _parts(header: str) -> KeyPath:
    return tuple(_plain(match) for match in _PART.finditer(header))


def _plain(match: re.Match[str]) -> str:
    double, single, bare = match[1], match[2], match[3]
    if double is not None:
        return str(_unescaped(double))
    return single if single is not None else bare


def _unescaped(text: str) -> str:
    import tomllib

    return str(tomllib.loads(f'x = "{text}"')["x"]) if "\\" in text else text
