"""What the screen tells of the session by command: cost, coverage, state, changes; and small things to do with it."""

from typing import TYPE_CHECKING

from textual.screen import Screen

from rlm_tui import events as ev
from rlm_tui.text import one_line
from rlm_tui.tui.numbers import entries_text
from rlm_tui.tui.screens.dialogs import ChooseDialog
from rlm_tui.tui.screens.report import ReportScreen

if TYPE_CHECKING:
    from rlm_tui.config.options import AppOptions
    from rlm_tui.loop.assistant import Assistant
    from rlm_tui.session.state import SessionState
    from rlm_tui.tui.bridge import Bridge
    from rlm_tui.tui.widgets.chat_view import ChatView

_COMPACT = (
    "Nothing has to be compacted here.",
    "",
    "What was said, read and printed stays in the context, whole and searchable. When a conversation outgrows the "
    "model's window, its oldest turns leave the prompt, word for word; the model is told at which offsets they are and "
    "reads them again when it needs them. No summary takes their place, so nothing is lost and nothing is made up.",
    "",
    "To begin with an empty conversation, use /new. To go back in this one, press esc twice.",
)

_INIT = """Write a file AGENTS.md for this project, for assistants that will work on it: how it is built, tested and
checked (the exact commands), how it is laid out, and the conventions that its code keeps to. Look at the project first:
its README, its build and CI files, some of its sources and tests. Keep it under 60 lines, state only what you found,
and leave out what any assistant would do anyway. If there is an AGENTS.md already, improve it."""


class TellingActions(Screen[None]):
    """`/cost /context /status /diff /compact /copy /thinking /rename /init` of the main screen."""

    if TYPE_CHECKING:
        options: AppOptions
        state: SessionState
        bridge: Bridge

        @property
        def chat(self) -> ChatView: ...
        def tell(self, text: str, severity: str = "information") -> None: ...
        def send(self, text: str) -> None: ...

    def do_cost(self) -> None:
        """Show what the session cost, by turn and model."""
        from rlm_tui.tui.figures import cost_lines

        self.app.push_screen(ReportScreen("Cost", cost_lines(self.state)))

    def do_context_figures(self) -> None:
        """Show what part of the context was read, matched, sent and cited, and what sending all would cost."""

        def work(assistant: "Assistant") -> None:
            model = assistant.session.state.model
            price = assistant.engine.client.limits(model).input_price
            self.app.call_later(self._show_context, price)

        if not self.bridge.call(work):
            self._show_context(None)

    def _show_context(self, price: float | None) -> None:
        from rlm_tui.tui.figures import coverage_lines

        per_token = price / 1e6 if price is not None else None
        lines = coverage_lines(self.state, self.state.context_chars, per_token)
        self.app.push_screen(ReportScreen("Context", lines))

    def do_status(self) -> None:
        """Show the session's state and settings."""
        state, options = self.state, self.options
        rows = [
            ("project", str(options.project)),
            ("session", f"{self.bridge.session_id}  {state.title}"),
            ("model", state.model or "offline"),
            ("sub-calls", state.sub_model or "the same model"),
            ("agent", state.settings.get("agent") or "build"),
            ("mode", state.settings.get("mode", "tools")),
            ("approval", state.settings.get("approval", "ask")),
            ("sandbox", state.settings.get("sandbox", "")),
            ("reasoning", state.settings.get("reasoning", "") or "the provider's own"),
            ("context", f"{state.context_chars:,} characters in {entries_text(state.entry_count)}"),
            ("turns", f"{len(state.turns):,}, {state.calls:,} model calls"),
            ("config", str(options.paths.config_dir)),
            ("data", str(options.paths.home)),
        ]
        self.app.push_screen(ReportScreen("Status", [f"{name:<10}  {one_line(text, 200)}" for name, text in rows]))

    def do_diff(self) -> None:
        """Show what the assistant changed in files, oldest first."""
        from rlm_tui.tui.figures import changed_files

        diffs = changed_files(self.state.nodes.values())
        if not diffs:
            self.tell("The assistant has changed no file in this session.")
            return
        lines = "\n".join(diffs).split("\n")
        self.app.push_screen(ReportScreen("Changes of this session", lines, diff=True))

    def do_compact(self) -> None:
        """Say why nothing has to be compacted."""
        self.app.push_screen(ReportScreen("Compact", _COMPACT))

    def do_copy_answer(self) -> None:
        """Copy the last answer; a file holds it too, for terminals that drop what they are sent."""
        answer = next((turn.answer for turn in reversed(self.state.turns) if turn.answer), "")
        if not answer:
            self.tell("There is no answer yet.", "warning")
            return
        path = self.options.paths.home / "last-answer.md"
        try:
            self.options.paths.make(self.options.paths.home)
            path.write_text(answer, encoding="utf-8")
        except OSError as error:
            self.tell(f"Copied. It could not be written to {path}: {error.strerror}.", "warning")
        else:
            self.tell(f"Copied {len(answer):,} characters; also in {path}.")
        self.app.copy_to_clipboard(answer)

    def do_thinking(self) -> None:
        """Unfold the reasoning in the chat, or fold it again."""
        shown = self.chat.toggle_reasoning()
        self.tell("Reasoning is unfolded." if shown else "Reasoning is folded.")

    def do_rename(self) -> None:
        """Give the session another title."""

        def chosen(title: str | None) -> None:
            if title:
                self.rename(title)

        hint = f"It is {self.state.title!r} now." if self.state.title else ""
        self.app.push_screen(ChooseDialog("Title of this session", [], hint=hint, free=True), chosen)

    def rename(self, title: str) -> None:
        """Record another title."""
        self.bridge.call(lambda assistant: assistant.session.record(ev.TitleSet(one_line(title, 200))))

    def do_init(self) -> None:
        """Ask the model to write a first AGENTS.md."""
        if (self.state.model or "offline") == "offline":
            self.tell("The offline model writes no files: choose a model first (/model).", "warning")
            return
        self.send(_INIT)
