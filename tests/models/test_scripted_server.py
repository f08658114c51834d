"""The scripted server itself, over plain HTTP."""

import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.scripted_server import Drop, Hang, ScriptedServer, Text, Tool, Turn, Usage, failure

BODY: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def stream(server: ScriptedServer, **more: Any) -> list[dict[str, Any]]:
    """Return the chunks of a streamed reply."""
    reply = httpx.post(f"{server.base_url}/chat/completions", json={**BODY, "stream": True, **more})
    lines = [line.removeprefix("data: ") for line in reply.text.splitlines() if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def test_queue_comes_before_the_function_and_nothing_is_made_up() -> None:
    with ScriptedServer() as server:
        url = f"{server.base_url}/chat/completions"
        assert httpx.post(url, json=BODY).status_code == 400
        server.answer(lambda request: Turn(Text(f"{request.prompt}!")))
        server.queue(Turn(Text("first")))
        texts = [httpx.post(url, json=BODY).json()["choices"][0]["message"]["content"] for _ in range(2)]
        assert texts == ["first", "Hi!"]
        assert [request.model for request in server.requests] == ["m"] * 3


def test_stream_has_fragments_and_a_usage_chunk_only_when_asked() -> None:
    turn = Turn(Text("a", "b"), Tool("f", {"x": "12345678"}), Usage(3, 4, cached=1))
    with ScriptedServer(lambda _: turn) as server:
        plain = stream(server)
        asked = stream(server, stream_options={"include_usage": True})
    assert [c["choices"][0]["delta"].get("content") for c in plain[:3]] == ["", "a", "b"]
    calls = [c["choices"][0]["delta"]["tool_calls"][0] for c in plain[3:-1]]
    assert "".join(c["function"]["arguments"] for c in calls) == '{"x": "12345678"}'
    assert plain[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert asked[-1]["choices"] == []
    assert asked[-1]["usage"]["prompt_tokens_details"] == {"cached_tokens": 1}


def test_faults_reach_the_client_and_its_leaving_is_recorded() -> None:
    with ScriptedServer() as server:
        url = f"{server.base_url}/chat/completions"
        server.queue(failure(429, "slow down", retry_after="3"), Turn(Text("a"), Drop()), Turn(Text("a"), Hang()))
        refused = httpx.post(url, json=BODY)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "3")
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(url, json={**BODY, "stream": True})
        with httpx.stream("POST", url, json={**BODY, "stream": True}) as reply:
            pieces = reply.iter_raw()  # kept: dropping it would close the connection
            next(pieces)
            assert not server.requests[-1].closed.is_set()
        assert server.requests[-1].closed.wait(5)
        assert not server.requests[-1].done.is_set()


def test_reset_is_a_reset() -> None:
    with (
        ScriptedServer(lambda _: Turn(Drop(reset=True))) as server,
        socket.create_connection(("127.0.0.1", server.port)) as raw,
    ):
        raw.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
        with pytest.raises(ConnectionResetError):
            raw.recv(100)


def test_it_starts_from_a_shell() -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.support.scripted_server", "--script", "echo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        request = urllib.request.Request(
            f"{url}/chat/completions", json.dumps(BODY).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as reply:
            assert json.load(reply)["choices"][0]["message"]["content"] == "Hi"
        process.terminate()
    assert process.returncode == 0
