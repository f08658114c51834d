"""Inline Markdown as runs: emphasis, code, links with their whole address, and citations as chips."""

import re
from typing import TYPE_CHECKING

from rich.style import Style

from rlm_tui.text import one_line
from rlm_tui.tui.widgets.markdown.look import LinkTarget, Look, SpanTarget
from rlm_tui.tui.widgets.markdown.wrap import Run, cells_of, shown

if TYPE_CHECKING:
    from markdown_it.token import Token

_CITATION = re.compile(r"\[(\d[\d,]{0,20})\s{0,3}[-\u2013]\s{0,3}(\d[\d,]{0,20})\]")
_LABEL_CHARS = 60


def inline_runs(token: "Token", look: Look, base: Style) -> list[Run]:
    """Return the runs of an `inline` token, drawn on `base`."""
    runs: list[Run] = []
    styles = [base]
    links: list[LinkTarget] = []
    for child in token.children or ():
        match child.type:
            case "text":
                _add_text(runs, child.content, styles[-1], look, links[-1] if links else None)
            case "code_inline":
                runs.append(Run(shown(child.content), styles[-1] + look.code, links[-1] if links else None))
            case "softbreak":
                runs.append(Run(" ", styles[-1]))
            case "hardbreak":
                runs.append(Run("\n", styles[-1]))
            case "strong_open":
                styles.append(styles[-1] + look.strong)
            case "em_open":
                styles.append(styles[-1] + look.emphasis)
            case "s_open":
                styles.append(styles[-1] + look.struck)
            case "link_open":
                links.append(LinkTarget(str(child.attrs.get("href", ""))))
                styles.append(styles[-1] + look.link)
            case "link_close" if links:
                styles.pop()
                _add_address(runs, links.pop(), token.content, styles[-1], look)
            case "strong_close" | "em_close" | "s_close":
                styles.pop()
            case "image":
                link = LinkTarget(str(child.attrs.get("src", "")))
                runs.append(Run(shown(f"image {child.content}".rstrip()), styles[-1] + look.link, link))
                _add_address(runs, link, "", styles[-1], look)
            case _:
                runs.append(Run(shown(child.content), styles[-1]))
    return runs


def _add_text(runs: list[Run], text: str, style: Style, look: Look, link: LinkTarget | None) -> None:
    if link is None and "[" in text:
        at = 0
        for match in _CITATION.finditer(text):
            if match.start() > at:
                runs.append(Run(shown(text[at : match.start()]), style))
            runs.append(citation_chip(match, look))
            at = match.end()
        text = text[at:]
    if text:
        runs.append(Run(shown(text), style, link))


def citation_chip(match: re.Match[str], look: Look) -> Run:
    """Return the chip of a citation: its span, and the label of what it cites where that is known.

    One that does not hold is struck and ends with a question mark.
    """
    start, end = (int(group.replace(",", "") or "0") for group in match.groups())
    citation = look.citations.get((start, end))
    words = f"{start:,}–{end:,}"
    if citation is None:
        return Run(f" {words} ", look.chip, SpanTarget(start, end), True)
    if not citation.ok:
        return Run(f" {words} ? ", look.bad_chip, SpanTarget(start, end), True)
    room = max(0, min(_LABEL_CHARS, look.width - cells_of(words) - 8))
    label = shown(one_line(citation.label, room)) if room >= 4 else ""
    return Run(f" {words} {label} " if label else f" {words} ", look.chip, SpanTarget(start, end), True)


def _add_address(runs: list[Run], link: LinkTarget, source: str, style: Style, look: Look) -> None:
    """Add the address behind a link, unless the link is the address itself."""
    url = shown(link.url)
    said = "".join(run.text for run in runs if run.what is link)
    if url and url != said and not (f"<{said}>" in source and url == f"mailto:{said}"):
        runs.append(Run(" (", style + look.address))
        runs.append(Run(url, style + look.address, link))
        runs.append(Run(")", style + look.address))
