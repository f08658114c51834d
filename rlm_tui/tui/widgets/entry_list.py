"""The entries of the context: offset, type, label, size and what was touched of each; quick for any number of them."""

from collections import OrderedDict
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from rlm_tui.context.entry import Entry
from rlm_tui.context.reader import ContextReader
from rlm_tui.events import ENTRY_KINDS
from rlm_tui.session.coverage import Coverage
from rlm_tui.session.state import SessionState
from rlm_tui.text import safe_text
from rlm_tui.tui.widgets.columns import left, right
from rlm_tui.tui.widgets.coverage_strip import bar_segments
from rlm_tui.tui.widgets.entry_order import SORTS, EntryOrder
from rlm_tui.tui.widgets.line_view import LineView
from rlm_tui.tui.widgets.strips import Target, padded

_SLICE_S = 0.004
_WORK_INTERVAL_S = 1 / 30
_CACHED_ENTRIES = 1_000
_CACHED_STRIPS = 200
_MARK, _KIND, _SHORT_KIND, _GAP = 2, 9, 4, 2
_LABEL_MIN = 20


class EntryList(LineView):
    """One line an entry. Posts `Opened` for the entry that is chosen, `Changed` when its filter or size did."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,right", "open", "Read the entry", show=False),
        Binding("k", "next_kind", "Only one type, then the next", show=False),
        Binding("l", "ask_label", "Only labels that contain …", show=False),
        Binding("u", "toggle_touched", "Only touched entries, or all", show=False),
        Binding("s", "next_sort", "By offset, size, label", show=False),
        Binding("x", "toggle_superseded", "Hide or show superseded entries", show=False),
    ]

    class Opened(Message):
        """Enter or a click on the chosen entry: show its text."""

        def __init__(self, entry: Entry) -> None:
            super().__init__()
            self.entry = entry

    class Changed(Message):
        """The filter, the order or the number of rows changed."""

    class LabelWanted(Message):
        """The person wants to filter by label."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.order: EntryOrder | None = None
        self.row = 0
        self._reader: ContextReader | None = None
        self._state: SessionState | None = None
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._strips: dict[tuple[int, bool], Strip] = {}
        self._seen = (-1, -1)
        self._working = False

    # --- content ---------------------------------------------------------------------------------------

    def bind(self, reader: ContextReader, state: SessionState) -> None:
        """Show the entries of `reader`, marked by the coverage of `state`."""
        self._reader, self._state = reader, state
        self.order = EntryOrder(reader, state.coverage)
        self.row = 0
        self._entries.clear()
        self._again()

    def show_coverage(self, coverage: Coverage) -> None:
        """Mark the entries, and tell touched ones, by another coverage: one turn's, or the session's again."""
        if self.order is not None:
            self.order.coverage = coverage
            self._seen = (self._seen[0], -1)
            self.context_changed()

    def context_changed(self) -> None:
        """Take in new and superseded entries, and new touches."""
        if self._reader is None or self._state is None or self.order is None:
            return
        self._entries.clear()
        now = (self._reader.entry_count, self.order.coverage.version)
        if now == self._seen:
            self._strips.clear()
            self.refresh()
            return
        if now[0] != self._seen[0]:
            self.order.grew()
        if now[1] != self._seen[1] and self.order.touched:
            self.order.restart()
        self._seen = now
        self._strips.clear()
        self._work_on()
        self.content_changed()
        self.post_message(self.Changed())

    def set_label(self, label: str) -> None:
        """Keep only labels that contain `label` (or match it, where it has `*`); empty keeps all."""
        if self.order is not None:
            self.order.label = label
            self._again()

    def _again(self) -> None:
        """Gather the rows anew and stay at the entry that was chosen."""
        if self.order is None:
            return
        self.order.restart()
        self.row = 0
        self.top = 0
        self._strips.clear()
        self._work_on()
        self.content_changed()
        self.post_message(self.Changed())

    def _work_on(self) -> None:
        if self.order is not None and not self.order.finished and not self._working:
            self._working = True
            self._work()

    def _work(self) -> None:
        self._working = False
        if self.order is None:
            return
        if self.order.work(_SLICE_S):
            self.content_changed()
        if self.order.finished:
            self.post_message(self.Changed())
        else:
            self._working = True
            self.set_timer(_WORK_INTERVAL_S, self._work)

    def entry(self, row: int) -> Entry | None:
        """Return the entry of a row."""
        if self._reader is None or self.order is None or not 0 <= row < len(self.order):
            return None
        number = self.order.number(row)
        known = self._entries.get(number)
        if known is None:
            known = self._entries[number] = self._reader.entry(number)
            if len(self._entries) > _CACHED_ENTRIES:
                self._entries.popitem(last=False)
        return known

    def show_entry(self, number: int) -> None:
        """Put the cursor on an entry, or near to where it would be."""
        if self.order is not None and len(self.order):
            self.move_to(self.order.row_of(number))

    # --- lines -----------------------------------------------------------------------------------------

    def repaint(self) -> None:
        """Draw all rows again."""
        self.refresh()

    def line_count(self) -> int:
        """One line an entry."""
        return len(self.order) if self.order is not None else 0

    def width_changed(self) -> None:
        """Columns have other widths."""
        self._strips.clear()

    def on_focus(self) -> None:
        """Show the cursor's row as that of the pane in use."""
        self._strips.clear()
        super().on_focus()

    def on_blur(self) -> None:
        """Show the cursor's row as that of a pane not in use."""
        self._strips.clear()
        super().on_blur()

    def line_at(self, number: int) -> Strip | None:
        """Draw the entry of a row."""
        key = (number, number == self.row)
        known = self._strips.get(key)
        if known is None:
            entry = self.entry(number)
            if entry is None:
                return None
            if len(self._strips) > _CACHED_STRIPS:
                self._strips.clear()
            known = self._strips[key] = padded(self._drawn(entry, key[1]), self.text_width, self._ground(key[1]))
        return known

    def _ground(self, chosen: bool) -> Style:
        base = self.base_style()
        return base + self.palette.ground("selection" if self.has_focus else "raised") if chosen else base

    def widths(self) -> tuple[int, int, int, int, int]:
        """Return the cells of offset, type, label, size and touched; 0 for a column that found no room."""
        chars = self._reader.chars if self._reader is not None else 0
        offset = size = max(6, len(f"{chars:,}"))
        kind, touched = _KIND, 10
        room = self.text_width - _MARK
        label = room - offset - kind - size - touched - 4 * _GAP
        if label < _LABEL_MIN:
            kind, label = _SHORT_KIND, label + _KIND - _SHORT_KIND
        if label < _LABEL_MIN:
            touched, label = 5, label + 5
        if label < _LABEL_MIN:
            size, label = 0, label + size + _GAP
        if label < _LABEL_MIN:
            kind, label = 0, label + kind + _GAP
        return offset, kind, max(1, label), size, touched

    def column_names(self) -> str:
        """Return the line above the first row."""
        offset, kind, label, size, touched = self.widths()
        cells = [right("offset", offset), left("type", kind), left("label", label), right("size", size)]
        cells.append(left("touched" if touched > 6 else "touch", touched))
        return " " * _MARK + "  ".join(cell for cell in cells if cell)

    def _drawn(self, entry: Entry, chosen: bool) -> Strip:
        offset, kind, label, size, touched = self.widths()
        palette, ground = self.palette, self._ground(chosen)
        quiet = "faint" if entry.superseded else "dim"
        style = ground + palette.style("dim" if entry.superseded else "text", strike=entry.superseded or None)
        numbers = ground + palette.style("dim" if entry.superseded else "text")
        name = safe_text(entry.label, newlines=False) + (f" {entry.part + 1}/{entry.parts}" if entry.parts > 1 else "")
        segments = [
            Segment("▸ " if chosen else "  ", ground + palette.style("accent")),
            Segment(right(f"{entry.start:,}", offset) + "  ", numbers),
        ]
        if kind:
            segments.append(Segment(left(entry.kind[:kind], kind) + "  ", ground + palette.style(quiet)))
        segments.append(Segment(left(name, label), style))
        segments.append(Segment("  ", ground))
        if size:
            segments.append(Segment(right(f"{entry.chars:,}", size) + "  ", numbers))
        if self.order is not None:
            segments += bar_segments(self.order.coverage, entry.start, entry.end, touched, palette, ground)
        return Strip(segments)

    # --- moving ----------------------------------------------------------------------------------------

    def move_to(self, row: int) -> None:
        """Put the cursor on a row and bring it into view."""
        row = max(0, min(row, self.line_count() - 1))
        if row != self.row:
            self.row = row
            self.refresh()
        self.show_line(row)

    def action_scroll(self, lines: int) -> None:
        """Move the cursor."""
        self.move_to(self.row + lines)

    def action_page(self, pages: int) -> None:
        """Move the cursor by pages."""
        self.move_to(self.row + pages * max(1, self.page - 1))

    def action_scroll_home(self) -> None:
        """Go to the first entry."""
        self.move_to(0)

    def action_scroll_end(self) -> None:
        """Go to the last entry."""
        self.move_to(self.line_count() - 1)

    def on_line_click(self, line: int, column: int, target: Target | None) -> None:  # noqa: ARG002 - the whole line counts
        """Choose the entry, or open it when it is the chosen one."""
        if line >= self.line_count():
            return
        if line == self.row:
            self.action_open()
        self.move_to(line)

    # --- actions ---------------------------------------------------------------------------------------

    def action_open(self) -> None:
        """Show the text of the entry at the cursor."""
        entry = self.entry(self.row)
        if entry is not None:
            self.post_message(self.Opened(entry))

    def action_next_kind(self) -> None:
        """Keep one type of entry, then the next, then all again."""
        if self.order is not None:
            kinds = [None, *ENTRY_KINDS]
            self.order.kind = kinds[(kinds.index(self.order.kind) + 1) % len(kinds)]
            self._again()

    def action_ask_label(self) -> None:
        """Ask for a part of the label."""
        self.post_message(self.LabelWanted())

    def action_toggle_touched(self) -> None:
        """Keep only what was touched, or all again."""
        if self.order is not None:
            self.order.touched = not self.order.touched
            self._again()

    def action_toggle_superseded(self) -> None:
        """Hide entries that are no longer current, or show them (dim, struck through)."""
        if self.order is not None:
            self.order.current = not self.order.current
            self._again()

    def action_next_sort(self) -> None:
        """Order by offset, size or label."""
        if self.order is not None:
            self.order.sort = SORTS[(SORTS.index(self.order.sort) + 1) % len(SORTS)]
            self._again()
