"""JSON Lines: a header, then the session's envelopes, one a line, in order. `importing` reads them back.

The schema of every line comes from the structures themselves, so it cannot differ from what is written.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from rlm_tui import __version__
from rlm_tui.events import FORMAT_VERSION, Envelope, SessionOpened
from rlm_tui.session.codec import encode_plain
from rlm_tui.session.export.parts import PARTS
from rlm_tui.session.export.reading import Exported

HEADER_TYPE = "rlm-tui-session"


class Header(Struct, frozen=True):
    """The first line. `format` is the major version of the log format, `parts` what is in the export."""

    type: str
    format: int
    app_version: str
    session: str
    parts: tuple[str, ...]


def write_jsonl(exported: Exported) -> Iterator[bytes]:
    """Yield the lines of an export, line feeds included. Raises `SessionError`."""
    yield from written_lines(exported, exported.records())


def written_lines(exported: Exported, records: Iterator[Envelope]) -> Iterator[bytes]:
    """Yield the lines for these records of `exported`."""
    parts = tuple(part for part in PARTS if part in exported.parts)
    first = next(records)
    yield msgspec.json.encode(Header(HEADER_TYPE, FORMAT_VERSION, __version__, first.session, parts)) + b"\n"
    yield encode_plain(first) + b"\n"
    for record in records:
        yield encode_plain(record) + b"\n"


def line_schema() -> dict[str, Any]:
    """Return the JSON Schema of a line: the header's, or an envelope's."""
    (header, envelope), components = msgspec.json.schema_components((Header, Envelope), ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A line of an exported rlm-tui session, format {FORMAT_VERSION}",
        "anyOf": [header, envelope],
        "$defs": components,
    }


def is_first(record: Envelope) -> bool:
    """Whether a record is the beginning of a session."""
    return isinstance(record.event, SessionOpened) and not record.event.resumed
