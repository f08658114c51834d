"""The formats by name. Each is imported when it is used."""

from collections.abc import Iterable

from rlm_tui.session.export.reading import Exported

FORMATS = ("md", "html", "json", "jsonl", "zip")
"""Formats that need no screen; `zip` is a bundle."""


def pieces(exported: Exported, kind: str) -> Iterable[bytes]:
    """Return the export in one of `FORMATS`, in pieces. Raises `SessionError` while they are taken."""
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
