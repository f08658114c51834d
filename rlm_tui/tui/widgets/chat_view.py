"""The chat: prompts, streamed answers, reasoning, tools and notices, as far as they are on the screen."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.timer import Timer

from rlm_tui.session.nodes import ChatItem
from rlm_tui.session.state import SessionState
from rlm_tui.tui.widgets.chat_blocks import Block, Part, stands_apart
from rlm_tui.tui.widgets.chat_items import Drawing, activity_line
from rlm_tui.tui.widgets.chat_moves import ChatMoves
from rlm_tui.tui.widgets.heights import Heights
from rlm_tui.tui.widgets.markdown.look import Look
from rlm_tui.tui.widgets.strips import Line, Target, padded, restyled

_DRAWN_PARTS = 200
_DRAWN_STRIPS = 300
_BEAT_S = 1 / 8
_FRAME_S = 1 / 30
_GROW_BUDGET_S = 0.006
_GROW_CHARS = 2_048
_BEHIND_CHARS = 32_768
_STREAMED_LINES = 2_000
_UNFOLDED_AT_ONCE = 400
"""Items from the end among which all reasoning is unfolded at a key: each is laid out at once."""
_NEW = " ↓ new "


class ChatView(ChatMoves):
    """The chat items of a session. `bind` it to a state, and say by `items_changed` what changed in it."""

    follows_end = True

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.follow = True
        self.clock: Callable[[], float] = time.time
        self._drawing: Drawing | None = None
        self._state = SessionState()
        self._blocks: list[Block] = []
        self._heights = Heights()
        self._drawn: OrderedDict[Part, Block] = OrderedDict()
        self._strips: deque[Line] = deque()
        self._unseen = False
        self._thinking: dict[int, float] = {}
        self._growing: dict[int, ChatItem] = {}
        self._changed_from = 0
        self._grow_timer: Timer | None = None
        self._next_growth = 0.0
        self._beat_timer: Timer | None = None
        self._beat = 0
        self._activity: Line | None = None
        self.reasoning_shown = False

    # --- content ---------------------------------------------------------------------------------------

    def bind(self, state: SessionState) -> None:
        """Show the items of `state`, from the end."""
        self._state = state
        self._drawing = None
        self._thinking.clear()
        self._growing.clear()
        self.pointed, self.selection, self.chosen, self.follow = None, None, None, True
        self._rebuild()
        self._growing = {item.index: item for item in state.items if item.live}
        self.items_changed([])

    def items_changed(self, items: list[ChatItem]) -> None:
        """Draw what is new in `items`, which are new or changed items of the bound state."""
        self.prepare()
        first = self._heights.total
        appended = len(self._blocks)
        for item in self._state.items[appended:]:
            self._append(item)
        for item in items:
            self._follow_thought(item)
            if item.role == "assistant" and (item.live or self._blocks[item.index].streaming):
                self._growing[item.index] = item
            elif item.index < appended:
                first = min(first, self._heights.start(item.index))
                self._blocks[item.index].forget(self._look_now())
                self._height_changed(item.index)
        first = min(first, self._grow())
        self._follow_turn()
        self._unseen = self._unseen or (bool(items) and not self.follow)
        self._show_from(first)

    def _rebuild(self) -> None:
        """Make all blocks anew, with estimated heights."""
        self._drawn.clear()
        self._blocks = []
        before: ChatItem | None = None
        heights: list[int] = []
        width = self.text_width
        for item in self._state.items:
            block = Block(item, stands_apart(item, before), width)
            self._blocks.append(block)
            heights.append(block.height)
            before = item if heights[-1] else before
        self._heights = Heights(heights)

    def _append(self, item: ChatItem) -> None:
        before = next((block.item for block in reversed(self._blocks[-8:]) if block.height), None)
        block = Block(item, stands_apart(item, before), self.text_width)
        if self.reasoning_shown and item.role == "reasoning":
            self._look_now().unfolded.add(item.index)
        self._blocks.append(block)
        self._heights.append(block.height)

    def _height_changed(self, index: int) -> None:
        old, new = self._heights[index], self._blocks[index].height
        if old != new:
            self._heights.set(index, new)
            self.lines_changed(self._heights.start(index), old, new)

    def _follow_thought(self, item: ChatItem) -> None:
        if item.role != "reasoning":
            return
        if item.live:
            self._thinking.setdefault(item.index, time.monotonic())
        elif item.index in self._thinking:
            self._look_now().thought_s[item.index] = time.monotonic() - self._thinking.pop(item.index)

    # --- growing ---------------------------------------------------------------------------------------

    def _grow(self) -> int:
        """Draw some of what live items have grown by; return the first line that changed."""
        first = self._heights.total
        now = time.perf_counter()
        if not self._growing:
            return first
        if now < self._next_growth:
            self._grow_later()
            return first
        deadline = now + _GROW_BUDGET_S
        for index, item in list(self._growing.items()):
            block = self._blocks[index]
            start = self._heights.start(index)
            more = True
            if item.live or len(self._state.items) - index < 50:
                more = self._grow_block(block, deadline)
            else:
                block.resplit()
                more = False
            first = min(first, start + self._changed_from)
            if not more:
                del self._growing[index]
                if not item.live:
                    block.settle(self._look_now(), keep=not self.follow)
                    first = start
            self._height_changed(index)
        self._next_growth = time.perf_counter() + 2 * (time.perf_counter() - now)
        if self._growing:
            self._grow_later()
        return first

    def _grow_block(self, block: Block, deadline: float) -> bool:
        """Grow one block until it is up to date or time is up; return whether there is more."""
        drawing = self._look_now()
        if self.follow and (block.behind > _BEHIND_CHARS or block.streamed_lines > _STREAMED_LINES):
            block.resplit()
        self._changed_from, more = block.grow(drawing, _GROW_CHARS)
        while more and time.perf_counter() < deadline:
            changed, more = block.grow(drawing, _GROW_CHARS)
            self._changed_from = min(self._changed_from, changed)
        return more

    def _grow_later(self) -> None:
        if self._grow_timer is None and self.is_mounted:
            self._grow_timer = self.set_timer(_FRAME_S, self._grow_again)

    def _grow_again(self) -> None:
        self._grow_timer = None
        self._next_growth = 0.0
        self._show_from(self._grow())

    # --- drawing ---------------------------------------------------------------------------------------

    def _look_now(self) -> Drawing:
        """Return what drawing needs, made again where width or palette changed; what is unfolded stays so."""
        if self._drawing is None:
            self._drawing = Drawing(Look(self.text_width, self.palette), self._state)
        return self._drawing

    def width_changed(self) -> None:
        """Draw everything anew for the new width or palette."""
        old = self._drawing
        self._drawing = Drawing(Look(self.text_width, self.palette), self._state)
        if old is not None:
            self._drawing.unfolded, self._drawing.thought_s = old.unfolded, old.thought_s
        self._rebuild()
        self._growing = {item.index: item for item in self._state.items if item.live}
        self._activity = activity_line(self._drawing, self.clock(), self._beat)

    def line_count(self) -> int:
        """Return the lines of all items, and of the running turn's activity below them."""
        return self._heights.total + (2 if self._activity is not None else 0)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw what comes into view, so that heights are right, then the rows."""
        self.prepare()
        top = self.top
        self._draw_visible()
        if self.top != top and crop.height < self.outer_size.height:
            self.refresh()
        return super().render_lines(crop)

    def _draw_visible(self) -> None:
        """Draw the parts in view; an estimate that was wrong moves nothing that is already on the screen."""
        for _ in range(4 * max(1, self.page)):
            if self.follow:
                self.top = self.last_top
            if not self._draw_one():
                break
        self._keep_within()
        self._drop_old()

    def _draw_one(self) -> bool:
        """Draw the first part in view that is not drawn; return whether its height was not what was thought."""
        line, end = self.top, min(self.top + self.page, self._heights.total)
        while line < end:
            index, within = self._heights.find(line)
            block = self._blocks[index]
            number, first = block.part_at(within)
            part = block.parts[number]
            start, old = self._heights.start(index) + first, part.height
            block.draw(number, self._look_now())
            self._drawn[part] = block
            self._drawn.move_to_end(part)
            if part.height != old:
                if start < self.top:
                    self.top = max(start, start + part.height - (start + old - self.top))
                self._heights.set(index, block.height)
                self.lines_changed(start, old, part.height)
                return True
            line = start + part.height
        return False

    def _drop_old(self) -> None:
        while len(self._drawn) > _DRAWN_PARTS:
            part, block = self._drawn.popitem(last=False)
            if not (block.streaming and part is block.parts[-1]):
                part.lines = None

    def line_at(self, number: int) -> Strip | None:
        """Return a line of an item, or of the activity at the end."""
        line = self._line(number)
        if line is None:
            return None
        if line.strip is None:
            line.strip = line.drawn(self.text_width, self.base_style())
            self._strips.append(line)
            if len(self._strips) > _DRAWN_STRIPS:
                self._strips.popleft().strip = None
        if self.chosen is not None and self.chosen[0] == number:
            target = self.chosen[1]
            marked = restyled(line.strip, target.start, target.end, self.palette.style("cursor", reverse=True))
            return padded(marked, self.text_width, self.base_style())
        return line.strip

    def _line(self, number: int) -> Line | None:
        if number >= self._heights.total:
            return self._activity if number == self._heights.total + 1 else None
        index, within = self._heights.find(number)
        block = self._blocks[index]
        part, first = block.part_at(within)
        lines = block.draw(part, self._look_now())
        return lines[within - first] if within - first < len(lines) else None

    def row_strip(self, row: int) -> Strip | None:
        """Return the line on a row; the last row says so when there is news below."""
        strip = super().row_strip(row)
        if self._unseen and self.at_end:
            self._unseen = False
        if not self._unseen or row != self.page - 1:
            return strip
        style = self.palette.style("accent", on="raised", bold=True)
        room = max(0, self.text_width - len(_NEW))
        before = padded(strip if strip is not None else Strip.blank(0), room, self.base_style())
        return Strip([*before, *Strip([Segment(_NEW, style)])])

    def _show_from(self, first: int) -> None:
        self.content_changed(first)

    # --- the running turn ------------------------------------------------------------------------------

    def _follow_turn(self) -> None:
        """Keep the activity line moving while a turn runs, and only then."""
        running = self._state.running_turn is not None
        if running and self._beat_timer is None and self.is_mounted:
            self._beat_timer = self.set_interval(_BEAT_S, self._on_beat)
        elif not running and self._beat_timer is not None:
            self._beat_timer.stop()
            self._beat_timer = None
        self._activity = activity_line(self._look_now(), self.clock(), self._beat)

    def _on_beat(self) -> None:
        self._beat += 1
        self._activity = activity_line(self._look_now(), self.clock(), self._beat)
        self.content_changed(self._heights.total)

    # --- what the moves need ---------------------------------------------------------------------------

    def items(self) -> list[ChatItem]:
        """Return the items that are shown."""
        return [block.item for block in self._blocks]

    def first_line(self, index: int) -> int:
        """Return the first line of an item, without the blank line before it."""
        return self._heights.start(index) + int(self._blocks[index].apart and self._blocks[index].height > 1)

    def item_at(self, line: int) -> int | None:
        """Return which item a line belongs to."""
        return self._heights.find(line)[0] if 0 <= line < self._heights.total else None

    def targets_of(self, line: int) -> tuple[Target, ...]:
        """Return what can be chosen on a line."""
        found = self._line(line)
        return found.targets if found is not None else ()

    def code_at(self, line: int) -> str:
        """Return the code block that a line is in, or nothing."""
        if not 0 <= line < self._heights.total:
            return ""
        index, within = self._heights.find(line)
        number, first = self._blocks[index].part_at(within)
        codes = self._blocks[index].parts[number].codes
        return next((code.text for code in codes if code.first <= within - first < code.last), "")

    def toggle_reasoning(self) -> bool:
        """Unfold all reasoning, that which is still to come too, or fold it again; return which."""
        self.reasoning_shown = not self.reasoning_shown
        drawing = self._look_now()
        for item in self.items()[-_UNFOLDED_AT_ONCE:]:
            if item.role == "reasoning" and (item.index in drawing.unfolded) != self.reasoning_shown:
                self.toggle(item.index)
        return self.reasoning_shown

    def toggle(self, index: int) -> None:
        """Unfold an item, or fold it again."""
        drawing = self._look_now()
        drawing.unfolded ^= {index}
        old = self._heights[index]
        self._blocks[index].forget(drawing)
        self._blocks[index].draw(0, drawing)
        start, new = self._heights.start(index), self._blocks[index].height
        self._heights.set(index, new)
        self.lines_changed(start, old, new)
        self.content_changed(start if start >= self.top else 0)
