"""The bar of a replay: where it is, how fast it goes, and a timeline of turns, calls, errors and cost to seek on."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from rlm_tui.session.replay.marks import Mark
from rlm_tui.session.replay.player import Player
from rlm_tui.text import one_line
from rlm_tui.tui.numbers import cost_text
from rlm_tui.tui.widgets.title_line import palette_of

_LEVELS = " ▁▂▃▄▅▆▇█"
_RANK = {"error": 4, "turn": 3, "answer": 2, "call": 1, "tool": 0, "reply": 0, "notice": 0}
_SIGNS = {"turn": ("┃", "accent"), "answer": ("◆", "cited"), "error": ("✗", "bad")}


class Cell:
    """What falls into one column of the timeline: the weightiest mark, how many calls, and the cost by its end."""

    __slots__ = ("calls", "cost", "mark")

    def __init__(self) -> None:
        self.mark: Mark | None = None
        self.calls = 0
        self.cost = 0.0


def timeline_cells(marks: list[Mark], length: int, width: int) -> list[Cell]:
    """Distribute the marks of `length` records over `width` columns."""
    cells = [Cell() for _ in range(width)]
    for mark in marks:
        cell = cells[min(width - 1, (mark.moment - 1) * width // max(1, length))]
        cell.calls += mark.kind == "call"
        cell.cost = mark.cost
        if cell.mark is None or _RANK[mark.kind] > _RANK[cell.mark.kind]:
            cell.mark = mark
    cost = 0.0
    for cell in cells:
        cost = cell.cost = max(cost, cell.cost)
    return cells


class ReplayBar(Widget, can_focus=True):
    """Three lines: the figures, the timeline, and the calls and cost below it. Posts `Seek` for a place on it."""

    DEFAULT_CSS = "ReplayBar { height: 4; background: $panel; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "seek(-1)", "A column back", show=False),
        Binding("right", "seek(1)", "A column forward", show=False),
        Binding("home", "seek_to(0)", "To the beginning", show=False),
        Binding("end", "seek_to(1)", "To the end", show=False),
    ]

    class Seek(Message):
        """Go to this moment."""

        def __init__(self, moment: int) -> None:
            super().__init__()
            self.moment = moment

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._player: Player | None = None
        self._cells: list[Cell] = []
        self._width = 0
        self._cost = 0.0
        self._cost_known = True
        self._turns = (0, 0)
        self._busy = False

    def bind(self, player: Player) -> None:
        """Show this replay."""
        self._player = player
        self._width = 0
        self.refresh()

    def show(self, cost: float, cost_known: bool, turn: int, *, seeking: bool) -> None:
        """Take the figures of the moment that is shown."""
        turns = sum(mark.kind == "turn" for mark in self._player.recording.marks) if self._player is not None else 0
        self._cost, self._cost_known, self._turns, self._busy = cost, cost_known, (turn, turns), seeking
        self.refresh()

    # --- drawing ---------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw one of the four lines."""
        width = self.content_size.width
        base = self.rich_style
        if self._player is None:
            return Strip([Segment(" reading the session …".ljust(width), base)], width)
        if width != self._width:
            self._width = width
            self._cells = timeline_cells(self._player.recording.marks, len(self._player.recording), max(1, width))
        if y == 0:
            return self._figures(width, base)
        if y > 3 or not width:
            return Strip.blank(width, base)
        return Strip(self._timeline(y, width, base), width)

    def _figures(self, width: int, base: Style) -> Strip:
        assert self._player is not None  # checked by the caller
        player, palette = self._player, palette_of(self)
        accent, dim = base + palette.style("accent") + Style(bold=True), base + palette.style("dim")
        state = "▶ playing" if player.playing else "■ at the end" if player.ended else "‖ paused"
        left = [
            Segment(f"REPLAY  {state}", accent),
            Segment(f"  {player.speed:g}x{'' if player.waiting else ', waiting skipped'}", base),
            Segment("  …" if self._busy else "", dim),
        ]
        turn, turns = self._turns
        parts = (
            f"turn {turn}/{turns}",
            f"record {player.moment:,}/{len(player.recording):,}",
            f"{_clock(player.elapsed)}/{_clock(player.length)}",
            cost_text(self._cost, self._cost_known),
        )
        right = "  ".join(parts)
        used = sum(segment.cell_length for segment in left)
        if used + len(right) + 1 > width:
            right = f"{player.moment:,}/{len(player.recording):,}"
        gap = max(1, width - used - len(right))
        return Strip([*left, Segment(" " * gap + right, dim)]).adjust_cell_length(width, base)

    def _timeline(self, y: int, width: int, base: Style) -> list[Segment]:
        palette, here = palette_of(self), self._here(width)
        most_calls = max((cell.calls for cell in self._cells), default=0) or 1
        most_cost = self._cells[-1].cost if self._cells else 0.0
        segments = []
        for column, cell in enumerate(self._cells):
            if y == 1:
                sign, role = _SIGNS.get(cell.mark.kind if cell.mark is not None else "", ("─", "faint"))
                if column == here:
                    sign, role = "●", "accent"
            elif y == 2:
                sign, role = _level(cell.calls, most_calls), "sent"
            else:
                sign, role = _level(cell.cost, most_cost), "matched"
            past = Style() if column <= here else Style(dim=True)
            segments.append(Segment(sign, base + palette.style(role) + past))
        return segments

    def _here(self, width: int) -> int:
        assert self._player is not None  # checked by the caller
        moment, length = self._player.moment, len(self._player.recording)
        return min(width - 1, max(0, moment - 1) * width // max(1, length))

    # --- seeking ---------------------------------------------------------------------------------------

    def action_seek(self, by: int) -> None:
        """Go some columns back or forward."""
        if self._player is not None and self._width:
            length = len(self._player.recording)
            step = max(1, length // self._width)
            self.post_message(self.Seek(self._player.moment + by * step))

    def action_seek_to(self, end: int) -> None:
        """Go to the beginning (0) or the end (1)."""
        if self._player is not None:
            self.post_message(self.Seek(len(self._player.recording) if end else 0))

    def on_click(self, event: events.Click) -> None:
        """Go where the timeline was clicked."""
        place = event.get_content_offset(self)
        if self._player is not None and place is not None and place.y > 0 and self._width:
            length = len(self._player.recording)
            self.post_message(self.Seek(-(-(place.x + 1) * length // self._width)))

    def what_is_at(self, column: int) -> str:
        """Return in a few words what the timeline has in a column."""
        mark = self._cells[column].mark if 0 <= column < len(self._cells) else None
        return f"{mark.kind}: {one_line(mark.text, 60)}" if mark is not None else ""


def _level(value: float, most: float) -> str:
    """Return a block as high as `value` is of `most`; what is not nothing is seen."""
    if value <= 0 or most <= 0:
        return " "
    return _LEVELS[max(1, min(8, round(8 * value / most)))]


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours, rest = divmod(whole, 3_600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
