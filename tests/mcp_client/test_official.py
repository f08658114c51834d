"""The official library's own server, over stdio and over HTTP; and HTTP servers that misbehave."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rlm_tui.config.settings import McpSettings
from tests.mcp_client.conftest import OFFICIAL, MakeBench


async def test_over_stdio(make: MakeBench) -> None:
    bench = make(calc=McpSettings(command=(sys.executable, str(OFFICIAL))))
    await bench.servers.settled(60)
    assert (await bench.use("calc_add", a=2, b=3)).text == "5"
    assert not (await bench.use("calc_add", a="two", b=3)).ok
    assert (await bench.servers.read("calc", "memo://greeting"))[1] == "Hello from a resource."


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(params=["events", "json"])
def official(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of the official server, in each of the two ways in which it may reply."""
    port = _free_port()
    words = [sys.executable, str(OFFICIAL), str(port), *(["json"] if request.param == "json" else [])]
    with (tmp_path / "server.log").open("wb") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                continue
        yield f"http://127.0.0.1:{port}/mcp"
        process.kill()


async def test_over_http(make: MakeBench, official: str) -> None:
    bench = make(calc=McpSettings(url=official, headers={"Authorization": "Bearer abc"}))
    await bench.servers.settled(60)
    assert (await bench.use("calc_add", a=2, b=3)).text == "5"
    assert "MiB" in await bench.refusal("calc_long", count=5 << 20)
    assert (await bench.use("calc_add", a=4, b=3)).text == "7"
    assert (await bench.servers.read("calc", "memo://greeting"))[1] == "Hello from a resource."


class _Rude(BaseHTTPRequestHandler):
    """Answers by its path: a page, a packed body, a redirect to elsewhere."""

    heard: list[tuple[str, str]] = []

    def do_POST(self) -> None:
        self.heard.append((self.path, self.headers.get("Authorization", "")))
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        match self.path:
            case "/away":
                self.send_response(307)
                self.send_header("Location", f"http://localhost:{self.server.server_port}/elsewhere")  # type: ignore[attr-defined]  # an HTTP server has a port
            case "/packed":
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Encoding", "gzip")
            case _:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.parametrize("path", ["/page", "/packed", "/away"])
async def test_other_http_servers_end_in_a_notice(make: MakeBench, path: str) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Rude) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _Rude.heard.clear()
        address = f"http://127.0.0.1:{server.server_port}{path}"
        bench = make(bad=McpSettings(url=address, headers={"Authorization": "Bearer secret-word-1"}))
        await bench.servers.settled(30)
        assert bench.state("bad") == "failed"
        assert "secret-word-1" not in bench.notice("bad")
        assert all(heard == path for heard, _ in _Rude.heard)
        server.shutdown()


async def test_nobody_at_the_address(make: MakeBench) -> None:
    bench = make(bad=McpSettings(url=f"http://127.0.0.1:{_free_port()}/mcp"))
    await bench.servers.settled(30)
    assert "MCP server bad: nobody answers at its address" in bench.notice("bad")
