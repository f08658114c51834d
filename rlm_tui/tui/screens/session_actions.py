"""What a person can do with whole sessions: list and search them, go back, fork, replay, export."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.screen import Screen

from rlm_tui.config.options import Replay
from rlm_tui.errors import RlmTuiError
from rlm_tui.text import one_line
from rlm_tui.tui.screens.dialogs import Choice, ChooseDialog

if TYPE_CHECKING:
    from rlm_tui.config.options import AppOptions
    from rlm_tui.loop.assistant import Assistant
    from rlm_tui.loop.undo import UndoPlan
    from rlm_tui.session.export.reading import Exported
    from rlm_tui.session.state import SessionState
    from rlm_tui.tui.bridge import Bridge
    from rlm_tui.tui.screens.sessions import SessionChoice
    from rlm_tui.tui.widgets.prompt import PromptArea

_TWICE_S = 0.6
_FORMATS = (
    Choice("md", "Markdown", "to read anywhere"),
    Choice("html", "HTML", "one page, with timeline, trace and excerpts"),
    Choice("json", "JSON", "the session arranged, for programs"),
    Choice("jsonl", "JSON Lines", "the log; can be imported again"),
    Choice("zip", "Bundle", "the log and the touched context, to open elsewhere"),
)


class SessionActions(Screen[None]):
    """`/sessions`, `/rewind`, `/fork`, `/replay`, `/export`."""

    escaped_at: float = 0.0
    """When Escape was last pressed with nothing to interrupt, on the monotonic clock."""

    if TYPE_CHECKING:
        options: AppOptions
        state: SessionState
        bridge: Bridge

        @property
        def prompt(self) -> PromptArea: ...
        def tell(self, text: str, severity: str = "information") -> None: ...
        def open_session(self, options: AppOptions) -> None: ...
        def plan_change(self, heading: str, make: Callable[[Assistant], UndoPlan]) -> None: ...

    @property
    def directory(self) -> Path:
        """The folder of the open session."""
        return self.options.paths.sessions / self.bridge.session_id

    # --- other sessions --------------------------------------------------------------------------------

    def do_choose_session(self) -> None:
        """List sessions; open, replay, fork, rename or delete one."""
        from rlm_tui.tui.screens.sessions import SessionsScreen

        screen = SessionsScreen(self.options.paths, self.options.project, self.bridge.session_id)
        self.app.push_screen(screen, self._session_chosen)

    def _session_chosen(self, choice: "SessionChoice | None") -> None:
        if choice is None:
            return
        directory = self.options.paths.sessions / choice.session
        if choice.what == "replay":
            self._play(directory, choice.at)
        elif choice.what == "fork":
            self._fork(directory)
        elif choice.session != self.bridge.session_id:
            self._open(directory)

    def _open(self, directory: Path) -> None:
        options = replace(self.options, session=directory.name, continue_=False, prompt="", attach=(), replay=None)
        self.open_session(options)

    # --- this session ----------------------------------------------------------------------------------

    def do_replay(self) -> None:
        """Play this session again; leaving the replay comes back to it."""
        self._play(self.directory, -1)

    def _play(self, directory: Path, at: int) -> None:
        back = self.bridge.session_id
        self.open_session(replace(self.options, replay=Replay(directory, at, back=back), prompt=""))

    def do_fork(self) -> None:
        """Go on in a copy of this session; this one stays as it is."""
        if not self.state.turns:
            self.tell("Nothing was said yet: there is nothing to copy.", "warning")
            return
        self._fork(self.directory)

    @work(thread=True, exclusive=True, group="fork")
    def _fork(self, directory: Path) -> None:
        from rlm_tui.session.library import fork_session

        try:
            copy = fork_session(self.options.paths, directory)
        except (RlmTuiError, OSError) as error:
            self.app.call_from_thread(self.tell, f"The session could not be copied: {error}", "error")
        else:
            self.app.call_from_thread(self._open, copy)
            self.app.call_from_thread(self.app.notify, f"This is a copy of {directory.name}.", markup=False)

    def do_export(self) -> None:
        """Choose a format, and write this session to a file in the project's folder."""

        def chosen(kind: str | None) -> None:
            if kind:
                self._export(kind)

        hint = "The file is written to the project's folder; secrets are masked. `rlm-tui export` has more."
        self.app.push_screen(ChooseDialog("Export as", _FORMATS, hint=hint), chosen)

    @work(thread=True, group="export")
    def _export(self, kind: str) -> None:
        from rlm_tui.session.export.reading import Exported
        from rlm_tui.session.export.writing import write_whole

        exported = Exported(self.directory, self.options.paths.home)
        try:
            target = _free_name(self.options.project, f"rlm-tui-{self.bridge.session_id}", kind)
            size = write_whole(target, _pieces(exported, kind))
        except RlmTuiError as error:
            self.app.call_from_thread(self.tell, str(error), "error")
            return
        told = " ".join([f"{target} ({size:,} bytes).", *exported.report()])
        self.app.call_from_thread(self.tell, told)

    # --- going back ------------------------------------------------------------------------------------

    def escape_pressed(self) -> None:
        """Go to the prompt; twice in an empty prompt, offer to go back in the conversation."""
        now = time.monotonic()
        twice = now - self.escaped_at < _TWICE_S and self.prompt.has_focus and not self.prompt.text
        self.escaped_at = 0.0 if twice else now
        if twice:
            self.do_rewind()
        else:
            self.prompt.focus()

    def do_rewind(self) -> None:
        """Choose a turn to go back to before; what would change is shown first."""
        if self.state.busy:
            self.tell("A turn is running: interrupt it first.", "warning")
            return
        turns = [turn for turn in reversed(self.state.turns) if not turn.reverted]
        if not turns:
            self.tell("There is no turn to go back to.", "warning")
            return
        changed = {taken.turn for taken in self.state.applied}
        choices = [
            Choice(
                str(turn.number), one_line(turn.prompt, 60),
                f"turn {turn.number}" + (", changed files" if turn.number in changed else ""),
            )
            for turn in turns
        ]  # fmt: skip

        def chosen(number: str | None) -> None:
            if number:
                self._how_to_rewind(
                    int(number), bool(changed & set(range(int(number), self.state.turns[-1].number + 1)))
                )

        self.app.push_screen(ChooseDialog("Go back to before which turn?", choices), chosen)

    def _how_to_rewind(self, number: int, files: bool) -> None:
        choices = [Choice("talk", "The conversation", "files stay as they are")]
        if files:
            choices.insert(0, Choice("both", "The conversation and the files", "what the assistant changed since"))
        choices.append(Choice("fork", "Neither: go on in a copy that ends there", "this session stays as it is"))
        prompt = next(turn.prompt for turn in self.state.turns if turn.number == number)

        def chosen(how: str | None) -> None:
            if how == "fork":
                self._fork_before(number)
            elif how:
                with_files = how == "both"
                self.plan_change("Go back", lambda assistant: assistant.undo.plan_rewind(number, files=with_files))
                self.prompt.text = self.prompt.text or prompt

        self.app.push_screen(ChooseDialog(f"Take back turn {number} and all after it", choices), chosen)

    @work(thread=True, exclusive=True, group="fork")
    def _fork_before(self, number: int) -> None:
        from rlm_tui.session.library import fork_session, last_record_before_turn

        try:
            copy = fork_session(self.options.paths, self.directory, last_record_before_turn(self.directory, number))
        except (RlmTuiError, OSError) as error:
            self.app.call_from_thread(self.tell, f"The session could not be copied: {error}", "error")
        else:
            self.app.call_from_thread(self._open, copy)


def _free_name(folder: Path, stem: str, suffix: str) -> Path:
    """Return a path in `folder` that nothing has yet: `stem.suffix`, `stem-2.suffix`, ..."""
    number, path = 1, folder / f"{stem}.{suffix}"
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}.{suffix}"
    return path


def _pieces(exported: "Exported", kind: str) -> Iterable[bytes]:
    from rlm_tui.session.export import formats

    return formats.pieces(exported, kind)
