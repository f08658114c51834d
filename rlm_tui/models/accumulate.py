"""A reply put together from the chunks in which it arrives.

The chunks are litellm's (`choices[0].delta` in OpenAI's words plus `reasoning_content` and `thinking_blocks`); only
their attributes are touched, so nothing here imports it.
"""

import secrets
from collections.abc import Iterator
from typing import Any

from rlm_tui.events import ToolRequest, Usage
from rlm_tui.models.port import ReasoningPart, ReplyPart, TextPart
from rlm_tui.models.thinking import ThinkSplitter

REASONING_GOES_BACK = frozenset({"deepseek", "moonshot"})
"""Providers that want the reasoning of a reply with tool calls sent back with it."""

_FINISH = {
    "stop": "stop",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}


class _Call:
    """One tool call as its fragments arrive."""

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []
        self.fields: dict[str, Any] = {}


class Accumulator:
    """Takes chunks of one reply and gives its parts at once and its whole at the end."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._splitter = ThinkSplitter()
        self._calls: list[_Call] = []
        self._open: dict[int, _Call] = {}
        self._blocks: list[dict[str, Any]] = []
        self.usage = Usage()
        self.raw_usage: Any = None
        self.finish = ""

    @property
    def text(self) -> str:
        """The text so far, without what was thought."""
        return "".join(self._text)

    @property
    def empty(self) -> bool:
        """Whether nothing of a reply arrived yet."""
        return not (self._text or self._reasoning or self._calls)

    def add(self, chunk: Any) -> Iterator[TextPart | ReasoningPart]:
        """Take one chunk and yield the parts it adds, if any. A chunk may have usage and no choices."""
        usage = getattr(chunk, "usage", None)
        if usage is not None:
            self.take_usage(usage)
        for choice in chunk.choices[:1]:
            if choice.finish_reason:
                self.finish = str(choice.finish_reason)
            yield from self._add_message(choice.delta)

    def add_whole(self, reply: Any) -> Iterator[TextPart | ReasoningPart]:
        """Take a reply that was not streamed."""
        usage = getattr(reply, "usage", None)
        if usage is not None:
            self.take_usage(usage)
        for choice in reply.choices[:1]:
            self.finish = str(choice.finish_reason or "")
            yield from self._add_message(choice.message)

    def close(self) -> Iterator[TextPart | ReasoningPart]:
        """Yield what was held back until the end."""
        yield from self._noted(self._splitter.finish())

    def take_usage(self, usage: Any) -> None:
        """Take token counts, in OpenAI's form; later ones replace earlier ones."""
        self.raw_usage = usage
        prompt = getattr(usage, "prompt_tokens_details", None)
        completion = getattr(usage, "completion_tokens_details", None)
        self.usage = Usage(
            input_tokens=getattr(usage, "prompt_tokens", 0) or 0,
            output_tokens=getattr(usage, "completion_tokens", 0) or 0,
            cached_tokens=getattr(prompt, "cached_tokens", 0) or 0,
            reasoning_tokens=getattr(completion, "reasoning_tokens", 0) or 0,
        )

    def reply(self, model: str, prefix: str, *, cost: float | None, first_ms: float, elapsed_ms: float) -> ReplyPart:
        """Return the whole reply. `prefix` goes into `extra`, beside the fields that only this provider understands."""
        requests = tuple(
            ToolRequest("", call.name, "".join(call.arguments) or "{}", call.id or f"call_{secrets.token_hex(6)}")
            for call in self._calls
            if call.name or call.arguments
        )
        finish = _FINISH.get(self.finish, "stop")
        return ReplyPart(
            text=self.text,
            model=model,
            requests=requests,
            reasoning="".join(self._reasoning),
            usage=self.usage,
            cost=cost,
            finish="tool_calls" if requests and finish == "stop" else finish,
            first_token_ms=first_ms,
            elapsed_ms=elapsed_ms,
            extra=self._extra(prefix),
        )

    def _extra(self, prefix: str) -> dict[str, Any]:
        extra: dict[str, Any] = {}
        if self._blocks:
            extra["thinking_blocks"] = self._blocks
        fields = {call.id: call.fields for call in self._calls if call.fields and call.id}
        if fields:
            extra["call_fields"] = fields
        if prefix in REASONING_GOES_BACK and self._calls and self._reasoning:
            extra["reasoning"] = "".join(self._reasoning)
        return {"provider": prefix, **extra} if extra else {}

    def _add_message(self, message: Any) -> Iterator[TextPart | ReasoningPart]:
        reasoning = getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None)
        if reasoning:
            self._reasoning.append(reasoning)
            yield ReasoningPart(reasoning)
        blocks = getattr(message, "thinking_blocks", None)
        if blocks:
            self._add_blocks(blocks)
        content = getattr(message, "content", None)
        if content:
            yield from self._noted(self._splitter.feed(content))
        calls = getattr(message, "tool_calls", None)
        if calls:
            for position, call in enumerate(calls):
                self._add_call(call, position)

    def _noted(self, parts: Iterator[TextPart | ReasoningPart]) -> Iterator[TextPart | ReasoningPart]:
        for part in parts:
            (self._text if isinstance(part, TextPart) else self._reasoning).append(part.text)
            yield part

    def _add_call(self, fragment: Any, position: int) -> None:
        index = getattr(fragment, "index", None)
        key = position if index is None else int(index)
        call = self._open.get(key)
        id = getattr(fragment, "id", None) or ""
        function = fragment.function
        name = getattr(function, "name", None) or ""
        # Some servers number every parallel call 0: a new id with a name begins a new call.
        if call is None or (id and name and call.id and id != call.id):
            call = self._open[key] = _Call()
            self._calls.append(call)
        call.id = call.id or id
        call.name = call.name or name
        arguments = getattr(function, "arguments", None)
        if arguments:
            call.arguments.append(arguments)
        fields = getattr(fragment, "provider_specific_fields", None)
        if fields:
            call.fields.update(fields)

    def _add_blocks(self, blocks: list[dict[str, Any]]) -> None:
        """Take thinking blocks (Anthropic): text arrives in pieces, then once more in whole beside its signature."""
        for block in blocks:
            unsigned = self._blocks and self._blocks[-1].get("type") == "thinking" and not self._blocks[-1]["signature"]
            if block.get("type") != "thinking":
                self._blocks.append(dict(block))
                continue
            thinking, signature = block.get("thinking") or "", block.get("signature") or ""
            if not unsigned:
                self._blocks.append({"type": "thinking", "thinking": thinking, "signature": signature})
            elif signature:
                whole = self._blocks[-1]["thinking"]
                self._blocks[-1] = {"type": "thinking", "thinking": thinking or whole, "signature": signature}
            else:
                self._blocks[-1]["thinking"] += thinking
