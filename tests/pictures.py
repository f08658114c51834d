"""Pictures of the screen: `python -m tests.pictures [--out docs] [--size 140x45] [--theme NAME] [--project DIR]`.

Opens the real program on a project with the built-in offline model, asks a question, waits for the answer and saves
what is on the screen as SVG. `docs/screen.svg` in the README is made by it.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


async def _take(options: argparse.Namespace, home: Path) -> list[Path]:
    from rlm_tui.config.options import AppOptions
    from rlm_tui.config.paths import Paths
    from rlm_tui.config.settings import load_settings
    from rlm_tui.tui.app import RlmTuiApp
    from rlm_tui.tui.screens.main import MainScreen

    paths = Paths(home / "data", home / "config")
    loaded = load_settings(paths, options.project, {}, {})
    app = RlmTuiApp(AppOptions(options.project, paths, loaded, theme=options.theme))
    columns, rows = (int(part) for part in options.size.split("x"))
    saved: list[Path] = []

    def save(name: str) -> None:
        svg = app.export_screenshot(title="rlm-tui").replace("<svg ", '<svg xml:space="preserve" ', 1)
        target = options.out / f"{name}.svg"
        target.write_text(svg, encoding="utf-8")
        saved.append(target)

    async with app.run_test(size=(columns, rows)) as pilot:
        screen = app.screen
        while not isinstance(screen, MainScreen) or not screen.bridge.opened or screen.state.progress:
            await asyncio.sleep(0.1)
            screen = app.screen
        await asyncio.sleep(1.0)
        if options.steps:
            save(f"{options.name}-1-first-page")
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
        save(options.name if not options.steps else f"{options.name}-2-answer")
        if options.steps:
            for number, keys in enumerate((["tab"], ["tab"], ["f1"], ["escape", "ctrl+p"], ["escape", "ctrl+x", "m"])):
                await pilot.press(*keys)
                await pilot.pause(0.4)
                save(f"{options.name}-{number + 3}-{keys[-1]}")
    return saved


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    parser.add_argument("--name", default="screen")
    parser.add_argument("--size", default="140x45")
    parser.add_argument("--theme", default="")
    parser.add_argument("--project", type=Path, default=ROOT)
    parser.add_argument("--steps", action="store_true", help="also the first page, the other panes and the dialogs")
    parser.add_argument("--question", action="append")
    options = parser.parse_args()
    options.question = options.question or ["Where is the window of a prompt fitted?"]
    options.project = options.project.resolve()
    os.environ.setdefault("TEXTUAL_FPS", "60")
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for path in asyncio.run(_take(options, Path(folder))):
            sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
