"""The library of sessions: a list with a preview, a filter, and a search in all that was said in them."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Literal

from msgspec import Struct
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option
from textual.worker import get_current_worker

from rlm_tui.config.paths import Paths
from rlm_tui.errors import RlmTuiError
from rlm_tui.session.library import (
    SessionInfo,
    SessionMatch,
    delete_session,
    list_sessions,
    rename_session,
    search_sessions,
)
from rlm_tui.session.previewing import preview
from rlm_tui.text import one_line, safe_text
from rlm_tui.tui.screens.dialog import Dialog
from rlm_tui.tui.screens.session_preview import preview_content

_SHOWN = 500
_MOST_MATCHES = 300

_HINTS = (
    "enter open  ctrl+y replay  ctrl+k fork  ctrl+r rename  ctrl+d delete  ctrl+f search texts  ctrl+a all projects"
)


class SessionChoice(Struct, frozen=True):
    """What the person chose: a session, what to do with it, and, for a replay, from which record (-1: the start)."""

    session: str
    what: Literal["open", "replay", "fork"]
    at: int = -1


class SessionsScreen(Dialog[SessionChoice | None]):
    """The list. What only concerns the list (rename, delete) is done here, the rest is the caller's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Close", show=False),
        Binding("down", "move(1)", "Down", show=False, priority=True),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
        Binding("pagedown", "move(10)", "Page down", show=False, priority=True),
        Binding("pageup", "move(-10)", "Page up", show=False, priority=True),
        Binding("ctrl+y", "take('replay')", "Replay", show=False, priority=True),
        Binding("ctrl+k", "take('fork')", "Fork", show=False, priority=True),
        Binding("ctrl+r", "rename", "Rename", show=False, priority=True),
        Binding("ctrl+d", "delete", "Delete", show=False, priority=True),
        Binding("ctrl+f", "toggle_search", "Filter titles, or search all texts", show=False, priority=True),
        Binding("ctrl+a", "toggle_all", "This project, or all", show=False, priority=True),
    ]

    def __init__(self, paths: Paths, project: Path, current: str) -> None:
        super().__init__(classes="dialog sessions")
        self._paths = paths
        self._project = project
        self._current = current
        self._infos: list[SessionInfo] = []
        self._rows: list[SessionInfo | SessionMatch] = []
        self._all = False
        self._searching = False
        self._naming = ""
        self._sure = ""

    def compose(self) -> ComposeResult:
        """Lay out heading, filter, list, preview and hints."""
        with Vertical():
            yield Static(classes="heading", id="sessions-heading", markup=False)
            yield Input(id="sessions-words", compact=True)
            with Horizontal(id="sessions-body"):
                yield OptionList(markup=False, id="sessions-list")
                with VerticalScroll(id="sessions-preview", can_focus=False):
                    yield Static(markup=False, id="sessions-text")
            yield Static(Content(_HINTS), classes="hint", id="sessions-hint", markup=False)

    def on_mount(self) -> None:
        """Read the list and focus the filter."""
        self.query_one(Input).focus()
        self._show_heading()
        self._read()

    # --- the list --------------------------------------------------------------------------------------

    @work(thread=True, exclusive=True, group="list")
    def _read(self) -> None:
        infos = list_sessions(self._paths, None if self._all else self._project)
        if not _cancelled():
            self.app.call_from_thread(self._take, infos)

    def _take(self, infos: list[SessionInfo]) -> None:
        self._infos = infos
        if self._is_there:
            self._fill()

    @property
    def _is_there(self) -> bool:
        """Whether what a thread found can still be shown: a screen loses its parts one by one when it is closed."""
        return all(self.query(name) for name in ("Input", "#sessions-list", "#sessions-text", "#sessions-heading"))

    def _fill(self) -> None:
        """Show the sessions whose title, id or project has all words of the filter."""
        if self._searching or self._naming:
            return
        words = self.query_one(Input).value.casefold().split()
        texts = ((info, f"{info.title} {info.id} {info.project}".casefold()) for info in self._infos)
        self._show_rows([info for info, text in texts if all(word in text for word in words)][:_SHOWN])

    def _show_rows(self, rows: "list[SessionInfo] | list[SessionMatch]") -> None:
        options = self.query_one(OptionList)
        kept = options.highlighted or 0
        self._rows = list(rows)
        options.clear_options()
        options.add_options([Option(self._line(row)) for row in self._rows])
        if self._rows:
            options.highlighted = min(kept, len(self._rows) - 1)
        else:
            self.query_one("#sessions-text", Static).update(Content("Nothing is here." if self.is_mounted else ""))
        self._show_heading()

    def _line(self, row: SessionInfo | SessionMatch) -> Content:
        if isinstance(row, SessionMatch):
            snippet = safe_text(row.snippet, newlines=False)
            return Content.assemble((f"{row.kind:<7}", "$accent"), (snippet, ""), (f"  {row.session}", "$text-muted"))
        title = one_line(row.title, 80) or "(nothing was asked yet)"
        marks = [word for word, on in (
            ("open here", row.id == self._current), ("imported", row.imported_from), ("fork", row.forked_from),
        ) if on]  # fmt: skip
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.changed_at)) if row.changed_at else "?"
        notes = [f"{row.turns} turn{'' if row.turns == 1 else 's'}", *marks]
        problem = (f"  {one_line(row.problem, 60)}", "$error") if row.problem else ("", "")
        return Content.assemble(
            (f"{when}  ", "$text-muted"), (title, "bold"), (f"  {', '.join(notes)}", "$text-muted"), problem
        )

    def _show_heading(self) -> None:
        where = "all projects" if self._all else one_line(self._project.name or str(self._project), 40)
        what = "Search in all that was said" if self._searching else f"Sessions: {where}"
        if self._naming:
            what = "A new title"
        count = f"  {len(self._rows):,}" if self._rows else ""
        self.query_one("#sessions-heading", Static).update(Content(what + count))
        words = self.query_one(Input)
        words.placeholder = "words that were said" if self._searching else "type to filter"

    @property
    def _row(self) -> SessionInfo | SessionMatch | None:
        at = self.query_one(OptionList).highlighted
        return self._rows[at] if at is not None and at < len(self._rows) else None

    @property
    def _chosen(self) -> str:
        row = self._row
        return row.session if isinstance(row, SessionMatch) else row.id if row is not None else ""

    def action_move(self, by: int) -> None:
        """Move the highlight while the filter keeps the focus."""
        options = self.query_one(OptionList)
        if self._rows:
            options.highlighted = max(0, min((options.highlighted or 0) + by, len(self._rows) - 1))

    # --- the preview -----------------------------------------------------------------------------------

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        self._sure = ""
        if self._chosen:
            self._preview(self._chosen)

    @work(thread=True, exclusive=True, group="preview")
    def _preview(self, session: str) -> None:
        time.sleep(0.08)  # whoever runs through the list does not want each one read
        if _cancelled():
            return
        info = next((info for info in self._infos if info.id == session), None)
        try:
            text = preview_content(preview(self._paths.sessions / session), info)
        except RlmTuiError as error:
            text = Content(safe_text(str(error)))
        if not _cancelled():
            self.app.call_from_thread(self._show_preview, session, text)

    def _show_preview(self, session: str, text: Content) -> None:
        if self._is_there and session == self._chosen:
            self.query_one("#sessions-text", Static).update(text)
            self.query_one("#sessions-preview").scroll_home(animate=False)

    # --- searching -------------------------------------------------------------------------------------

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        self._sure = ""
        if self._naming:
            return
        if self._searching:
            self._search(message.value)
        else:
            self._fill()

    @work(thread=True, exclusive=True, group="search")
    def _search(self, words: str) -> None:
        time.sleep(0.15)  # more letters may follow
        found: list[SessionMatch] = []
        if words.strip() and not _cancelled():
            for match in search_sessions(self._paths, words, _MOST_MATCHES):
                if _cancelled():
                    return
                found.append(match)
        if not _cancelled():
            self.app.call_from_thread(self._show_found, found)

    def _show_found(self, found: list[SessionMatch]) -> None:
        if self._searching and self._is_there:
            self._show_rows(found)

    def action_toggle_search(self) -> None:
        """Filter the titles, or search everything that was said."""
        self._searching = not self._searching
        self._rows = []
        if self._searching:
            self._show_rows([])
            self._search(self.query_one(Input).value)
        else:
            self._fill()

    def action_toggle_all(self) -> None:
        """List the sessions of this project, or of all."""
        self._all = not self._all
        self._read()

    # --- doing something -------------------------------------------------------------------------------

    def action_back(self) -> None:
        """Leave the naming or the search, else close."""
        if self._naming:
            self._stop_naming()
        elif self._searching:
            self.query_one(Input).value = ""
            self.action_toggle_search()
        else:
            self.dismiss(None)

    def action_take(self, what: Literal["open", "replay", "fork"]) -> None:
        """Close, and let the session be opened, played or copied."""
        row = self._row
        if row is not None:
            self.dismiss(SessionChoice(self._chosen, what, row.seq if isinstance(row, SessionMatch) else -1))

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        if self._naming:
            self._do(lambda: rename_session(self._paths.sessions / self._naming, message.value), "It has a new title.")
            self._stop_naming()
        else:
            self.action_take("open")

    @on(OptionList.OptionSelected)
    def _selected(self) -> None:
        self.action_take("open")

    def action_rename(self) -> None:
        """Ask for a new title."""
        if self._chosen == self._current:
            self._tell("The open session is renamed with /rename.")
        elif self._chosen:
            self._naming = self._chosen
            words = self.query_one(Input)
            words.value = next((info.title for info in self._infos if info.id == self._chosen), "")
            self._show_heading()

    def _stop_naming(self) -> None:
        self._naming = ""
        self.query_one(Input).value = ""
        self._read()

    def action_delete(self) -> None:
        """Delete the session, when the key is pressed twice."""
        session = self._chosen
        if not session:
            return
        if session == self._current:
            self._tell("This session is open here: it cannot be deleted.")
        elif self._sure != session:
            self._sure = session
            self._tell("Press ctrl+d again to delete this session for good.")
        else:
            self._sure = ""
            self._do(lambda: delete_session(self._paths.sessions / session), "It is deleted.")
            self._read()

    def _do(self, change: Callable[[], None], done: str) -> None:
        try:
            change()
        except (RlmTuiError, OSError) as error:
            self._tell(str(error))
        else:
            self._tell(done)

    def _tell(self, text: str) -> None:
        self.app.notify(safe_text(text), markup=False)


def _cancelled() -> bool:
    """Whether nobody waits any more for what this worker does."""
    return get_current_worker().is_cancelled
