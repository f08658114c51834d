"""Tools for models without tool calling: each reply is one JSON action that fits a schema.

The tools are described in the system message, the reply is `{"tool": ..., "arguments": {...}}` or `{"answer": ...}`,
and what was called and returned before is told as plain messages. Small local models that never write a valid tool
call of their own do fill in a schema that their server enforces.
"""

import json
import re
import secrets
from collections.abc import AsyncGenerator
from typing import Any

from msgspec import structs

from rlm_tui.errors import ModelError
from rlm_tui.events import ToolRequest
from rlm_tui.models.faults import lacks_tools
from rlm_tui.models.port import (
    Limits,
    Message,
    ModelClient,
    ModelPart,
    ModelRequest,
    ReasoningPart,
    ReplyPart,
    TextPart,
    ToolSchema,
)

_BEGUN_ACTION = re.compile(r'\s*(?:```(?:json)?\s*)?\{\s*"tool"\s*:\s*"(?P<name>[^"]+)"')

_INSTRUCTIONS = """\
You work with tools. Every reply of yours is exactly one JSON object and nothing else, in one of two forms:
{"tool": "NAME", "arguments": {...}} calls one tool; its result comes with the next message.
{"answer": "..."} ends the task with your answer.
The tools, each with the JSON schema of its arguments:
"""


class SchemaActionClient:
    """Implements `ModelClient` over one whose model cannot call tools. Requests without tools pass unchanged."""

    def __init__(self, client: ModelClient) -> None:
        self._client = client

    async def warm_up(self) -> None:
        await self._client.warm_up()

    def limits(self, model: str) -> Limits:
        return self._client.limits(model)

    def count_tokens(self, model: str, messages: tuple[Message, ...], tools: tuple[ToolSchema, ...]) -> int:
        return self._client.count_tokens(model, flattened(messages, tools) if tools else messages, ())

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelPart, None]:
        """Ask for one action. Reasoning streams; an answer comes in one part, since it arrives inside JSON."""
        if not request.tools or request.fenced:
            async for part in self._client.stream(without_tools(request)):
                yield part
            return
        async for part in self._client.stream(as_action_request(request)):
            if isinstance(part, ReasoningPart):
                yield part
            elif isinstance(part, ReplyPart):
                reply = from_action(part, {tool.name for tool in request.tools})
                if reply.text:
                    yield TextPart(reply.text)
                yield reply


class FallbackClient:
    """Calls tools the provider's way, and by JSON actions for each model that turned out not to know tools.

    That shows in a request that the provider refuses before any reply begins; it is then sent once more as an action.
    """

    def __init__(self, client: ModelClient) -> None:
        self._client = client
        self._actions = SchemaActionClient(client)
        self._without_tools: set[str] = set()

    async def warm_up(self) -> None:
        await self._client.warm_up()

    def limits(self, model: str) -> Limits:
        return self._client.limits(model)

    def count_tokens(self, model: str, messages: tuple[Message, ...], tools: tuple[ToolSchema, ...]) -> int:
        return self._for(model).count_tokens(model, messages, tools)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelPart, None]:
        if request.tools and request.model not in self._without_tools:
            try:
                async for part in self._client.stream(request):
                    yield part
                return
            except ModelError as error:
                if not lacks_tools(error):
                    raise
                self._without_tools.add(request.model)
        async for part in self._for(request.model).stream(request):
            yield part

    def _for(self, model: str) -> ModelClient:
        return self._actions if model in self._without_tools else self._client


def without_tools(request: ModelRequest) -> ModelRequest:
    """Return `request` for a model that writes code blocks: no tools, and what was called before as plain text."""
    if not request.tools:
        return request
    messages = tuple(message if message.role == "system" else _as_words(message) for message in request.messages)
    return structs.replace(request, messages=messages, tools=())


def _as_words(message: Message) -> Message:
    if message.role == "tool":
        return Message("user", f"Result of {message.name or 'the tool'}:\n{message.content}")
    if message.requests:
        called = [f"(called {call.name}: {call.arguments})" for call in message.requests]
        return Message("assistant", "\n".join([message.content, *called]).strip())
    return message


def as_action_request(request: ModelRequest) -> ModelRequest:
    """Return `request` without tools: described in words, with a schema for the action."""
    return structs.replace(
        request,
        messages=flattened(request.messages, request.tools),
        tools=(),
        response_schema=action_schema(request.tools, request.response_schema),
        cache_until=-1,
    )


def action_schema(tools: tuple[ToolSchema, ...], answer: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the schema of one action over `tools`; `answer` is the schema of the answer, by default a text."""
    calls: list[dict[str, Any]] = [
        {
            "type": "object",
            "properties": {"tool": {"type": "string", "enum": [tool.name]}, "arguments": tool.parameters},
            "required": ["tool", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    end = {
        "type": "object",
        "properties": {"answer": answer or {"type": "string"}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    return {"anyOf": [*calls, end]}


def flattened(messages: tuple[Message, ...], tools: tuple[ToolSchema, ...]) -> tuple[Message, ...]:
    """Return `messages` with tools, calls and results as text; roles alternate, as many chat templates demand."""
    described = [
        f"- {tool.name}: {tool.description}\n  {json.dumps(tool.parameters, ensure_ascii=False)}" for tool in tools
    ]
    system = [message.content for message in messages if message.role == "system"]
    result = [Message("system", "\n\n".join([*system, _INSTRUCTIONS + "\n".join(described)]))]
    for message in messages:
        if message.role == "system":
            continue
        plain = _as_text(message)
        last = result[-1]
        if last.role == plain.role:
            result[-1] = Message(plain.role, f"{last.content}\n\n{plain.content}", images=(*last.images, *plain.images))
        else:
            result.append(plain)
    return tuple(result)


def _as_text(message: Message) -> Message:
    if message.role == "tool":
        return Message("user", f"Result of {message.name or 'the tool'}:\n{message.content}")
    if message.role == "assistant":
        actions = [f'{{"tool": {json.dumps(call.name)}, "arguments": {call.arguments}}}' for call in message.requests]
        if actions:
            return Message("assistant", "\n".join(actions))
        return Message("assistant", json.dumps({"answer": message.content}, ensure_ascii=False))
    return Message(message.role, message.content, images=message.images)


def from_action(reply: ReplyPart, names: set[str]) -> ReplyPart:
    """Return a reply with its JSON action as a tool request or an answer; a reply that is no action is an answer.

    An action that is cut off or malformed becomes a request with the arguments as they were written, so that the
    model is told what was wrong with them.
    """
    action = _find_action(reply.text)
    if action is None:
        name = _begun_tool(reply.text, names)
        return reply if name is None else _as_request(reply, name, reply.text)
    if "tool" in action:
        arguments = action.get("arguments", {})
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        return _as_request(reply, str(action["tool"]), text)
    answer = action["answer"]
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    return structs.replace(reply, text=text)


def _as_request(reply: ReplyPart, name: str, arguments: str) -> ReplyPart:
    request = ToolRequest("", name, arguments, f"call_{secrets.token_hex(6)}")
    finish = "tool_calls" if reply.finish == "stop" else reply.finish
    return structs.replace(reply, text="", requests=(request,), finish=finish)


def _find_action(text: str) -> dict[str, Any] | None:
    """Return the first JSON object in `text` that is an action; there may be a fence or words around it."""
    decoder = json.JSONDecoder(strict=False)
    start = text.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            if isinstance(value, dict) and ("tool" in value or "answer" in value):
                return value
        start = text.find("{", end)
    return None


def _begun_tool(text: str, names: set[str]) -> str | None:
    """Return the tool that a broken action names, or None where `text` is no action."""
    begun = _BEGUN_ACTION.match(text)
    return begun["name"] if begun and begun["name"] in names else None
