"""`rlm-tui batch`: many questions from a file of JSON lines."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from rlm_tui.batch import (
    Document,
    FileResults,
    Item,
    Results,
    Row,
    StreamResults,
    Tally,
    count_lines,
    error_row,
    read_items,
    run_batch,
)
from rlm_tui.cli.options import Limit, attachments, session_flags
from rlm_tui.cli.output import say
from rlm_tui.config.paths import Paths
from rlm_tui.errors import ContextError, ModelError, RlmTuiError, UsageError
from rlm_tui.text import one_line

if TYPE_CHECKING:
    from rlm_tui.api import RLM, Answer

_GATE = 16
_BAR = 24


@click.command(
    epilog="Example:  rlm-tui batch questions.jsonl -o answers.jsonl --concurrency 8 -m openai/gpt-5-mini\n\n"
    'A line:   {"id": "q1", "prompt": "Who signed?", "context": "..."}   or "attach": ["contract.txt"]'
)
@click.argument("file", metavar="FILE.jsonl")
@click.option("-o", "--output", default="-", metavar="OUT.jsonl", help="Where results go; stdout if not given.")
@click.option("--concurrency", type=click.IntRange(1, 256), default=4, show_default=True, help="Lines at a time.")
@click.option("-m", "--model", default="", metavar="NAME", help="The model, by litellm's name.")
@click.option("--sub-model", default="", metavar="NAME", help="The model of sub-calls.")
@click.option("--mode", type=click.Choice(["tools", "repl"]), help="Tool calls, or Python over the context.")
@click.option("--attach", multiple=True, metavar="PATH", help="Context of lines that have none of their own.")
@click.option("--keep", is_flag=True, help="Keep a session of every line, as `rlm-tui sessions` lists them.")
@click.option("--max-depth", type=Limit(0), metavar="N", help="How deep a call may call itself.")
@click.option("--max-calls", type=Limit(1), metavar="N", help="How many model calls a line, sub-calls included.")
@click.option("--max-tokens", type=Limit(1), metavar="N", help="How many tokens a line, in and out.")
@click.option("--max-cost", type=Limit(0, whole=False), metavar="USD", help="US dollars a line.")
@click.option("--timeout", type=Limit(0, whole=False), metavar="SECONDS", help="Wall time a line.")
def batch(
    file: str,
    output: str,
    concurrency: int,
    model: str,
    sub_model: str,
    mode: str | None,
    attach: tuple[str, ...],
    keep: bool,
    max_depth: int | str | None,
    max_calls: int | str | None,
    max_tokens: int | str | None,
    max_cost: float | str | None,
    timeout: float | str | None,
) -> int:
    """Answer every line of FILE.jsonl (`-`: stdin), each by itself, and write a line for each as it is done.

    Run again with the same OUT, it goes on where it stopped: lines with an answer are not asked again, those with
    an error are. Exits 1 when any line failed.
    """
    limits = {"depth": max_depth, "calls": max_calls, "tokens": max_tokens, "cost": max_cost, "seconds": timeout}
    flags = session_flags(model, sub_model, mode, None)
    flags |= {f"budget.{name}": value for name, value in limits.items() if value is not None}
    if concurrency > _GATE:
        flags["budget.concurrency"] = concurrency
    shared, _ = attachments([name for name in attach if name != "-"])

    from rlm_tui.api import RLM

    with RLM(home=Paths.from_environ().home if keep else None, settings=flags) as rlm, _source(file, output) as source:
        rlm.check()
        with contextlib.ExitStack() as stack:
            results: Results = StreamResults(sys.stdout.buffer)
            done: set[str | int] = set()
            if output != "-":
                kept = stack.enter_context(FileResults(Path(output).expanduser()))
                results, done = kept, kept.done
            answerer = _Answerer(rlm, shared)
            progress = _Progress(count_lines(source) if file != "-" else 0)
            try:
                asyncio.run(_run(source, answerer, results, done, concurrency, progress))
            except (KeyboardInterrupt, asyncio.CancelledError):
                progress.end()
                if output != "-":
                    say("the same command goes on from here.")
                raise KeyboardInterrupt from None
            except BaseException:
                progress.clear()
                raise
    progress.end()
    return 1 if progress.tally.failed else 0


@contextlib.contextmanager
def _source(file: str, output: str) -> Iterator[BinaryIO]:
    """Yield the lines' file, open. Raises `UsageError` where there is none, or where results would overwrite it."""
    if file == "-":
        yield sys.stdin.buffer
        return
    path, out = Path(file).expanduser(), Path(output).expanduser()
    if not path.is_file():
        raise UsageError(f"There is no file {file!r}: name a file of JSON lines, or `-` for stdin.")
    if output != "-" and out.exists() and path.samefile(out):
        raise UsageError(f"{output!r} holds the questions: name another file for the results.")
    with path.open("rb") as source:
        yield source


async def _run(
    source: BinaryIO,
    answerer: "_Answerer",
    results: Results,
    done: set[str | int],
    concurrency: int,
    progress: "_Progress",
) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await run_batch(
        read_items(source), answerer, results, done=done, concurrency=concurrency, tally=progress.tally,
        on_row=progress.show,
    )  # fmt: skip


class _Answerer:
    """Asks one line's question; whatever goes wrong becomes its result."""

    def __init__(self, rlm: "RLM", shared: tuple[Path, ...]) -> None:
        self._rlm = rlm
        self._shared = shared

    async def __call__(self, item: Item) -> Row:
        """Return the result of one line."""
        from rlm_tui.api import CompletionError

        context: list[Any] = [_labelled(text, number) for number, text in enumerate(item.documents, 1)]
        context += [Path(name) for name in item.attach]
        try:
            answer = await self._rlm.acompletion(item.prompt, context or list(self._shared))
        except CompletionError as error:
            spent = _spent(error.answer)
            return error_row(item.id, item.line, error.kind, str(error), partial=error.answer.text, **spent)
        except RlmTuiError as error:
            return error_row(item.id, item.line, _kind(error), str(error))
        except OSError as error:
            return error_row(item.id, item.line, "system", f"{error.strerror or error}.")
        except Exception as error:  # noqa: BLE001 - the edge of one line: whatever it is, the other lines go on
            from rlm_tui.config.crash import report_crash

            return error_row(item.id, item.line, "internal", report_crash(error, Paths.from_environ()))
        return _answer_row(item, answer)


def _labelled(document: Document, number: int) -> dict[str, str]:
    """Return a document with a label, so that a text is never taken for a path's name."""
    return {"label": f"document {number}", "text": document} if isinstance(document, str) else document


def _kind(error: RlmTuiError) -> str:
    match error:
        case ModelError():
            return error.kind
        case ContextError():
            return "context"
        case UsageError():
            return "bad_line"
        case _:
            return "failed"


def _answer_row(item: Item, answer: "Answer") -> Row:
    import msgspec

    row: Row = {"id": item.id, "line": item.line, "answer": answer.text}
    row["citations"] = msgspec.to_builtins(answer.citations)
    row |= _spent(answer) | {"reason": answer.reason}
    if answer.message:
        row["message"] = answer.message
    if answer.session:
        row["session"] = answer.session
    return row


def _spent(answer: "Answer") -> Row:
    import msgspec

    return {
        "usage": msgspec.to_builtins(answer.usage), "cost": answer.cost, "calls": answer.calls,
        "model": answer.model, "elapsed_ms": answer.elapsed_ms,
    }  # fmt: skip


class _Progress:
    """A bar on a terminal, a line for each result elsewhere; on stderr."""

    def __init__(self, total: int) -> None:
        self.tally = Tally()
        self._total = total
        self._on_terminal = sys.stderr.isatty()
        self._drawn = False

    def show(self, row: Row) -> None:
        """Show that a line is done."""
        problem = row.get("error")
        name = row["id"] if row["id"] is not None else f"line {row['line']}"
        if problem or not self._on_terminal:
            self.clear()
            state = f"failed: {one_line(problem['message'], 200)}" if problem else "answered"
            of = f" of {self._total:,}" if self._total else ""
            say(f"{self.tally.ended:,}{of}: {one_line(str(name), 60)} {state}")
        if self._on_terminal:
            self._draw()

    def _draw(self) -> None:
        ended, total = self.tally.ended, self._total
        filled = _BAR * ended // total if total else 0
        bar = "━" * filled + "·" * (_BAR - filled) if total else ""
        of = f" of {total:,}" if total else ""
        sys.stderr.write(f"\r\x1b[K{bar}  {ended:,}{of} lines, {len(self.tally.running)} running  {_money(self.tally)}")
        sys.stderr.flush()
        self._drawn = True

    def clear(self) -> None:
        """Take the bar off the terminal."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = False

    def end(self) -> None:
        """Sum up in one line."""
        self.clear()
        tally = self.tally
        parts = [f"{tally.answered:,} answered"]
        parts += [f"{tally.over_budget:,} of them ended by a budget"] if tally.over_budget else []
        parts += [f"{tally.skipped:,} answered before"] if tally.skipped else []
        parts += [f"{tally.failed:,} failed"] if tally.failed else []
        say(f"{', '.join(parts)}; {_money(tally)}.")


def _money(tally: Tally) -> str:
    cost = "cost unknown" if tally.cost is None else f"${tally.cost:.4f}"
    return f"{tally.tokens:,} tokens, {cost}"
