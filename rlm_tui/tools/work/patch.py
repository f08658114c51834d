"""The patch envelope (`*** Begin Patch` ... `*** End Patch`): read into steps, and applied to texts.

The format is that of OpenAI's `apply_patch`: `*** Add File:`, `*** Delete File:` and `*** Update File:` with an
optional `*** Move to:`; an update holds chunks of ` `, `-` and `+` lines, each after `@@`, which may name a line that
comes before; `*** End of File` ties a chunk to the end.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from rlm_tui.errors import ToolError
from rlm_tui.tools.work.matching import plain

_BEGIN, _END, _END_OF_FILE = "*** Begin Patch", "*** End Patch", "*** End of File"
_ADD, _DELETE, _UPDATE, _MOVE = "*** Add File:", "*** Delete File:", "*** Update File:", "*** Move to:"
_HEREDOC = re.compile(r"\A\s*(?:cat\s+)?<<-?\s*(['\"]?)(\w+)\1[ \t]*\n(.*?)\n\2\s*\Z", re.DOTALL)


@dataclass(slots=True)
class Chunk:
    """Consecutive lines to replace. `headers` are lines to find first; `at_end` ties it to the file's end."""

    headers: list[str] = field(default_factory=list)
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    at_end: bool = False


@dataclass(slots=True)
class FilePatch:
    """What a patch does to one file: `kind` is `add`, `delete` or `update`."""

    kind: str
    path: str
    content: str = ""
    move_to: str = ""
    chunks: list[Chunk] = field(default_factory=list)


def parse_patch(text: str) -> list[FilePatch]:
    """Return the steps of a patch. Raises `ToolError` that names the line which is wrong."""
    text = text.replace("\r\n", "\n")
    if wrapped := _HEREDOC.match(text):
        text = wrapped[3]
    lines = text.strip("\n").split("\n")
    first = next((i for i, line in enumerate(lines) if line.strip() == _BEGIN), None)
    last = next((i for i in range(len(lines) - 1, -1, -1) if lines[i].strip() == _END), None)
    if first is None or last is None or last < first:
        raise ToolError(f"The patch must begin with a line `{_BEGIN}` and end with a line `{_END}`.")
    steps = list(_steps(_Lines(lines[first + 1 : last], first + 2)))
    if not steps:
        raise ToolError("The patch is empty: it names no file to add, delete or update.")
    return steps


class _Lines:
    """The lines of a patch, read one after the other; `number` is the next one's, for messages."""

    def __init__(self, lines: list[str], first: int) -> None:
        self._lines = lines
        self._first = first
        self._index = 0

    @property
    def number(self) -> int:
        return self._first + self._index

    def peek(self) -> str | None:
        return self._lines[self._index] if self._index < len(self._lines) else None

    def next(self) -> str:
        self._index += 1
        return self._lines[self._index - 1]

    def while_true(self, test: Callable[[str], bool]) -> Iterator[str]:
        while (line := self.peek()) is not None and test(line):
            yield self.next()


def _steps(lines: _Lines) -> Iterator[FilePatch]:
    while (line := lines.peek()) is not None:
        number = lines.number
        lines.next()
        if not line.strip():
            continue
        head = line.strip()
        if head.startswith(_ADD):
            yield FilePatch("add", _name(head, _ADD, number), _added(lines))
        elif head.startswith(_DELETE):
            yield FilePatch("delete", _name(head, _DELETE, number))
        elif head.startswith(_UPDATE):
            yield _update(lines, _name(head, _UPDATE, number), number)
        else:
            raise ToolError(
                f"Line {number} of the patch is {line!r}: expected `{_ADD} PATH`, `{_DELETE} PATH` or `{_UPDATE} PATH`."
            )


def _name(line: str, head: str, number: int) -> str:
    name = line.removeprefix(head).strip()
    if not name:
        raise ToolError(f"Line {number} of the patch names no file.")
    return name


def _added(lines: _Lines) -> str:
    return "".join(line[1:] + "\n" for line in lines.while_true(lambda line: line.startswith("+")))


def _update(lines: _Lines, path: str, number: int) -> FilePatch:
    step = FilePatch("update", path)
    if (line := lines.peek()) is not None and line.strip().startswith(_MOVE):
        step.move_to = _name(line.strip(), _MOVE, lines.number)
        lines.next()
    while (line := lines.peek()) is not None and not line.startswith("*** "):
        chunk = _chunk(lines)
        if chunk.old or chunk.new or chunk.headers:
            step.chunks.append(chunk)
    if not step.chunks and not step.move_to:
        raise ToolError(f"The update of {path} at line {number} of the patch changes nothing: give it a chunk.")
    return step


def _chunk(lines: _Lines) -> Chunk:
    chunk = Chunk()
    for found in lines.while_true(lambda line: line.startswith("@@")):
        if header := found[2:].strip().removesuffix("@@").strip():
            chunk.headers.append(header)
    while (line := lines.peek()) is not None and not line.startswith("@@"):
        if line.strip() == _END_OF_FILE:
            lines.next()
            chunk.at_end = True
            break
        if line.startswith("*** "):
            break
        number = lines.number
        mark, rest = line[:1], line[1:]
        lines.next()
        if mark not in ("", " ", "-", "+"):
            raise ToolError(f"Line {number} of the patch is {line!r}: lines of a chunk begin with a space, `-` or `+`.")
        if mark != "+":
            chunk.old.append(rest)
        if mark != "-":
            chunk.new.append(rest)
    return chunk


def patched(text: str, step: FilePatch) -> str:
    """Return `text` with an update's chunks applied in order; line endings stay. Raises `ToolError`."""
    lines = text.splitlines(keepends=True)
    crlf = 2 * text.count("\r\n") > text.count("\n")
    ending = "\r\n" if crlf else "\n"
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += ending  # what a patch leaves ends in a line ending, as in other implementations
    result: list[str] = []
    cursor = 0
    for number, chunk in enumerate(step.chunks, start=1):
        start = cursor
        for header in chunk.headers:
            start = (
                _seek(lines, [header], start, at_end=False, what=f"the line after @@ of chunk {number}", step=step) + 1
            )
        if not chunk.old:
            place = len(lines) if chunk.at_end or not chunk.headers else start
        else:
            place = _seek(lines, chunk.old, start, at_end=chunk.at_end, what=f"chunk {number}", step=step)
        if chunk.old[-1:] == [""] and place + len(chunk.old) > len(lines):
            chunk = Chunk(chunk.headers, chunk.old[:-1], _without_last_blank(chunk.new), chunk.at_end)
        result += lines[cursor:place]
        result += _with_endings(chunk, lines[place : place + len(chunk.old)], ending)
        cursor = place + len(chunk.old)
    return "".join([*result, *lines[cursor:]])


def _without_last_blank(lines: list[str]) -> list[str]:
    return lines[:-1] if lines[-1:] == [""] else lines


def _with_endings(chunk: Chunk, found: Sequence[str], ending: str) -> list[str]:
    """Return the chunk's new lines; those that it only repeats stay as the file has them."""
    kept: dict[int, str] = {}
    position = 0
    for index, line in enumerate(chunk.new):
        if position < len(chunk.old) and line in chunk.old[position:]:
            position = chunk.old.index(line, position)
            kept[index] = found[position]
            position += 1
    return [kept.get(index, line + ending) for index, line in enumerate(chunk.new)]


_KEYS: tuple[Callable[[str], str], ...] = (str, str.rstrip, str.strip, plain)


def _seek(lines: Sequence[str], wanted: list[str], start: int, *, at_end: bool, what: str, step: FilePatch) -> int:
    """Return where `wanted` is from `start` on: exactly, or else with blanks, or else typography, read loosely."""
    have = [line.rstrip("\r\n") for line in lines]
    size = len(wanted)
    for key in _KEYS:
        keys = [key(line) for line in wanted]
        keyed = [key(line) for line in have]
        places = [i for i in range(start, len(keyed) - size + 1) if keyed[i] == keys[0] and keyed[i : i + size] == keys]
        if at_end and places and places[-1] == len(keyed) - size:
            return places[-1]
        if places:
            return places[0]
    if len(wanted) > 1 and wanted[-1] == "":  # a line that only ends the text before it
        return _seek(lines, wanted[:-1], start, at_end=at_end, what=what, step=step)
    shown = "\n".join(wanted[:5])
    raise ToolError(f"{step.path}: {what} is not in the file (from line {start + 1} on); it looks for:\n{shown}")
