"""Answers in words: a line that says what this is, what was searched, the quotes by file, and what was not found."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from rlm_tui.models.offline_question import Question
from rlm_tui.models.offline_results import Found, FoundHit, ListedEntry, Quote
from rlm_tui.models.offline_scoring import line_score, name_fit, path_factor
from rlm_tui.models.offline_spans import Probed, Region
from rlm_tui.models.offline_words import fits
from rlm_tui.text import one_line

LABEL = "offline (no language model): extracts, not understanding"
"""The first line of every answer to a person."""

MAX_SHOWN = 8
_SHOWN_A_FILE = 3
_LISTED = 20
_LEAST_SHARE = 0.3

_CHOOSE = "For that, choose a language model: `rlm-tui -m NAME`, or ctrl+x m on the screen."
_LANGUAGES = {
    "py": "python", "pyi": "python", "js": "javascript", "mjs": "javascript", "ts": "typescript", "tsx": "tsx",
    "rs": "rust", "go": "go", "c": "c", "h": "c", "cc": "cpp", "cpp": "cpp", "hpp": "cpp", "java": "java",
    "rb": "ruby", "sh": "bash",
    "toml": "toml", "yaml": "yaml", "yml": "yaml", "json": "json", "sql": "sql", "html": "html", "css": "css",
    "md": "markdown", "rst": "rst", "cfg": "ini", "ini": "ini", "kt": "kotlin", "swift": "swift", "php": "php",
}  # fmt: skip
LANGUAGE_SUFFIXES = {
    "python": ("py", "pyi"), "javascript": ("js", "mjs", "jsx"), "typescript": ("ts", "tsx"), "rust": ("rs",),
    "go": ("go",), "java": ("java",), "ruby": ("rb",), "markdown": ("md",), "shell": ("sh", "bash"),
    "yaml": ("yaml", "yml"), "json": ("json",), "toml": ("toml",), "html": ("html", "htm"), "css": ("css", "tcss"),
    "sql": ("sql",), "text": ("txt",), "c++": ("cc", "cpp", "hpp"), "c": ("c", "h"),
}  # fmt: skip


def greeting() -> str:
    """Return what the offline policy can and cannot do."""
    return "\n\n".join(
        [
            LABEL,
            "I search this project's files and quote the places that fit your words, with exact offsets. I can count "
            "matches and give figures of the context. I cannot reason, explain, translate, or write and change code.",
            "Ask for a place, such as *Where is the version decided?*, *Which function parses dates?*, "
            "*How often is `open(` called?* or *How many files are there?*",
            _CHOOSE,
        ]
    )


def nothing_to_search(question: Question) -> str:
    """Return what to say to a prompt without any word to look for."""
    parts = [LABEL, "There is no word in that to search for. Name a function, a file, an error message or a subject."]
    if question.cannot:
        parts.insert(1, _cannot_text(question))
    return "\n\n".join(parts)


def _cannot_text(question: Question) -> str:
    return f"I cannot {question.cannot}: without a language model I only find and quote. {_CHOOSE}"


def quotes_answer(
    question: Question,
    probed: Probed,
    quotes: Sequence[Quote],
    *,
    read: Sequence[Region],
    failures: Sequence[str] = (),
    building: bool = False,
) -> str:
    """Return the quotes grouped by file, best first, with what was searched and what was not found."""
    parts = [LABEL]
    if question.cannot:
        parts.append(_cannot_text(question) + (" These places fit your words:" if quotes else ""))
    shown = best_quotes(question, probed, quotes)
    parts.append(_lead(question, probed, read, len(shown)))
    parts += _groups(shown, read)
    parts += _closing(question, probed, shown, failures, building)
    return "\n\n".join(parts)


def best_quotes(question: Question, probed: Probed, quotes: Sequence[Quote]) -> list[Quote]:
    """Return the quotes worth showing, scored by the frequencies in the whole context, at most three a file."""
    if not (question.terms or question.names or question.quoted):
        return list(quotes)[:MAX_SHOWN]
    exact = [q for q in quotes if any(name_fit(question, line) for line in q.text.split("\n"))]
    scored: list[Quote] = []
    for quote in exact or quotes:
        lines = quote.text.split("\n")
        around = fits(question.terms, quote.within)
        best = max(line_score(question, probed.weights, line, quote.label, around) for line in lines)
        whole = line_score(question, probed.weights, " ".join(lines), quote.label, around)
        score = (best + 0.35 * whole) * path_factor(quote.label, question)
        scored.append(Quote(quote.start, quote.end, quote.label, quote.line, quote.text, score, quote.within))
    scored.sort(key=lambda q: (-q.score, q.start))
    kept: list[Quote] = []
    a_file: Counter[str] = Counter()
    for quote in scored:
        doubled = any(quote.start < k.end and k.start < quote.end for k in kept)
        repeated = any(quote.text == k.text for k in kept)
        weak = kept and quote.score < _LEAST_SHARE * kept[0].score
        if doubled or repeated or weak or a_file[quote.label] >= _SHOWN_A_FILE or quote.score <= 0:
            continue
        a_file[quote.label] += 1
        kept.append(quote)
        if len(kept) == MAX_SHOWN:
            break
    return kept


def _lead(question: Question, probed: Probed, read: Sequence[Region], shown: int) -> str:
    looked = [f"`{one_line(n, 60)}`" for n in (*question.names, *question.paths)]
    looked += [f"“{one_line(q, 60)}”" for q in question.quoted]
    looked += [t.word for t in question.terms if not any(t.word in n.lower() for n in question.names)]
    chars = sum(region.end - region.start for region in read)
    hits = f"{'' if probed.exact else 'at least '}{_count(probed.hits, 'match', 'matches')}"
    files = len({region.label for region in read})
    if not read:
        return f"Searched {', '.join(looked)}: nothing found."
    where = f"{_count(len(read), 'passage')} of {_count(files, 'file')} read ({chars:,} characters)"
    end = "" if shown else "; no line in them fits well enough to quote"
    return f"Searched {', '.join(looked)}: {hits}; {where}{end}."


def _groups(quotes: Sequence[Quote], read: Sequence[Region]) -> list[str]:
    by_file: dict[str, list[Quote]] = {}
    for quote in quotes:
        by_file.setdefault(quote.label, []).append(quote)
    return ["\n".join(_item(quote, line_of(quote, quotes, read)) for quote in group) for group in by_file.values()]


def _item(quote: Quote, line: int) -> str:
    where = f"- {code(one_line(quote.label, 200))}" + (f" line {line}" if line > 0 else "")
    where += f" in {code(quote.within)}" if quote.within else ""
    where += f" [{quote.start}-{quote.end}]"
    if "\n" not in quote.text and len(quote.text) <= 160:
        return f"{where}: {code(quote.text)}"
    suffix = PurePosixPath(quote.label).suffix.lstrip(".").lower()
    fence = "`" * max(3, _longest_run(quote.text) + 1)
    lines = [f"{fence}{_LANGUAGES.get(suffix, '')}", *quote.text.split("\n"), fence]
    return "\n".join([where, *(f"  {text}" if text else "" for text in lines)])


def code(text: str) -> str:
    """Return a text of one line as a Markdown code span that holds it exactly."""
    run = _longest_run(text)
    if not run:
        return f"`{text}`"
    return f"{'`' * (run + 1)} {text} {'`' * (run + 1)}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def line_of(quote: Quote, quotes: Sequence[Quote], read: Sequence[Region]) -> int:
    """Return the 1-based line of a quote in its file, or 0 where no known place tells it.

    A sub-call knows lines within its part only; a hit within any of its quotes tells where the part begins.
    """
    region = next((r for r in read if r.start <= quote.start < r.end and r.label == quote.label), None)
    if region is None:
        return 0
    for other in (quote, *quotes):
        if not (region.start <= other.start < region.end and other.label == region.label):
            continue
        for offset, line in region.lines:
            if other.start <= offset < other.end:
                within = other.text[: offset - other.start].count("\n")
                return line - within - other.line + quote.line
    first = next((line for offset, line in region.lines if offset == region.start), 0)
    return first + quote.line - 1 if first else 0


def _closing(
    question: Question, probed: Probed, shown: Sequence[Quote], failures: Sequence[str], building: bool
) -> list[str]:
    notes = []
    told = "\n".join(f"{quote.label}\n{quote.text}" for quote in shown).lower()
    counts = dict(probed.counts)
    missing = [t.word for t in question.terms if counts.get(t.word) == 0 and t.head not in told]
    missing += [name for name in question.names if shown and name.rsplit(".", 1)[-1].lower() not in told]
    missing += [text for text in question.quoted if text.lower() not in told]
    if missing:
        notes.append(f"Not found: {', '.join(code(one_line(word, 80)) for word in dict.fromkeys(missing))}.")
    if building or "ingest running" in probed.partial:
        notes.append("The project is still being read: ask again in a moment for the whole of it.")
    stopped = [reason for reason in probed.partial if reason != "ingest running"]
    if stopped:
        notes.append(f"Not everything was searched ({', '.join(one_line(reason, 80) for reason in stopped)}).")
    problems = [*failures, *probed.problems]
    if problems:
        notes.append(f"Some of the work failed: {'; '.join(one_line(p, 200) for p in problems[:3])}")
    if not shown and not notes:
        notes.append("Nothing fits. Try other words, an exact name in backquotes, or an error message in quotes.")
    return notes


def count_answer(subject: str, found: Found, *, building: bool) -> str:
    """Return how often something occurs, and its first places."""
    if found.problem:
        return "\n\n".join([LABEL, f"The search failed: {found.problem}"])
    total = f"{'' if found.exact else 'at least '}{_count(found.total, 'time')}"
    parts = [LABEL, f"{code(one_line(subject, 80))} occurs {total} in the files of the context."]
    if found.hits:
        parts.append("\n".join(_hit_item(hit) for hit in found.hits[:_LISTED]))
    if found.total > min(len(found.hits), _LISTED):
        left = found.total - min(len(found.hits), _LISTED)
        parts.append(f"{left:,} more are not listed.")
    if building or found.partial:
        parts.append(f"The total is partial ({one_line(found.partial or 'the project is still being read', 80)}).")
    return "\n\n".join(parts)


def _hit_item(hit: FoundHit) -> str:
    where = f"{code(one_line(hit.label, 200))} line {hit.line} [{hit.offset}-{hit.offset + hit.length}]"
    return f"- {where}: {code(one_line(hit.snippet, 160))}"


def statistics_answer(
    question: Question, stats: str, entries: Sequence[ListedEntry], lines: Found | None, cut: bool
) -> str:
    """Return the figures of the context: sizes, files by suffix, and the largest files."""
    parts = [LABEL]
    files = [entry for entry in entries if entry.kind == "file"]
    asked = _asked_suffixes(question.text)
    if asked:
        name, suffixes = asked
        own = [entry for entry in files if PurePosixPath(entry.label).suffix.lstrip(".").lower() in suffixes]
        chars = sum(entry.end - entry.start for entry in own)
        parts.append(f"{_count(len(own), f'{name} file')}{' at least' if cut else ''}, {chars:,} characters.")
        files = own or files
    figures = [line.strip() for line in stats.split("\n") if line.strip()]
    if lines is not None and not lines.problem:
        figures.insert(1, f"{'' if lines.exact else 'at least '}{lines.total:,} lines")
    parts.append("\n".join(f"- {one_line(figure, 200)}" for figure in figures[:24]))
    if files:
        suffixes_ = Counter(PurePosixPath(entry.label).suffix or "(none)" for entry in files)
        listed = ", ".join(f"{code(one_line(suffix, 40))} {n:,}" for suffix, n in suffixes_.most_common(12))
        parts.append(
            f"Files by suffix{' (of the first ' + format(len(entries), ',') + ' entries)' if cut else ''}: {listed}."
        )
        largest = sorted(files, key=lambda e: (e.start - e.end, e.start))[:8]
        parts.append(
            "Largest:\n"
            + "\n".join(
                f"- {code(one_line(e.label, 200))} {e.end - e.start:,} characters [{e.start}-{e.end}]" for e in largest
            )
        )
    return "\n\n".join(parts)


def _asked_suffixes(text: str) -> tuple[str, tuple[str, ...]] | None:
    words = re.findall(r"[\w+#.]+", text.lower())
    for word in words:
        name = word.strip(".")
        if name in LANGUAGE_SUFFIXES and name not in {"text", "go", "c"}:
            return name.capitalize(), LANGUAGE_SUFFIXES[name]
        if word.startswith(".") and len(word) > 1:
            return word.rstrip("."), (word.strip("."),)
    return None


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def overview_answer(stats: str, quotes: Sequence[Quote], read: Sequence[Region]) -> str:
    """Return what the project's own first lines say, and its size."""
    parts = [LABEL]
    if quotes:
        parts.append("The project says of itself:")
        parts += _groups(quotes, read)
    else:
        parts.append("There is no read-me or package description in the context.")
    figures = [line.strip() for line in stats.split("\n") if line.strip() and not line.startswith("ranked index")]
    if figures:
        parts.append(f"In figures: {'; '.join(one_line(figure, 120) for figure in figures[:3])}.")
    return "\n\n".join(parts)


def conversation_answer(earlier: Sequence[str]) -> str:
    """Return the person's earlier prompts as far as they stand in the window."""
    if not earlier:
        return f"{LABEL}\n\nNothing was asked before in what I am shown of this conversation."
    listed = "\n".join(
        f"{number}. {code(one_line(prompt, 200))}" for number, prompt in enumerate(earlier[-20:], start=1)
    )
    return f"{LABEL}\n\nYou asked:\n\n{listed}"
