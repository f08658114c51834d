"""What goes wrong, over real HTTP: kinds, sentences, deadlines, closed connections, one request a call."""

import asyncio
import socket
from contextlib import aclosing
from typing import Any

import pytest
from msgspec import structs

from rlm_tui.errors import ModelError
from rlm_tui.models.litellm_client import LiteLLMClient, Timeouts
from rlm_tui.models.port import Message, ModelRequest, TextPart
from rlm_tui.models.target import Endpoint
from tests.models.conftest import KEY
from tests.support.llm_thread import LLMThread
from tests.support.scripted_server import (
    Drop,
    End,
    Hang,
    Raw,
    Reasoning,
    ScriptedServer,
    Status,
    Text,
    Turn,
    Usage,
    Wait,
    failure,
    trickle,
)

ASK = ModelRequest("test/m", (Message("user", "Hi"),))
ERROR_EVENT = b'data: {"error": {"message": "engine died", "type": "server_error", "code": 500}}\n\n'
BAD_JSON = b'data: {"id": "x", "choices": [{"delta": {"conte\n\n'


def fails(llm: LLMThread, client: LiteLLMClient, request: ModelRequest = ASK) -> ModelError:
    with pytest.raises(ModelError) as caught:
        llm.ask(client, request)
    return caught.value


@pytest.mark.parametrize(
    ("turn", "kind", "words"),
    [
        (failure(401, "Incorrect API key"), "auth", "SCRIPT_KEY"),
        (failure(403, "forbidden"), "auth", "SCRIPT_KEY"),
        (failure(404, "The model does not exist"), "not_found", "rlm-tui models"),
        (failure(429, "slow down"), "rate_limit", "wait"),
        (failure(429, "You exceeded your current quota", code="insufficient_quota"), "quota", "billing"),
        (failure(402, "Payment required"), "quota", "billing"),
        (failure(500, "boom"), "server", "boom"),
        (failure(503, "overloaded"), "server", "try again"),
        (failure(529, "overloaded"), "server", "overloaded"),
        (Turn(Status(502, "<html>bad gateway</html>")), "server", "bad gateway"),
        (failure(400, "weird"), "bad_request", "weird"),
        (failure(400, "maximum context length is 8192 tokens"), "context_too_long", "RLM_"),
        (failure(400, "the request exceeds the available context size"), "context_too_long", "RLM_"),
        (failure(413, "too large"), "context_too_long", "RLM_"),
        (failure(408, "slow"), "timeout", "try again"),
        (Turn(Drop()), "connection", "check the network"),
    ],
)  # fmt: skip
def test_refusals_have_a_kind_and_say_what_to_do(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient, turn: Turn, kind: str, words: str
) -> None:
    server.queue(turn)
    error = fails(llm, client)
    assert error.kind == kind
    assert "test/m" in str(error)
    assert words in str(error)
    assert "litellm" not in str(error).lower()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "1.5"}, 1.5),
        ({"retry_after_ms": "250"}, 0.25),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:30 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30.0),
        ({"retry_after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient, headers: dict[str, str], seconds: float | None
) -> None:
    server.queue(failure(429, "slow down", **headers))
    assert fails(llm, client).retry_after == seconds


@pytest.mark.parametrize(
    "fault",
    [Drop(), Drop(reset=True), Raw(BAD_JSON), Raw(ERROR_EVENT), End()],
    ids=["drop", "reset", "bad json", "error event", "clean end without finish"],
)
def test_a_reply_that_breaks_off_is_cut_and_keeps_its_text(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient, fault: Any
) -> None:
    server.queue(Turn(Text("half", " an"), Wait(0.02), fault))
    error = fails(llm, client)
    assert (error.kind, error.partial, error.retryable) == ("cut", "half an", True)
    assert len(server.requests) == 1


def test_a_missing_finish_reason_is_no_cut_where_the_server_counted_tokens(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient
) -> None:
    usage = b'data: {"id": "x", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1}}\n\n'
    server.queue(Turn(Text("all"), Raw(usage), End()))
    _, reply = llm.ask(client, ASK)
    assert (reply.text, reply.usage.input_tokens) == ("all", 5)


def test_nobody_listens(llm: LLMThread, environ: dict[str, str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        error = fails(llm, LiteLLMClient(endpoints={"test": Endpoint(api_base=address)}, environ=environ))
    assert error.kind == "connection"
    assert address in str(error)


def test_a_key_that_a_server_echoes_is_masked(llm: LLMThread, server: ScriptedServer, client: LiteLLMClient) -> None:
    server.queue(failure(401, f"Incorrect API key provided: {KEY}"), Turn(Status(500, f"<p>Bearer {KEY}</p>")))
    for _ in range(2):
        message = str(fails(llm, client))
        assert KEY not in message
        assert "[redacted]" in message


LIMITS = {"first_token_ms": 10_000.0, "idle_ms": 10_000.0, "total_ms": 20_000.0, "whole_ms": 10_000.0}


@pytest.mark.parametrize(
    ("limit", "turn", "stream", "partial", "words"),
    [
        ("first_token_ms", Turn(Hang()), True, "", "no reply began"),
        ("idle_ms", Turn(Text("a"), Hang()), True, "a", "nothing more arrived"),
        ("idle_ms", Turn(Reasoning("a"), Hang()), True, "", "nothing more arrived"),
        ("whole_ms", Turn(Hang()), False, "", "no reply arrived"),
    ],
)
def test_deadlines_end_a_call_and_close_its_connection(
    llm: LLMThread,
    server: ScriptedServer,
    environ: dict[str, str],
    limit: str,
    turn: Turn,
    stream: bool,
    partial: str,
    words: str,
) -> None:
    timeouts = Timeouts(**{**LIMITS, limit: 150.0})
    client = LiteLLMClient(endpoints={"test": Endpoint(server.base_url)}, timeouts=timeouts, environ=environ)
    server.queue(turn)
    error = fails(llm, client, structs.replace(ASK, stream=stream))
    assert (error.kind, error.partial) == ("timeout", partial)
    assert f"{words} within 0.15 s" in str(error)
    assert server.requests[0].closed.wait(5)


def test_a_trickle_ends_at_the_total_limit(llm: LLMThread, server: ScriptedServer, environ: dict[str, str]) -> None:
    timeouts = Timeouts(first_token_ms=5_000, idle_ms=5_000, total_ms=300)
    client = LiteLLMClient(endpoints={"test": Endpoint(server.base_url)}, timeouts=timeouts, environ=environ)
    server.queue(trickle(1000, 0.03))
    error = fails(llm, client)
    assert error.kind == "timeout"
    assert error.partial.startswith("0 1 ")
    assert server.requests[0].closed.wait(5)


@pytest.mark.parametrize(
    ("turn", "stream"),
    [(Turn(Text("a"), Hang()), True), (Turn(Hang()), False), (Turn(Reasoning("a"), Hang()), True)],
    ids=["in mid-stream", "while waiting", "while it thinks"],
)
def test_cancelling_closes_the_connection(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient, turn: Turn, stream: bool
) -> None:
    server.queue(turn)

    async def cancel() -> bool:
        async def read() -> None:
            async for _ in client.stream(structs.replace(ASK, stream=stream)):
                pass

        task = asyncio.create_task(read())
        await asyncio.to_thread(server.wait_for_requests, 1)
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait({task})
        return task.cancelled()

    assert llm.run(cancel())
    assert server.requests[0].closed.wait(5)


def test_leaving_a_stream_closes_the_connection(llm: LLMThread, server: ScriptedServer, client: LiteLLMClient) -> None:
    server.queue(trickle(1000, 0.02), Turn(Text("next")))

    async def leave() -> None:
        async with aclosing(client.stream(ASK)) as parts:
            async for part in parts:
                assert isinstance(part, TextPart)
                break

    llm.run(leave())
    assert server.requests[0].closed.wait(5)
    assert llm.ask(client, ASK)[1].text == "next"


@pytest.mark.parametrize(
    ("model", "kind", "words"),
    [
        ("antropic/claude", "not_found", "anthropic"),
        ("tset/m", "not_found", "test"),
        ("no-such-model", "not_found", "PROVIDER/no-such-model"),
        ("openai/gpt-x", "auth", "OPENAI_API_KEY"),
        ("locked/m", "auth", "LOCKED_KEY"),
        ("empty/m", "not_found", "api_base"),
        ("", "no_model", "offline"),
    ],
)
def test_names_and_keys_are_checked_before_any_request(
    llm: LLMThread, server: ScriptedServer, model: str, kind: str, words: str
) -> None:
    endpoints = {
        "test": Endpoint(server.base_url),
        "locked": Endpoint(server.base_url, "LOCKED_KEY"),
        "empty": Endpoint(),
    }
    error = fails(llm, LiteLLMClient(endpoints=endpoints, environ={}), structs.replace(ASK, model=model))
    assert error.kind == kind
    assert words in str(error)
    assert server.requests == []


def test_warming_up_reaches_nobody(llm: LLMThread, server: ScriptedServer, client: LiteLLMClient) -> None:
    llm.run(client.warm_up())
    server.queue(Turn(Text("a"), Usage(1, 1)))
    assert llm.ask(client, ASK)[1].text == "a"
    assert len(server.requests) == 1
