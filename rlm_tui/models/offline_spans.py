"""Which parts of the context to read closely: hits scored, joined into regions of a file, and the best of these."""

from collections.abc import Sequence

from msgspec import Struct

from rlm_tui.models.offline_messages import Step
from rlm_tui.models.offline_probe import frequency_pattern
from rlm_tui.models.offline_question import Question
from rlm_tui.models.offline_results import FoundHit, read_entries, read_found
from rlm_tui.models.offline_scoring import line_score, path_factor, rarity
from rlm_tui.models.offline_words import fits

MAX_SPANS = 8
MAX_SPAN_CHARS = 20_000
_BEFORE = 600
_AFTER = 2_400
_NEAR = 5_000
_SPANS_A_FILE = 3
_LINE_CHARS = 40
_SMALLEST_REST = 40
"""A region that lost more than all but this many characters to a better one is not worth a call."""


class Region(Struct, frozen=True):
    """A part of one file. `lines` are places whose line is known, as `(offset, line)`."""

    start: int
    end: int
    label: str
    score: float
    lines: tuple[tuple[int, int], ...] = ()


class Probed(Struct, frozen=True):
    """What the first rounds gave: regions best first, hits in all, weights of the terms, and what went wrong."""

    regions: tuple[Region, ...]
    hits: int
    exact: bool
    weights: tuple[float, ...]
    counts: tuple[tuple[str, int], ...]
    partial: tuple[str, ...]
    problems: tuple[str, ...]


class _Candidate(Struct, frozen=True):
    start: int
    end: int
    label: str
    score: float
    line: tuple[int, int]


def read_probe(question: Question, steps: Sequence[Step], chars: int) -> Probed:
    """Read the results of the probing tools into regions. `chars` is the size of the context (-1: unknown)."""
    counts = _counts(question, steps)
    weights = tuple(rarity([counts.get(t.word, 0) for t in question.terms], max(chars, 40_000) // _LINE_CHARS))
    candidates: list[_Candidate] = []
    partial: list[str] = []
    problems: list[str] = []
    total, exact = 0, True
    for step in steps:
        if step.name == "rlm_get_entries":
            entries = read_entries(step.result)[:4]
            candidates += [
                _Candidate(e.start, min(e.end, e.start + MAX_SPAN_CHARS), e.label, 1.5, (e.start, 1))
                for e in entries
                if e.end > e.start
            ]
            continue
        found = read_found(step.result)
        if found.problem:
            problems.append(f"{step.name}: {found.problem}")
        if found.partial:
            partial.append(found.partial)
        if step.arguments.get("max_results") == 0:
            continue
        total += found.total if step.name != "rlm_rank" else 0
        exact = exact and (found.exact or step.name == "rlm_rank")
        for place, hit in enumerate(found.hits):
            ranked = step.name == "rlm_rank"
            candidates.append(_passage(question, hit, place) if ranked else _match(question, weights, hit))
    regions = _regions(candidates, chars, question.paths)
    return Probed(
        tuple(regions), total, exact, weights, tuple(counts.items()),
        tuple(dict.fromkeys(partial)), tuple(dict.fromkeys(problems)),
    )  # fmt: skip


def _counts(question: Question, steps: Sequence[Step]) -> dict[str, int]:
    by_pattern = {s.arguments.get("pattern"): s for s in steps if s.arguments.get("max_results") == 0}
    counts = {}
    for term in question.terms:
        step = by_pattern.get(frequency_pattern(term))
        if step is not None and not (found := read_found(step.result)).problem:
            counts[term.word] = found.total
    return counts


def _passage(question: Question, hit: FoundHit, place: int) -> _Candidate:
    """Return a ranked passage: worth less the later it comes, more where its file's name fits too."""
    named = fits(question.terms, hit.label)
    score = (0.55 + 0.4 * max(named, default=0.0)) / (1 + 0.06 * place) * path_factor(hit.label, question)
    return _Candidate(hit.offset, hit.offset + hit.length, hit.label, score, (hit.offset, hit.line))


def _match(question: Question, weights: Sequence[float], hit: FoundHit) -> _Candidate:
    """Return the surroundings of one match: its line with what comes before and after."""
    line_start = hit.offset - (hit.column - 1)
    before = min(_BEFORE, _LINE_CHARS * (hit.line - 1)) if hit.line > 1 else 0
    score = line_score(question, weights, hit.snippet, hit.label) * path_factor(hit.label, question)
    return _Candidate(line_start - before, hit.offset + _AFTER, hit.label, score, (hit.offset, hit.line))


def _regions(candidates: Sequence[_Candidate], chars: int, paths: Sequence[str]) -> list[Region]:
    """Join near candidates of the same file, and return the best: at most three a file, of named files alone if any."""
    ordered = sorted(candidates, key=lambda c: (c.start, c.end))
    groups: list[list[_Candidate]] = []
    for candidate in ordered:
        if groups and _joins(groups[-1], candidate):
            groups[-1].append(candidate)
        else:
            groups.append([candidate])
    bounds = [min(place for place, _ in (c.line for c in group)) for group in groups]
    clipped = [
        _region(group, bounds[n + 1] if n + 1 < len(groups) and groups[n + 1][0].label != group[0].label else chars)
        for n, group in enumerate(groups)
    ]  # a region's end is a guess: it must not swallow the file after its own
    regions = sorted(clipped, key=lambda r: (-r.score, r.start))
    named = [r for r in regions if any(path.lower() in r.label.lower() for path in paths)]
    kept: list[Region] = []
    for region in named or regions:
        same = sum(1 for k in kept if k.label == region.label)
        if region.end > region.start and same < _SPANS_A_FILE and len(kept) < MAX_SPANS:
            kept.append(region)
    return _apart(kept)


def _joins(group: Sequence[_Candidate], candidate: _Candidate) -> bool:
    end = max(c.end for c in group)
    near = candidate.start - end <= _NEAR
    return near and group[0].label == candidate.label and candidate.end - group[0].start <= MAX_SPAN_CHARS


def _region(group: Sequence[_Candidate], limit: int) -> Region:
    """Return a group's extent, which ends at `limit` at the latest (-1: unknown)."""
    scores = sorted((c.score for c in group), reverse=True)
    score = scores[0] + min(0.5 * scores[0], sum(0.12 * s for s in scores[1:5]))
    start, end = max(0, min(c.start for c in group)), max(c.end for c in group)
    if limit >= 0:
        end = min(end, limit)
    end = min(end, start + MAX_SPAN_CHARS)
    return Region(start, end, group[0].label, score, tuple(sorted({c.line for c in group})))


def _apart(regions: Sequence[Region]) -> list[Region]:
    """Return the regions without what an earlier, better one already holds."""
    kept: list[Region] = []
    for region in regions:
        start, end = region.start, region.end
        for other in kept:
            if other.start <= start < other.end:
                start = other.end
            if other.start < end <= other.end:
                end = other.start
            if start <= other.start and other.end <= end and start < end:
                end = other.start if other.start - start >= end - other.end else end
                start = start if end == other.start else other.end
        whole = (start, end) == (region.start, region.end)
        if end > start and (whole or end - start > _SMALLEST_REST):
            kept.append(Region(start, end, region.label, region.score, region.lines))
    return kept
