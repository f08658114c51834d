"""The Textual program: themes, the main screen, and what must happen however it ends."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import App
from textual.binding import BindingType

from rlm_tui.config.checking import ConfigProblem
from rlm_tui.config.options import AppOptions
from rlm_tui.config.themes import DEFAULT_THEME, ThemeSpec, load_themes, with_sixteen_colours
from rlm_tui.text import safe_text
from rlm_tui.tui.keymap import Keymap
from rlm_tui.tui.palette import Palette
from rlm_tui.tui.screens.main import MainScreen
from rlm_tui.tui.theming import textual_theme

_QUICK_COLLECT_S = 1.0


class RlmTuiApp(App[None]):
    """The program around the main screen. `palette` is the theme in force, by role."""

    CSS_PATH = "app.tcss"
    TITLE = "rlm-tui"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, options: AppOptions, *, for_others: Callable[[], None] = lambda: None) -> None:
        """`for_others` gives the terminal the modes that another program (an editor) expects."""
        super().__init__()
        self.for_others = for_others
        self.options = options
        self.settings = options.loaded.settings
        self._early: list[events.Event] | None = []
        # asked now: while the program runs, standard output is one of Textual's own
        self._sixteen_colours = self.console.color_system == "standard" and sys.stdout.isatty()
        self.themes: dict[str, ThemeSpec] = {}
        self.theme_problems = self._take_themes(*load_themes(options.paths.config_dir))
        wanted = options.theme or self.settings.ui.theme
        self._unknown_theme = wanted if wanted and wanted not in self.themes else ""
        self.palette = Palette.from_roles(self._spec(wanted).roles())
        self.theme = self._spec(wanted).name

    def _take_themes(self, found: dict[str, ThemeSpec], problems: list[ConfigProblem]) -> list[ConfigProblem]:
        """Register what is new or different; return the problems."""
        if self._sixteen_colours:
            found = {name: with_sixteen_colours(spec) for name, spec in found.items()}
        for name, spec in found.items():
            if spec != self.themes.get(name):
                self.register_theme(textual_theme(spec))
        self.themes = found
        return problems

    def _spec(self, name: str) -> ThemeSpec:
        return self.themes.get(name) or self.themes[DEFAULT_THEME]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the roles as CSS variables (`$read`, `$cited`, ...) for themes that lack one."""
        return dict(self.palette.roles) if hasattr(self, "palette") else {}

    def on_mount(self) -> None:
        """Show the main screen and take over the signals that Textual leaves alone."""
        self.push_screen(self.first_screen())
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._loop_signal(number)
        self.call_after_refresh(self._settle)

    def first_screen(self) -> MainScreen:
        """Return the screen to begin with."""
        return self.screen_for(self.options)

    def screen_for(self, options: AppOptions) -> MainScreen:
        """Return the screen that these options ask for: a session, or the replay of one."""
        if options.replay is None:
            return MainScreen(options)
        from rlm_tui.tui.screens.replay import ReplayScreen

        return ReplayScreen(options)

    async def on_event(self, event: events.Event) -> None:
        """Keep keys and pastes that come before there is a prompt to take them."""
        if self._early is not None and isinstance(event, events.Key | events.Paste):
            self._early.append(event)
            return
        await super().on_event(event)

    def keys_ready(self) -> None:
        """Hand on what was typed before the prompt had the focus, once what waits before this has been kept too."""
        if self._early is not None:
            self.call_later(self._hand_on)

    async def _hand_on(self) -> None:
        early, self._early = self._early or [], None
        for event in early:
            await super().on_event(event)

    def _loop_signal(self, number: signal.Signals) -> None:
        asyncio.get_running_loop().add_signal_handler(number, self._end_by_signal, number)

    def _end_by_signal(self, number: signal.Signals) -> None:
        """Leave in order: the session is closed and the terminal restored, as with any other end."""
        self.exit(return_code=128 + number)

    def _settle(self) -> None:
        """After the first paint: freeze what start-up made, and collect the young generation now and then."""
        gc.collect()
        gc.freeze()
        self.set_interval(_QUICK_COLLECT_S, self._collect)
        self.run_worker(self._follow_themes(), group="themes")
        for problem in (*self.theme_problems, *Keymap(self.settings.keys).problems):
            self.notify(safe_text(str(problem)), severity="warning", markup=False)
        if self._unknown_theme:
            self.notify(
                f"There is no theme {safe_text(self._unknown_theme)}; `rlm-tui themes` lists them.",
                severity="warning", markup=False,
            )  # fmt: skip

    async def _follow_themes(self) -> None:
        """Show the person's own themes as they are written, where the system still has a watch to give."""
        folder = self.options.paths.config_dir
        if not folder.is_dir():
            return
        from watchfiles import awatch

        with contextlib.suppress(OSError, RuntimeError):
            async for changes in awatch(folder, watch_filter=lambda _, path: path.endswith(".toml"), debounce=200):
                if any(Path(path).parent.name == "themes" for _, path in changes):
                    await self._themes_changed()

    async def _themes_changed(self) -> None:
        before, told = self.themes.get(self.theme), {str(problem) for problem in self.theme_problems}
        found, problems = await asyncio.to_thread(load_themes, self.options.paths.config_dir)
        self.theme_problems = self._take_themes(found, problems)
        for problem in problems:
            if str(problem) not in told:
                self.notify(safe_text(str(problem)), severity="warning", markup=False)
        if self._spec(self.theme) != before:
            self.use_theme(self.theme)

    def _collect(self) -> None:
        """Collect the young objects if there are many: the full collection would stall typing."""
        if gc.get_count()[0] > 20_000:
            gc.collect(0)

    def copy_to_clipboard(self, text: str) -> None:
        """Put `text` into the clipboard; nothing selected leaves there what is there."""
        if text:
            super().copy_to_clipboard(text)

    def use_theme(self, name: str) -> None:
        """Switch to a theme at once, everywhere."""
        spec = self._spec(name)
        self.palette = Palette.from_roles(spec.roles())
        if self.theme == spec.name:
            self.refresh_css(animate=False)  # its colours are others; another name does this by itself
        self.theme = spec.name
        for screen in self.screen_stack:
            for widget in screen.walk_children():
                changed = getattr(widget, "palette_changed", None)
                if changed is not None:
                    changed()
