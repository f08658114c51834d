"""Tools for models without tool calling, over scripted HTTP, and the choice of a client by name."""

import json
from typing import Any

import pytest
from msgspec import structs

from rlm_tui.config.schema import EndpointSettings, ModelSettings, Settings
from rlm_tui.errors import ModelError
from rlm_tui.events import ToolRequest
from rlm_tui.models.litellm_client import LiteLLMClient
from rlm_tui.models.port import Message, ModelRequest, TextPart, ToolSchema
from rlm_tui.models.router import lane_of, make_client
from rlm_tui.models.schema_action import SchemaActionClient
from tests.support.llm_thread import LLMThread
from tests.support.scripted_server import Finish, ScriptedServer, Text, Turn, Usage, failure

FIND = ToolSchema("rlm_find", "Find text.", {"type": "object", "properties": {"text": {"type": "string"}}})
STATS = ToolSchema("rlm_stats", "Count.", {"type": "object", "properties": {}})
ASK = ModelRequest("test/m", (Message("system", "Be brief."), Message("user", "Hi")), (FIND, STATS))


@pytest.fixture
def actions(client: LiteLLMClient) -> SchemaActionClient:
    return SchemaActionClient(client)


@pytest.mark.parametrize(
    "text",
    [
        '{"tool": "rlm_find", "arguments": {"text": "é\\n"}}',
        'Sure! ```json\n{ "tool": "rlm_find",\n "arguments": {"text": "é\\n"} }\n``` ok',
        '{"note": 1} {"tool": "rlm_find", "arguments": "{\\"text\\": \\"é\\\\n\\"}"}',
    ],
    ids=["plain", "fenced", "arguments as text"],
)
def test_an_action_becomes_a_tool_request(
    llm: LLMThread, server: ScriptedServer, actions: SchemaActionClient, text: str
) -> None:
    server.queue(Turn(Text(text[:9], text[9:]), Usage(9, 5)))
    parts, reply = llm.ask(actions, ASK)
    assert parts == []
    assert (reply.text, reply.finish, reply.usage.input_tokens) == ("", "tool_calls", 9)
    (request,) = reply.requests
    assert (request.name, json.loads(request.arguments)) == ("rlm_find", {"text": "é\n"})
    assert request.provider_id


@pytest.mark.parametrize(
    ("text", "answer"), [('{"answer": "It is 4."}', "It is 4."), ("It is 4.", "It is 4."), ('{"a": 1}', '{"a": 1}')]
)
def test_an_answer_is_text(
    llm: LLMThread, server: ScriptedServer, actions: SchemaActionClient, text: str, answer: str
) -> None:
    server.queue(Turn(Text(text)))
    parts, reply = llm.ask(actions, ASK)
    assert parts == [TextPart(answer)]
    assert (reply.text, reply.requests, reply.finish) == (answer, (), "stop")


def test_a_broken_action_goes_to_its_tool_which_can_say_so(
    llm: LLMThread, server: ScriptedServer, actions: SchemaActionClient
) -> None:
    server.queue(Turn(Text('{"tool": "rlm_find", "arguments": {"te'), Finish("length")))
    _, reply = llm.ask(actions, ASK)
    assert (reply.requests[0].name, reply.finish) == ("rlm_find", "length")


def test_tools_and_history_are_told_in_words_and_the_action_has_a_schema(
    llm: LLMThread, server: ScriptedServer, actions: SchemaActionClient
) -> None:
    asked = ToolRequest("r1", "rlm_find", '{"text": "x"}', "call_9")
    history = (
        *ASK.messages,
        Message("assistant", "Looking.", requests=(asked,)),
        Message("tool", "at 17", provider_id="call_9", name="rlm_find"),
        Message("user", "And now?"),
    )
    server.queue(Turn(Text('{"answer": {"n": 4}}')))
    answer: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}}
    _, reply = llm.ask(actions, structs.replace(ASK, messages=history, response_schema=answer))
    assert reply.text == '{"n": 4}'
    body = server.requests[0].body
    assert "tools" not in body
    system, *rest = body["messages"]
    assert system["content"].startswith("Be brief.")
    assert "- rlm_find: Find text." in system["content"]
    assert [(message["role"], message["content"]) for message in rest] == [
        ("user", "Hi"),
        ("assistant", '{"tool": "rlm_find", "arguments": {"text": "x"}}'),
        ("user", "Result of rlm_find:\nat 17\n\nAnd now?"),
    ]
    forms = body["response_format"]["json_schema"]["schema"]["anyOf"]
    assert [form["properties"].get("tool", {}).get("enum") for form in forms] == [["rlm_find"], ["rlm_stats"], None]
    assert forms[-1]["properties"]["answer"] == answer


def test_without_tools_a_request_passes_unchanged(
    llm: LLMThread, server: ScriptedServer, actions: SchemaActionClient
) -> None:
    server.queue(Turn(Text('{"answer": ', "1}")))
    parts, _ = llm.ask(actions, structs.replace(ASK, tools=()))
    assert parts == [TextPart('{"answer": '), TextPart("1}")]


def settings_for(server: ScriptedServer, tool_calls: Any = "auto") -> Settings:
    return Settings(
        model=ModelSettings(tool_calls=tool_calls), endpoints={"test": EndpointSettings(api_base=server.base_url)}
    )


def test_a_model_that_refuses_tools_is_asked_for_actions_from_then_on(llm: LLMThread, server: ScriptedServer) -> None:
    client = make_client("test/m", settings_for(server), {})
    action = Turn(Text('{"tool": "rlm_stats", "arguments": {}}'))
    server.queue(failure(400, "registry.ollama.ai/library/gemma does not support tools"), action, action)
    for _ in range(2):
        assert llm.ask(client, ASK)[1].requests[0].name == "rlm_stats"
    assert [("tools" in request.body) for request in server.requests] == [True, False, False]


def test_other_refusals_are_raised(llm: LLMThread, server: ScriptedServer) -> None:
    server.queue(failure(400, "temperature must be at most 2"))
    with pytest.raises(ModelError):
        llm.ask(make_client("test/m", settings_for(server), {}), ASK)
    assert len(server.requests) == 1


@pytest.mark.parametrize(("tool_calls", "sent"), [("native", True), ("schema", False)])
def test_how_tools_are_called_can_be_set(llm: LLMThread, server: ScriptedServer, tool_calls: str, sent: bool) -> None:
    server.queue(Turn(Text("a")))
    llm.ask(make_client("test/m", settings_for(server, tool_calls), {}), ASK)
    assert ("tools" in server.requests[0].body) is sent


def test_a_client_is_refused_for_names_and_keys_at_once(server: ScriptedServer) -> None:
    settings = settings_for(server)
    for model, kind in (("tset/m", "not_found"), ("openai/x", "auth")):
        with pytest.raises(ModelError) as caught:
            make_client(model, settings, {})
        assert caught.value.kind == kind
    assert [lane_of(name, settings) for name in ("test/m", "openai/x", "offline")] == ["test", "openai", "offline"]
