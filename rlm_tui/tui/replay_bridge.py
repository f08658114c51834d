"""What a replay screen has in place of an engine: a recording, the context at its moments, and nothing that runs."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from rlm_tui import events as ev
from rlm_tui.config.options import AppOptions, Replay
from rlm_tui.errors import RlmTuiError
from rlm_tui.session.state import SessionState
from rlm_tui.tui.bridge import Bridge

if TYPE_CHECKING:
    from rlm_tui.context.moment import MomentView
    from rlm_tui.context.store import ContextStore
    from rlm_tui.loop.assistant import Assistant
    from rlm_tui.session.replay.recording import Recording


class ReplayBridge(Bridge):
    """Reads a past session on a thread. `wake` is called there when it is read, `refused` when something would run."""

    def __init__(self, options: AppOptions, wake: Callable[[], None], refused: Callable[[], None]) -> None:
        super().__init__(options, wake)
        assert options.replay is not None  # only a replay has such a bridge
        self.replay: Replay = options.replay
        self.session_id = self.replay.directory.name
        self.recording: Recording
        self.moment_view: MomentView
        self.missing: list[str] = []
        self._refused = refused
        self._store: ContextStore | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._read, name="replay", daemon=True)

    def _read(self) -> None:
        try:
            self.recording = self.read_recording()
            self.moment_view = self.open_context()
            self.context = self._store
        except RlmTuiError as error:
            self._fail(str(error))
        except Exception as error:  # noqa: BLE001 - the thread's outermost edge: a person must be told
            from rlm_tui.config.crash import report_crash

            self._fail(report_crash(error, self.options.paths))
        else:
            self.opened = True
            self._signal()
            self.recording.prepare(lambda: self._closed)

    def read_recording(self) -> "Recording":
        """Read the session's log. Raises `SessionError`."""
        from rlm_tui.session.replay.recording import Recording

        return Recording.open(self.replay.directory)

    def open_context(self) -> "MomentView":
        """Open the session's context; `missing` then says what of it is not here."""
        from rlm_tui.context.store import ContextStore
        from rlm_tui.session.session import fold_log

        home = self.options.paths.home
        self._store = ContextStore(home)
        self.missing = fold_log(self.replay.directory, home, None, self._store)
        return self._store.moment()

    def state_at(self, moment: int) -> SessionState:
        """Return the state at a moment; tens of milliseconds for a long session, so not on the screen's thread."""
        return self.recording.state_at(moment)

    def take(self, most: int) -> list[ev.Envelope]:  # noqa: ARG002 - as the bridge's
        """Nothing arrives by itself."""
        return []

    def call(self, work: "Callable[[Assistant], object]") -> bool:  # noqa: ARG002 - as the bridge's
        """Refuse: there is nothing to do it with."""
        self._refused()
        return True

    def close(self) -> bool:
        """Let the session's files go."""
        self._closed = True
        if self._thread.is_alive():
            self._thread.join(5.0)
        if self._store is not None:
            self._store.close()
        return not self._thread.is_alive()
