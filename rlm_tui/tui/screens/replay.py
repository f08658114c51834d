"""A past session played on the main screen: the same panes over the same fold, at any moment, with nothing running."""

import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.worker import get_current_worker

from rlm_tui.config.options import AppOptions
from rlm_tui.errors import RlmTuiError
from rlm_tui.session.library import fork_session
from rlm_tui.session.replay.player import Player
from rlm_tui.session.state import SessionState
from rlm_tui.tui.replay_bridge import ReplayBridge
from rlm_tui.tui.screens.main import MainScreen
from rlm_tui.tui.widgets.footer import FooterLine
from rlm_tui.tui.widgets.header import HeaderLine
from rlm_tui.tui.widgets.replay_bar import ReplayBar

_FRAME_S = 1 / 30
_FOLDED_AT_ONCE = 400
"""Records that are folded on the screen's thread; a longer way goes through the checkpoints, on another."""

_HINTS = (
    ("p", "play"), (",.", "record"), ("<>", "message"), ("()", "call"), ("{}", "speed"), ("w", "waiting"),
    ("F", "fork here"), ("tab", "pane"), ("q", "leave"),
)  # fmt: skip


class ReplayScreen(MainScreen):
    """The replay of `options.replay`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "toggle_play", "Play or pause", show=False),
        Binding("full_stop", "step(1)", "One record forward", show=False),
        Binding("comma", "step(-1)", "One record back", show=False),
        Binding("greater_than_sign", "step_message(1)", "Next message", show=False),
        Binding("less_than_sign", "step_message(-1)", "Message before", show=False),
        Binding("right_parenthesis", "step_call(1)", "Next sub-call", show=False),
        Binding("left_parenthesis", "step_call(-1)", "Sub-call before", show=False),
        Binding("right_curly_bracket", "faster(1)", "Faster", show=False),
        Binding("left_curly_bracket", "faster(-1)", "Slower", show=False),
        Binding("w", "toggle_waiting", "Skip waiting, or play it", show=False),
        Binding("F", "fork", "New session from here", show=False),
        Binding("q", "leave_replay", "Leave the replay", show=False),
    ]

    def __init__(self, options: AppOptions) -> None:
        super().__init__(options)
        self.bridge: ReplayBridge = self.make_bridge()
        self.player: Player | None = None
        self.shown = -1
        self._wanted = -1
        self._seeking = False
        self._ticked = 0.0

    def make_bridge(self) -> ReplayBridge:
        """Return what reads the session."""
        return ReplayBridge(self.options, self._woken, self._nothing_runs)

    def compose(self) -> ComposeResult:
        """Lay out the main screen, with the replay's bar above the footer."""
        for widget in super().compose():
            if isinstance(widget, FooterLine):
                yield ReplayBar(id="replay")
            yield widget

    @property
    def bar(self) -> ReplayBar:
        """The bar."""
        return self.query_one("#replay", ReplayBar)

    def on_mount(self) -> None:
        """Take the prompt away."""
        self.prompt.display = False

    @property
    def first_focus(self) -> Widget:
        """The bar."""
        return self.bar

    def _nothing_runs(self) -> None:
        self.app.call_later(
            self.tell, "This is a replay: nothing runs. Shift+F starts a new session from this moment.", "warning"
        )

    # --- what a replay does not do ---------------------------------------------------------------------

    def show_questions(self) -> None:
        """Ask nobody: what waited then has been answered long ago."""

    def _announce(self) -> None:
        """Call nobody."""

    def do_go_prompt(self) -> None:
        """There is no prompt: go to the chat."""
        self.show_pane("chat")

    def do_interrupt(self) -> None:
        """Pause."""
        if self.player is not None and self.player.playing:
            self.action_toggle_play()
        else:
            self.bar.focus()

    def do_leave(self) -> None:
        """Leave the replay."""
        self.action_leave_replay()

    def panes(self) -> list[tuple[str, Widget]]:
        """Return the panes in order, each with the widget that takes its focus."""
        return [("chat", self.chat), ("context", self.browser.focus_target), ("trace", self.trace)]

    # --- time ------------------------------------------------------------------------------------------

    def _take_over(self) -> None:
        replay = self.bridge.replay
        self.player = Player(self.bridge.recording, speed=replay.speed, waiting=replay.waiting)
        self._ready = True
        self.query_one("#welcome").add_class("hidden")
        self.chat.remove_class("hidden")
        self.bar.bind(self.player)
        self.chat.clock = self.trace.lines.clock = self._session_time
        for damage in self.bridge.recording.damages[:3]:
            self.tell(f"Line {damage.line} of the log cannot be read ({damage.reason}): it is not played.", "warning")
        for line in self.bridge.missing[:3]:
            self.tell(line, "warning")
        self._bind(SessionState())
        self.set_interval(_FRAME_S, self._tick)
        self._ticked = time.monotonic()
        if replay.at >= 0:
            self.go_to(self.bridge.recording.moment_of(replay.at))
        else:
            self.player.playing = True

    def _session_time(self) -> float:
        return self.player.now if self.player is not None else 0.0

    def _bind(self, state: SessionState) -> None:
        """Show another state in all panes; the text stays where it was, as far as it is there."""
        assert self.player is not None  # there is a player once there is a state
        self.state = state
        self.shown = self.player.moment
        view = self.bridge.moment_view
        view.show(state.entry_count, self.bridge.recording.superseded_at(self.shown))
        offset = self.browser.text.cursor_offset if self.browser.text.rows is not None else 0
        state.take_changes()
        self.chat.bind(state)
        self.browser.bind(view, state)
        self.trace.bind(state)
        if 0 < offset < view.chars:
            self.browser.text.jump(offset)
        self.query_one("#header", HeaderLine).take(list(state.nodes.values()))
        self._show_lines()

    def _tick(self) -> None:
        now = time.monotonic()
        passed, self._ticked = now - self._ticked, now
        if self.player is None or self._seeking:
            return
        if self.player.playing:
            self.player.advance(min(passed, 0.25))
        if self.player.moment != self.shown:
            self._show_moment()

    def go_to(self, moment: int) -> None:
        """Show this moment."""
        if self.player is not None:
            self.player.go(moment)
            if not self._seeking:
                self._show_moment()

    def _show_moment(self) -> None:
        assert self.player is not None  # a moment is shown of something
        moment = self.player.moment
        if self.shown <= moment <= self.shown + _FOLDED_AT_ONCE and self.shown >= 0:
            self._fold_to(moment)
        elif not self._seeking:
            self._seeking = True
            self._seek(moment)
        self._show_lines()

    def _fold_to(self, moment: int) -> None:
        entries = self.state.entry_count
        for record in self.bridge.recording.records[self.shown : moment]:
            self.state.apply(record)
        self.shown = moment
        if self.state.entry_count != entries:
            superseded = self.bridge.recording.superseded_at(moment)
            self.bridge.moment_view.show(self.state.entry_count, superseded)
        self._show_changes(True)

    @work(thread=True, exclusive=True, group="seek")
    def _seek(self, moment: int) -> None:
        state = self.bridge.state_at(moment)
        if not get_current_worker().is_cancelled:
            self.app.call_from_thread(self._sought, moment, state)

    def _sought(self, moment: int, state: SessionState) -> None:
        self._seeking = False
        if self.player is None or not self.is_mounted:
            return
        wanted, self.player.moment = self.player.moment, moment
        self._bind(state)
        self.player.moment = wanted
        if wanted != moment:
            self._show_moment()

    def _show_lines(self) -> None:
        self.query_one("#header", HeaderLine).show(self.state)
        if self.player is None:
            self.query_one("#footer", FooterLine).show(_HINTS, "opening… ")
            return
        turn = self.state.turns[-1].number if self.state.turns else 0
        self.bar.show(self.state.cost, self.state.cost_known, turn, seeking=self._seeking)
        self.query_one("#footer", FooterLine).show(_HINTS, f"{self.state.entry_count:,} entries ")

    # --- keys ------------------------------------------------------------------------------------------

    @on(ReplayBar.Seek)
    def _seek_wanted(self, message: ReplayBar.Seek) -> None:
        self.go_to(message.moment)

    def action_toggle_play(self) -> None:
        """Play or pause."""
        if self.player is not None:
            self.player.toggle()
            self._show_lines()

    def action_step(self, by: int) -> None:
        """Go one record forward or back."""
        if self.player is not None:
            self.player.playing = False
            self.go_to(self.player.moment + by)

    def action_step_message(self, by: int) -> None:
        """Go to the next message or the one before."""
        if self.player is not None:
            self.player.playing = False
            self.go_to(self.player.step_message(by))

    def action_step_call(self, by: int) -> None:
        """Go to the next sub-call or the one before."""
        if self.player is not None:
            self.player.playing = False
            self.go_to(self.player.step_call(by))

    def action_faster(self, steps: int) -> None:
        """Play faster or slower."""
        if self.player is not None:
            self.player.faster(steps)
            self._show_lines()

    def action_toggle_waiting(self) -> None:
        """Play pauses as long as they were, or skip them."""
        if self.player is not None:
            self.player.waiting = not self.player.waiting
            self._show_lines()

    # --- leaving ---------------------------------------------------------------------------------------

    def action_fork(self) -> None:
        """Start a new session that has everything up to this moment."""
        if self.player is None or self.player.moment < 1:
            self.tell("Nothing has happened yet: there is nothing to start a new session from.", "warning")
            return
        self.player.playing = False
        seq = self.bridge.recording.records[self.player.moment - 1].seq
        self._fork(seq)

    @work(thread=True, exclusive=True, group="fork")
    def _fork(self, seq: int) -> None:
        try:
            directory = fork_session(self.options.paths, self.bridge.replay.directory, seq)
        except RlmTuiError as error:
            self.app.call_from_thread(self.tell, str(error), "error")
        else:
            self.app.call_from_thread(self._open, directory)

    def _open(self, directory: Path) -> None:
        self.open_session(replace(self.options, replay=None, session=directory.name, continue_=False, prompt=""))

    def action_leave_replay(self) -> None:
        """Go back to the session that was open before, or end the program."""
        back = self.bridge.replay.back
        if back:
            self.open_session(replace(self.options, replay=None, session=back, continue_=False, prompt=""))
        else:
            self.app.exit()
