"""The context as a screen reads it: where text is missing, something stands in its place, and nothing is raised."""

from rlm_tui.context.reading import read_text
from rlm_tui.context.view import ContextView
from rlm_tui.errors import ContextError

MISSING = "\u2591"
"""Stands for each character whose text is not here (light shade)."""


class ScreenView(ContextView):
    """A reader of everything, with `MISSING` for the text of segments that cannot be read.

    Tools and calls are given the store itself, which raises: a model must not take a stand-in for text.
    """

    def read(self, offset: int, length: int) -> str:
        try:
            return super().read(offset, length)
        except ContextError:
            return self._read_around_gaps(offset, length)

    def _read_around_gaps(self, offset: int, length: int) -> str:
        refs = self.refs
        end = self._end_of(refs, offset, length)
        pieces = []
        while offset < end:
            number = refs.index_at(offset)
            stop = min(end, int(refs.start[number] + refs.n_chars[number]))
            try:
                pieces.append(read_text(refs, offset, stop))
            except ContextError:
                pieces.append(MISSING * (stop - offset))
            offset = stop
        return "".join(pieces)

    def line_of(self, offset: int) -> tuple[int, int]:
        try:
            return super().line_of(offset)
        except ContextError:
            refs = self.refs
            if not 0 <= offset < refs.chars:
                raise
            return 1, offset - int(refs.start[refs.index_at(offset)]) + 1

    def offset_of_line(self, entry: int, line: int) -> int:
        try:
            return super().offset_of_line(entry, line)
        except ContextError:
            return self.entry(entry).start
