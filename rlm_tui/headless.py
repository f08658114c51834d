"""One turn without a screen: the answer on stdout, progress on stderr, or every event a line.

The same assistant, session and events as on the screen. Exit codes: 0 answered, 1 failed, 3 ended by a budget
(the best answer so far is printed), 130 interrupted.
"""

import asyncio
import signal
import sys
import time
from dataclasses import dataclass
from typing import TextIO

from rlm_tui import events as ev
from rlm_tui.config.options import AppOptions
from rlm_tui.loop.assistant import Assistant
from rlm_tui.loop.turns import TurnEnd
from rlm_tui.session.codec import encode_plain
from rlm_tui.text import one_line, safe_text

_PROGRESS_S = 0.5


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run one turn. `prompt` is the question; `json` prints every envelope as a line instead of the answer."""

    app: AppOptions
    prompt: str
    json: bool = False


def run_turn(options: RunOptions) -> int:
    """Run one turn to its end and return the exit code. Raises `RlmTuiError` for what could not be started."""
    return asyncio.run(_run(options))


async def _run(options: RunOptions) -> int:
    reporter = _JsonLines(sys.stdout) if options.json else _Progress(sys.stderr)
    assistant = Assistant(options.app, reporter, strict=True)
    await assistant.open()
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, _stop, assistant, interrupted)
    try:
        end = await _answer(assistant, options.prompt, interrupted)
    finally:
        await assistant.close()
        reporter.close()
    if end is None:
        return 130
    if not options.json:
        _print_end(end)
    return _exit_code(end)


def _stop(assistant: Assistant, interrupted: asyncio.Event) -> None:
    interrupted.set()
    assistant.cancel_ingest()
    assistant.interrupt()


async def _answer(assistant: Assistant, prompt: str, interrupted: asyncio.Event) -> TurnEnd | None:
    """Wait for the project, then ask; None when it was interrupted before the question was asked."""
    await assistant.ingested()
    if interrupted.is_set():
        return None
    await assistant.warm_up()  # loading the model client takes none of the time that the question may take
    return await assistant.ask(prompt)


def _exit_code(end: TurnEnd) -> int:
    if isinstance(end, ev.TurnFinished):
        return 0
    return {"budget": 3, "interrupted": 130}.get(end.reason, 1)


def _print_end(end: TurnEnd) -> None:
    """Print the answer, whole, and on stderr why there is none or not a whole one."""
    if end.answer:
        text = safe_text(end.answer, tabs=True) if sys.stdout.isatty() else end.answer
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    if isinstance(end, ev.TurnInterrupted):
        sys.stderr.write(f"rlm-tui: {safe_text(end.message or end.reason, newlines=False)}\n")


class _JsonLines:
    """Prints every envelope as one JSON line, at once."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, envelope: ev.Envelope) -> None:
        if type(envelope.event).durable and not isinstance(envelope.event, ev.SessionClosed):
            self._out.write(encode_plain(envelope).decode() + "\n")
            self._out.flush()

    def close(self) -> None:
        """Everything is out already."""


class _Progress:
    """Tells on stderr what is going on: one line a tool or sub-call, and the ingest now and then."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._line = out.isatty()
        self._shown_at = 0.0
        self._open_line = False

    def __call__(self, envelope: ev.Envelope) -> None:
        indent = "  " * envelope.depth
        match envelope.event:
            case ev.Progress(work="ingest", finished=False) as event:
                self._ingest(event)
            case ev.Notice() as event:
                self._say(f"{event.level}: {event.text}")
            case ev.CallStarted() as event if event.purpose != "root":
                self._say(f"{indent}call {envelope.call}: {one_line(event.prompt, 80)}")
            case ev.ToolFinished() as event:
                self._say(f"{indent}{'' if event.ok else 'failed: '}{event.name}: {one_line(event.summary, 100)}")
            case ev.ModelRetry() as event:
                self._say(f"{indent}{one_line(event.reason, 120)} Trying again in {event.wait_ms / 1000:.1f} s.")
            case ev.BudgetReached() as event:
                self._say(f"{indent}{event.message}")
            case _:
                pass

    def _ingest(self, event: ev.Progress) -> None:
        now = time.monotonic()
        if now - self._shown_at < _PROGRESS_S:
            return
        self._shown_at = now
        text = f"reading the project: {event.done:,} of {event.total:,} files"
        if self._line:
            self._out.write(f"\r\x1b[K{text}")
            self._out.flush()
            self._open_line = True

    def _say(self, text: str) -> None:
        self.close()
        self._out.write(safe_text(text, newlines=False) + "\n")
        self._out.flush()

    def close(self) -> None:
        """Take the progress line off the terminal."""
        if self._open_line:
            self._out.write("\r\x1b[K")
            self._open_line = False
