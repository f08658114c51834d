"""What the tools said, read back from their text: hits, totals, entries, text by offset, and sub-calls' quotes."""

import re

from msgspec import Struct

from rlm_tui.text import one_line

_HIT = re.compile(r"@(\d+) \+(\d+) \[entry (\d+)\] (.*?):(\d+):(\d+): ?(.*)")
_TOTAL = re.compile(r"(at least )?([\d,]+) found")
_PARTIAL = re.compile(r"\(partial: ([^)]*)\)")
_ENTRY = re.compile(r"#(\d+) (\w+) (.*) (\d+)-(\d+) \(([\d,]+) characters\)( superseded)?")
_READ_HEAD = re.compile(r"\[(\d+)-(\d+)\] .*?; entries: (.*)")
_ACROSS = re.compile(r"#\d+ (.*?) \((\d+)-(\d+)\)(?:, (?=#)|$| and | \()")
_QUOTE_HEAD = re.compile(r"- \[(\d+)-(\d+)\] (.*), line (\d+) of its part(?:, in ([\w.:*]+ [\w.:]+))?$")
_FAILED = re.compile(r"^(?:\(\d+\) .* FAILED: |The sub-call failed: )(.*)$", re.MULTILINE)


class FoundHit(Struct, frozen=True):
    """One line of a search's result."""

    offset: int
    length: int
    entry: int
    label: str
    line: int
    column: int
    snippet: str


class Found(Struct, frozen=True):
    """A search's result. `problem` is the tool's sentence where it is no list of hits."""

    total: int = 0
    exact: bool = True
    partial: str = ""
    hits: tuple[FoundHit, ...] = ()
    problem: str = ""


class ListedEntry(Struct, frozen=True):
    """One line of the list of entries."""

    number: int
    kind: str
    label: str
    start: int
    end: int


class Block(Struct, frozen=True):
    """Text of one entry: its first character is at `start`."""

    start: int
    label: str
    text: str


class Quote(Struct, frozen=True):
    """Characters `start` up to `end` as they are; `line` is 1-based within the block that they were found in."""

    start: int
    end: int
    label: str
    line: int
    text: str
    score: float = 0.0
    within: str = ""
    """The definition around it (`class Task`), where there is one."""


def read_found(text: str) -> Found:
    """Read the result of `rlm_search`, `rlm_find` or `rlm_rank`."""
    lines = text.split("\n")
    total = _TOTAL.match(lines[0])
    if total is None:
        return Found(problem=one_line(lines[0], 200))
    partial = _PARTIAL.search(lines[0])
    hits = tuple(
        FoundHit(int(m[1]), int(m[2]), int(m[3]), m[4], int(m[5]), int(m[6]), m[7])
        for m in map(_HIT.fullmatch, lines[1:])
        if m is not None
    )
    return Found(int(total[2].replace(",", "")), total[1] is None, partial[1] if partial else "", hits)


def read_entries(text: str) -> list[ListedEntry]:
    """Read the result of `rlm_get_entries`; superseded entries are left out."""
    found = map(_ENTRY.fullmatch, text.split("\n"))
    return [ListedEntry(int(m[1]), m[2], m[3], int(m[4]), int(m[5])) for m in found if m is not None and not m[7]]


def read_blocks(text: str) -> list[Block]:
    """Read the result of `rlm_get_context` as one block for each entry that the text runs across."""
    head, _, body = text.partition("\n")
    match = _READ_HEAD.match(head)
    if match is None:
        return []
    low, high = int(match[1]), int(match[2])
    body = body[: high - low]
    blocks = []
    for across in _ACROSS.finditer(match[3]):
        start, end = max(low, int(across[2])), min(high, int(across[3]))
        if start < end:
            blocks.append(Block(start, across[1], body[start - low : end - low]))
    return blocks or [Block(low, "", body)]


def write_quotes(quotes: list[Quote], chars: int) -> str:
    """Return a sub-call's answer: a head line, then for each quote a line that cites it and its lines after `> `."""
    if not quotes:
        return f"offline: nothing relevant in {chars:,} characters."
    lines = [f"offline: {len(quotes)} quotes from {chars:,} characters."]
    for quote in quotes:
        label = one_line(quote.label, 300)
        lines.append(
            f"- [{quote.start}-{quote.end}] {label}, line {quote.line} of its part"
            + (f", in {quote.within}" if quote.within else "")
        )
        lines += [f"> {line}" for line in quote.text.split("\n")]
    return "\n".join(lines)


def read_quotes(text: str) -> list[Quote]:
    """Read quotes back out of sub-calls' answers; one whose text was cut on the way is left out."""
    quotes: list[Quote] = []
    head: re.Match[str] | None = None
    body: list[str] = []
    for line in [*text.split("\n"), ""]:
        if head is not None and line.startswith("> "):
            body.append(line[2:])
            continue
        if head is not None:
            quote = Quote(int(head[1]), int(head[2]), head[3], int(head[4]), "\n".join(body), within=head[5] or "")
            if quote.end - quote.start == len(quote.text) > 0:
                quotes.append(quote)
        head, body = _QUOTE_HEAD.match(line), []
    return quotes


def read_failures(text: str) -> list[str]:
    """Return why sub-calls failed, each reason once."""
    return list(dict.fromkeys(one_line(reason, 200) for reason in _FAILED.findall(text)))
