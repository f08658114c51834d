"""Markdown: a session to read in any viewer, with tool results folded and what answers rest on as footnotes.

Foreign text is kept from acting as anything but text: what is not meant as Markdown stands in fences longer than any
within, and in answers, which are Markdown, raw HTML and addresses that would run something are written out.
"""

import re
from collections.abc import Iterator

from rlm_tui.session.export.context import Excerpt
from rlm_tui.session.export.markdown_text import harmless_markdown, shown
from rlm_tui.session.export.outline import Outline, make_outline, node_line, result_of
from rlm_tui.session.export.reading import Exported
from rlm_tui.session.nodes import ChatItem, Node, Turn
from rlm_tui.text import one_line, safe_text

_FENCE = re.compile(r"`{3,}")
_CITED = re.compile(r"\[(\d{1,15})[-\u2013](\d{1,15})\]")
_MOST_TRACE_NODES = 2_000


def write_markdown(exported: Exported) -> Iterator[bytes]:
    """Yield the document in pieces. Raises `SessionError`."""
    outline = make_outline(exported)
    for piece in _pieces(outline):
        yield (piece + "\n").encode("utf-8", "replace")


def _pieces(outline: Outline) -> Iterator[str]:
    yield f"# {plain(outline.title)}\n"
    yield "| | |\n|---|---|"
    yield "\n".join(f"| {name} | {plain(value)} |" for name, value in outline.facts)
    for note in outline.notes:
        yield f"\n> {plain(note)}"
    for item in outline.messages(0):
        yield "\n" + _item(outline, item)
    for turn in outline.state.turns:
        yield f"\n## {turn.number}. {plain(one_line(turn.prompt, 80))}\n"
        if turn.reverted:
            yield "*This turn was taken back: it no longer counts in the conversation.*\n"
        for item in outline.messages(turn.number):
            text = _item(outline, item)
            if text:
                yield text + "\n"
        yield _turn_end(turn)
    yield "\n## Trace\n"
    yield from _trace(outline)
    if outline.excerpts:
        yield "\n## What the answers rest on\n"
        for number, excerpt in enumerate(outline.excerpts, start=1):
            yield _excerpt(number, excerpt)


def _item(outline: Outline, item: ChatItem) -> str:
    match item.role:
        case "user":
            return "**You**\n\n" + "\n".join(f"> {line}" for line in _verbatim(item.text).split("\n"))
        case "assistant":
            return with_references(harmless_markdown(item.text), outline) if item.text.strip() else ""
        case "reasoning":
            return _folded("Reasoning", item.text) if item.text.strip() else ""
        case "tool":
            return _tool(outline.state.nodes.get(item.node))
        case "notice":
            return f"> *{plain(one_line(item.text, 500))}*"
        case _:
            return ""


def _tool(node: Node | None) -> str:
    if node is None:
        return ""
    body = result_of(node)
    diff = node.data.get("diff")
    if isinstance(diff, str) and diff:
        body = diff
    return _folded(node_line(node), body, "diff" if diff else "")


def _turn_end(turn: Turn) -> str:
    if turn.ended:
        return f"*{plain(node_line(turn.node))}*"
    return "*This turn had not ended.*"


def _folded(summary: str, body: str, language: str = "") -> str:
    if not body.strip():
        return f"- {plain(summary)}"
    return f"<details><summary>{_html(summary)}</summary>\n\n{fenced(body, language)}\n\n</details>"


def fenced(text: str, language: str = "") -> str:
    """Return `text` as a code block whose fence is longer than any in it."""
    longest = max((len(run) for run in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{shown(text)}\n{fence}"


def _verbatim(text: str) -> str:
    """Return a person's words so that they show as they were typed: fenced where they are more than a line of words."""
    if "\n" in text or re.search(r"[<>`*_#|\[\]\\~]", text):
        return fenced(text)
    return safe_text(text)


def plain(text: str) -> str:
    """Return `text` as one line that no Markdown or HTML rule applies to."""
    line = safe_text(text.replace("\n", " "), newlines=False)
    return re.sub(r"([\\`*_{}\[\]<>#|~!&])", r"\\\1", line)


def _html(text: str) -> str:
    line = safe_text(text.replace("\n", " "), newlines=False)
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def with_references(text: str, outline: Outline) -> str:
    """Return an answer in which each cited span is followed by a reference to its excerpt."""

    def referred(match: re.Match[str]) -> str:
        number = outline.number_of.get((int(match[1]), int(match[2])))
        return f"\\[{match[1]}\u2013{match[2]}\\][^{number}]" if number else match[0]

    return _CITED.sub(referred, text)


def _trace(outline: Outline) -> Iterator[str]:
    nodes = list(outline.state.nodes.values())
    shown = 0
    stack = [(node, 0) for node in reversed(outline.state.roots)]
    while stack and shown < _MOST_TRACE_NODES:
        node, depth = stack.pop()
        spans = ", ".join(f"[{span.start:,}\u2013{span.end:,}) {span.how}" for span in node.spans[:4])
        more = f", {len(node.spans) - 4} more" if len(node.spans) > 4 else ""
        yield f"{'  ' * depth}- {plain(node_line(node))}" + (f"  · {plain(spans + more)}" if spans else "")
        stack += [(child, depth + 1) for child in reversed(node.children)]
        shown += 1
    if shown < len(nodes):
        yield f"- … {len(nodes) - shown:,} further nodes are in the HTML and JSON exports."


def _excerpt(number: int, excerpt: Excerpt) -> str:
    place = f"{excerpt.label}, line {excerpt.line}, " if excerpt.line else f"{excerpt.label} " if excerpt.label else ""
    head = f"[^{number}]: {plain(place)}characters {excerpt.start:,}\u2013{excerpt.end:,}"
    if excerpt.missing:
        return f"{head}. *{plain(excerpt.missing)}*\n"
    block = fenced(excerpt.before + excerpt.text + excerpt.after)
    return head + "\n\n" + "\n".join(f"    {line}" for line in block.split("\n")) + "\n"
