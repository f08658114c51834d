"""Lines of an entry: numbers, columns, starts, and the snippet around a match.

Only a line feed ends a line; a carriage return before it is the line's last character.
"""

from rlm_tui.context.table import Source

SNIPPET_CHARS = 200
_BEFORE_MATCH = 60
_NEAR_BYTES = 2_048
_REACH_BYTES = 4 * (SNIPPET_CHARS + 2)  # four bytes a character, and one character may be cut at the edge


def line_and_column(source: Source, seq: int, within: int) -> tuple[int, int]:
    """Return the 1-based line and column of the character `within` characters after the entry's start."""
    tape = source.tape
    return line_and_column_at(source, seq, tape.byte_of(source.table.char_start[seq] + within))


def line_and_column_at(source: Source, seq: int, byte: int) -> tuple[int, int]:
    """Return the 1-based line and column of the character that starts at a byte of the tape."""
    tape, first = source.tape, source.table.byte_start[seq]
    before_entry = tape.lines_before(first)
    before = tape.lines_before(byte)
    near = max(first, byte - _NEAR_BYTES)
    feed = tape.buffer.rfind(b"\n", near, byte)
    if feed >= 0 or near == first:
        line_byte = feed + 1 if feed >= 0 else first
        return before - before_entry + 1, tape.chars_within(line_byte, byte) + 1
    line_byte = tape.after_line_feed(before) if before > before_entry else first
    return before - before_entry + 1, tape.char_of(byte) - tape.char_of(line_byte) + 1


def line_start(source: Source, seq: int, line: int) -> int:
    """Return how many characters of the entry lie before 1-based `line`, clipped to its first and last line.

    The last line is the one that holds the last character, so a final line feed starts no further line.
    """
    tape, table = source.tape, source.table
    first, size = table.byte_start[seq], table.n_bytes[seq]
    if line <= 1 or size == 0:
        return 0
    before_entry = tape.lines_before(first)
    feeds = tape.lines_before(first + size - 1) - before_entry
    wanted = min(line - 1, feeds)
    if wanted == 0:
        return 0
    return tape.char_of(tape.after_line_feed(before_entry + wanted)) - table.char_start[seq]


def snippet(source: Source, low: int, high: int, start: int) -> str:
    """Return the line in which a match begins, cut around it to `SNIPPET_CHARS` characters with `…`.

    `low` and `high` are the bytes between which text may be shown, `start` is where the match begins.
    """
    buffer = source.tape.buffer
    left = max(low, start - _REACH_BYTES)
    feed = buffer.rfind(b"\n", left, start)
    before = str(buffer[feed + 1 if feed >= 0 else left : start], "utf-8", "ignore")
    right = min(high, start + _REACH_BYTES)
    feed = buffer.find(b"\n", start, right)
    right = feed if feed >= 0 else right
    after = str(buffer[start:right], "utf-8", "ignore").rstrip("\r")
    room_before = max(_BEFORE_MATCH, SNIPPET_CHARS - len(after))
    if len(before) > room_before:
        before = "…" + before[len(before) - room_before + 1 :]
    room_after = SNIPPET_CHARS - len(before)
    if len(after) > room_after:
        after = after[: room_after - 1] + "…"
    return before + after
