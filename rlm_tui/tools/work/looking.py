"""The tools that look at files as they are on the disk now: `read`, `list`, `glob` and `grep`.

Inside the project they go unasked; outside they ask. What the project's ignore rules leave out is not searched.
"""

import asyncio
import fnmatch
import itertools
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from rlm_tui.context.ignore import Candidate, list_files
from rlm_tui.errors import ToolError
from rlm_tui.text import one_line
from rlm_tui.tools.port import Action, Arguments, ToolResult, ToolRun
from rlm_tui.tools.work.changing import FilePath
from rlm_tui.workspace.atomic import MAX_FILE_BYTES
from rlm_tui.workspace.filetext import decode_file
from rlm_tui.workspace.project_files import Place, ProjectFiles

_LINES = 2_000
_LINE_CHARS = 2_000
_READ_CHARS = 100_000
_NAMES = 1_000
_HITS = 200
_HIT_CHARS = 300
_MATCH_S = 5.0

Folder = Annotated[str, Meta(description="The directory to look in; empty for the whole project.")]


class ReadArguments(Arguments, frozen=True):
    path: FilePath
    offset: Annotated[int, Meta(description="First line, from 1.", ge=0)] = 1
    limit: Annotated[int, Meta(description="Most lines.", ge=1)] = _LINES


class ListArguments(Arguments, frozen=True):
    path: Folder = ""


class GlobArguments(Arguments, frozen=True):
    pattern: Annotated[str, Meta(description="A pattern such as **/*.py or src/*.ts; one without / fits any depth.")]
    path: Folder = ""


class GrepArguments(Arguments, frozen=True):
    pattern: Annotated[str, Meta(description="An RE2 regular expression; (?i) ignores case.")]
    path: Annotated[str, Meta(description="The file or directory to search; empty for the whole project.")] = ""
    include: Annotated[str, Meta(description="Only files that fit this pattern, such as *.py or *.{ts,tsx}.")] = ""


async def ask_to_look(tool: str, place: Place, run: ToolRun) -> None:
    """Ask the rules, and outside the project the person, before looking. Raises `ToolError` when it may not be."""
    await run.permits.require(Action(tool, place.label, (place.path,)), run.request)


class Read:
    """`read`: lines of a file, numbered."""

    name = "read"
    description = "Read a text file from the disk as it is now, with line numbers. Read a file before you change it."
    arguments = ReadArguments
    aliases: Mapping[str, str] = {"start_line": "offset", "file": "path", "lines": "limit"}
    parallel = True

    def __init__(self, files: ProjectFiles) -> None:
        self._files = files

    async def run(self, arguments: ReadArguments, run: ToolRun) -> ToolResult:
        place = self._files.place(arguments.path)
        await ask_to_look(self.name, place, run)
        return await asyncio.to_thread(self._read, place, arguments)

    def _read(self, place: Place, arguments: ReadArguments) -> ToolResult:
        data, _ = self._files.read(place)
        file = decode_file(data, place.label)
        self._files.note_seen(place, data)
        lines = file.text.split("\n")
        if lines[-1] == "":
            lines.pop()
        first = max(1, arguments.offset)
        if first > len(lines) and lines:
            raise ToolError(f"{place.label} has {len(lines):,} lines: offset {first} is beyond its end.")
        shown = list(_numbered(lines, first, arguments.limit))
        last = first + len(shown) - 1
        notes = [file.note] if file.note else []
        if not lines:
            notes.append("the file is empty")
        if last < len(lines):
            notes.append(f"lines {first}-{last} of {len(lines):,}; go on with offset={last + 1}")
        text = "\n".join([*shown, *([f"({'; '.join(notes)})"] if notes else [])])
        summary = f"{place.label}  {len(shown):,} of {len(lines):,} lines"
        whole = "\n".join(lines[first - 1 : last])
        return ToolResult(text, summary, capture=whole, label=f"read {place.label}")


def _numbered(lines: list[str], first: int, limit: int) -> Iterator[str]:
    room = _READ_CHARS
    for number, line in enumerate(itertools.islice(lines, first - 1, first - 1 + limit), start=first):
        line = line.removesuffix("\r")
        if len(line) > _LINE_CHARS:
            line = f"{line[:_LINE_CHARS]}… ({len(line):,} characters in this line)"
        room -= len(line)
        if room < 0 and number > first:
            return
        yield f"{number:>6}\t{line}"


class ListDirectory:
    """`list`: what is in a directory."""

    name = "list"
    description = "List what is directly in a directory: directories with a slash, files with their size in bytes."
    arguments = ListArguments
    aliases: Mapping[str, str] = {"directory": "path", "dir": "path"}
    parallel = True

    def __init__(self, files: ProjectFiles) -> None:
        self._files = files

    async def run(self, arguments: ListArguments, run: ToolRun) -> ToolResult:
        place = self._files.place(arguments.path or ".")
        await ask_to_look(self.name, place, run)
        return await asyncio.to_thread(self._list, place)

    def _list(self, place: Place) -> ToolResult:
        try:
            with os.scandir(place.path) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except NotADirectoryError:
            raise ToolError(f"{place.label} is a file: use read.") from None
        except OSError as error:
            raise ToolError(f"{place.label} cannot be listed: {error.strerror}.") from None
        lines = [_entry_line(entry) for entry in entries[:_NAMES]]
        if len(entries) > _NAMES:
            lines.append(f"({len(entries) - _NAMES:,} more: use glob with a pattern)")
        text = "\n".join(lines) or "(empty)"
        return ToolResult(text, f"{place.label}  {len(entries):,} entries", capture=text, label=f"list {place.label}")


def _entry_line(entry: "os.DirEntry[str]") -> str:
    name = entry.name.encode("utf-8", "replace").decode()
    try:
        if entry.is_symlink():
            return f"{name} -> {one_line(os.readlink(entry.path), 200)}"  # noqa: PTH115 - a DirEntry is no Path
        return f"{name}/" if entry.is_dir() else f"{name}  {entry.stat().st_size:,}"
    except OSError:
        return name


class Glob:
    """`glob`: names of files."""

    name = "glob"
    description = "Find files by a name pattern, newest first; ignored files are left out."
    arguments = GlobArguments
    aliases: Mapping[str, str] = {"query": "pattern", "directory": "path"}
    parallel = True

    def __init__(self, files: ProjectFiles) -> None:
        self._files = files

    async def run(self, arguments: GlobArguments, run: ToolRun) -> ToolResult:
        place = self._files.place(arguments.path or ".")
        await ask_to_look(self.name, place, run)
        return await asyncio.to_thread(self._glob, place, arguments.pattern)

    def _glob(self, place: Place, pattern: str) -> ToolResult:
        fits = name_filter(pattern)
        found = [item for item in candidates(self._files, place) if fits(item.name)]
        found.sort(key=lambda item: (-item.mtime_ns, item.name))
        lines = [_joined(place, item.label) for item in found[:_NAMES]]
        if len(found) > _NAMES:
            lines.append(f"({len(found) - _NAMES:,} more: use a narrower pattern)")
        text = "\n".join(lines) or f"No file fits {pattern}."
        return ToolResult(text, f"{pattern}  {len(found):,} files", capture=text, label=f"glob {pattern}")


class Grep:
    """`grep`: lines that match."""

    name = "grep"
    description = (
        "Search the files on the disk as they are now by a regular expression, line by line; ignored files are left "
        "out. For the whole context with offsets use rlm_search."
    )
    arguments = GrepArguments
    aliases: Mapping[str, str] = {"query": "pattern", "regex": "pattern", "glob": "include"}
    parallel = True

    def __init__(self, files: ProjectFiles) -> None:
        self._files = files

    async def run(self, arguments: GrepArguments, run: ToolRun) -> ToolResult:
        place = self._files.place(arguments.path or ".")
        await ask_to_look(self.name, place, run)
        return await asyncio.to_thread(self._grep, place, arguments, run)

    def _grep(self, place: Place, arguments: GrepArguments, run: ToolRun) -> ToolResult:
        from rlm_tui.context.pattern import compile_pattern

        program = compile_pattern(arguments.pattern)
        fits = name_filter(arguments.include) if arguments.include else None
        base = place.path.parent if place.path.is_file() else place.path
        lines: list[str] = []
        total = files = 0
        for item in candidates(self._files, place):
            if run.cancel.is_set():
                break
            if item.size == 0 or item.size > MAX_FILE_BYTES or (fits is not None and not fits(item.name)):
                continue
            hits = 0
            for number, line in _matching_lines(base / item.name, program):
                hits += 1
                if total + hits <= _HITS:
                    lines.append(f"{_joined(place, item.label)}:{number}: {one_line(line, _HIT_CHARS)}")
            total += hits
            files += hits > 0
        head = f"{total:,} lines in {files:,} files match"
        if total > len(lines):
            head += f", {len(lines)} shown: narrow the pattern, or give path or include"
        text = "\n".join([f"{head}:" if lines else f"{head}.", *lines])
        return ToolResult(
            text, f"{one_line(arguments.pattern, 60)}  {head}", capture=text, label=f"grep {arguments.pattern}"
        )


def _matching_lines(path: Path, program: object) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line of a file that matches; nothing for a binary or vanished file."""
    try:
        data = path.read_bytes()
    except OSError:
        return
    if b"\0" in data[:8192]:
        if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return
        try:
            data = decode_file(data, path.name).text.encode("utf-8", "replace")
        except ToolError:
            return
    last = -1
    number, counted = 1, 0
    try:
        for start, end in program.finditer(data, 0, len(data), timeout_s=_MATCH_S):  # type: ignore[attr-defined]  # a CompiledPattern, imported late
            begin = data.rfind(b"\n", 0, start) + 1
            if begin == last or start == end:
                continue
            last = begin
            number += data.count(b"\n", counted, begin)
            counted = begin
            stop = data.find(b"\n", start)
            yield number, data[begin : stop if stop >= 0 else len(data)].decode("utf-8", "replace").rstrip("\r")
    except TimeoutError:
        raise ToolError(f"The pattern takes too long on {path.name}: write it without nested repetitions.") from None


def candidates(files: ProjectFiles, place: Place) -> Iterator[Candidate]:
    """Yield the files below a place that the project's ignore rules leave in, by names relative to the place."""
    if not place.path.exists():
        raise ToolError(f"There is no {place.label}: use list to see what there is.")
    root, prefix = place.path, ""
    only: tuple[str, ...] = ()
    if place.inside and place.path != files.root and place.path.is_dir():
        prefix = place.label + "/"  # the project's own rules decide, not those of the directory alone
        root, only = files.root, (place.label,)
    for item in list_files(root, files.rules, only=only):
        if isinstance(item, Candidate):
            yield Candidate(item.name.removeprefix(prefix), item.label.removeprefix(prefix), item.size, item.mtime_ns)


def _joined(place: Place, label: str) -> str:
    if place.label == "." or (place.inside and place.path.is_file()):
        return place.label if place.label != "." else label
    return f"{place.label}/{label}" if place.path.is_dir() else place.label


def name_filter(pattern: str) -> Callable[[str], bool]:
    """Return a test of relative names by a glob: `*` stays within a name, `**` crosses, `{a,b}` are alternatives.

    A pattern without `/` fits a file's own name at any depth.
    """
    tests = [re.compile(_translated(p.removeprefix("./"))) for p in _alternatives(pattern)]
    own = "/" not in pattern
    return lambda name: any(test.match(name.rpartition("/")[2] if own else name) for test in tests)


def _alternatives(pattern: str) -> list[str]:
    found = re.search(r"\{([^{}]*,[^{}]*)\}", pattern)
    if found is None or pattern.count("{") > 4:
        return [pattern]
    head, tail = pattern[: found.start()], pattern[found.end() :]
    return [done for option in found[1].split(",") for done in _alternatives(head + option + tail)]


def _translated(pattern: str) -> str:
    parts = []
    for part in re.split(r"(\*\*/|/\*\*$|\*\*|\*|\?|\[[^\]]*\])", pattern):
        match part:
            case "**/":
                parts.append("(?:[^/]+/)*")
            case "/**":
                parts.append("/.+")
            case "**":
                parts.append(".*")
            case "*":
                parts.append("[^/]*")
            case "?":
                parts.append("[^/]")
            case _ if part.startswith("[") and part.endswith("]") and len(part) > 2:
                parts.append(fnmatch.translate(part).removeprefix("(?s:").removesuffix(")\\Z"))
            case _:
                parts.append(re.escape(part))
    return "".join(parts) + r"\Z"
