"""Replies through litellm and HTTP: what is streamed, put together and sent."""

import json
from typing import Any

import pytest
from msgspec import structs

from rlm_tui.events import ToolRequest, Usage
from rlm_tui.models.litellm_client import LiteLLMClient
from rlm_tui.models.port import Message, ModelPart, ModelRequest, ReasoningPart, TextPart, ToolSchema
from rlm_tui.models.target import Endpoint
from tests.models.conftest import KEY
from tests.support.llm_thread import LLMThread
from tests.support.scripted_server import (
    SIGNATURE,
    Finish,
    Interleaved,
    Raw,
    Reasoning,
    ScriptedServer,
    Text,
    Tool,
    Turn,
)
from tests.support.scripted_server import Usage as Counts

FIND = ToolSchema("rlm_find", "Find text.", {"type": "object", "properties": {"text": {"type": "string"}}})
ASK = ModelRequest("test/m", (Message("system", "Be brief."), Message("user", "Hi")))
ASK_TOOLS = structs.replace(ASK, tools=(FIND,))


def texts(parts: list[ModelPart]) -> list[str]:
    return [part.text for part in parts if isinstance(part, TextPart)]


def thoughts(parts: list[ModelPart]) -> list[str]:
    return [part.text for part in parts if isinstance(part, ReasoningPart)]


def calls(requests: tuple[ToolRequest, ...]) -> list[tuple[str, str, str]]:
    return [(request.provider_id, request.name, request.arguments) for request in requests]


@pytest.mark.parametrize("place", ["own chunk", "last chunk"])
def test_text_streams_chunk_by_chunk_and_ends_with_counts(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient, place: Any
) -> None:
    server.queue(Turn(Text("Hel", "lo ", "wörld 🙂"), Counts(12, 4, cached=8, reasoning=1, place=place)))
    parts, reply = llm.ask(client, ASK)
    assert texts(parts) == ["Hel", "lo ", "wörld 🙂"]
    assert (reply.text, reply.finish, reply.model) == ("Hello wörld 🙂", "stop", "test/m")
    assert reply.usage == Usage(12, 4, 8, 1)
    assert 0 < reply.first_token_ms <= reply.elapsed_ms
    assert reply.cost is None
    assert reply.extra == {}


def test_a_reply_that_is_not_streamed_has_the_same_parts(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient
) -> None:
    server.queue(Turn(Reasoning("hm"), Text("Hi"), Tool("rlm_find", {"text": "x"}), Counts(3, 2)))
    parts, reply = llm.ask(client, structs.replace(ASK_TOOLS, stream=False))
    assert (thoughts(parts), texts(parts)) == (["hm"], ["Hi"])
    assert calls(reply.requests) == [("call_1", "rlm_find", '{"text": "x"}')]
    assert (reply.finish, reply.reasoning, reply.usage) == ("tool_calls", "hm", Usage(3, 2))
    assert server.requests[0].body.get("stream") in (None, False)


@pytest.mark.parametrize(
    "turn",
    [
        Turn(Reasoning("think ", "hard"), Text("an", "swer")),
        Turn(Reasoning("think ", "hard", key="reasoning"), Text("an", "swer")),
        Turn(Text("<th", "ink>think", " hard</thi", "nk>\n\nan", "swer")),
    ],
    ids=["reasoning_content", "reasoning", "think tags"],
)
def test_reasoning_is_told_apart_from_text(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient, turn: Turn
) -> None:
    server.queue(turn)
    parts, reply = llm.ask(client, ASK)
    assert "".join(thoughts(parts)) == reply.reasoning == "think hard"
    assert "".join(texts(parts)) == reply.text == "answer"


def test_tool_calls_are_joined_from_fragments(llm: LLMThread, server: ScriptedServer, client: LiteLLMClient) -> None:
    first, second = Tool("rlm_find", {"text": "déjà vu"}, fragment=3), Tool("rlm_find", {"text": "b"}, id="")
    server.queue(Turn(Text("Let me look."), first, second), Turn(Interleaved(first, Tool("rlm_find", '{"te'))))
    _, reply = llm.ask(client, ASK_TOOLS)
    assert [(name, arguments) for _, name, arguments in calls(reply.requests)] == [
        ("rlm_find", '{"text": "déjà vu"}'),
        ("rlm_find", '{"text": "b"}'),
    ]
    assert reply.requests[0].provider_id == "call_1"
    assert reply.requests[1].provider_id not in ("", "call_1")
    assert reply.finish == "tool_calls"
    _, reply = llm.ask(client, ASK_TOOLS)
    assert [arguments for _, _, arguments in calls(reply.requests)] == ['{"text": "déjà vu"}', '{"te']


def test_calls_that_all_claim_the_first_place_stay_apart(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient
) -> None:
    def chunk(id: str, arguments: str) -> Raw:
        call = {"index": 0, "id": id, "type": "function", "function": {"name": "rlm_find", "arguments": arguments}}
        choice = {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}
        data = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        return Raw(f"data: {json.dumps(data)}\n\n".encode())

    server.queue(Turn(chunk("a", '{"text": "1"}'), chunk("b", '{"text": "2"}'), Finish("tool_calls")))
    _, reply = llm.ask(client, ASK_TOOLS)
    assert calls(reply.requests) == [("a", "rlm_find", '{"text": "1"}'), ("b", "rlm_find", '{"text": "2"}')]


@pytest.mark.parametrize(("sent", "told"), [("length", "length"), ("content_filter", "content_filter")])
def test_other_ends_are_told(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient, sent: str, told: str
) -> None:
    server.queue(Turn(Text("abc"), Finish(sent)))
    assert llm.ask(client, ASK)[1].finish == told


def test_equal_chunks_and_comments_do_not_end_a_stream(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient
) -> None:
    server.queue(Turn(Raw(b": keep-alive\n\n"), Text(*["----"] * 150)))
    assert llm.ask(client, ASK)[1].text == "----" * 150


def test_all_of_a_request_arrives(llm: LLMThread, server: ScriptedServer, client: LiteLLMClient) -> None:
    asked = ToolRequest("r1", "rlm_find", '{"text": "x"}', "call_9")
    broken = ToolRequest("r2", "rlm_find", '{"te', "call_10")
    messages = (
        Message("system", "Be brief."),
        Message("user", "Look", images=("data:image/png;base64,AAAA",)),
        Message("assistant", "", requests=(asked, broken)),
        Message("tool", "found", provider_id="call_9", name="rlm_find"),
        Message("tool", "bad arguments", provider_id="call_10", name="rlm_find"),
    )
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    request = ModelRequest(
        "test/gpt-4o", messages, (FIND,), temperature=0.5, max_output_tokens=99, response_schema=schema, stream=False
    )
    server.queue(Turn(Text("{}")))
    llm.ask(client, request)
    body = server.requests[0].body
    assert body["model"] == "gpt-4o"
    assert (body["temperature"], body["max_tokens"]) == (0.5, 99)
    assert body["response_format"]["json_schema"]["schema"] == schema
    assert body["tools"][0]["function"] == {
        "name": "rlm_find",
        "description": "Find text.",
        "parameters": FIND.parameters,
    }
    user, assistant, *results = body["messages"][1:]
    assert user["content"][1]["image_url"]["url"] == "data:image/png;base64,AAAA"
    assert [call["function"]["arguments"] for call in assistant["tool_calls"]] == ['{"text": "x"}', "{}"]
    assert [result["tool_call_id"] for result in results] == ["call_9", "call_10"]
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_headers_of_an_endpoint_are_sent_and_a_key_is_not_needed(llm: LLMThread, server: ScriptedServer) -> None:
    endpoint = Endpoint(api_base=server.base_url, headers={"x-team": "blue"})
    client = LiteLLMClient(endpoints={"own": endpoint}, endpoint="own", environ={})
    server.queue(Turn(Text("a")), Turn(Text("b")))
    assert llm.ask(client, structs.replace(ASK, model="own/a/b"))[1].text == "a"
    assert llm.ask(client, structs.replace(ASK, model="some-model"))[1].text == "b"
    assert [request.model for request in server.requests] == ["a/b", "some-model"]
    assert server.requests[0].headers["x-team"] == "blue"


def test_reasoning_effort_goes_to_models_that_have_it(llm: LLMThread, server: ScriptedServer) -> None:
    client = LiteLLMClient(environ={"OPENAI_API_BASE": server.base_url, "OPENAI_API_KEY": "k"})
    server.queue(Turn(Text("a")), Turn(Text("b")))
    llm.ask(client, structs.replace(ASK, model="openai/o3", reasoning="low"))
    llm.ask(client, structs.replace(ASK, model="openai/gpt-4o", reasoning="low"))
    assert [request.body.get("reasoning_effort") for request in server.requests] == ["low", None]


def test_a_known_price_becomes_a_cost(llm: LLMThread, server: ScriptedServer) -> None:
    client = LiteLLMClient(environ={"OPENAI_API_BASE": server.base_url, "OPENAI_API_KEY": "k"})
    request = structs.replace(ASK, model="openai/gpt-4o")
    server.queue(Turn(Text("a"), Counts(1_000_000, 100_000)), Turn(Text("a"), Counts(1_000_000, 0, cached=1_000_000)))
    limits = client.limits("openai/gpt-4o")
    assert limits.input_price is not None
    assert limits.output_price is not None
    assert limits.context_tokens == 128_000
    plain, cached = (llm.ask(client, request)[1].cost for _ in range(2))
    assert plain == pytest.approx(limits.input_price + limits.output_price / 10)
    assert cached is not None
    assert 0 < cached < limits.input_price
    assert client.limits("openai/nobody-knows-this").context_tokens is None


def test_anthropic_marks_the_cache_and_gets_its_thinking_back_unchanged(llm: LLMThread, server: ScriptedServer) -> None:
    client = LiteLLMClient(environ={"ANTHROPIC_API_BASE": server.root_url, "ANTHROPIC_API_KEY": "k"})
    request = structs.replace(ASK_TOOLS, model="anthropic/claude-sonnet-4-5", reasoning="low", cache_until=1)
    server.queue(
        Turn(
            Reasoning("th", "ink"), Text("Let me ", "look."), Tool("rlm_find", {"text": "x"}), Counts(30, 9, cached=10)
        ),
        Turn(Text("Done.")),
    )
    parts, reply = llm.ask(client, request)
    assert (thoughts(parts), texts(parts)) == (["th", "ink"], ["Let me ", "look."])
    assert calls(reply.requests) == [("call_1", "rlm_find", '{"text": "x"}')]
    assert (reply.usage.input_tokens, reply.usage.cached_tokens) == (30, 10)
    assert reply.extra["thinking_blocks"] == [{"type": "thinking", "thinking": "think", "signature": SIGNATURE}]

    answered = (
        *request.messages,
        Message("assistant", reply.text, requests=reply.requests, extra=reply.extra),
        Message("tool", "found", provider_id="call_1", name="rlm_find"),
    )
    llm.ask(client, structs.replace(request, messages=answered))
    first, second = (request.body for request in server.requests)
    assert first["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert second["messages"][-1]["content"][-1]["cache_control"] == {"type": "ephemeral"}
    assert second["messages"][1]["content"][0] == {"type": "thinking", "thinking": "think", "signature": SIGNATURE}


def test_thinking_of_one_provider_is_not_sent_to_another(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient
) -> None:
    extra = {"provider": "anthropic", "thinking_blocks": [{"type": "thinking", "thinking": "t", "signature": "s"}]}
    messages = (Message("user", "a"), Message("assistant", "b", extra=extra), Message("user", "c"))
    server.queue(Turn(Text("d")))
    llm.ask(client, structs.replace(ASK, messages=messages))
    assert server.requests[0].messages[1] == {"role": "assistant", "content": "b"}


def test_estimates_follow_what_was_reported(llm: LLMThread, server: ScriptedServer, client: LiteLLMClient) -> None:
    request = structs.replace(ASK, messages=(Message("user", "word " * 2000),))
    before = client.count_tokens("test/m", request.messages, ())
    server.queue(Turn(Text("a"), Counts(2000, 1)))
    llm.ask(client, request)
    after = client.count_tokens("test/m", request.messages, ())
    assert abs(after - 2000) < abs(before - 2000)
    assert after == pytest.approx(2000, rel=0.02)
