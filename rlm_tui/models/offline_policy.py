"""The policy: what to do next, decided from the messages so far and from nothing else.

A root call probes (searches, ranks, counts), gives the best parts to sub-calls, and composes their quotes. A
sub-call extracts quotes from its own text. Each goes through at most a few rounds, so none can loop.
"""

import re
from collections.abc import Sequence

from msgspec import Struct

from rlm_tui.errors import ModelError
from rlm_tui.models import offline_answer as answers
from rlm_tui.models.offline_extract import extract, first_lines
from rlm_tui.models.offline_messages import Conversation, Step
from rlm_tui.models.offline_probe import DEFINE, Wish, probe, widen
from rlm_tui.models.offline_question import Question, understand
from rlm_tui.models.offline_results import (
    Block,
    Quote,
    read_blocks,
    read_entries,
    read_failures,
    read_found,
    read_quotes,
    write_quotes,
)
from rlm_tui.models.offline_spans import MAX_SPAN_CHARS, Probed, Region, read_probe

_READS = 8
_READ_CHARS = 40_000
_READERS = frozenset({"rlm_map", "rlm_query", "rlm_get_context"})
_README = re.compile(r"(?:^|/)readme(?:\.\w+)?$", re.IGNORECASE)
_ABOUT = ("README", "readme", "pyproject.toml", "package.json", "Cargo.toml", "go.mod")
_THINGS = {
    "function": r"^[ \t]*(?:(?:async|export|pub|static)\s+)*(?:def|function|func|fn)\s+\w",
    "method": r"^[ \t]+(?:async\s+)?(?:def|function|func|fn)\s+\w",
    "class": r"^[ \t]*(?:(?:export|abstract|public|final)\s+)*class\s+\w",
    "test": r"^[ \t]*(?:async\s+)?def\s+test_|#\[test\]|^[ \t]*(?:it|test)\(",
    "import": r"^[ \t]*(?:import|from)\s+\w",
    "todo": r"\b(?:TODO|FIXME|XXX)\b",
}


class Decision(Struct, frozen=True):
    """What comes next: tools to run, or an answer."""

    answer: str = ""
    wishes: tuple[Wish, ...] = ()


def decide(talk: Conversation) -> Decision:
    """Return the next step of a call. Raises `ModelError` where a schema is asked for, which needs a model."""
    if talk.schema:
        raise ModelError("bad_request", "The offline model cannot fill in a JSON schema: choose a language model.")
    return _sub_call(talk) if talk.depth > 0 else _root(talk)


# --- the root ------------------------------------------------------------------------------------------


def _root(talk: Conversation) -> Decision:
    question = understand(talk.task, talk.earlier)
    match question.kind:
        case "greeting":
            return Decision(answers.greeting())
        case "statistics":
            return _statistics(talk, question)
        case "count":
            return _count(talk, question)
        case "conversation":
            return Decision(answers.conversation_answer(talk.earlier))
        case "overview":
            return _overview(talk, question)
        case _:
            return _find(talk, question)


def _find(talk: Conversation, question: Question) -> Decision:
    if not question.searchable:
        return Decision(answers.nothing_to_search(question))
    if not talk.rounds:
        return _offered(talk, probe(question), answers.nothing_to_search(question))
    searches = [step for steps in talk.rounds for step in steps if step.name not in _READERS]
    probed = read_probe(question, searches, talk.chars)
    reads = [step for steps in talk.rounds for step in steps if step.name in _READERS]
    if not probed.regions and not reads and len(talk.rounds) == 1 and question.terms:
        return _offered(talk, widen(question), _composed(talk, question, probed, ()))
    if not reads and probed.regions:
        wishes = _read_closely(talk, question, probed.regions)
        if wishes:
            return Decision(wishes=tuple(wishes))
    if _all_failed(reads) and "rlm_get_context" in talk.tools and len(talk.rounds) < 4:
        return Decision(wishes=tuple(_plain_reads(probed.regions)))
    return Decision(_composed(talk, question, probed, reads))


def _offered(talk: Conversation, wishes: Sequence[Wish], otherwise: str) -> Decision:
    """Return the wishes whose tool is offered, or an answer where none is."""
    possible = tuple(wish for wish in wishes if wish.name in talk.tools)
    return Decision(wishes=possible) if possible else Decision(otherwise)


def _read_closely(talk: Conversation, question: Question, regions: Sequence[Region]) -> list[Wish]:
    spans = [[region.start, region.end] for region in regions]
    if "rlm_map" in talk.tools:
        return [Wish("rlm_map", {"prompt": _sub_prompt(question), "spans": spans})]
    if "rlm_query" in talk.tools:
        return [Wish("rlm_query", {"prompt": _sub_prompt(question), "spans": spans})]
    return _plain_reads(regions) if "rlm_get_context" in talk.tools else []


def _plain_reads(regions: Sequence[Region]) -> list[Wish]:
    return [Wish("rlm_get_context", {"offset": r.start, "length": r.end - r.start}) for r in regions[:_READS]]


def _sub_prompt(question: Question) -> str:
    """Return the question for sub-calls; a follow-up carries the words it leans on."""
    if not question.follow_up:
        return question.text
    exact = [f"`{name}`" for name in (*question.names, *question.quoted, *question.paths)]
    missing = [term.word for term in question.terms if term.word not in question.text.lower()]
    return f"{question.text} ({' '.join([*missing, *exact])})"


def _all_failed(reads: Sequence[Step]) -> bool:
    """Whether sub-calls were made and none of them answered; plain reads are never tried twice."""
    subs = [step for step in reads if step.name != "rlm_get_context"]
    return bool(subs) and len(subs) == len(reads) and not any(_answered(step) for step in subs)


def _answered(step: Step) -> bool:
    return "offline: " in step.result


def _quotes(question: Question, reads: Sequence[Step]) -> list[Quote]:
    quotes: list[Quote] = []
    for step in reads:
        if step.name == "rlm_get_context":
            quotes += extract(question, read_blocks(step.result))
        else:
            quotes += read_quotes(step.result)
    return quotes


def _composed(talk: Conversation, question: Question, probed: Probed, reads: Sequence[Step]) -> str:
    labels = {region.label for region in probed.regions}
    quotes = [quote for quote in _quotes(question, reads) if quote.label in labels]
    failures = [reason for step in reads for reason in read_failures(step.result)]
    failures += [
        step.result for step in reads if step.name != "rlm_get_context" and not _answered(step) and not failures
    ]
    read = probed.regions if reads else ()
    return answers.quotes_answer(question, probed, quotes, read=read, failures=failures, building=talk.building)


def _statistics(talk: Conversation, question: Question) -> Decision:
    if not talk.rounds:
        wishes = [
            Wish("rlm_stats", {}),
            Wish("rlm_get_entries", {"type": "file", "limit": 2_000}),
            Wish("rlm_find", {"text": "\n", "max_results": 0, "type": "file"}),
        ]
        return _offered(talk, wishes, answers.nothing_to_search(question))
    steps = {step.name: step.result for step in talk.rounds[0]}
    listed = steps.get("rlm_get_entries", "")
    lines = read_found(steps["rlm_find"]) if "rlm_find" in steps else None
    cut = "more may follow" in listed.rsplit("\n", 1)[-1]
    return Decision(answers.statistics_answer(question, steps.get("rlm_stats", ""), read_entries(listed), lines, cut))


def _count(talk: Conversation, question: Question) -> Decision:
    subject, wish = _counted(question)
    if wish is None:
        return Decision(answers.nothing_to_search(question))
    if not talk.rounds:
        return _offered(talk, [wish], answers.nothing_to_search(question))
    found = read_found(talk.rounds[0][0].result)
    return Decision(answers.count_answer(subject, found, building=talk.building))


def _counted(question: Question) -> tuple[str, Wish | None]:
    """Return what is to be counted, and the search that counts it."""
    most = {"max_results": 50, "type": "file"}
    if question.quoted:
        return question.quoted[0], Wish("rlm_find", {"text": question.quoted[0], **most})
    if question.names:
        name = question.names[0]
        called = "" if not re.search(r"\bcall(?:s|ed)?\b", question.text) else r"\s*\("
        return name + ("(" if called else ""), Wish(
            "rlm_search", {"pattern": rf"\b{re.escape(name)}\b{called}", **most}
        )
    words = re.findall(r"\w+", question.text.lower())
    for thing, pattern in _THINGS.items():
        plain = [w for w in words if w in {thing, thing + "s", thing + "es"}]
        if plain and len(question.terms) <= 1:
            return plain[0], Wish("rlm_search", {"pattern": pattern, **most})
    if not question.terms:
        return "", None
    if "function" in words or "functions" in words:
        heads = "|".join(re.escape(term.head) for term in question.terms)
        subject = "definitions named for " + ", ".join(term.word for term in question.terms)
        return subject, Wish("rlm_search", {"pattern": rf"(?i){DEFINE}\w*(?:{heads})", **most})
    term = question.terms[0]
    return term.word, Wish("rlm_search", {"pattern": rf"(?i)\b{re.escape(term.head)}\w*", **most})


def _overview(talk: Conversation, question: Question) -> Decision:
    if not talk.rounds:
        wishes = [Wish("rlm_stats", {})]
        wishes += [Wish("rlm_get_entries", {"type": "file", "label": name, "limit": 20}) for name in _ABOUT]
        return _offered(talk, wishes, answers.nothing_to_search(question))
    listed = [entry for step in talk.rounds[0] if step.name == "rlm_get_entries" for entry in read_entries(step.result)]
    listed = sorted(
        {e.number: e for e in listed}.values(),
        key=lambda e: (not _README.search(e.label), e.label.count("/"), e.number),
    )
    regions = [
        Region(e.start, min(e.end, e.start + 4_000), e.label, 1.0, ((e.start, 1),))
        for e in listed[:3]
        if e.end > e.start
    ]
    if len(talk.rounds) == 1 and regions:
        return _offered(talk, _plain_reads(regions), answers.nothing_to_search(question))
    reads = talk.rounds[1] if len(talk.rounds) > 1 else ()
    blocks = [block for step in reads for block in read_blocks(step.result)]
    quotes = [quote for block in blocks if (quote := first_lines(block)) is not None]
    stats = next((step.result for step in talk.rounds[0] if step.name == "rlm_stats"), "")
    return Decision(answers.overview_answer(stats, quotes, regions))


# --- sub-calls -----------------------------------------------------------------------------------------


def _sub_call(talk: Conversation) -> Decision:
    """Extract from the text that stands in the prompt; else read the spans, or search them where they are large."""
    question = understand(talk.task)
    if talk.blocks:
        return _extracted(question, talk.blocks)
    steps = [step for steps in talk.rounds for step in steps]
    reads = [step for step in steps if step.name == "rlm_get_context"]
    if reads:
        return _extracted(question, [block for step in reads for block in read_blocks(step.result)])
    if "rlm_get_context" not in talk.tools or not talk.spans:
        return Decision("offline: there is no text to extract from.")
    chars = sum(end - start for start, end in talk.spans)
    if not steps and (chars <= _READS * _READ_CHARS or not question.searchable):
        return Decision(wishes=tuple(_reads_of(talk.spans)))
    if not steps:
        return _offered(talk, probe(question), write_quotes([], chars))
    regions = read_probe(question, steps, -1).regions
    inside = [clipped for region in regions if (clipped := _clipped(region, talk.spans)) is not None]
    return Decision(wishes=tuple(_plain_reads(inside))) if inside else Decision(write_quotes([], chars))


def _reads_of(spans: Sequence[tuple[int, int]]) -> list[Wish]:
    places = [(at, min(end, at + _READ_CHARS)) for start, end in spans for at in range(start, end, _READ_CHARS)]
    return [Wish("rlm_get_context", {"offset": at, "length": to - at}) for at, to in places[: 2 * _READS]]


def _clipped(region: Region, spans: Sequence[tuple[int, int]]) -> Region | None:
    for start, end in spans:
        low, high = max(start, region.start), min(end, region.end, region.start + MAX_SPAN_CHARS)
        if low < high:
            return Region(low, high, region.label, region.score, region.lines)
    return None


def _extracted(question: Question, blocks: Sequence[Block]) -> Decision:
    chars = sum(len(block.text) for block in blocks)
    return Decision(write_quotes(extract(question, blocks), chars))
