"""What a person can do on the main screen: one method for each action of the registry."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual.widget import Widget

from rlm_tui.config.remembering import remember
from rlm_tui.errors import RlmTuiError
from rlm_tui.text import safe_text
from rlm_tui.tui.actions import ACTIONS, by_leader
from rlm_tui.tui.screens.agents import AgentActions
from rlm_tui.tui.screens.asking import AskingActions
from rlm_tui.tui.screens.dialogs import Choice, ChooseDialog, LeaderDialog
from rlm_tui.tui.screens.layout_actions import LayoutActions
from rlm_tui.tui.screens.models import ModelActions
from rlm_tui.tui.screens.servers import ServerActions
from rlm_tui.tui.screens.session_actions import SessionActions
from rlm_tui.tui.screens.telling import TellingActions
from rlm_tui.tui.screens.undoing import UndoActions
from rlm_tui.tui.widgets.prompt_history import PromptStash

if TYPE_CHECKING:
    from rlm_tui.config.options import AppOptions
    from rlm_tui.session.state import SessionState
    from rlm_tui.tui.app import RlmTuiApp
    from rlm_tui.tui.bridge import Bridge
    from rlm_tui.tui.keymap import Keymap
    from rlm_tui.tui.widgets.chat_view import ChatView
    from rlm_tui.tui.widgets.context_browser import ContextBrowser
    from rlm_tui.tui.widgets.prompt import PromptArea
    from rlm_tui.tui.widgets.trace_view import TraceView

_QUIT_WINDOW_S = 2.0


class MainActions(
    LayoutActions, UndoActions, AskingActions, ServerActions, ModelActions, SessionActions, AgentActions, TellingActions
):
    """The actions, apart from the screen's layout and stream."""

    if TYPE_CHECKING:
        options: AppOptions
        state: SessionState
        bridge: Bridge
        keymap: Keymap
        zoomed: str
        narrow: bool
        _quit_pressed_at: float

        @property
        def chat(self) -> ChatView: ...
        @property
        def prompt(self) -> PromptArea: ...
        @property
        def browser(self) -> ContextBrowser: ...
        @property
        def trace(self) -> TraceView: ...
        def panes(self) -> list[tuple[str, Widget]]: ...
        def open_session(self, options: AppOptions) -> None: ...

    def action_run(self, name: str) -> None:
        """Do the action called `name`."""
        getattr(self, f"do_{name}")()

    @property
    def program(self) -> "RlmTuiApp":
        """The app, as ours."""
        from rlm_tui.tui.app import RlmTuiApp

        assert isinstance(self.app, RlmTuiApp)  # this screen is made for no other
        return self.app

    def tell(self, text: str, severity: str = "information") -> None:
        """Show a short notice."""
        self.app.notify(safe_text(text), severity=severity, markup=False)  # type: ignore[arg-type]  # one of Textual's three words

    # --- turns -----------------------------------------------------------------------------------------

    @property
    def queued(self) -> tuple[str, ...]:
        """Prompts that wait for the running turn's end, as far as the screen knows."""
        return self.bridge.queued

    def run_command(self, text: str) -> None:
        """Run what was typed after a `!` in the project's shell, as a turn without a model."""
        if text.strip() == "!":
            self.tell("Write a command after the !, such as !git status.")
            return
        self.send(text, command=True)

    def send(self, text: str, *, command: bool = False) -> None:
        """Ask, or queue while a turn runs."""
        if not text.strip():
            return
        if not self.bridge.call(lambda assistant: assistant.send(text, command=command)):
            self.tell("The session is still being opened: the prompt is kept, send it again.", "warning")
            self.prompt.text = text

    def do_interrupt(self) -> None:
        """Interrupt the running turn, and take back what was queued; otherwise go back to the prompt.

        Twice in an empty prompt, it offers to go back in the conversation.
        """
        if self.state.busy or "command" in self.state.progress:
            waiting = self.queued
            if waiting and not self.prompt.text:
                self.prompt.text = "\n\n".join(waiting)
            self.bridge.call(lambda assistant: assistant.interrupt())
        else:
            self.escape_pressed()

    def do_copy_or_quit(self) -> None:
        """Copy what is selected; else interrupt; else quit when pressed twice."""
        focused = self.focused
        selected = getattr(focused, "selected_text", None)
        text = selected() if callable(selected) else selected
        if isinstance(text, str) and text:
            copy = getattr(focused, "copy_selection", None)
            if copy is not None:
                copy()
            else:
                self.app.copy_to_clipboard(text)
            return
        if self.state.busy:
            self.do_interrupt()
            return
        now = time.monotonic()
        if now - self._quit_pressed_at < _QUIT_WINDOW_S:
            self.do_leave()
        else:
            self._quit_pressed_at = now
            self.tell("Press ctrl+c again to quit.")

    def do_quit_when_empty(self) -> None:
        """Quit when nothing is written in the prompt; otherwise delete the character under its cursor."""
        if not self.prompt.text:
            self.do_leave()
        elif self.prompt.has_focus:
            self.prompt.action_delete_right()

    def do_leave(self) -> None:
        """Quit."""
        self.app.exit()

    # --- panes -----------------------------------------------------------------------------------------

    def current_pane(self) -> str:
        """Return the name of the pane that has the focus."""
        if self.focused is not None:
            for ancestor in self.focused.ancestors_with_self:
                if isinstance(ancestor, Widget) and ancestor.id in ("left", "browser", "trace-area"):
                    return {"left": "chat", "browser": "context", "trace-area": "trace"}[ancestor.id]
        return "chat"

    def show_pane(self, name: str) -> None:
        """Bring a pane into view and focus it."""
        hidden = self.arrangement.layout == "chat" and name != "chat"
        if (self.zoomed or hidden) and self.zoomed != name:
            self.zoom_to(name if self.narrow or hidden else "")
        dict(self.panes())[name].focus()

    def zoom_to(self, name: str) -> None:
        """Give the whole width to one pane (`chat`, `context`, `trace`), or to all three again (empty)."""
        self.zoomed = name
        for pane, style in (("chat", "zoom-left"), ("context", "zoom-context"), ("trace", "zoom-trace")):
            self.set_class(pane == name, style)
        self.place_panes()

    def do_zoom(self) -> None:
        """Zoom the pane that has the focus, or show all again."""
        pane = self.current_pane()
        self.zoom_to(pane if self.narrow or self.zoomed != pane else "")

    def _step_pane(self, by: int) -> None:
        names = [name for name, _ in self.panes()]
        self.show_pane(names[(names.index(self.current_pane()) + by) % len(names)])

    def do_next_pane(self) -> None:
        """Focus the next pane."""
        self._step_pane(1)

    def do_previous_pane(self) -> None:
        """Focus the pane before."""
        self._step_pane(-1)

    def do_go_prompt(self) -> None:
        """Focus the prompt."""
        self.show_pane("chat")

    def do_go_context(self) -> None:
        """Focus the context browser."""
        self.show_pane("context")

    def do_go_trace(self) -> None:
        """Focus the trace."""
        self.show_pane("trace")

    def do_expand(self) -> None:
        """Expand or fold the chat item at the cursor, or the newest tool's."""
        self.chat.toggle_expanded()

    def do_previous_message(self) -> None:
        """Go to the message before."""
        self.chat.move_message(-1)

    def do_next_message(self) -> None:
        """Go to the next message."""
        self.chat.move_message(1)

    def do_cancel_ingest(self) -> None:
        """Stop reading the project."""
        self.bridge.call(lambda assistant: assistant.cancel_ingest())

    # --- dialogs ---------------------------------------------------------------------------------------

    def do_help(self) -> None:
        """Show all keys."""
        from rlm_tui.tui.screens.help import HelpScreen

        panes = [("Chat pane", type(self.chat)), ("Prompt", type(self.prompt)), ("Trace", type(self.trace))]
        panes[2:2] = [("Context browser", kind) for kind in self.browser.pane_types()]
        self.app.push_screen(HelpScreen(panes, self.keymap))

    def do_leader(self) -> None:
        """Wait for one more key."""
        keys = [(action.leader, action.label) for action in ACTIONS if action.leader]

        def chosen(key: str | None) -> None:
            action = by_leader(key) if key else None
            if action is not None:
                self.action_run(action.name)
            elif key:
                self.tell(f"{self.keymap.leader} {key} means nothing.", "warning")

        self.app.push_screen(LeaderDialog(keys, self.keymap.leader), chosen)

    def do_palette(self) -> None:
        """Search all actions by name."""
        choices = [Choice(a.name, a.label, f"{a.group}  {self.keymap.text(a)}") for a in ACTIONS if a.palette]

        def chosen(name: str | None) -> None:
            if name:
                self.action_run(name)

        self.app.push_screen(ChooseDialog("Commands", choices), chosen)

    def do_choose_theme(self) -> None:
        """Choose a theme; it is used at once and remembered."""
        themes = self.program.themes
        before = self.app.theme
        choices = [
            Choice(name, name, f"{'dark' if spec.dark else 'light'}  {spec.description}")
            for name, spec in themes.items()
        ]

        def chosen(name: str | None) -> None:
            if name:
                self.use_theme(name)
            else:
                self.program.use_theme(before)

        dialog = ChooseDialog(
            "Themes", choices, hint="Each is shown as you come to it.", preview=self.program.use_theme
        )
        dialog.begin_at(before)
        self.app.push_screen(dialog, chosen)

    def use_theme(self, name: str) -> None:
        """Use a theme from now on, and remember it."""
        if name not in self.program.themes:
            self.tell(f"There is no theme {name}: /themes lists them.", "warning")
            return
        self.program.use_theme(name)
        self.keep_choice("ui.theme", name)

    def keep_choice(self, key: str, value: str) -> None:
        """Write a choice into the person's `config.toml`."""
        try:
            remember(self.options.paths, key, value)
        except (RlmTuiError, OSError) as error:
            self.tell(f"The choice holds for now but could not be saved: {error}", "warning")

    def do_new_session(self) -> None:
        """Start a new session in the same project."""
        self.open_session(replace(self.options, session="", continue_=False, prompt="", attach=()))

    def do_stash(self) -> None:
        """Put the prompt aside; in an empty one, bring back what was put aside last."""
        stash = PromptStash(self.options.paths.home / "stash.jsonl")
        if self.prompt.text.strip():
            stash.put(self.prompt.text)
            self.prompt.text = ""
            self.tell(f"Put aside ({len(stash.prompts):,} in all): the same key in an empty prompt brings it back.")
        elif text := stash.take():
            self.prompt.text = text
            self.prompt.move_cursor(self.prompt.document.end)
        else:
            self.tell("Nothing is put aside.")

    def do_editor(self) -> None:
        """Write the prompt in $VISUAL or $EDITOR."""
        import shlex
        import subprocess
        import tempfile

        command = os.environ.get("VISUAL") or os.environ.get("EDITOR")
        if not command:
            self.tell("Set EDITOR (or VISUAL) to the editor you want to write in.", "warning")
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "prompt.md"
            path.write_text(self.prompt.text, encoding="utf-8")
            try:
                with self.app.suspend():
                    self.program.for_others()
                    subprocess.run([*shlex.split(command), str(path)], check=False)
                text = path.read_text(encoding="utf-8", errors="replace")
            except (OSError, ValueError) as error:
                self.tell(f"The editor {command!r} could not be started: {error}", "error")
                return
        self.prompt.text = text.rstrip("\n")
        self.prompt.focus()
