"""Colours for the text that a view shows: found a moment after it is shown, kept for the windows around it."""

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any

from rlm_tui.context.entry import Entry
from rlm_tui.tui.widgets.syntax import LEAD_CHARS, Colours, colours, load_lexer, suffix_of

if TYPE_CHECKING:
    from rlm_tui.tui.widgets.text_view import TextView

_DELAY_S = 0.03
_BLOCK = 4_096
_SHOWN_LIMIT = 12_000
_CACHED = 24


class SyntaxWindow:
    """Follows what a text view shows. Lexers are imported in a thread, and run on a few thousand characters."""

    def __init__(self, view: "TextView") -> None:
        self._view = view
        self._lexers: dict[str, Any | None] = {}
        self._loading: set[str] = set()
        self._blocks: OrderedDict[int, Colours] = OrderedDict()
        self._waiting = False
        self._reader: object = None

    def between(self, start: int, end: int) -> Colours:
        """Return the colours within `[start, end)` as far as they are known."""
        found: Colours = []
        for block in range(start - start % _BLOCK, end, _BLOCK):
            known = self._blocks.get(block)
            if known:
                found.extend(colour for colour in known if colour[0] < end and start < colour[1])
        return found

    @property
    def settled(self) -> bool:
        """Whether no colours are on their way."""
        return not self._waiting and not self._loading

    def wanted(self) -> None:
        """Find the colours of what is shown, once scrolling rests for a moment."""
        if self._view.reader is not self._reader:
            self._reader = self._view.reader
            self._blocks.clear()
        if not self._waiting:
            self._waiting = True
            self._view.set_timer(_DELAY_S, self._find)

    def _find(self) -> None:
        self._waiting = False
        view = self._view
        if view.reader is None or not view.on_screen:
            return
        start, end = view.on_screen[0].start, view.on_screen[-1].end
        shown = range(start - start % _BLOCK, min(end, start + _SHOWN_LIMIT), _BLOCK)
        block = next((block for block in shown if block not in self._blocks), None)
        found = self._block(block) if block is not None else None
        if block is None or found is None:
            return
        self._blocks[block] = found
        if len(self._blocks) > _CACHED:
            self._blocks.popitem(last=False)
        if found:
            view.colours_arrived()
        self.wanted()  # one block at a time: the next one after other work had its turn

    def _block(self, block: int) -> Colours | None:
        """Return the colours of one block, or None where a lexer is still on its way."""
        reader = self._view.reader
        assert reader is not None
        found: Colours = []
        offset, ready = block, True
        while offset < min(block + _BLOCK, reader.chars):
            entry = reader.entry_at(offset)
            if entry is None:
                break
            end = min(entry.end, block + _BLOCK)
            part = self._part(entry, offset, end)
            if part is None:
                ready = False
            else:
                found.extend(part)
            offset = max(end, offset + 1)
        return found if ready else None

    def _part(self, entry: Entry, start: int, end: int) -> Colours | None:
        if entry.kind != "file":
            return []
        suffix = suffix_of(entry.label)
        if suffix not in self._lexers:
            self._load(suffix, entry.label)
            return None
        lexer = self._lexers[suffix]
        if lexer is None:
            return []
        reader = self._view.reader
        assert reader is not None
        lead = max(entry.start, start - LEAD_CHARS)
        text = reader.read(lead, end - lead)
        found = colours(lexer, text)
        return [(lead + low, lead + high, role) for low, high, role in found or () if lead + high > start]

    def _load(self, suffix: str, label: str) -> None:
        if suffix not in self._loading:
            self._loading.add(suffix)
            self._view.run_worker(partial(self._load_in_thread, suffix, label), thread=True, group=f"lexer {suffix}")

    def _load_in_thread(self, suffix: str, label: str) -> None:
        lexer = load_lexer(label)
        self._view.call_later(self._loaded, suffix, lexer)

    def _loaded(self, suffix: str, lexer: Any | None) -> None:
        self._lexers[suffix] = lexer
        self._loading.discard(suffix)
        self.wanted()
