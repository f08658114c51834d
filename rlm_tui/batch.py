"""Many questions from a file of JSON lines, answered a few at a time, each answer a line as soon as it is there.

A line is `{"id", "prompt", "context" | "attach"}`, its result `{"id", "line", "answer", ...}` or
`{"id", "line", "error": {"kind", "message"}}`. Results are whole lines, on the disk before they count as done, so
whatever ends the program, the next run goes on with what has no answer yet. Nothing here knows a model: who answers
is passed in.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

from rlm_tui.errors import UsageError

Id = str | int
Document = str | dict[str, str]
Row = dict[str, Any]

_KEYS = {"id", "prompt", "context", "attach"}


@dataclass(frozen=True, slots=True)
class Item:
    """One question. `line` is its 1-based line, `documents` the texts and `attach` the paths it is asked about."""

    id: Id
    line: int
    prompt: str
    documents: tuple[Document, ...] = ()
    attach: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no question: what it says it is called (None where it does not), and what is wrong."""

    id: Id | None
    line: int
    problem: str

    def row(self) -> Row:
        """Return its result."""
        return error_row(self.id, self.line, "bad_line", self.problem)


def error_row(id_: Id | None, line: int, kind: str, message: str, **more: Any) -> Row:
    """Return the result of a line without an answer; `more` says what it took all the same."""
    return {"id": id_, "line": line, "error": {"kind": kind, "message": message}, **more}


# --- reading -----------------------------------------------------------------------------------------------


def read_items(lines: Iterable[bytes]) -> Iterator[Item | BadLine]:
    """Yield what each line asks, one at a time, empty lines left out. An id that was there before is a bad line."""
    seen: set[Id] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        item = parse_line(line, number)
        if isinstance(item, Item):
            if item.id in seen:
                item = BadLine(None, number, f"The id {item.id!r} is that of an earlier line: give each its own.")
            else:
                seen.add(item.id)
        yield item


def parse_line(line: bytes, number: int) -> Item | BadLine:
    """Return the question of one line, or what is wrong with it."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        return BadLine(None, number, f"The line is not JSON ({error}).")
    if not isinstance(data, dict):
        return BadLine(None, number, "The line is not a JSON object.")
    id_: Any = data.get("id")
    if not is_id(id_):
        return BadLine(None, number, "`id` is missing, or neither a text nor a whole number.")
    problem = _problem(data)
    if problem:
        return BadLine(id_, number, problem)
    context, attach = data.get("context"), data.get("attach")
    documents = () if context is None else tuple(context) if isinstance(context, list) else (context,)
    paths = () if attach is None else tuple(attach) if isinstance(attach, list) else (attach,)
    return Item(id_, number, data["prompt"], documents, paths)


def is_id(value: object) -> bool:
    """Return whether a line can be called `value`."""
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _problem(data: dict[str, Any]) -> str:
    unknown = sorted(set(data) - _KEYS)
    context, attach = data.get("context"), data.get("attach")
    if unknown:
        return f"`{unknown[0]}` is not a key of a line: they are id, prompt, and context or attach."
    if not isinstance(data.get("prompt"), str) or not data["prompt"].strip():
        return "`prompt` is missing, empty, or not a text."
    if context is not None and attach is not None:
        return "The line has both `context` and `attach`: give one."
    documents = context if isinstance(context, list) else [context]
    if context is not None and not all(map(_is_document, documents)):
        return "`context` is neither a text nor a list of texts or `label` and `text` objects."
    paths = attach if isinstance(attach, list) else [attach]
    if attach is not None and not all(isinstance(path, str) and path and "\0" not in path for path in paths):
        return "`attach` is neither a path nor a list of paths."
    return ""


def _is_document(value: object) -> bool:
    match value:
        case str():
            return True
        case {"text": str(), **rest}:
            return set(rest) <= {"label"} and isinstance(rest.get("label", ""), str)
        case _:
            return False


def count_lines(file: BinaryIO) -> int:
    """Return how many lines with something on them a file has, and go back to its beginning."""
    count = sum(1 for line in file if line.strip())
    file.seek(0)
    return count


# --- writing -----------------------------------------------------------------------------------------------


class Results(Protocol):
    """Where results go."""

    def write(self, row: Row) -> None:
        """Keep one result. Raises `OSError`."""
        ...


def encode_row(row: Row) -> bytes:
    """Return a result as one line of UTF-8 JSON, its line feed included."""
    text = json.dumps(row, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"  # a lone surrogate becomes JSON's own escape


class StreamResults:
    """Results to a stream: each line at once, nothing is resumed."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, row: Row) -> None:
        """Print one result. Raises `OSError`."""
        self._out.write(encode_row(row))
        self._out.flush()


class FileResults:
    """The results file, held by one program at a time. `done` are the ids that have an answer in it.

    Opening takes out what is to be done again (errors, and a last line that was torn), in one step: at every moment
    the file holds every answer.
    """

    def __init__(self, path: Path) -> None:
        """Open or create `path`. Raises `UsageError` when it is held, or is no results file; `OSError`."""
        self.path = path.resolve()
        if self.path.exists() and not self.path.is_file():
            raise UsageError(f"{path} is not a file: name one for the results.")
        self._fd = _open_held(self.path)
        try:
            self.done = self._take_up()
        except BaseException:
            os.close(self._fd)
            raise

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    def write(self, row: Row) -> None:
        """Add one result and wait until it is on the disk. Raises `OSError`; the file then ends as it did before."""
        data = encode_row(row)
        size = os.fstat(self._fd).st_size
        try:
            written = 0
            while written < len(data):
                written += os.write(self._fd, data[written:])
            os.fdatasync(self._fd)
        except BaseException:
            os.ftruncate(self._fd, size)
            raise

    def _take_up(self) -> set[Id]:
        done: set[Id] = set()
        clean = True
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                id_ = self._answered(line, number)
                clean = clean and id_ is not None and line.endswith(b"\n")
                if id_ is not None:
                    done.add(id_)
        if not clean:
            self._rewrite()
        return done

    def _answered(self, line: bytes, number: int) -> Id | None:
        """Return the id of an answer, None for an error, an empty line and a torn one.

        Raises `UsageError` for anything else.
        """
        if not line.strip():
            return None
        try:
            row = json.loads(line)
        except ValueError:
            if not line.endswith(b"\n"):
                return None
            row = None
        if isinstance(row, dict) and "error" in row:
            return None
        if isinstance(row, dict) and is_id(row.get("id")) and "answer" in row:
            found: Id = row["id"]
            return found
        raise UsageError(
            f"Line {number} of {self.path} is no result of a batch, so nothing was changed: name another file."
        )

    def _rewrite(self) -> None:
        """Put a file with the answers alone in this one's place, and hold that."""
        part = self.path.with_name(f".{self.path.name}.part")
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, os.fstat(self._fd).st_mode & 0o777)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            with self.path.open("rb") as old, os.fdopen(os.dup(descriptor), "wb") as new:
                for number, line in enumerate(old, 1):
                    if self._answered(line, number) is not None:
                        new.write(line if line.endswith(b"\n") else line + b"\n")
            os.fsync(descriptor)
            part.replace(self.path)
        except BaseException:
            os.close(descriptor)
            part.unlink(missing_ok=True)
            raise
        os.close(self._fd)
        self._fd = descriptor


def _open_held(path: Path) -> int:
    """Return a descriptor of `path` that no other program has. Raises `UsageError` where one has it, `OSError`."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise UsageError(f"{path} is being written by another batch: wait for it, or name another file.") from None
        except FileNotFoundError:
            pass  # it was renamed away meanwhile: open what is there now
        os.close(descriptor)


# --- running -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """How far a batch is. `skipped` lines were answered by an earlier run, `cost` is None where one is unknown."""

    answered: int = 0
    failed: int = 0
    skipped: int = 0
    over_budget: int = 0
    tokens: int = 0
    cost: float | None = 0.0
    running: set[Id] = field(default_factory=set)

    @property
    def ended(self) -> int:
        """How many lines need nothing more."""
        return self.answered + self.failed + self.skipped

    def count(self, row: Row) -> None:
        """Take in one result."""
        if "error" in row:
            self.failed += 1
        else:
            self.answered += 1
            self.over_budget += row.get("reason") == "budget"
        usage = row.get("usage", {})
        self.tokens += usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
        cost = row.get("cost", 0.0)
        self.cost = None if self.cost is None or cost is None else self.cost + cost


async def run_batch(
    items: Iterator[Item | BadLine],
    answer: Callable[[Item], Awaitable[Row]],
    results: Results,
    *,
    done: set[Id],
    concurrency: int,
    tally: Tally,
    on_row: Callable[[Row], None] = lambda _: None,
) -> None:
    """Answer all items but those `done`, at most `concurrency` at a time, in order of their lines.

    `answer` returns a row and raises nothing but cancellation. A result is kept before it is counted in `tally` and
    shown by `on_row`. Items are taken only as they are needed, so a file of any size is never in memory. Raises
    `OSError` when results cannot be written; what runs is cancelled then.
    """

    async def work() -> None:
        for item in items:
            await asyncio.sleep(0)  # an interrupt comes through, however many lines need nothing
            if isinstance(item, Item):
                if item.id in done:
                    tally.skipped += 1
                    continue
                tally.running.add(item.id)
                row = await answer(item)
                tally.running.discard(item.id)
            else:
                row = item.row()
            results.write(row)
            tally.count(row)
            on_row(row)

    workers = [asyncio.create_task(work(), name=f"batch {number}") for number in range(concurrency)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
