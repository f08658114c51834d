"""A past session as a picture of one moment (SVG), or as a recording that terminals play (asciicast v2).

Both are taken from the replay screen itself, run without a terminal. The format of recordings is documented at
docs.asciinema.org/manual/asciicast/v2.
"""

import asyncio
import io
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from textual.pilot import Pilot

from rlm_tui.config.options import AppOptions, Replay
from rlm_tui.config.paths import Paths
from rlm_tui.config.settings import load_settings
from rlm_tui.context.moment import MomentView
from rlm_tui.errors import SessionError
from rlm_tui.session.export.reading import Exported
from rlm_tui.session.replay.recording import Recording
from rlm_tui.text import safe_text
from rlm_tui.tui.app import RlmTuiApp
from rlm_tui.tui.replay_bridge import ReplayBridge
from rlm_tui.tui.screens.main import MainScreen
from rlm_tui.tui.screens.replay import ReplayScreen

Size = tuple[int, int]
Progress = Callable[[int, int], None]

MOST_FRAMES = 1_500
_FRAME_S = 0.05
_LAST_FRAME_S = 2.0
_PATIENCE_S = 60.0
_SETTLE_S = 0.4
_FONT_FACES = re.compile(r"@font-face\s*\{[^}]*\}")
"""The picture would fetch these from a server; without them it takes the viewer's own monospaced font."""


class _ExportedBridge(ReplayBridge):
    """Plays what is exported instead of what is in the log: without secrets, and without the parts left out."""

    exported: Exported

    def read_recording(self) -> Recording:
        return Recording(list(self.exported.records()), [])

    def open_context(self) -> MomentView:
        view = super().open_context()
        view.mask = partial(self.exported.masker.text, same_length=True)
        self.exported.missing += self.missing
        return view


class _ExportedScreen(ReplayScreen):
    def __init__(self, options: AppOptions, exported: Exported) -> None:
        self.exported = exported
        super().__init__(options)

    def make_bridge(self) -> ReplayBridge:
        bridge = _ExportedBridge(self.options, self._woken, self._nothing_runs)
        bridge.exported = self.exported
        return bridge


class _RecordedApp(RlmTuiApp):
    """The replay of `exported`; what it would tell with pop-ups is in the export's report."""

    def __init__(self, options: AppOptions, exported: Exported) -> None:
        super().__init__(options)
        self.exported = exported

    def first_screen(self) -> MainScreen:
        return _ExportedScreen(self.options, self.exported)

    def notify(self, message: str, **options: Any) -> None:
        """Show nothing."""


def _app(exported: Exported) -> _RecordedApp:
    home = exported.home
    paths = Paths(home, home / "no-config")
    replay = Replay(exported.directory, at=0)
    options = AppOptions(Path(exported.state.project or "/"), paths, load_settings(paths, None, {}, {}), replay=replay)
    return _RecordedApp(options, exported)


def _run(exported: Exported, size: Size, work: Callable[[Pilot[Any], ReplayScreen], Awaitable[None]]) -> None:
    """Open the replay without a terminal, let `work` look at it, and close it. Raises what `work` raised."""
    app = _app(exported)
    problems: list[BaseException] = []

    async def look(pilot: Pilot[Any]) -> None:
        try:
            await work(pilot, await _opened(app, pilot))
        except (SessionError, OSError, asyncio.CancelledError) as error:
            problems.append(error)
        finally:
            app.exit()

    asyncio.run(app.run_async(headless=True, size=size, auto_pilot=look))
    if problems:
        raise problems[0]


async def _opened(app: _RecordedApp, pilot: Pilot[Any]) -> ReplayScreen:
    screen = app.screen
    await _until(pilot, lambda: isinstance(app.screen, ReplayScreen) and app.screen.player is not None)
    screen = app.screen
    assert isinstance(screen, ReplayScreen)  # waited for
    return screen


async def _until(pilot: Pilot[Any], check: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + _PATIENCE_S
    while not check():
        if asyncio.get_running_loop().time() > deadline:
            raise SessionError("The session could not be drawn in time: try the html format instead.")
        await pilot.pause(0.01)


async def _show(pilot: Pilot[Any], screen: ReplayScreen, moment: int) -> None:
    player = screen.player
    assert player is not None  # opened
    screen.go_to(moment)
    await _until(pilot, lambda: screen.shown == player.moment)
    screen.browser.take_changes()
    await pilot.pause()


# --- a picture -----------------------------------------------------------------------------------------------


def record_svg(exported: Exported, at: int | None, size: Size) -> Iterator[bytes]:
    """Yield a picture of the screen right after record `at` (of the end, if None). Raises `SessionError`."""
    pictures: list[str] = []

    async def work(pilot: Pilot[Any], screen: ReplayScreen) -> None:
        recording = screen.bridge.recording
        await _show(pilot, screen, len(recording) if at is None else recording.moment_of(at))
        await pilot.pause(_SETTLE_S)
        pictures.append(pilot.app.export_screenshot(title=safe_text(screen.state.title, newlines=False)))

    _run(exported, size, work)
    picture = _FONT_FACES.sub("", pictures[0])
    yield picture.replace("<svg ", '<svg xml:space="preserve" ', 1).encode("utf-8", "replace")


# --- a recording ---------------------------------------------------------------------------------------------


def record_cast(exported: Exported, size: Size, progress: Progress | None = None) -> Iterator[bytes]:
    """Yield a recording of the whole session, waiting skipped. Raises `SessionError`."""
    state = exported.state
    header = {
        "version": 2, "width": size[0], "height": size[1], "timestamp": int(state.opened_at),
        "title": safe_text(state.title, newlines=False), "env": {"TERM": "xterm-256color"},
    }  # fmt: skip
    lines: list[bytes] = [json.dumps(header, ensure_ascii=False).encode("utf-8", "replace")]

    async def work(pilot: Pilot[Any], screen: ReplayScreen) -> None:
        rows: list[str] = []
        frames = _frames(screen)
        for number, (at, moment) in enumerate(frames):
            await _show(pilot, screen, moment)
            data, rows = _drawn(screen, rows)
            if data:
                lines.append(json.dumps([at, "o", data], ensure_ascii=False).encode("utf-8", "replace"))
            if progress is not None:
                progress(number + 1, len(frames))
        lines.append(json.dumps([round(frames[-1][0] + _LAST_FRAME_S, 3), "o", "\x1b[?25h"]).encode())

    _run(exported, size, work)
    for line in lines:
        yield line + b"\n"


def _frames(screen: ReplayScreen) -> list[tuple[float, int]]:
    """Return when each frame is shown, in seconds, and its moment; long sessions have frames further apart."""
    player = screen.player
    assert player is not None  # opened
    frames = [(0.0, 0)]
    player.go(0)
    player.playing = True
    seconds = 0.0
    while player.playing:
        seconds += _FRAME_S
        moment = player.advance(_FRAME_S)
        if moment != frames[-1][1]:
            frames.append((round(seconds, 3), moment))
    player.go(0)
    if len(frames) > MOST_FRAMES:
        step = -(-len(frames) // MOST_FRAMES)
        chosen = [*frames[:-1:step], frames[-1]]
        frames = [(round(at / step, 3), moment) for at, moment in chosen]
    return frames


def _drawn(screen: ReplayScreen, before: list[str]) -> tuple[str, list[str]]:
    """Return what a terminal must be sent to show the screen after `before`, and the rows as they are now."""
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", legacy_windows=False)
    # Textual has no public way to the rows of a screen; its own pictures are made of these.
    rows = [strip.render(console) for strip in screen._compositor.render_strips()]
    changed = [
        f"\x1b[{number + 1};1H{row}\x1b[0m"
        for number, row in enumerate(rows)
        if number >= len(before) or before[number] != row
    ]
    start = "" if before else "\x1b[?25l\x1b[2J"
    return start + "".join(changed), rows
