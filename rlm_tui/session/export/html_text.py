"""Foreign text as HTML: escaped, or rendered from Markdown with everything that could act left out."""

import html
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rlm_tui.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_TAB_MARK = "\u2409"
_CITED = re.compile(r"\[(\d{1,15})[-\u2013](\d{1,15})\]")
_PLAIN = re.compile(r"[A-Za-z(\"'][\w ,.;:?()\"'/=%$@\u2013\u2014-]*")
"""One line of words in which Markdown has nothing to find."""
_SAFE_ADDRESS = re.compile(r"(?i)(https?://|mailto:|#)")
_NOT_NAME = re.compile("[^A-Za-z0-9_-]")


def escaped(text: str) -> str:
    """Return `text` with nothing in it that HTML gives a meaning, and unsafe characters as visible marks."""
    return html.escape(safe_text(text).replace(_TAB_MARK, "\t"), quote=True)


def attribute(text: str) -> str:
    """Return `text` as a name for a class or id: letters, digits, `_` and `-`."""
    return _NOT_NAME.sub("_", text)


def rendered_answer(text: str, numbers: Mapping[tuple[int, int], int]) -> str:
    """Return an answer's Markdown as HTML; each cited span links to the excerpt that `numbers` names for it."""
    if _PLAIN.fullmatch(text):
        return f"<p>{escaped(text)}</p>"
    rendered = _renderer().render(safe_text(text).replace(_TAB_MARK, "\t"))

    def linked(match: re.Match[str]) -> str:
        number = numbers.get((int(match[1]), int(match[2])))
        return f'<a class="cited" href="#rest-{number}">{match[0]}</a>' if number else match[0]

    return _CITED.sub(linked, rendered)


@lru_cache(maxsize=1)
def _renderer() -> "MarkdownIt":
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML

    class Renderer(RendererHTML):
        """Renders images as their words, since an image would be fetched from somewhere."""

        def image(self, tokens: "Sequence[Token]", idx: int, options: Any, env: Any) -> str:  # noqa: ARG002 - the library's signature
            token = tokens[idx]
            return f"{html.escape(token.content)} ({html.escape(str(token.attrs.get('src', '')))})"

        def link_open(self, tokens: "Sequence[Token]", idx: int, options: Any, env: Any) -> str:  # noqa: ARG002 - as above
            address = html.escape(str(tokens[idx].attrs.get("href", "")), quote=True)
            return f'<a rel="noopener noreferrer nofollow" href="{address}">'

    class Markdown(MarkdownIt):
        """Takes only addresses that lead somewhere and run nothing."""

        def validateLink(self, url: str) -> bool:
            return _SAFE_ADDRESS.match(url) is not None

    options = {"html": False, "linkify": False}
    return Markdown("commonmark", options, renderer_cls=Renderer).enable(["table", "strikethrough"])
