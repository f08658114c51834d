"""The main screen: chat and prompt at left, context browser and trace at right, all folds of one stream.

The engine wakes the screen when something happened; once a frame the queued envelopes are folded into the state,
and each pane is told what changed. Nothing here waits for the engine.
"""

import asyncio
import time

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingsMap
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from rlm_tui import events as ev
from rlm_tui.config.options import AppOptions
from rlm_tui.session.state import SessionState
from rlm_tui.text import one_line, safe_text
from rlm_tui.tui import slash
from rlm_tui.tui.actions import ACTIONS
from rlm_tui.tui.announcing import announce
from rlm_tui.tui.bridge import Bridge
from rlm_tui.tui.keymap import Keymap
from rlm_tui.tui.numbers import entries_text
from rlm_tui.tui.screens.main_actions import MainActions
from rlm_tui.tui.widgets.chat_moves import CitationChosen
from rlm_tui.tui.widgets.chat_view import ChatView
from rlm_tui.tui.widgets.context_browser import ContextBrowser, NodeChosen
from rlm_tui.tui.widgets.footer import FooterLine
from rlm_tui.tui.widgets.header import HeaderLine
from rlm_tui.tui.widgets.prompt import CompletionWanted, LargePaste, PromptArea, PromptHistory, PromptSent
from rlm_tui.tui.widgets.trace_view import CancelWanted, SpansWanted, TraceView
from rlm_tui.tui.widgets.welcome import OfferChosen, Welcome

_FRAME_S = 1 / 30
_FRAME_BUDGET_S = 0.008
_BATCH = 200
_COMPLETIONS = 8
NARROW_COLUMNS = 100
_LAG_S = 0.5


class MainScreen(MainActions, Screen[None]):
    """The three panes and the prompt."""

    AUTO_FOCUS = ""

    def __init__(self, options: AppOptions) -> None:
        super().__init__()
        self.options = options
        self.keymap = Keymap(options.loaded.settings.keys)
        # not BINDINGS: those are the same for all, and a keymap of Textual's cannot give a key to what had none
        self._bindings.key_to_bindings |= BindingsMap(self.keymap.bindings()).key_to_bindings
        self.state = SessionState()
        self.bridge = Bridge(options, self._woken)
        self.zoomed = ""
        self.narrow = False
        self._ready = False
        self._pumping = False
        self._quit_pressed_at = 0.0
        self._lag_timer: Timer | None = None
        self._lags = False
        self._pasted: list[str] = []
        self._waited_for = (False, False)

    def compose(self) -> ComposeResult:
        """Lay out header, panes and footer."""
        budget = self.options.loaded.settings.budget
        yield HeaderLine(self.options.project.name or str(self.options.project), budget, id="header")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                with Vertical(id="chat-area"):
                    yield Welcome(self.options, id="welcome")
                    yield ChatView(id="chat", classes="hidden")
                prompt = PromptArea(PromptHistory(self.options.paths.home / "prompts.jsonl"), id="prompt")
                yield prompt.choices
                yield prompt
            with Vertical(id="right"):
                yield ContextBrowser(id="browser")
                with Vertical(id="trace-area"):
                    yield TraceView(id="trace")
        yield FooterLine(id="footer")

    # --- the parts -------------------------------------------------------------------------------------

    @property
    def chat(self) -> ChatView:
        """The chat pane."""
        return self.query_one("#chat", ChatView)

    @property
    def prompt(self) -> PromptArea:
        """The prompt."""
        return self.query_one("#prompt", PromptArea)

    @property
    def browser(self) -> ContextBrowser:
        """The context browser."""
        return self.query_one("#browser", ContextBrowser)

    @property
    def trace(self) -> TraceView:
        """The trace."""
        return self.query_one("#trace", TraceView)

    @property
    def first_focus(self) -> Widget:
        """What has the focus at the beginning."""
        return self.prompt

    # --- the stream ------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Focus the prompt, and start the engine once the first frame is on the screen."""
        self.load_arrangement()
        self.first_focus.focus()
        self._show_lines()
        self.call_after_refresh(self.bridge.start)

    def on_descendant_focus(self) -> None:
        """Hand on what was typed early, once there is something to take it."""
        if self.focused is self.first_focus:
            self.program.keys_ready()

    def on_unmount(self) -> None:
        """Close the session, however the screen ends."""
        self.bridge.close()

    def open_session(self, options: AppOptions) -> None:
        """Leave this session for another one (or a new one) on the same screen."""
        self.bridge.close()
        self.app.switch_screen(self.program.screen_for(options))

    def _woken(self) -> None:
        """Called on the engine's thread when there is something to take."""
        self.app.call_later(self._schedule)

    def _schedule(self) -> None:
        if not self._pumping:
            self._pumping = True
            self.set_timer(_FRAME_S, self._pump)

    def _pump(self) -> None:
        """Fold what is queued, for at most some milliseconds, and show it."""
        self._pumping = False
        if self.bridge.failure:
            self._show_failure(self.bridge.failure)
            return
        if not self._ready:
            if not self.bridge.opened or self.bridge.context is None:
                return
            self._take_over()
        deadline = time.perf_counter() + _FRAME_BUDGET_S
        more = False
        context_changed = False
        while batch := self.bridge.take(_BATCH):
            for envelope in batch:
                self.state.apply(envelope)
                context_changed = context_changed or isinstance(envelope.event, _CONTEXT_EVENTS)
            if time.perf_counter() > deadline:
                more = True
                break
        self._show_changes(context_changed)
        if more:
            self._schedule()

    def _take_over(self) -> None:
        """Take the folded state of a session that has been opened, and bind the panes to it."""
        context = self.bridge.context
        assert context is not None  # opened says so
        self._ready = True
        self.state = self.bridge.state
        self.chat.bind(self.state)
        self.browser.bind(context.for_screen(), self.state)
        self.trace.bind(self.state)
        self.query_one("#welcome", Welcome).opened()
        self._show_changes(True)

    def _show_changes(self, context_changed: bool) -> None:
        nodes, items = self.state.take_changes()
        self._announce()
        self.show_questions()
        if items:
            self._leave_welcome()
            self.chat.items_changed(items)
        if nodes:
            self.trace.nodes_changed(nodes)
            self.query_one("#header", HeaderLine).take(nodes)
        if nodes or context_changed:
            self.browser.context_changed()
        self._show_lines()

    def _announce(self) -> None:
        """Call the person when a turn ends or a question waits."""
        was, self._waited_for = self._waited_for, (self.state.busy, bool(self.waiting))
        if was[0] and not self.state.busy:
            announce(self.app, self.options.loaded.settings.ui.notify, "rlm-tui: the answer is there")
        elif not was[1] and self.waiting:
            announce(self.app, self.options.loaded.settings.ui.notify, "rlm-tui: a question waits for you")

    def _leave_welcome(self) -> None:
        if self.state.turns or any(item.level == "error" for item in self.state.items):
            self.query_one("#welcome").add_class("hidden")
            self.chat.remove_class("hidden")

    def _show_failure(self, message: str) -> None:
        self.app.exit(return_code=1, message=safe_text(f"rlm-tui: {message}", newlines=False))

    def _show_lines(self) -> None:
        self.query_one("#header", HeaderLine).show(self.state)
        hints = [(hint, a.footer) for a in ACTIONS if a.footer and (hint := self.keymap.hint(a))]
        self.query_one("#footer", FooterLine).show(hints, self._status())

    def _status(self) -> str:
        parts = []
        if self.waiting:
            parts.append(f"{self.waiting} for you ({self.keymap.leader} a)")
        if (insert := self.state.progress.get("command")) is not None:
            parts.append(f"running {one_line(insert.detail, 40)}")
        queued = len(self.queued)
        if queued:
            parts.append(f"{queued} queued")
        if self._ready:
            if (lag := self.bridge.index_lag) and self._lags:
                parts.append(f"index {lag:,} behind")
            self._watch_lag(lag)
            parts.append(entries_text(self.state.entry_count))
        else:
            parts.append("opening…")
        return "  ".join(parts) + " "

    def _watch_lag(self, lag: int) -> None:
        """Tell of an index that stays behind, not of one that will have caught up when the words are read."""
        if not lag:
            self._lags = False
        elif self._lag_timer is None:

            def look() -> None:
                self._lag_timer = None
                self._lags = bool(self.bridge.index_lag)
                self._show_lines()

            self._lag_timer = self.set_timer(_LAG_S, look)

    # --- what the panes ask ----------------------------------------------------------------------------

    @on(PromptSent)
    def _prompt_sent(self, message: PromptSent) -> None:
        if message.text.lstrip().startswith("!"):
            self.run_command(message.text)
            return
        name, rest = slash.split(message.text)
        if name not in self.bridge.own_commands and slash.is_command(message.text):
            self._run_command(name, rest, message.text)
            return
        # a call of an own command begins with its name: what was pasted goes after it, as its last argument
        parts = [message.text, *self._pasted] if name in self.bridge.own_commands else [*self._pasted, message.text]
        text = "\n\n".join(parts)
        self._pasted.clear()
        self.send(text)

    def _run_command(self, name: str, rest: str, text: str) -> None:
        action = slash.command(name)
        if action is not None and not rest:
            self.action_run(action.name)
        elif action is not None and (method := slash.taking(name)):
            getattr(self, method)(rest)
        else:
            known = ", ".join(name for name, _ in slash.completions("", self.bridge.own_commands))
            why = f"/{name} takes nothing after it." if action else f"There is no command /{name}."
            self.tell(f"{why} The commands are {known}.", "warning")
            self.prompt.text = text

    @on(CompletionWanted)
    def _completion_wanted(self, message: CompletionWanted) -> None:
        context = self.bridge.context
        if message.kind == "command":
            self.prompt.offer(slash.completions(message.prefix, self.bridge.own_commands))
        elif context is not None and self._ready:
            prefix = message.prefix

            async def look() -> None:
                found = await asyncio.to_thread(context.entries, kind="file", label=prefix or None, limit=_COMPLETIONS)
                self.prompt.offer([(f"@{entry.label}", f"{entry.chars:,} characters") for entry in found])

            self.run_worker(look(), exclusive=True, group="completion")

    @on(LargePaste)
    def _large_paste(self, message: LargePaste) -> None:
        self._pasted.append(message.text)
        self.app.notify(f"Pasted {len(message.text):,} characters: they go with the next prompt.", markup=False)

    @on(CitationChosen)
    def _citation_chosen(self, message: CitationChosen) -> None:
        self.show_pane("context")
        self.browser.open_span(message.start, message.end)

    @on(SpansWanted)
    def _spans_wanted(self, message: SpansWanted) -> None:
        if message.spans:
            self.show_pane("context")
            self.browser.open_spans(list(message.spans))
        else:
            self.app.notify("This node touched no part of the context.", markup=False)

    @on(NodeChosen)
    def _node_chosen(self, message: NodeChosen) -> None:
        self.show_pane("trace")
        self.trace.show_node(message.key)

    @on(CancelWanted)
    def _cancel_wanted(self, message: CancelWanted) -> None:
        node = self.state.nodes.get(message.key)
        while node is not None and node.kind == "tool":
            node = node.parent
        if node is not None and node.running:
            call = node.call
            self.bridge.call(lambda assistant: assistant.cancel_call(call))

    @on(OfferChosen)
    def _offer_chosen(self, message: OfferChosen) -> None:
        self.use_model(message.model)

    def on_resize(self, event: events.Resize) -> None:
        """Show one pane at a time where there is no room for three."""
        self.call_after_refresh(self._show_lines)
        self.place_panes()
        narrow = event.size.width < NARROW_COLUMNS
        if narrow != self.narrow:
            self.narrow = narrow
            self.zoom_to("chat" if narrow else "")

    def panes(self) -> list[tuple[str, Widget]]:
        """Return the panes in order, each with the widget that takes its focus."""
        return [("chat", self.prompt), ("context", self.browser.focus_target), ("trace", self.trace)]


_CONTEXT_EVENTS = (ev.SegmentAttached, ev.EntryAppended, ev.EntrySuperseded, ev.Progress)
