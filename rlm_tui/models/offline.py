"""The built-in model that is no language model: a deterministic policy that drives the real loop and its tools.

It answers questions about a project by searching, giving the best parts to sub-calls, and quoting. It needs no key,
no network and no state: the same messages always give the same reply. Every answer begins by saying what it is.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator

from rlm_tui.events import ToolRequest, Usage
from rlm_tui.models.offline_messages import read_conversation
from rlm_tui.models.offline_policy import Decision, decide
from rlm_tui.models.port import Limits, Message, ModelPart, ModelRequest, ReplyPart, TextPart, ToolSchema

WINDOW_TOKENS = 128_000
OUTPUT_TOKENS = 16_000
_CHARS_PER_TOKEN = 4
_PIECE = re.compile(r"(?s).{1,48}(?:\s+|$)|.{1,48}")


class OfflineModel:
    """Implements `ModelClient` without a language model. Costs nothing; tokens are characters divided by four."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelPart, None]:
        """Yield the answer in small pieces of text (or none, with tools to run), then the whole reply.

        Raises `ModelError` (`bad_request`) where the answer has to fit a JSON schema.
        """
        began = time.perf_counter()
        talk = read_conversation(request)
        decision = await asyncio.to_thread(decide, talk)
        first_ms = (time.perf_counter() - began) * 1000
        for piece in _PIECE.findall(decision.answer):
            yield TextPart(piece)
            await asyncio.sleep(0)
        requests = _requests(decision, request.call, len(talk.rounds))
        sent = len(decision.answer) + sum(len(r.name) + len(r.arguments) for r in requests)
        yield ReplyPart(
            decision.answer,
            request.model,
            requests,
            usage=Usage(self.count_tokens(request.model, request.messages, request.tools), _tokens(sent)),
            cost=0.0,
            finish="tool_calls" if requests else "stop",
            first_token_ms=first_ms,
            elapsed_ms=(time.perf_counter() - began) * 1000,
        )

    async def warm_up(self) -> None:
        """Nothing is loaded: the policy is plain code."""

    def limits(self, model: str) -> Limits:  # noqa: ARG002 - the same for every name
        """Return a window as large as the default one, and zero prices."""
        return Limits(WINDOW_TOKENS, OUTPUT_TOKENS, 0.0, 0.0)

    def count_tokens(
        self,
        model: str,  # noqa: ARG002 - the same for every name
        messages: tuple[Message, ...],
        tools: tuple[ToolSchema, ...],
    ) -> int:
        """Return the characters of a prompt divided by four."""
        chars = sum(len(m.content) + sum(len(r.name) + len(r.arguments) for r in m.requests) for m in messages)
        return _tokens(chars + sum(len(t.name) + len(t.description) + len(str(t.parameters)) for t in tools))


def _tokens(chars: int) -> int:
    return -(-chars // _CHARS_PER_TOKEN)


def _requests(decision: Decision, call: int, step: int) -> tuple[ToolRequest, ...]:
    """Return the tools to run, with ids that are unique in a session."""
    return tuple(
        ToolRequest("", wish.name, json.dumps(wish.arguments, ensure_ascii=False), f"off-{call}-{step}-{number}")
        for number, wish in enumerate(decision.wishes)
    )
