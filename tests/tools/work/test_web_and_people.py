"""The web, by a server on this machine; questions, plans and sub-agents."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.work import Bench

PAGE = (
    "<html><head><title>Tea &amp; rice</title><style>p{}</style></head><body><h1>Hello</h1><script>alert(1)</script>"
    "<p>One <b>two</b> three.</p><ul><li>first<li>second</ul><pre>a  b\n c</pre></body></html>"
)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://10.0.0.1/secret")
            self.end_headers()
            return
        if self.path == "/round":
            self.send_response(302)
            self.send_header("Location", "/round")
            self.end_headers()
            return
        kind, body = {
            "/": ("text/html; charset=utf-8", PAGE.encode()),
            "/big": ("text/plain", b"x" * (6 << 20)),
            "/pic": ("image/png", b"\x89PNG"),
        }.get(self.path, ("text/plain", b"nothing here"))
        self.send_response(200 if self.path in ("/", "/big", "/pic") else 404)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_page_becomes_text(project: Path, tmp_path: Path, address: str) -> None:
    bench = Bench(project, tmp_path / "home", allow_private=True)
    text = bench.use("web_fetch", url=f"{address}/").text
    for part in ("Tea & rice", "# Hello", "One two three.", "- first", "a  b\n c"):
        assert part in text
    assert "alert" not in text
    assert bench.permits.asked[0].target == f"{address}/"
    assert not bench.use("web_fetch", url=f"{address}/missing").ok
    assert "no text" in bench.use("web_fetch", url=f"{address}/pic").text
    assert "rest was not fetched" in bench.use("web_fetch", url=f"{address}/big").text
    assert "more than 5 times" in bench.use("web_fetch", url=f"{address}/round").text


def test_each_redirect_is_asked_for(project: Path, tmp_path: Path, address: str) -> None:
    bench = Bench(project, tmp_path / "home", allow_private=True)
    denied = bench.permits.require

    async def only_here(action: object, request: str) -> None:
        bench.permits.allow = len(bench.permits.asked) == 0
        await denied(action, request)  # type: ignore[arg-type]  # an Action

    bench.permits.require = only_here  # type: ignore[method-assign]  # the double decides by place
    assert "not allowed" in bench.use("web_fetch", url=f"{address}/away").text
    assert [action.target for action in bench.permits.asked] == [f"{address}/away", "http://10.0.0.1/secret"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "http://0.0.0.0:1/", "http://10.1.2.3/",
        "http://169.254.169.254/latest", "http://[::ffff:127.0.0.1]:1/", "http://2130706433/", "http://0x7f.1/",
        "http://100.64.0.1/", "http://[fd00::1]/",
    ],
)  # fmt: skip
def test_private_addresses_are_refused(bench: Bench, url: str) -> None:
    text = bench.use("web_fetch", url=url).text
    assert "private net" in text or "cannot be fetched" in text
    assert "refused" not in text  # nothing was connected to


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://x/", "x", "", "http://", "http://u:p@x.org/", "http://a b/"]
)
def test_other_addresses_are_not_even_asked_for(bench: Bench, url: str) -> None:
    assert not bench.use("web_fetch", url=url).ok
    assert bench.permits.asked == []


def test_plans_questions_and_sub_agents(bench: Bench) -> None:
    plan = bench.use("todo", items=[{"content": "look", "status": "completed"}, {"content": "leap"}])
    assert plan.text == "[x] look\n[ ] leap"
    assert plan.summary == "1 of 2 done"
    assert not bench.use("todo", items=[{"content": "x", "status": "nonsense"}]).ok
    assert bench.use("ask", question="Which?", options=["left", "right"]).text == "left"
    assert bench.use("task", prompt="dig").text == "done: dig"
    assert bench.sub.tasks[0].work
