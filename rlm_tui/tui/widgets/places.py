"""Where a person wants to go: an offset `12,345`, a line `:40` of the present entry, an entry `#17`, or a label."""

from rlm_tui.context.reader import ContextReader
from rlm_tui.errors import UsageError


def offset_of_place(reader: ContextReader, text: str, here: int) -> int:
    """Return the offset that `text` names, seen from the offset `here`.

    Raises `UsageError` with a sentence for the person when there is no such place.
    """
    wanted = text.strip()
    if not wanted:
        raise UsageError("Type an offset such as 12,345, a line such as :40, an entry such as #17, or a label.")
    digits = wanted.lstrip(":#").replace(",", "").replace("_", "").replace(" ", "")
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None
    if number is not None and wanted[0] == ":":
        entry = reader.entry_at(here)
        if entry is None:
            raise UsageError("There is no text here yet, so there is no line to go to.")
        return reader.offset_of_line(entry.number, max(1, number))
    if number is not None and wanted[0] == "#" and number < reader.entry_count:
        return reader.entry(number).start
    if number is not None and wanted[0] not in ":#":
        if number < reader.chars:
            return number
        raise UsageError(f"Offset {number:,} is past the end: the context has {reader.chars:,} characters.")
    found = reader.entries(label=wanted, limit=1) or reader.entries(label=wanted, limit=1, superseded=True)
    if not found:
        raise UsageError("No entry has such a label; type a part of it, or an offset, :line or #entry.")
    return found[0].start
