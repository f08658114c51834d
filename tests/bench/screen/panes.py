"""The panes in figures: `python -m tests.bench.screen.panes [--chars N]`.

Drives the widgets in process, without a terminal: what an operation costs from the call to the lines that would be
written. Makes a context of 242 million characters (the same everywhere), with a line of ten million at its end.
"""

import argparse
import asyncio
import gc
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.containers import VerticalScroll
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import Static

from rlm_tui import events as ev
from rlm_tui.context.corpus import Corpus as ProjectCorpus
from rlm_tui.context.store import ContextStore
from rlm_tui.session.state import SessionState
from rlm_tui.tui.widgets.chat_view import ChatView
from rlm_tui.tui.widgets.context_browser import ContextBrowser
from tests.bench.context import corpus
from tests.bench.context.measuring import Row, Times, memory_mib, print_table
from tests.support.pane_app import PaneApp

_SIZE = (160, 50)
_LINE = 10_000_000
_MESSAGES = 10_000
_PROSE = "The **budget** is `3` attempts; see the list:\n\n- one\n- two\n\nand so on for a while. "


def drawn(widget: Widget) -> None:
    """Make all lines of a widget, as a repaint does."""
    widget.render_lines(Region(0, 0, widget.outer_size.width, widget.outer_size.height))


def timed_cpu(work: Callable[[], object], runs: int) -> tuple[Times, Times]:
    """Return wall and CPU times of `work` in milliseconds."""
    wall, cpu = [], []
    for _ in range(runs):
        began, spent = time.perf_counter(), time.process_time()
        work()
        cpu.append((time.process_time() - spent) * 1000)
        wall.append((time.perf_counter() - began) * 1000)
    return Times(tuple(sorted(wall))), Times(tuple(sorted(cpu)))


def _figure(times: Times) -> str:
    return f"p50 {times.median:.1f}, p99 {times.percentile(0.99):.1f} ms"


async def browser(store: ContextStore, flat: Path) -> list[Row]:
    """Open the context, jump in it, and walk its longest line."""
    rows: list[Row] = []
    pane = ContextBrowser()
    pick = random.Random(5)
    async with PaneApp(pane).run_test(size=_SIZE) as pilot:
        await pilot.pause(0.2)

        def open_it() -> None:
            pane.bind(store, SessionState())
            drawn(pane.text)
            drawn(pane.entries)

        first, _ = timed_cpu(open_it, 1)
        again, _ = timed_cpu(open_it, 20)
        rows.append(
            Row(
                f"{store.chars:,} characters, open to first screen", f"first {first.best:.1f}, again {_figure(again)}",
                "", "", "5 ms", again.median <= 5,
            )
        )  # fmt: skip
        await pilot.pause(0.5)

        def jump() -> None:
            pane.text.jump(pick.randrange(store.chars - _LINE))
            drawn(pane.text)

        with flat.open("rb") as file:

            def read() -> None:
                file.seek(pick.randrange(200_000_000))
                file.read(8_192).decode("utf-8", "replace")

            floor, _ = timed_cpu(read, 500)
        wall, cpu = timed_cpu(jump, 500)
        met = cpu.percentile(0.99) <= 7 and wall.percentile(0.99) <= 30
        rows.append(
            Row(
                "jump anywhere", f"{_figure(wall)}; CPU {_figure(cpu)}", f"reading 8 KB there: {_figure(floor)}",
                f"{wall.median / floor.median:.0f}", "p99 30 ms, CPU 7 ms", met,
            )
        )  # fmt: skip

        def within_line() -> None:
            pane.text.jump(store.chars - _LINE + pick.randrange(_LINE - 1_000))
            drawn(pane.text)

        wall, cpu = timed_cpu(within_line, 200)
        met = cpu.percentile(0.99) <= 7
        rows.append(
            Row(f"jump in a line of {_LINE:,}", f"{_figure(wall)}; CPU {_figure(cpu)}", "", "", "CPU p99 7 ms", met)
        )
        pane.text.jump(store.chars // 2)

        def scroll() -> None:
            pane.text.scroll_by(1)
            drawn(pane.text)

        wall, _ = timed_cpu(scroll, 500)
        rows.append(Row("scroll by a line", _figure(wall), "", "", "20 ms", wall.percentile(0.99) <= 20))
    return rows


def _history(messages: int) -> SessionState:
    state = SessionState()
    state.apply(ev.Envelope("s", 0, 0.0, ev.SessionOpened(1, "1", "/p", "m")))
    seq = 1
    for number in range(1, messages // 2 + 1):
        text = f"answer {number}: " + _PROSE * 11
        for event, call in (
            (ev.TurnStarted(number, f"question {number}: " + _PROSE * 11), 0),
            (ev.CallStarted("root", "m", "q"), number),
            (ev.ReplyFinished(text, "m"), number), (ev.TurnFinished(number, text, "m"), 0),
        ):  # fmt: skip
            state.apply(ev.Envelope("s", seq, float(seq), event, call))
            seq += 1
    return state


async def chat() -> list[Row]:
    """Open a long history and walk it; beside a tenth of it as widgets of Textual's own."""
    state = _history(_MESSAGES)
    stock = VerticalScroll()
    async with PaneApp(stock).run_test(size=_SIZE) as pilot:
        began = time.perf_counter()
        texts = [item.text for item in state.items if item.text][: _MESSAGES // 10]
        await stock.mount(*(Static(text, markup=False) for text in texts))
        await pilot.pause(0.05)
        own = (time.perf_counter() - began) * 1000
    pane = ChatView()
    async with PaneApp(pane).run_test(size=_SIZE) as pilot:
        await pilot.pause(0.2)
        before = sum(memory_mib())

        def open_it() -> None:
            pane.bind(state)
            drawn(pane)

        wall, _ = timed_cpu(open_it, 1)
        pick = random.Random(5)

        def anywhere() -> None:
            pane.scroll_to_line(pick.randrange(max(1, pane.line_count() - 60)))
            drawn(pane)

        moves, _ = timed_cpu(anywhere, 300)
        grown = sum(memory_mib()) - before
    return [
        Row(
            f"{_MESSAGES:,} messages of 1 KB, open", f"{wall.best:.0f} ms",
            f"{len(texts):,} of them as Static: {own:.0f} ms", f"{wall.best / own:.2f}", "100 ms", wall.best <= 100,
        ),
        Row("scroll anywhere in them", _figure(moves), "", "", "20 ms", moves.percentile(0.99) <= 20),
        Row("memory of their view, after 300 places", f"{grown:.0f} MiB", "", "", "80 MB", grown <= 76),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chars", type=int, default=242_000_000, help="characters of the context")
    options = parser.parse_args()
    gc.disable()  # as the program does
    with tempfile.TemporaryDirectory(prefix="rlm-tui-bench-") as name:
        folder = Path(name)
        corpus.write(folder / "project", folder / "flat.txt", options.chars)
        project = ProjectCorpus(folder / "home", folder / "project")
        project.refresh(max_file_bytes=1 << 40)
        store = ContextStore(folder / "home")
        for ref in project.segments:
            store.attach(ref)
        store.append("tool", "one line", "one word after the other " * (_LINE // 25))
        rows = [*asyncio.run(chat()), *asyncio.run(browser(store, folder / "flat.txt"))]
        store.close()
    print_table(rows)


if __name__ == "__main__":
    main()
