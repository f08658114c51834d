"""The context of a session that is exported, opened to read excerpts from."""

from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from rlm_tui.context.reader import ContextReader
from rlm_tui.context.store import ContextStore
from rlm_tui.errors import ContextError
from rlm_tui.session.export.masking import Masker
from rlm_tui.session.export.reading import Exported
from rlm_tui.session.session import fold_log

MOST_EXCERPT_CHARS = 2_000
"""The longest excerpt, in characters; of a longer span the beginning is shown."""

_AROUND_CHARS = 400


@contextmanager
def exported_context(exported: Exported) -> Iterator[ContextReader]:
    """Open the session's context for reading; what of it is missing is added to `exported.missing`."""
    store = ContextStore(exported.home, ranked=False)
    try:
        exported.missing += fold_log(exported.directory, exported.home, None, store)
        exported.absent = {attached.segment for attached in exported.attached if not _readable(store, attached.start)}
        yield store
    finally:
        store.close()


def _readable(context: ContextReader, offset: int) -> bool:
    try:
        context.read(offset, 1)
    except ContextError:
        return False
    return True


class Excerpt(Struct, frozen=True):
    """A span of the context with a little of what stands around it.

    Offsets are characters of the session's context, `line` is 1-based within the entry. Where the text is not here,
    `missing` says why and the three texts are empty.
    """

    start: int
    end: int
    entry: int
    label: str
    line: int
    before: str = ""
    text: str = ""
    after: str = ""
    missing: str = ""


def excerpt(context: ContextReader, start: int, end: int, masker: Masker) -> Excerpt:
    """Return the excerpt of `[start, end)`, masked, within the entry that it starts in."""
    entry = context.entry_at(start)
    if entry is None:
        return Excerpt(start, end, -1, "", 0, missing="There is no such place in the context.")
    label = masker.text(entry.label)
    stop = min(end, entry.end)
    try:
        low = max(entry.start, start - _AROUND_CHARS)
        high = min(entry.end, start + MOST_EXCERPT_CHARS, stop + _AROUND_CHARS)
        # Masked in one piece: a secret may reach over the span's edge.
        text = masker.text(context.read(low, high - low), same_length=True)
        line, _ = context.line_of(start)
    except ContextError as error:
        return Excerpt(start, end, entry.number, label, 0, missing=str(error))
    head, tail = start - low, min(stop, high) - low
    before, inner, after = text[:head], text[head:tail], text[tail:]
    return Excerpt(start, end, entry.number, label, line, _last_lines(before, 3), inner, _first_lines(after, 3))


def _last_lines(text: str, count: int) -> str:
    return "".join(text.splitlines(keepends=True)[-count:])


def _first_lines(text: str, count: int) -> str:
    return "".join(text.splitlines(keepends=True)[:count])
