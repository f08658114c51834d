"""The port to a language model: one request in, a stream of typed parts out.

Every model (a provider behind litellm, the built-in offline model, a scripted one in tests) implements
`ModelClient`. The loop knows nothing else about providers. Token counts are tokens, costs US dollars, times
milliseconds.
"""

from collections.abc import AsyncIterator
from typing import Any, Literal, Protocol

from msgspec import Struct

from rlm_tui.events import ToolRequest, Usage

Role = Literal["system", "user", "assistant", "tool"]


class Message(Struct, frozen=True, omit_defaults=True):
    """One message of a prompt.

    An assistant message may carry `requests`; a tool message answers one of them by `provider_id`. `extra` holds
    provider fields of an earlier reply that go back unchanged (thinking blocks and signatures). `images` are data
    URLs that a user message shows.
    """

    role: Role
    content: str
    requests: tuple[ToolRequest, ...] = ()
    provider_id: str = ""
    name: str = ""
    extra: dict[str, Any] = {}
    images: tuple[str, ...] = ()


class ToolSchema(Struct, frozen=True):
    """A tool as the model is told of it; `parameters` is a JSON schema of an object."""

    name: str
    description: str
    parameters: dict[str, Any]


class ModelRequest(Struct, frozen=True):
    """What to ask. The messages up to `cache_until` (exclusive; -1: none) are stable from request to request.

    `task` is the bare question of the call (it also stands at the start of its user message), for clients that
    are no language models. `fenced` says that code blocks in the reply do what the tools would, so that a model
    without tool calling needs to be told of none.
    """

    model: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...] = ()
    stream: bool = True
    max_output_tokens: int | None = None
    temperature: float | None = None
    reasoning: str = ""
    response_schema: dict[str, Any] | None = None
    cache_until: int = -1
    call: int = 0
    depth: int = 0
    task: str = ""
    fenced: bool = False


class TextPart(Struct, frozen=True):
    text: str


class ReasoningPart(Struct, frozen=True):
    text: str


class ReplyPart(Struct, frozen=True):
    """The last part of every successful stream: the whole reply, with joined tool requests and counts.

    `cost` is None where no price is known. `finish` is `stop`, `tool_calls`, `length` or `content_filter`.
    `requests` have empty `request` ids: the loop numbers them.
    """

    text: str
    model: str
    requests: tuple[ToolRequest, ...] = ()
    reasoning: str = ""
    usage: Usage = Usage()
    cost: float | None = None
    finish: str = "stop"
    first_token_ms: float = 0.0
    elapsed_ms: float = 0.0
    extra: dict[str, Any] = {}


ModelPart = TextPart | ReasoningPart | ReplyPart


class Limits(Struct, frozen=True):
    """What is known of a model: window and output in tokens (None: unknown), prices per million tokens."""

    context_tokens: int | None = None
    output_tokens: int | None = None
    input_price: float | None = None
    output_price: float | None = None
    supports_tools: bool = True
    supports_images: bool = False


class ModelClient(Protocol):
    """A language model, or something that answers as one."""

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelPart]:
        """Ask once and yield parts; the last is a `ReplyPart`.

        Makes one request and never retries by itself. Raises `ModelError`. Closing or cancelling the iterator
        closes the connection.
        """
        ...

    async def warm_up(self) -> None:
        """Load what the first call needs; seconds the first time, nothing afterwards."""
        ...

    def limits(self, model: str) -> Limits:
        """Return what is known of `model` without a network."""
        ...

    def count_tokens(self, model: str, messages: tuple[Message, ...], tools: tuple[ToolSchema, ...]) -> int:
        """Estimate the prompt's tokens, quickly and without a network."""
        ...
