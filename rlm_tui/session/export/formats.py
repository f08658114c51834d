"""The formats by name. Each is imported when it is used."""

from collections.abc import Iterable, Iterator

from rlm_tui.session.collecting import no_collection
from rlm_tui.session.export.reading import Exported

FORMATS = ("md", "html", "json", "jsonl", "zip")
"""Formats that need no screen; `zip` is a bundle."""


def pieces(exported: Exported, kind: str) -> Iterator[bytes]:
    """Yield the export in one of `FORMATS`, in pieces. Raises `SessionError`."""
    with no_collection():
        yield from _pieces(exported, kind)


def _pieces(exported: Exported, kind: str) -> Iterable[bytes]:
    if kind == "zip":
        from rlm_tui.session.export.bundle import write_bundle

        return write_bundle(exported)
    if kind == "jsonl":
        from rlm_tui.session.export.jsonl import write_jsonl

        return write_jsonl(exported)
    if kind == "json":
        from rlm_tui.session.export.json_document import write_json

        return write_json(exported)
    if kind == "html":
        from rlm_tui.session.export.html import write_html

        return write_html(exported)
    from rlm_tui.session.export.markdown import write_markdown

    return write_markdown(exported)
