"""Going back: the files of the assistant's last turn, or a whole stretch of the conversation, and forth again.

Each way begins with a plan that says what will change; carrying it out checks that nothing changed in between. A file
that the person changed after the assistant did is a conflict: nothing is done unless `force` says so.
"""

from dataclasses import dataclass

from rlm_tui import events as ev
from rlm_tui.errors import ToolError, UsageError
from rlm_tui.session.session import Session
from rlm_tui.workspace.project_files import ProjectFiles
from rlm_tui.workspace.snapshots import Step, take_steps


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What going back or forth will do. `steps` are the files that change; `to_turn` as in `Reverted`."""

    undo: bool
    snapshots: tuple[ev.SnapshotTaken, ...]
    steps: tuple[Step, ...]
    to_turn: int
    kept_bytes: int

    @property
    def conflicts(self) -> tuple[Step, ...]:
        """Files that are not as the assistant left them."""
        return tuple(step for step in self.steps if step.conflict)

    @property
    def summary(self) -> str:
        """A few lines for a person: what becomes of each file, conflicts, and what snapshots take on the disk."""
        lines = [_step_line(step) for step in self.steps] or ["No file changes."]
        if self.to_turn:
            what = "no longer count" if self.undo else "count again"
            lines.append(f"Turns from {self.to_turn} on {what} in the conversation.")
        if self.conflicts:
            lines.append("Files marked ! were changed after the assistant changed them; that change would be lost.")
        lines.append(f"Snapshots of this session take {self.kept_bytes / 1_000_000:.1f} MB.")
        return "\n".join(lines)

    @property
    def diff(self) -> str:
        """All the steps as one unified diff."""
        return "".join(step.diff for step in self.steps)


def _step_line(step: Step) -> str:
    mark = "!" if step.conflict else " "
    if step.then is None:
        return f"{mark} delete  {step.path}"
    return f"{mark} {'create ' if step.now is None else 'restore'} {step.path}"


class Undo:
    """Undo, redo and rewind for one session. Its methods are called on the session's loop, between turns."""

    def __init__(self, session: Session, files: ProjectFiles) -> None:
        self._session = session
        self._files = files

    def plan_undo(self) -> UndoPlan:
        """Plan to take back the files of the last turn that changed any. Raises `UsageError` where there is none."""
        applied = self._session.state.applied
        if not applied:
            raise UsageError("There is nothing to undo: the assistant has changed no file that is not undone already.")
        return self._plan(tuple(taken for taken in applied if taken.turn == applied[-1].turn), 0)

    def plan_rewind(self, turn: int, *, files: bool = True) -> UndoPlan:
        """Plan to go back to before `turn`, with or without the files. Raises `UsageError` for an unknown turn."""
        state = self._session.state
        if not any(known.number == turn and not known.reverted for known in state.turns):
            raise UsageError(f"There is no turn {turn} to go back to.")
        return self._plan(tuple(t for t in state.applied if files and t.turn >= turn), turn)

    def plan_redo(self) -> UndoPlan:
        """Plan to bring back what was undone last. Raises `UsageError` where nothing was, or something came since."""
        redoable = self._session.state.redoable
        if not redoable:
            raise UsageError("There is nothing to redo: nothing was undone, or something was done since.")
        event, snapshots = redoable[-1]
        steps = self._steps(snapshots, undo=False)
        return UndoPlan(False, snapshots, steps, event.to_turn, self._files.snapshots.size)

    def carry_out(self, plan: UndoPlan, *, force: bool = False) -> None:
        """Do what `plan` says, as far as it still holds.

        Raises `UsageError` where a conflict needs `force`, where files changed since the plan was made, or while a
        turn runs.
        """
        if self._session.state.busy:
            raise UsageError("A turn is running: interrupt it first, then undo.")
        if self._steps(plan.snapshots, undo=plan.undo) != plan.steps:
            raise UsageError("Files changed since this was planned: look at what would happen once more.")
        if plan.conflicts and not force:
            names = ", ".join(self._files.label_of(step.path) for step in plan.conflicts)
            raise UsageError(f"{names} changed after the assistant changed it: confirm that this change may be lost.")
        first = plan.snapshots[0].snapshot if plan.snapshots else ""
        paths = tuple(str(step.path) for step in plan.steps)
        try:
            take_steps(plan.steps)
        except ToolError as error:
            raise UsageError(str(error)) from None
        self._session.record(ev.Reverted(first, paths, plan.to_turn, plan.undo))
        self._session.barrier()

    def _plan(self, snapshots: tuple[ev.SnapshotTaken, ...], to_turn: int) -> UndoPlan:
        return UndoPlan(True, snapshots, self._steps(snapshots, undo=True), to_turn, self._files.snapshots.size)

    def _steps(self, snapshots: tuple[ev.SnapshotTaken, ...], *, undo: bool) -> tuple[Step, ...]:
        try:
            return tuple(self._files.snapshots.plan([taken.snapshot for taken in snapshots], undo=undo))
        except ToolError as error:
            raise UsageError(str(error)) from None
