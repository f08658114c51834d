"""Search patterns, compiled: RE2 first, a backtracking engine with a time limit for what RE2 does not take.

Patterns are RE2's (https://github.com/google/re2/wiki/Syntax) over UTF-8, with `^` and `$` at line ends. A pattern
with lookaround, a backreference or another construct that RE2 refuses runs on the `regex` package instead. Empty
matches are never reported: a pattern that can match nothing, such as `x*`, finds its non-empty matches only.
"""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import re2
import regex

from rlm_tui.context.dialect import rewrite
from rlm_tui.context.expansion import written_out
from rlm_tui.context.literals import UNKNOWN, Analysis, Clause, analyse, analyse_literal
from rlm_tui.errors import PatternError

MAX_PATTERN_CHARS = 20_000
_CACHE_BYTES = 64 << 20
_GATE_BYTES = 1 << 20
"""Patterns whose program needs more run on the other engine: RE2 holds the GIL while it compiles."""

_MOST_NODES = 20_000
"""Patterns for the other engine that become larger are refused: it writes repetitions out, holding the GIL."""

_MIN_PROBE = 4

_ADVICE = "Correct the pattern, or look for the exact text with rlm_find."
_BEYOND_RE2 = (
    "pattern too large",
    "invalid perl operator",
    "invalid escape sequence",
    "bad repetition operator",
    "invalid repetition size",
)
_FUZZY = re.compile(r"\{[a-z]")


@dataclass(frozen=True, slots=True, eq=False)
class CompiledPattern:
    """A pattern ready to run over UTF-8 bytes.

    `required` is a conjunction of clauses: a match contains at least one literal of each clause; where case is
    ignored, with ASCII letters in lower case. `may_cross_lines` is True where a match may contain a newline or the
    pattern depends on where the text starts or ends; it then must run entry by entry. `text_anchors` is the latter
    alone. `max_bytes` bounds the length of a match, None where it has no bound. `probe` finds one literal that every
    match contains, on the line of the match; None where looking for it first would not help.
    """

    source: str
    engine: Literal["re2", "regex"]
    required: tuple[Clause, ...]
    may_cross_lines: bool
    text_anchors: bool
    max_bytes: int | None
    program: Any = field(repr=False)
    probe: Any = field(default=None, repr=False)

    def finditer(
        self, buffer: Any, pos: int, endpos: int, *, timeout_s: float | None = None
    ) -> Iterator[tuple[int, int]]:
        """Yield the byte spans of non-overlapping, leftmost matches within `[pos, endpos)`, in order.

        Empty ones are among them, so that whoever asks can stop in between; they are not to be reported.

        The bytes around the range are seen by `^`, `$` and `\\b`; `\\A` and `\\z` mean the range's ends. Engine
        `re2` releases the GIL and ignores `timeout_s`; engine `regex` decodes the range and raises `TimeoutError`.
        """
        if self.engine == "regex":
            yield from self._backtrack(bytes(memoryview(buffer)[pos:endpos]), pos, timeout_s)
            return
        shift = 0
        if self.text_anchors:
            buffer, shift, endpos, pos = memoryview(buffer)[pos:endpos], pos, endpos - pos, 0
        for match in self.program.finditer(buffer, pos, endpos):
            start, end = match.span()
            yield start + shift, end + shift

    def _backtrack(self, piece: bytes, shift: int, timeout_s: float | None) -> Iterator[tuple[int, int]]:
        text = piece.decode("utf-8", "replace")
        ascii_only = len(text) == len(piece)
        done_chars = done_bytes = 0
        for match in self.program.finditer(text, concurrent=True, timeout=timeout_s):
            start, end = match.span()
            if ascii_only:
                yield shift + start, shift + end
                continue
            done_bytes += len(text[done_chars:start].encode())
            length = len(text[start:end].encode())
            yield shift + done_bytes, shift + done_bytes + length
            done_chars, done_bytes = end, done_bytes + length


def compile_pattern(pattern: str, *, literal: bool = False, ignore_case: bool = False) -> CompiledPattern:
    """Compile a pattern, or with `literal` the text itself.

    `ignore_case` folds as RE2's `(?i)` does: simple Unicode folding, one character for one. Raises `PatternError`
    for an empty pattern and for one that neither engine takes.
    """
    if not pattern:
        raise PatternError("The pattern is empty: give at least one character to look for.")
    if len(pattern) > MAX_PATTERN_CHARS:
        raise PatternError(
            f"The pattern has {len(pattern):,} characters, more than {MAX_PATTERN_CHARS:,}: look for a part of it."
        )
    try:
        source = pattern.encode()
    except UnicodeEncodeError as error:
        raise PatternError(
            f"The pattern holds half a surrogate pair at position {error.start}, which no stored text can contain."
        ) from None
    if literal:
        program = _re2_program(source, literal=True, ignore_case=ignore_case)
        return _compiled(pattern, program, analyse_literal(pattern, ignore_case=ignore_case))
    try:
        program = _re2_program(b"(?m)" + source, literal=False, ignore_case=ignore_case)
    except re2.error as error:
        return _compile_backtracking(pattern, _reason(error), ignore_case)
    rewritten = rewrite(pattern)
    if rewritten.bytewise:
        raise PatternError(f"\\C can cut a character in two and is not supported. {_ADVICE}")
    facts = analyse(rewritten, ignore_case=ignore_case)
    return _compiled(pattern, program, facts, probe=None if ignore_case or rewritten.flags else _probe(pattern, facts))


def _probe(pattern: str, facts: Analysis) -> Any:
    """Return a program that finds the longest literal of a pattern, where it is one literal and not at the start:
    the engine itself is quick to find what a pattern starts with, and slow on what comes before a literal."""
    if facts.crosses_lines or facts.text_anchors or not facts.required or len(facts.required[0]) > 1:
        return None
    (literal,) = facts.required[0]
    if len(literal) < _MIN_PROBE or pattern.encode().startswith(literal):
        return None
    return _re2_program(literal, literal=True, ignore_case=False)


def _compiled(source: str, program: Any, facts: Analysis, *, probe: Any = None) -> CompiledPattern:
    return CompiledPattern(
        source=source,
        engine="re2",
        required=facts.required,
        may_cross_lines=facts.crosses_lines or facts.text_anchors,
        text_anchors=facts.text_anchors,
        max_bytes=facts.max_bytes,
        program=program,
        probe=probe,
    )


def _re2_program(source: bytes, *, literal: bool, ignore_case: bool) -> Any:
    """Compile for RE2; a first, cheap compilation under a small limit turns away programs that are too large."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.literal = literal
    options.case_sensitive = not ignore_case
    options.max_mem = _GATE_BYTES
    re2.compile(source, options)
    options.max_mem = _CACHE_BYTES
    return re2.compile(source, options)


def _compile_backtracking(pattern: str, reason: str, ignore_case: bool) -> CompiledPattern:
    if reason.startswith(_BEYOND_RE2) and written_out(pattern) > _MOST_NODES:
        raise PatternError(
            f"The pattern becomes too large when its repetitions are written out: use smaller counts. {_ADVICE}"
        )
    if not reason.startswith(_BEYOND_RE2):
        raise PatternError(_explain(pattern, reason))
    flags = regex.VERSION0 | regex.MULTILINE | (regex.IGNORECASE if ignore_case else 0)
    try:
        program = regex.compile(pattern, flags)
    except (regex.error, RecursionError, ValueError, OverflowError) as error:
        raise PatternError(_explain(pattern, getattr(error, "msg", reason), getattr(error, "pos", None))) from None
    facts = _analyse_backtracking(pattern, ignore_case)
    return CompiledPattern(
        source=pattern,
        engine="regex",
        required=facts.required,
        may_cross_lines=True,
        text_anchors=True,
        max_bytes=None,
        program=program,
    )


def _analyse_backtracking(pattern: str, ignore_case: bool) -> Analysis:
    """Analyse a pattern for `regex`, only as far as its dialect is the one that the parser knows."""
    if ignore_case or _FUZZY.search(pattern):
        return UNKNOWN
    try:
        rewritten = rewrite(pattern)
    except (re2.error, ValueError, OverflowError):
        return UNKNOWN
    return analyse(rewritten) if set(rewritten.flags) <= set("msu") else UNKNOWN


def _reason(error: Exception) -> str:
    """Return RE2's message, without the flags that were put in front of the pattern."""
    raw = error.args[0] if error.args else b"not a valid pattern"
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    return text.replace("(?m)", "", 1) if ": (?m)" in text else text


def _explain(pattern: str, reason: str, position: int | None = None) -> str:
    if position is None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                re.compile(pattern)
        except re.error as error:
            position = error.pos
        except (RecursionError, OverflowError, ValueError):
            position = None
    if position is None and (fragment := reason.partition(": ")[2]) and fragment in pattern:
        position = pattern.index(fragment)
    place = "" if position is None else f" at position {position}"
    return f"The pattern does not compile{place}: {reason}. {_ADVICE}"
