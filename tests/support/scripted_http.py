"""As much of HTTP/1.1 as a scripted server needs: one request in, one whole response out."""

import asyncio
import json
from typing import Any


async def read_head(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]] | None:
    """Return method, path and headers (names in lower case) of the next request, or None at the end."""
    line = await reader.readline()
    if not line:
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return method, path, headers


async def read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> dict[str, Any]:
    """Return a request's JSON body; `{}` where there is none."""
    raw = b""
    if "content-length" in headers:
        raw = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            raw += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    body = json.loads(raw) if raw else {}
    assert isinstance(body, dict)
    return body


def send_whole(writer: asyncio.StreamWriter, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
    """Write one whole response: JSON, or HTML where `body` is text."""
    as_html = isinstance(body, str)
    data = body.encode() if as_html else json.dumps(body if body is not None else {}).encode()
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Type: {'text/html' if as_html else 'application/json'}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines += [f"Content-Length: {len(data)}", "", ""]
    writer.write("\r\n".join(lines).encode("latin-1") + data)
