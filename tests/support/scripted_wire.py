"""A scripted turn as it goes over the wire: OpenAI's chat completions and Anthropic's messages.

Formats: platform.openai.com/docs/api-reference/chat and docs.anthropic.com/en/api/messages-streaming.
"""

import json
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from tests.support.scripted_turns import (
    Drop,
    End,
    Finish,
    Hang,
    Interleaved,
    Raw,
    Reasoning,
    Status,
    Text,
    Tool,
    Turn,
    Usage,
    Wait,
)

Piece = bytes | Wait | Hang | Drop
"""What a connection does next: send bytes of the body, wait, hang, or drop."""


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _fragments(text: str, size: int) -> list[str]:
    size = size or max(1, len(text))
    return [text[start : start + size] for start in range(0, len(text), size)]


# --- OpenAI ------------------------------------------------------------------------------------------------


def _openai_usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def _tool_deltas(index: int, tool: Tool, id: str) -> list[dict[str, Any]]:
    head: dict[str, Any] = {"index": index, "type": "function", "function": {"name": tool.name, "arguments": ""}}
    if id:
        head["id"] = id
    rest = [{"index": index, "function": {"arguments": piece}} for piece in _fragments(tool.arguments, tool.fragment)]
    return [{"tool_calls": [call]} for call in [head, *rest]]


def openai_stream(turn: Turn, body: dict[str, Any]) -> Iterator[Piece]:
    """Yield the event stream of a turn, chunk by chunk."""
    model = body.get("model", "")
    asked = (body.get("stream_options") or {}).get("include_usage", False)

    def chunk(choices: list[dict[str, Any]], **more: Any) -> bytes:
        data = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": model}
        return b"data: " + _json({**data, "choices": choices, **more}) + b"\n\n"

    def delta(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        return chunk([{"index": 0, "delta": delta, "finish_reason": finish}], **more)

    yield delta({"role": "assistant", "content": ""})
    numbered = {tool: (index, id) for index, (tool, id) in enumerate(turn.tools)}
    for step in turn.steps:
        match step:
            case Text():
                for part in step.parts:
                    yield delta({"content": part})
            case Reasoning():
                for part in step.parts:
                    yield delta({step.key: part})
            case Tool():
                for piece in _tool_deltas(*_order(step, numbered)):
                    yield delta(piece)
            case Interleaved():
                rows = zip_longest(*(_tool_deltas(*_order(tool, numbered)) for tool in step.tools))
                for piece in (piece for row in rows for piece in row if piece is not None):
                    yield delta(piece)
            case Raw():
                yield step.data
            case Wait() | Hang() | Drop():
                yield step
            case End():
                return
            case Usage() | Finish() | Status():
                pass
    usage: Usage | None = turn.first(Usage)
    if usage is not None and not (asked or usage.always):
        usage = None
    if usage is not None and usage.place == "last chunk":
        yield delta({}, turn.finish, usage=_openai_usage(usage))
    else:
        yield delta({}, turn.finish)
        if usage is not None:
            yield chunk([], usage=_openai_usage(usage))
    yield b"data: [DONE]\n\n"


def _order(tool: Tool, numbered: dict[Tool, tuple[int, str]]) -> tuple[int, Tool, str]:
    index, id = numbered[tool]
    return index, tool, id


def _joined(turn: Turn, kind: type[Text] | type[Reasoning]) -> str:
    return "".join("".join(step.parts) for step in turn.steps if isinstance(step, kind))


def openai_whole(turn: Turn, body: dict[str, Any]) -> dict[str, Any]:
    """Return a turn as the body of a reply that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": _joined(turn, Text) or None}
    reasoning: Reasoning | None = turn.first(Reasoning)
    if reasoning is not None:
        message[reasoning.key] = _joined(turn, Reasoning)
    if turn.tools:
        message["tool_calls"] = [
            {"type": "function", "function": {"name": tool.name, "arguments": tool.arguments}}
            | ({"id": id} if id else {})
            for tool, id in turn.tools
        ]
    reply: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body.get("model", ""),
        "choices": [{"index": 0, "message": message, "finish_reason": turn.finish}],
    }
    usage: Usage | None = turn.first(Usage)
    if usage is not None:
        reply["usage"] = _openai_usage(usage)
    return reply


# --- Anthropic ---------------------------------------------------------------------------------------------

_STOP_REASONS = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}
SIGNATURE = "c2lnbmF0dXJl"
"""The signature under which scripted thinking is sent."""


def _anthropic_usage(turn: Turn) -> dict[str, int]:
    usage: Usage = turn.first(Usage) or Usage(1, 1)
    return {
        "input_tokens": usage.input_tokens - usage.cached,
        "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": usage.cached,
        "cache_creation_input_tokens": 0,
    }


def anthropic_stream(turn: Turn, body: dict[str, Any]) -> Iterator[Piece]:
    """Yield the event stream of a turn in Anthropic's format."""

    index = 0

    def event(name: str, **data: Any) -> bytes:
        return f"event: {name}\ndata: ".encode() + _json({"type": name, **data}) + b"\n\n"

    def block(start: dict[str, Any], deltas: list[dict[str, Any]]) -> Iterator[bytes]:
        nonlocal index
        yield event("content_block_start", index=index, content_block=start)
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
        index += 1

    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": body.get("model", ""), "content": []}
    usage = _anthropic_usage(turn)
    yield event("message_start", message={**message, "stop_reason": None, "usage": {**usage, "output_tokens": 0}})
    ids = dict(turn.tools)
    for step in turn.steps:
        match step:
            case Text():
                yield from block({"type": "text", "text": ""}, [{"type": "text_delta", "text": p} for p in step.parts])
            case Reasoning():
                deltas: list[dict[str, Any]] = [{"type": "thinking_delta", "thinking": p} for p in step.parts]
                deltas.append({"type": "signature_delta", "signature": SIGNATURE})
                yield from block({"type": "thinking", "thinking": "", "signature": ""}, deltas)
            case Tool():
                deltas = [
                    {"type": "input_json_delta", "partial_json": piece}
                    for piece in _fragments(step.arguments, step.fragment)
                ]
                yield from block({"type": "tool_use", "id": ids[step], "name": step.name, "input": {}}, deltas)
            case Raw():
                yield step.data
            case Wait() | Hang() | Drop():
                yield step
            case End():
                return
            case _:
                pass
    stop = _STOP_REASONS.get(turn.finish, turn.finish)
    yield event("message_delta", delta={"stop_reason": stop, "stop_sequence": None}, usage=usage)
    yield event("message_stop")


def anthropic_whole(turn: Turn, body: dict[str, Any]) -> dict[str, Any]:
    """Return a turn as the body of a reply in Anthropic's format that is not streamed."""
    content: list[dict[str, Any]] = []
    if turn.first(Reasoning):
        content.append({"type": "thinking", "thinking": _joined(turn, Reasoning), "signature": SIGNATURE})
    if turn.first(Text):
        content.append({"type": "text", "text": _joined(turn, Text)})
    for tool, id in turn.tools:
        content.append({"type": "tool_use", "id": id, "name": tool.name, "input": json.loads(tool.arguments)})
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body.get("model", ""),
        "content": content,
        "stop_reason": _STOP_REASONS.get(turn.finish, turn.finish),
        "usage": _anthropic_usage(turn),
    }
