"""Quotes out of a piece of text: the lines that fit a question best, as whole definitions, comments or statements.

A quote is always some characters of the text exactly as they are, so that its offsets can be computed and checked.
"""

import re
from collections.abc import Sequence

from rlm_tui.models.offline_question import Question
from rlm_tui.models.offline_results import Block, Quote
from rlm_tui.models.offline_scoring import DEFINITION, line_kind, line_score, path_factor, rarity
from rlm_tui.models.offline_words import fits, may_fit

MAX_QUOTES = 5
_QUOTE_LINES = 8
_LINE_CHARS = 300
_CANDIDATES = 60
_COMMENT_LINE = re.compile(r"\s*(?:#|//|\*|/\*|--|;;)")
_DOCSTRING = re.compile(r"\s*[rbuRBU]{0,2}(\"\"\"|''')")


class Lines:
    """The lines of a block, with where each begins."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.texts = block.text.split("\n")
        self.starts: list[int] = []
        place = block.start
        for text in self.texts:
            self.starts.append(place)
            place += len(text) + 1

    def quote(self, first: int, last: int, score: float, within: str = "") -> Quote:
        """Return lines `first` to `last` as one quote: whole lines; a single one without the blanks around it."""
        start, text = self.starts[first], "\n".join(self.texts[first : last + 1])
        if first == last:
            stripped = text.strip()
            start += text.find(stripped)
            text = stripped
        if len(self.texts[first]) > _LINE_CHARS:
            text = text[:_LINE_CHARS]
        return Quote(start, start + len(text), self.block.label, first + 1, text, score, within)


def extract(question: Question, blocks: Sequence[Block], most: int = MAX_QUOTES) -> list[Quote]:
    """Return the best quotes of some blocks, best first; none overlaps another.

    A question without any word to look for gets an outline: the first lines and the definitions.
    """
    found: list[Quote] = []
    for block in blocks:
        found += _from_block(question, block) if question.terms or _exact_texts(question) else _outline(block)
    found.sort(key=lambda quote: (-quote.score, quote.start))
    return _apart(found, most)


def first_lines(block: Block) -> Quote | None:
    """Return the first paragraphs of a block that hold prose: what a read-me says of itself."""
    lines = Lines(block)
    first = next((i for i, text in enumerate(lines.texts) if re.match(r"\s*(?:#\s+)?\w", text)), None)
    if first is None:
        return None
    last, paragraphs = first, 0
    for index in range(first, min(first + 14, len(lines.texts))):
        if lines.texts[index].strip():
            last = index
        elif lines.texts[last].strip() and not lines.texts[last].startswith("#"):
            paragraphs += 1
            if paragraphs == 2:
                break
    return lines.quote(first, last, 1.0)


def _from_block(question: Question, block: Block) -> list[Quote]:
    lines = Lines(block)
    worth = path_factor(block.label, question)
    maybe = may_fit(question.terms)
    exact = re.compile("|".join(re.escape(t) for t in _exact_texts(question)) or r"(?!)")
    indexes = [i for i, text in enumerate(lines.texts) if maybe.search(text) or exact.search(text)]
    own = {i: fits(question.terms, lines.texts[i][:2_000]) for i in indexes}
    counts = [sum(1 for fit in own.values() if fit[t] > 0) for t in range(len(question.terms))]
    weights = rarity(counts, max(40, len(lines.texts)))
    scored = []
    for index in indexes:
        first, last = _unit(lines, index)
        near = _around(question, lines, index, first, last)
        score = line_score(question, weights, lines.texts[index][:2_000], block.label, near) * worth
        if score > 0:
            scored.append((score, index, first, last))
    scored.sort(key=lambda item: (-item[0], item[1]))
    return [
        lines.quote(first, last, score, _within(lines, index)) for score, index, first, last in scored[:_CANDIDATES]
    ]


def _outline(block: Block) -> list[Quote]:
    lines = Lines(block)
    first = first_lines(block)
    found = [first] if first is not None else []
    for index, text in enumerate(lines.texts):
        if DEFINITION.match(text) and _indent(text) == 0 and len(found) < 12:
            found.append(lines.quote(index, _definition_end(lines.texts, index), 1.0 / (2 + len(found))))
    return found


def _within(lines: Lines, index: int) -> str:
    heads = _enclosing(lines, index)
    match = DEFINITION.match(heads[0]) if heads else None
    return f"{match[1]} {match[2]}" if match is not None else ""


def _exact_texts(question: Question) -> list[str]:
    return [*question.quoted, *(name.rsplit(".", 1)[-1] for name in question.names)]


def _around(question: Question, lines: Lines, index: int, first: int, last: int) -> list[float]:
    """Return what the rest of the unit and the definitions around a line fit."""
    rest = [lines.texts[i][:500] for i in range(first, last + 1) if i != index]
    rest += _enclosing(lines, index)
    return fits(question.terms, "\n".join(rest))


def _enclosing(lines: Lines, index: int) -> list[str]:
    """Return the heads of the definitions that a line lies in, by indentation, innermost first."""
    indent = _indent(lines.texts[index])
    heads: list[str] = []
    for place in range(index - 1, max(-1, index - 400), -1):
        text = lines.texts[place]
        if not text.strip():
            continue
        depth = _indent(text)
        if depth < indent:
            if DEFINITION.match(text):
                heads.append(text[:300])
                if len(heads) == 2:
                    break
            indent = depth
            if depth == 0:
                break
    return heads


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _unit(lines: Lines, index: int) -> tuple[int, int]:
    """Return the first and last line of what belongs to a line: its docstring, comment, or the rest of a statement."""
    texts = lines.texts
    if len(texts[index]) > _LINE_CHARS:
        return index, index
    kind = line_kind(texts[index])
    if kind == "definition":
        return _comment_above(texts, index), _definition_end(texts, index)
    if kind == "comment":
        first = _comment_above(texts, index, most=2)
        last = index
        while last + 1 < len(texts) and last - first < 5 and _COMMENT_LINE.match(texts[last + 1]):
            last += 1
        if (
            last + 1 < len(texts)
            and last - first < 5
            and line_kind(texts[last + 1]) in {"constant", "assignment", "definition"}
        ):
            last += 1
        return first, last
    if kind in {"constant", "assignment"}:
        return _comment_above(texts, index), _statement_end(texts, index)
    return index, min(_statement_end(texts, index), index + 3)


def _comment_above(texts: Sequence[str], index: int, most: int = 3) -> int:
    first = index
    while first > 0 and index - first < most and _joins(texts[first - 1], texts[index]):
        first -= 1
    return first


def _joins(above: str, line: str) -> bool:
    """Whether a comment or decorator belongs to the line below it: same indentation, and not too long to quote."""
    marked = _COMMENT_LINE.match(above) is not None or above.lstrip().startswith("@")
    return marked and len(above) <= _LINE_CHARS and _indent(above) == _indent(line)


def _statement_end(texts: Sequence[str], index: int) -> int:
    """Return the last line of a statement that brackets carry on, within the length of a quote."""
    open_ = 0
    for place in range(index, min(len(texts), index + _QUOTE_LINES)):
        text = texts[place]
        if len(text) > _LINE_CHARS:
            return max(index, place - 1)
        open_ += sum(text.count(c) for c in "([{") - sum(text.count(c) for c in ")]}")
        if open_ <= 0:
            return place
    return index


def _definition_end(texts: Sequence[str], index: int) -> int:
    """Return the last line of a definition's head and the first paragraph of its docstring."""
    last = _statement_end(texts, index)
    if last + 1 >= len(texts):
        return last
    opening = _DOCSTRING.match(texts[last + 1])
    if opening is None:
        return last
    mark = opening[1]
    for place in range(last + 1, min(len(texts), index + _QUOTE_LINES)):
        text = texts[place]
        if len(text) > _LINE_CHARS or (place > index + 3 and not text.strip()):
            return place - 1
        rest = text[opening.end() :] if place == last + 1 else text
        if mark in rest:
            return place
    end = min(len(texts), index + _QUOTE_LINES)
    blank = next((place for place in range(end - 1, last + 1, -1) if not texts[place].strip()), end)
    return (blank if blank > last + 2 else end) - 1


def _apart(quotes: Sequence[Quote], most: int) -> list[Quote]:
    """Return the first quotes that do not overlap an earlier one and say something else."""
    kept: list[Quote] = []
    for quote in quotes:
        if len(kept) >= most:
            break
        new = all(quote.end <= k.start or k.end <= quote.start for k in kept)
        if new and not any(quote.text == k.text and quote.label == k.label for k in kept):
            kept.append(quote)
    return kept
