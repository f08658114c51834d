"""HTML: one file that needs no network and, for reading, no scripting.

Every foreign text is escaped, Markdown is rendered without raw HTML, images and addresses that run something, and a
Content-Security-Policy lets the browser use the file's own style and script, known by their hashes, and nothing else.
"""

import base64
import hashlib
from collections.abc import Iterator
from importlib.resources import files

from rlm_tui.session.export.context import Excerpt
from rlm_tui.session.export.html_charts import coverage_strip, timeline
from rlm_tui.session.export.html_text import attribute, escaped, rendered_answer
from rlm_tui.session.export.outline import Outline, make_outline, node_line, result_of
from rlm_tui.session.export.reading import Exported
from rlm_tui.session.nodes import ChatItem, Node, Turn

STYLE = files(__package__).joinpath("page.css").read_text("utf-8")
SCRIPT = files(__package__).joinpath("page.js").read_text("utf-8")
_MOST_OPEN_DEPTH = 1
_MOST_SPANS = 12


def write_html(exported: Exported) -> Iterator[bytes]:
    """Yield the page in pieces. Raises `SessionError`."""
    outline = make_outline(exported)
    for piece in _pieces(outline):
        yield piece.encode("utf-8", "replace")


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def content_security_policy() -> str:
    """Return the policy of the page: nothing but its own style and script."""
    return (
        f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; base-uri 'none'; form-action 'none'"
    )


def _pieces(outline: Outline) -> Iterator[str]:
    title = escaped(outline.title)
    yield (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{content_security_policy()}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="referrer" content="no-referrer"><title>{title}</title><style>{STYLE}</style></head><body>\n'
    )
    yield '<input type="checkbox" id="other-light"><div id="page">\n<header>'
    yield f"<h1>{title}</h1>"
    yield '<nav><a href="#chat">Chat</a><a href="#timeline">Timeline</a><a href="#trace">Trace</a>'
    yield '<a href="#rests">What it rests on</a><span id="search"></span>'
    yield '<label for="other-light" title="dark or light">\u25d1</label></nav>'
    yield _facts(outline)
    for note in outline.notes:
        yield f'<p class="note">{escaped(note)}</p>'
    yield coverage_strip(outline.state)
    yield '</header>\n<main>\n<section id="chat">'
    yield from (_item(outline, item) for item in outline.messages(0))
    for turn in outline.state.turns:
        yield from _turn(outline, turn)
    yield "</section>\n"
    yield timeline(outline.state)
    yield '<section id="trace"><h2>Trace</h2>\n'
    yield from _trace(outline)
    yield '</section>\n<section id="rests"><h2>What the answers rest on</h2>\n'
    if not outline.excerpts:
        yield "<p>No answer cites a place of the context.</p>"
    for number, excerpt in enumerate(outline.excerpts, start=1):
        yield _excerpt(number, excerpt)
    yield f"</section>\n</main></div><script>{SCRIPT}</script></body></html>\n"


def _facts(outline: Outline) -> str:
    rows = "".join(f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>" for name, value in outline.facts)
    return f"<dl>{rows}</dl>"


# --- the chat ------------------------------------------------------------------------------------------------


def _turn(outline: Outline, turn: Turn) -> Iterator[str]:
    gone = ' <span class="failed">taken back</span>' if turn.reverted else ""
    yield f'<article class="turn" id="turn-{turn.number}">'
    yield f'<h2><a href="#turn-{turn.number}">{turn.number}</a>{gone}</h2>'
    yield from (_item(outline, item) for item in outline.messages(turn.number))
    end = node_line(turn.node) if turn.ended else "This turn had not ended."
    yield f'<p class="figures"><a href="#{_anchor(turn.node)}">{escaped(end)}</a></p></article>\n'


def _item(outline: Outline, item: ChatItem) -> str:
    match item.role:
        case "user":
            return f'<div class="user"><pre>{escaped(item.text)}</pre></div>\n'
        case "assistant":
            if not item.text.strip():
                return ""
            return f'<div class="assistant">{rendered_answer(item.text, outline.number_of)}</div>\n'
        case "reasoning":
            return _folded("reasoning", "Reasoning", item.text) if item.text.strip() else ""
        case "tool":
            node = outline.state.nodes.get(item.node)
            return _tool(node) if node is not None else ""
        case "notice":
            return f'<p class="notice {attribute(item.level)}">{escaped(item.text)}</p>\n'
        case _:
            return ""


def _tool(node: Node) -> str:
    diff = node.data.get("diff")
    if isinstance(diff, str) and diff:
        return f'<details class="tool"><summary>{escaped(node_line(node))}</summary>{_diff(diff)}</details>\n'
    failed = "" if node.status == "ok" else " failed"
    return _folded(f"tool{failed}", node_line(node), result_of(node))


def _folded(kind: str, summary: str, body: str) -> str:
    if not body.strip():
        return f'<p class="{kind}">{escaped(summary)}</p>\n'
    return f'<details class="{kind}"><summary>{escaped(summary)}</summary><pre>{escaped(body)}</pre></details>\n'


def _diff(diff: str) -> str:
    lines = []
    for line in diff.split("\n"):
        kind = {"+": "added", "-": "removed", "@": "place"}.get(line[:1], "")
        lines.append(f'<span class="{kind}">{escaped(line)}</span>' if kind else escaped(line))
    return "<pre>" + "\n".join(lines) + "</pre>"


# --- the trace -----------------------------------------------------------------------------------------------


def _anchor(node: Node) -> str:
    return "n-" + attribute(node.key.replace(":", "-"))


def _trace(outline: Outline) -> Iterator[str]:
    """Yield the tree as nested lists, without recursion: traces may be deep."""
    yield "<ul>"
    stack: list[Node | str] = list(reversed(outline.state.roots))
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            yield node
            continue
        yield f'<li id="{_anchor(node)}" class="{node.kind} {node.status}">'
        if not node.children:
            yield _node(node) + "</li>\n"
            continue
        is_open = " open" if node.depth < _MOST_OPEN_DEPTH else ""
        yield f"<details{is_open}><summary>{escaped(node_line(node))}</summary>{_node_body(node)}<ul>"
        stack.append("</ul></details></li>\n")
        stack += reversed(node.children)
    yield "</ul>"


def _node(node: Node) -> str:
    body = _node_body(node)
    if not body:
        return f"<p>{escaped(node_line(node))}</p>"
    return f"<details><summary>{escaped(node_line(node))}</summary>{body}</details>"


def _node_body(node: Node) -> str:
    parts = []
    if node.kind == "call" and node.prompt:
        parts.append(f'<pre class="asked">{escaped(node.prompt)}</pre>')
    if node.spans:
        shown = ", ".join(
            f'<span class="{attribute(span.how)}">{span.start:,}\u2013{span.end:,}</span>'
            for span in node.spans[:_MOST_SPANS]
        )
        more = f" and {len(node.spans) - _MOST_SPANS:,} more" if len(node.spans) > _MOST_SPANS else ""
        parts.append(f'<p class="spans">{shown}{more}</p>')
    if node.kind != "turn" and (result := result_of(node)):
        parts.append(f"<pre>{escaped(result)}</pre>")
    return "".join(parts)


# --- what the answers rest on --------------------------------------------------------------------------------


def _excerpt(number: int, excerpt: Excerpt) -> str:
    place = f"{excerpt.label}, line {excerpt.line}" if excerpt.line else excerpt.label
    where = f"characters {excerpt.start:,}\u2013{excerpt.end:,}"
    head = f'<h3><a href="#rest-{number}">{number}</a> {escaped(place)} <small>{where}</small></h3>'
    if excerpt.missing:
        return f'<article id="rest-{number}">{head}<p class="notice">{escaped(excerpt.missing)}</p></article>\n'
    text = f"{escaped(excerpt.before)}<mark>{escaped(excerpt.text)}</mark>{escaped(excerpt.after)}"
    return f'<article id="rest-{number}">{head}<pre>{text}</pre></article>\n'
