"""The real program with events fed to its bridge at a given rate: `python -m tests.bench.screen.fed DIR ...`.

For rates that no provider reaches. Everything from the bridge's queue on is the program's own: merging, folding,
panes and painting. When the history is in and the load runs, the title of the session becomes `fed-ready`.
"""

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from rlm_tui import events as ev
from rlm_tui.config.options import AppOptions
from rlm_tui.config.paths import Paths
from rlm_tui.config.settings import load_settings

if TYPE_CHECKING:
    from rlm_tui.tui.app import RlmTuiApp
    from rlm_tui.tui.bridge import Bridge

_WORDS = "The **budget** is `3` attempts; see the list:\n\n- one\n- two\n\nand so on for a while. "
_TICK_S = 0.02


class _Feeder:
    """Makes envelopes: a long history, then streamed text of the root call and sub-calls that start and end."""

    def __init__(self, receive: Callable[[ev.Envelope], None], chars: int) -> None:
        self._receive = receive
        self._chars = max(10_000, chars)
        self._seq = 1_000_000
        self._call = 1_000_000
        self._turn = 1_000_000
        self.events = 0

    def tell(self, event: ev.AnyEvent, call: int = 0, depth: int = 0, parent: int = 0) -> None:
        self._seq += 1
        self.events += 1
        self._receive(ev.Envelope("s", self._seq, time.time(), event, call, parent, depth))

    def history(self, messages: int, nodes: int) -> None:
        """Tell of turns with answers of 1 KB, and of a map with so many sub-calls."""
        for number in range(messages // 2):
            self.start_turn(f"question {number}")
            text = f"answer {number}: " + _WORDS * 11
            self.tell(ev.ReplyFinished(text, "m", usage=ev.Usage(100, 20), cost=0.001), self._call)
            self.tell(ev.TurnFinished(self._turn, text, "m"))
        self.start_turn("the long one")
        self.root = self._call
        self.tell(ev.ToolRequested("fed1", "rlm_map", {"prompt": "relevant?"}), self.root)
        for _ in range(nodes):
            self.sub_call("fed1")
        self.tell(ev.ToolRequested("fed2", "rlm_map", {"prompt": "more?"}), self.root)

    def start_turn(self, prompt: str) -> None:
        self._turn += 1
        self._call += 1
        self.tell(ev.TurnStarted(self._turn, prompt))
        self.tell(ev.CallStarted("root", "m", prompt), self._call)

    def sub_call(self, request: str) -> None:
        """Tell of a sub-call in four events."""
        self._call += 1
        start = (self._call * 7_919) % (self._chars - 1_000)
        call = self._call
        self.tell(ev.CallStarted("map", "m", "relevant?", (ev.Span(start, start + 900, "sent"),), request), call, 1, 1)
        self.tell(ev.TextDelta("it is"), call, 1, 1)
        self.tell(ev.ReplyFinished("it is", "m", usage=ev.Usage(200, 5), cost=0.0001), call, 1, 1)
        self.tell(ev.CallFinished("it is"), call, 1, 1)


def _bridge_of(app: "RlmTuiApp") -> "Bridge":
    """Wait until the session is open and return its bridge."""
    from rlm_tui.tui.screens.main import MainScreen

    while True:
        time.sleep(0.2)
        screen = app.screen_stack[-1] if app.is_running and app.screen_stack else None
        if isinstance(screen, MainScreen) and screen.bridge.opened and screen.state is screen.bridge.state:
            return screen.bridge


def _feed(app: "RlmTuiApp", options: argparse.Namespace) -> None:
    bridge = _bridge_of(app)
    feeder = _Feeder(bridge._receive, bridge.state.context_chars)
    feeder.history(options.messages, options.nodes)
    while bridge._queue:
        time.sleep(0.1)
    feeder.tell(ev.TitleSet("fed-ready"))
    words, place = _WORDS * 50, 0
    began, ticks = time.perf_counter(), 0
    while True:
        ticks += 1
        for _ in range(round(options.tokens * _TICK_S)):
            place = (place + 4) % len(words)
            feeder.tell(ev.TextDelta(words[place : place + 4] or " "), feeder.root)
        for _ in range(round(options.events * _TICK_S / 4)):
            feeder.sub_call("fed2")
        time.sleep(max(0.0, began + ticks * _TICK_S - time.perf_counter()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--messages", type=int, default=0)
    parser.add_argument("--nodes", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=0, help="pieces of streamed text a second")
    parser.add_argument("--events", type=int, default=0, help="events of sub-calls a second")
    options = parser.parse_args()
    import gc

    gc.disable()
    sys.setswitchinterval(0.0005)
    os.environ.setdefault("TEXTUAL_FPS", "240")
    from rlm_tui.tui.app import RlmTuiApp

    paths = Paths(Path(os.environ["RLM_TUI_HOME"]), Path(os.environ["RLM_TUI_CONFIG"]))
    app = RlmTuiApp(AppOptions(options.project, paths, load_settings(paths, options.project, {}, {})))
    threading.Thread(target=_feed, args=(app, options), daemon=True).start()
    app.run()


if __name__ == "__main__":
    main()
