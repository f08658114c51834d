"""A `ModelRequest` as the keyword arguments of litellm's `acompletion`, in OpenAI's words.

Format: platform.openai.com/docs/api-reference/chat and docs.litellm.ai/docs/completion/input.
"""

from typing import Any

import msgspec

from rlm_tui.models.port import Message, ModelRequest, ToolSchema


def to_arguments(request: ModelRequest, prefix: str) -> dict[str, Any]:
    """Return what `request` asks for; `prefix` decides which provider fields of earlier replies go back."""
    arguments: dict[str, Any] = {
        "messages": [to_message(message, prefix) for message in request.messages],
        "stream": request.stream,
    }
    if request.stream:
        arguments["stream_options"] = {"include_usage": True}
    if request.tools:
        arguments["tools"] = [to_tool(tool) for tool in request.tools]
    if request.max_output_tokens is not None:
        arguments["max_tokens"] = request.max_output_tokens
    if request.temperature is not None:
        arguments["temperature"] = request.temperature
    if request.reasoning:
        arguments["reasoning_effort"] = request.reasoning
    if request.response_schema is not None:
        schema = {"name": "answer", "schema": request.response_schema}
        arguments["response_format"] = {"type": "json_schema", "json_schema": schema}
    return arguments


def to_tool(tool: ToolSchema) -> dict[str, Any]:
    """Return a tool as providers are told of it."""
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def to_message(message: Message, prefix: str) -> dict[str, Any]:
    """Return one message. Fields of `extra` go back only to the provider they came from."""
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.provider_id, "content": message.content}
    if message.role == "assistant":
        return _assistant(message, prefix)
    if message.images:
        parts: list[dict[str, Any]] = [{"type": "text", "text": message.content}]
        parts += [{"type": "image_url", "image_url": {"url": url}} for url in message.images]
        return {"role": message.role, "content": parts}
    return {"role": message.role, "content": message.content}


def _assistant(message: Message, prefix: str) -> dict[str, Any]:
    own = message.extra if message.extra.get("provider") == prefix else {}
    sent: dict[str, Any] = {"role": "assistant", "content": message.content or None}
    if not message.requests:
        sent["content"] = message.content
    else:
        sent["tool_calls"] = []
        for request in message.requests:
            function = {"name": request.name, "arguments": _valid(request.arguments)}
            call: dict[str, Any] = {"id": request.provider_id, "type": "function", "function": function}
            fields = own.get("call_fields", {}).get(request.provider_id)
            if fields:
                call["provider_specific_fields"] = fields
            sent["tool_calls"].append(call)
        if own.get("reasoning"):
            sent["reasoning_content"] = own["reasoning"]
    if own.get("thinking_blocks"):
        sent["thinking_blocks"] = own["thinking_blocks"]
    return sent


def _valid(arguments: str) -> str:
    """Return arguments that providers can parse: what a model wrote wrongly is refused when it goes back as it was."""
    try:
        return arguments if isinstance(msgspec.json.decode(arguments), dict) else "{}"
    except msgspec.DecodeError:
        return "{}"


def cache_points(request: ModelRequest) -> list[dict[str, Any]]:
    """Return where Anthropic's prompt cache may be read from: the system text, the stable prefix, the newest message.

    The form is that of litellm's `cache_control_injection_points`.
    """
    points: list[dict[str, Any]] = [{"location": "message", "role": "system"}]
    last_stable = request.cache_until - 1
    if 0 <= last_stable < len(request.messages) - 1 and request.messages[last_stable].role != "system":
        points.append({"location": "message", "index": last_stable})
    points.append({"location": "message", "index": -1})
    return points
