"""Pictures of the screen: `python -m tests.pictures [--out docs] [--size 140x45] [--theme NAME] [--project DIR]`.

Opens the real program on a project with the built-in offline model, asks a question, waits for the answer and saves
what is on the screen as SVG. `docs/screen.svg` in the README is made by it.

`--film` saves the question being answered, picture by picture, as it happens; `--every` every screen there is, at
three sizes and in four themes, to be looked at.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from rlm_tui.tui.app import RlmTuiApp
    from rlm_tui.tui.screens.main import MainScreen

ROOT = Path(__file__).resolve().parent.parent
SIZES = ("80x24", "140x45", "200x60")
THEMES = ("rlm-dark", "rlm-light", "high-contrast", "colour-blind")
_FRAME_S = 0.12
_MOST_FRAMES = 40

KEYS: dict[str, tuple[str, ...]] = {
    "context": ("escape", "ctrl+x", "c"),
    "strip-zoomed": ("m", "plus", "plus"),
    "calls-of-a-place": ("e", "enter", "t"),
    "trace": ("escape", "ctrl+x", "t"),
    "timeline": ("v",),
    "node": ("v", "d"),
    "help": ("escape", "f1"),
    "palette": ("escape", "ctrl+p"),
    "leader": ("escape", "ctrl+x"),
    "models": ("m",),
    "themes": ("escape", "ctrl+x", "e"),
    "sessions": ("escape", "ctrl+x", "s"),
    "cost": ("escape", "ctrl+x", "o"),
    "context-figures": ("escape", "ctrl+x", "j"),
    "agents": ("escape", "ctrl+x", "d"),
    "permissions": ("escape", "ctrl+x", "g"),
    "servers": ("escape", "ctrl+x", "v"),
    "rewind": ("escape", "ctrl+x", "b"),
    "export": ("escape", "ctrl+x", "x"),
}
"""Every further screen after an answer, and the keys that lead there from the one before."""


@dataclass
class Camera:
    """Saves what is on the screen."""

    app: "RlmTuiApp"
    out: Path
    saved: list[Path] = field(default_factory=list)

    def shoot(self, name: str) -> str:
        """Save the screen as `name.svg`; return the picture."""
        svg = self.app.export_screenshot(title="rlm-tui").replace("<svg ", '<svg xml:space="preserve" ', 1)
        target = self.out / f"{name}.svg"
        target.write_text(svg, encoding="utf-8")
        self.saved.append(target)
        return svg


Take = Callable[["MainScreen", "Pilot[None]", Camera, argparse.Namespace], Awaitable[None]]


async def with_program(options: argparse.Namespace, size: str, theme: str, take: Take) -> list[Path]:
    """Open the program on the project, wait until that has been read, and let `take` work with it."""
    from rlm_tui.config.options import AppOptions
    from rlm_tui.config.paths import Paths
    from rlm_tui.config.settings import load_settings
    from rlm_tui.tui.app import RlmTuiApp
    from rlm_tui.tui.screens.main import MainScreen

    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder) / "data", Path(folder) / "config")
        loaded = load_settings(paths, options.project, {}, {})
        app = RlmTuiApp(AppOptions(options.project, paths, loaded, theme=theme))
        columns, rows = (int(part) for part in size.split("x"))
        camera = Camera(app, options.out)
        async with app.run_test(size=(columns, rows)) as pilot:
            screen = app.screen
            while not isinstance(screen, MainScreen) or not screen.bridge.opened or screen.state.progress:
                await asyncio.sleep(0.1)
                screen = app.screen
            await asyncio.sleep(1.0)
            await take(screen, pilot, camera, options)
        return camera.saved


async def answered(screen: "MainScreen", pilot: "Pilot[None]", options: argparse.Namespace) -> None:
    """Ask all questions, wait for the answers, and open the first citation."""
    for question in options.question:
        screen.send(question)
        for _ in range(600):
            await asyncio.sleep(0.1)
            if screen.state.turns and screen.state.turns[-1].ended and not screen.state.busy:
                break
    await asyncio.sleep(0.5)
    citations = screen.state.turns[-1].citations
    if citations:
        screen.browser.open_span(citations[0].start, citations[0].end)
    await pilot.pause(0.3)


async def one(screen: "MainScreen", pilot: "Pilot[None]", camera: Camera, options: argparse.Namespace) -> None:
    """Save the answer."""
    await answered(screen, pilot, options)
    camera.shoot(options.name)


async def film(screen: "MainScreen", pilot: "Pilot[None]", camera: Camera, options: argparse.Namespace) -> None:
    """Save a question being answered: each picture that differs from the one before."""
    camera.shoot(f"{options.name}-00")
    screen.send(options.question[0])
    last, number = "", 0
    while number < _MOST_FRAMES:
        await asyncio.sleep(_FRAME_S)
        done = bool(screen.state.turns) and screen.state.turns[-1].ended
        state = f"{len(screen.state.nodes)} {len(screen.state.items)} {screen.state.coverage.version} {done}"
        if state != last:
            number, last = number + 1, state
            await pilot.pause(0.05)
            camera.shoot(f"{options.name}-{number:02}")
        if done:
            break
    await answered(screen, pilot, argparse.Namespace(question=[]))
    camera.shoot(f"{options.name}-{number + 1:02}-cited")
    await pilot.press("ctrl+x", "t", "v")
    await pilot.pause(0.4)
    camera.shoot(f"{options.name}-{number + 2:02}-timeline")


async def every(screen: "MainScreen", pilot: "Pilot[None]", camera: Camera, options: argparse.Namespace) -> None:
    """Save the first page, the answer, and every further screen."""
    name = f"{options.name}-{camera.app.size.width}x{camera.app.size.height}-{camera.app.theme}"
    camera.shoot(f"{name}-00-first-page")
    await answered(screen, pilot, options)
    camera.shoot(f"{name}-01-answer")
    for number, (what, keys) in enumerate(KEYS.items(), 2):
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.15)
        await pilot.pause(0.4)
        camera.shoot(f"{name}-{number:02}-{what}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    parser.add_argument("--name", default="screen")
    parser.add_argument("--size", default="140x45")
    parser.add_argument("--theme", default="")
    parser.add_argument("--project", type=Path, default=ROOT)
    parser.add_argument("--film", action="store_true", help="the question being answered, picture by picture")
    parser.add_argument("--every", action="store_true", help="every screen, at three sizes and in four themes")
    parser.add_argument("--question", action="append")
    options = parser.parse_args()
    options.question = options.question or ["Where is the window of a prompt fitted?"]
    options.project = options.project.resolve()
    os.environ.setdefault("TEXTUAL_FPS", "60")
    options.out.mkdir(parents=True, exist_ok=True)
    take = every if options.every else film if options.film else one
    for size in SIZES if options.every else (options.size,):
        for theme in THEMES if options.every else (options.theme,):
            for path in asyncio.run(with_program(options, size, theme, take)):
                sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
