"""`web_fetch`: a page of the web as text. Every address is asked for, checked, and connected to as it was checked.

A name is resolved once and the connection goes to that address, so that a name cannot point at a private one after
the check. Redirects go through the same door.
"""

import asyncio
import http.client
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Annotated
from urllib.parse import urljoin, urlsplit

from msgspec import Meta, Struct

from rlm_tui import __version__
from rlm_tui.errors import ToolError
from rlm_tui.tools.port import Action, Arguments, ToolResult, ToolRun

_MAX_BYTES = 5 << 20
_SECONDS = 30.0
_REDIRECTS = 5
_SHOWN_CHARS = 50_000
_TEXTUAL = (
    "text/",
    "application/json",
    "application/xml",
    "application/xhtml",
    "application/javascript",
    "+json",
    "+xml",
)


class WebFetchArguments(Arguments, frozen=True):
    url: Annotated[str, Meta(description="An http or https address.")]


class Page(Struct, frozen=True):
    """One reply: its status, headers of interest, and at most `_MAX_BYTES` bytes."""

    status: int
    kind: str
    location: str
    data: bytes
    cut: bool


class WebFetch:
    """`web_fetch`: one page, HTML turned into text. `allow_private` lets addresses of this machine and its nets in."""

    name = "web_fetch"
    description = "Fetch one page of the web by http or https and return its text."
    arguments = WebFetchArguments
    aliases: Mapping[str, str] = {"address": "url", "uri": "url"}
    parallel = False

    def __init__(self, *, allow_private: bool = False) -> None:
        self._allow_private = allow_private

    async def run(self, arguments: WebFetchArguments, run: ToolRun) -> ToolResult:
        url = arguments.url.strip()
        until = time.monotonic() + _SECONDS
        for _ in range(_REDIRECTS + 1):
            check_url(url)
            await run.permits.require(Action(self.name, url, preview=url), run.request)
            page = await asyncio.to_thread(fetch, url, max(1.0, until - time.monotonic()), self._allow_private)
            if page.status not in (301, 302, 303, 307, 308) or not page.location:
                return _result(url, page)
            url = urljoin(url, page.location)
        raise ToolError(f"{arguments.url} redirects more than {_REDIRECTS} times.")


def _result(url: str, page: Page) -> ToolResult:
    if not any(kind in page.kind for kind in _TEXTUAL) and page.kind:
        raise ToolError(f"{url} is {page.kind}, which is no text ({len(page.data):,} bytes).")
    text = page_text(page)
    shown = text[:_SHOWN_CHARS]
    if len(text) > len(shown):
        shown += f"\n… ({len(text):,} characters in all)"
    if page.cut:
        shown += f"\n(the page is larger than {_MAX_BYTES:,} bytes: the rest was not fetched)"
    ok = 200 <= page.status < 300
    head = f"{url}: status {page.status}, {len(text):,} characters"
    return ToolResult(f"{head}\n{shown}", head, capture=text, label=url, ok=ok)


def check_url(url: str) -> None:
    """Raise `ToolError` unless `url` is an http or https address without a password in it."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or any(character <= " " for character in url):
        raise ToolError(f"{url!r} is no http or https address.")
    if parts.username is not None or parts.password is not None:
        raise ToolError("The address holds a user name or password: give it without them.")


def fetch(url: str, seconds: float, allow_private: bool) -> Page:
    """Return the reply to one GET of `url`, redirects not followed. Raises `ToolError`."""
    parts = urlsplit(url)
    assert parts.hostname is not None  # as `check_url` saw to
    port = parts.port or (443 if parts.scheme == "https" else 80)
    until = time.monotonic() + seconds
    try:
        address = _address(parts.hostname, port, allow_private)
        connection = http.client.HTTPConnection(parts.hostname, port, timeout=seconds)
        plain = socket.create_connection((address, port), timeout=seconds)
        secure = parts.scheme == "https"
        connection.sock = (
            ssl.create_default_context().wrap_socket(plain, server_hostname=parts.hostname) if secure else plain
        )
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {"User-Agent": f"rlm-tui/{__version__}", "Accept": "text/html, text/*;q=0.9, */*;q=0.5"}
            connection.request("GET", target.encode("ascii", "ignore").decode(), headers=headers)
            reply = connection.getresponse()
            data = _read(reply, until)
            return Page(
                reply.status, (reply.getheader("Content-Type") or "").lower(), reply.getheader("Location") or "",
                data[:_MAX_BYTES], len(data) > _MAX_BYTES,
            )  # fmt: skip
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        raise ToolError(f"{url} cannot be fetched: {error or type(error).__name__}.") from None


def _read(reply: http.client.HTTPResponse, until: float) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while size <= _MAX_BYTES and (piece := reply.read1(65_536)):
        pieces.append(piece)
        size += len(piece)
        if time.monotonic() > until:
            raise ToolError(f"The page did not arrive within {_SECONDS:.0f} seconds.")
    return b"".join(pieces)


def _address(host: str, port: int, allow_private: bool) -> str:
    """Return an address of `host` to connect to. Raises `ToolError` where any of its addresses is not public."""
    found = {str(item[4][0]) for item in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    for text in found:
        address = ipaddress.ip_address(text.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        if not allow_private and (not mapped.is_global or mapped.is_multicast):
            raise ToolError(f"{host} leads to {text}, an address of this machine or a private net: it is not fetched.")
    return min(found, key=lambda text: (":" in text, text))


def page_text(page: Page) -> str:
    """Return a page's text: HTML without its markup, anything else as it is."""
    encoding = page.kind.partition("charset=")[2].partition(";")[0].strip(" \"'") or "utf-8"
    try:
        text = page.data.decode(encoding, "replace")
    except LookupError:
        text = page.data.decode("utf-8", "replace")
    if "html" not in page.kind:
        return text
    parser = _Text()
    parser.feed(text)
    parser.close()
    return parser.text


_SPACES = re.compile(r"\s+")


class _Text(HTMLParser):
    """Gathers what a person would read."""

    _HIDDEN = frozenset({"script", "style", "noscript", "template", "svg"})
    _BLOCKS = frozenset(
        "p div section article header footer main nav aside ul ol li table tr pre blockquote "  # noqa: SIM905 - a list
        "h1 h2 h3 h4 h5 h6 br hr dl dt dd title".split()
    )

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._hidden = 0
        self._pre = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's
        if tag in self._HIDDEN:
            self._hidden += 1
        elif tag in self._BLOCKS:
            self._parts.append("\n")
        self._pre += tag == "pre"
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
            self._parts.append("#" * int(tag[1]) + " ")
        elif tag == "li":
            self._parts.append("- ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif tag in self._BLOCKS:
            self._parts.append("\n")
        self._pre -= tag == "pre" and self._pre > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._parts.append(data if self._pre else _SPACES.sub(" ", data))

    @property
    def text(self) -> str:
        lines = ["" if line.isspace() else line.rstrip() for line in "".join(self._parts).split("\n")]
        kept = [line for i, line in enumerate(lines) if line or (i and lines[i - 1])]
        return "\n".join(kept).strip() + "\n"
