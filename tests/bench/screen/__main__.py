"""The screen in figures: `python -m tests.bench.screen [--project DIR] [--only WORD]`.

Each scene runs in a real pty, beside a bare echo and the smallest Textual program with a prompt. Where a model is
needed, its text comes through litellm from a scripted server on this machine. Absolute figures are for a quiet
machine; the ratio to the smallest program, in the last column, is what can be compared.
"""

import argparse
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.bench.main_job import run_command, small_project
from tests.bench.screen.echo import Echo, type_keys
from tests.bench.terminal import Terminal
from tests.support.scripted_server import Request, ScriptedServer, Step, Text, Tool, Turn, Usage, Wait

_RAW_ECHO = "import os,tty; tty.setraw(0); os.write(1,b'echo-ready')\nwhile True: os.write(1,os.read(0,1024))"
_MINIMAL = """
import os; os.environ["TEXTUAL_FPS"] = "240"
from textual.app import App
from textual.widgets import Static, TextArea
class Minimal(App):
    def compose(self):
        yield Static("minimal-ready")
        yield TextArea()
Minimal().run()
"""
_TICK_S = 0.02
_LOAD_S = 14.0
_SCAN = "[qxz][a-z]+[0-9]q"


def stream(tokens: int, seconds: float) -> Turn:
    """Return a turn that streams Markdown at `tokens` pieces a second."""
    words = ("The ", "**budget** ", "is ", "`3` ", "attempts", ".\n\n", "- one ", "and ", "two\n", "\n")
    steps: list[Step] = []
    each = round(tokens * _TICK_S)
    for tick in range(round(seconds / _TICK_S)):
        steps += [Text(*(words[(tick * each + n) % len(words)] for n in range(each))), Wait(_TICK_S)]
    return Turn(*steps, Usage(10, 10))


class Scenes:
    """Runs the scenes; each returns its row's figures."""

    def __init__(self, project: Path, folder: Path, only: str) -> None:
        self.env = {"RLM_TUI_HOME": str(folder / "home"), "RLM_TUI_CONFIG": str(folder / "config")}
        self.project, self.folder, self._only = project, folder, only
        self.base: Echo | None = None

    def row(self, name: str, echo: Echo, target: str) -> None:
        """Print a row at once."""
        ratio = f"{echo.p50 / self.base.p50:.1f} x / {echo.p99 / self.base.p99:.1f} x" if self.base else ""
        print(f"| {name} | {echo} | {target} | {ratio} |", flush=True)

    def wanted(self, name: str) -> bool:
        """Return whether a scene was asked for."""
        return not self._only or self._only in name

    @contextmanager
    def program(self, *argv: str, ready: bytes, size: tuple[int, int] = (160, 50)) -> Iterator[Terminal]:
        """Run a program and wait until it has painted `ready`."""
        with Terminal([sys.executable, *argv], Path.cwd(), self.env, *size) as terminal:
            terminal.wait_for(ready, 180)
            terminal.drain(2.5)
            yield terminal

    def yardsticks(self) -> None:
        """Time the bare echo, and the smallest Textual program with a prompt."""
        with self.program("-c", _RAW_ECHO, ready=b"echo-ready") as terminal:
            self.row("bare echo in the same pty", type_keys(terminal), "yardstick")
        with self.program("-c", _MINIMAL, ready=b"minimal-ready") as terminal:
            echo = type_keys(terminal)
            self.row("smallest Textual program with a prompt", echo, "yardstick")
            self.base = echo

    def idle(self) -> None:
        """Time keys while nothing happens, over the large project."""
        with self.program("-m", "rlm_tui", str(self.project), ready=b"entries") as terminal:
            terminal.drain(6.0)
            self.row("idle", type_keys(terminal), "p50 6, p95 12 ms")

    def memory(self) -> None:
        """Print what a small project takes before a model was called."""
        small = small_project(self.folder)
        with self.program("-m", "rlm_tui", str(small), ready=b"entries") as terminal:
            terminal.drain(4.0)
            memory = terminal.memory()
            before = terminal.cpu()
            terminal.drain(20.0)
            idle = (terminal.cpu() - before) / 20 * 100
        figures = f"{memory['total']:.0f} MiB, {memory['anonymous']:.0f} of them its own; {idle:.2f} % CPU"
        print(f"| memory and CPU, idle | {figures} | 80 MB, 0.5 % | |", flush=True)

    def asked(self, name: str, target: str, server: ScriptedServer) -> None:
        """Ask, and type while the answer comes."""
        server_env = {"OPENAI_API_BASE": server.base_url, "OPENAI_API_KEY": "x"}
        self.env.update(server_env)
        with self.program("-m", "rlm_tui", str(self.project), "-m", "openai/scripted", ready=b"entries") as terminal:
            terminal.drain(4.0)
            terminal.write(b"go\r")
            server.wait_for_requests(1, 60)
            terminal.drain(1.0)
            self.row(name, type_keys(terminal), target)
        for key in server_env:
            del self.env[key]

    def streaming(self, tokens: int, target: str) -> None:
        """An answer that streams through litellm."""
        with ScriptedServer(lambda _: stream(tokens, _LOAD_S)) as server:
            self.asked(f"an answer at {tokens:,} tokens/s through litellm", target, server)

    def mapping(self) -> None:
        """A map over many parts, sixteen at a time, each streaming."""

        def answer(request: Request) -> Turn:
            if "rlm_map" not in request.tool_names or "=== text ===" in request.prompt:
                return stream(100, 1.0)
            spans = [[n * 500, n * 500 + 400] for n in range(190)]
            return Turn(Tool("rlm_map", {"prompt": "relevant?", "spans": spans}), Usage(10, 10))

        with ScriptedServer(answer) as server:
            self.asked("a map, 16 sub-calls streaming through litellm", "p50 5, p99 20 ms", server)

    def searching(self) -> None:
        """Searches of the whole context, one after the other, by a pattern that no index helps."""
        with ScriptedServer(lambda _: Turn(Tool("rlm_search", {"pattern": _SCAN}), Usage(10, 5))) as server:
            self.asked("searches of the whole context", "p99 20 ms", server)

    def fed(self, name: str, target: str, *arguments: str) -> None:
        """Events at rates that no provider reaches."""
        argv = ("-m", "tests.bench.screen.fed", str(self.project), *arguments)
        with self.program(*argv, ready=b"fed-ready") as terminal:
            self.row(name, type_keys(terminal), target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, default=Path(sysconfig.get_paths()["stdlib"]))
    parser.add_argument("--only", default="", help="only scenes whose name has this word")
    options = parser.parse_args()
    options.project = options.project.resolve()
    with tempfile.TemporaryDirectory(prefix="rlm-tui-bench-") as name:
        scenes = Scenes(options.project, Path(name), options.only)
        run_command([sys.executable, "-m", "rlm_tui", "ingest", str(options.project)], scenes.env, Path(name))
        print("| keys, while ... | figure | target | p50 and p99 of the smallest Textual program |\n|---|---|---|---|")
        scenes.yardsticks()
        plan: dict[str, Callable[[], None]] = {
            "idle": scenes.idle,
            "memory": scenes.memory,
            "stream": partial(scenes.streaming, 1_000, "p50 5, p99 20 ms"),
            "fast stream": partial(scenes.streaming, 10_000, "p99 30 ms"),
            "map": scenes.mapping,
            "search": scenes.searching,
            "fed live": partial(scenes.fed,
                "fed: 1,000 tokens/s and 500 events/s, 20,000 nodes", "p50 5, p99 20 ms",
                "--nodes", "20000", "--messages", "2000", "--tokens", "1000", "--events", "500",
            ),
            "fed large": partial(scenes.fed,
                "fed: 2,000 tokens/s and 2,000 events/s, 100,000 nodes, 10,000 messages", "p99 35 ms",
                "--nodes", "100000", "--messages", "10000", "--tokens", "2000", "--events", "2000",
            ),
            "fed events": partial(scenes.fed, "fed: 20,000 events/s", "20 % CPU", "--events", "20000"),
        }  # fmt: skip
        for scene, run in plan.items():
            if scenes.wanted(scene):
                run()


if __name__ == "__main__":
    main()
