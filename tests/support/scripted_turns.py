"""What a scripted model answers: a turn is a sequence of steps, written as the test reads it.

`Turn(Reasoning("hm"), Text("Hel", "lo"), Tool("rlm_find", {"text": "x"}), Usage(12, 4))` is one reply. Each string of a
`Text` is one streamed chunk. Faults are steps too, so that a reply can fail at any chunk.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal


class Text:
    """Text of the reply; each part is one chunk."""

    def __init__(self, *parts: str) -> None:
        self.parts = parts


class Reasoning:
    """Reasoning text, under the field `key` that a provider uses for it; each part is one chunk."""

    def __init__(self, *parts: str, key: Literal["reasoning_content", "reasoning"] = "reasoning_content") -> None:
        self.parts = parts
        self.key = key


class Tool:
    """One tool call. `arguments` is a mapping or raw JSON text (which may be malformed).

    Arguments are streamed in fragments of `fragment` characters (0: whole). `id=""` leaves the id out, as some local
    servers do; None numbers it `call_1`, `call_2`, ... within the turn.
    """

    def __init__(
        self, name: str, arguments: Mapping[str, Any] | str, *, id: str | None = None, fragment: int = 7
    ) -> None:
        self.name = name
        self.arguments = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        self.id = id
        self.fragment = fragment


class Interleaved:
    """Tool calls whose fragments arrive alternately, as parallel calls may."""

    def __init__(self, *tools: Tool) -> None:
        self.tools = tools


class Usage:
    """Token counts. `place`: in a chunk of its own without choices, or beside the finish reason.

    They are sent when the request asks for them (`stream_options.include_usage`), or always.
    """

    def __init__(
        self,
        input_tokens: int,
        output_tokens: int,
        *,
        cached: int = 0,
        reasoning: int = 0,
        place: Literal["own chunk", "last chunk"] = "own chunk",
        always: bool = False,
    ) -> None:
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.cached = cached
        self.reasoning = reasoning
        self.place = place
        self.always = always


class Finish:
    """The finish reason; without this step it is `tool_calls` after a tool and `stop` otherwise."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Wait:
    """Nothing is sent for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Hang:
    """Nothing more is sent and the connection stays open until the client closes it."""


class Drop:
    """The connection ends here without the end of the body; `reset` sends a TCP RST."""

    def __init__(self, *, reset: bool = False) -> None:
        self.reset = reset


class Raw:
    """Bytes of the event stream as they are: comments, broken JSON, error events."""

    def __init__(self, data: bytes) -> None:
        self.data = data


class End:
    """The body ends here cleanly, without a finish reason and without `[DONE]`."""


class Status:
    """An HTTP status instead of a reply. `body` is JSON, or text that is sent as HTML."""

    def __init__(self, code: int, body: Any = None, headers: Mapping[str, str] | None = None) -> None:
        self.code = code
        self.body = body
        self.headers = dict(headers or {})


Step = Text | Reasoning | Tool | Interleaved | Usage | Finish | Wait | Hang | Drop | Raw | End | Status


class Turn:
    """One scripted reply."""

    def __init__(self, *steps: Step) -> None:
        self.steps = steps

    def first(self, kind: type[Any]) -> Any:
        """Return the first step of `kind`, or None."""
        return next((step for step in self.steps if isinstance(step, kind)), None)

    @property
    def tools(self) -> list[tuple[Tool, str]]:
        """The turn's tool calls in order, each with the id it is sent under."""
        flat: list[Tool] = []
        for step in self.steps:
            if isinstance(step, Tool):
                flat.append(step)
            elif isinstance(step, Interleaved):
                flat.extend(step.tools)
        return [(tool, f"call_{n}" if tool.id is None else tool.id) for n, tool in enumerate(flat, 1)]

    @property
    def finish(self) -> str:
        """The finish reason in OpenAI's words."""
        step = self.first(Finish)
        if step is not None:
            return str(step.reason)
        return "tool_calls" if self.tools else "stop"


def failure(
    status: int, message: str = "failed", *, type: str = "error", code: str | None = None, **headers: str
) -> Turn:
    """Return a turn that answers `status` with OpenAI's error body; `retry_after="2"` becomes a header."""
    body = {"error": {"message": message, "type": type, "param": None, "code": code}}
    return Turn(Status(status, body, {name.replace("_", "-"): value for name, value in headers.items()}))


def trickle(chunks: int, seconds: float) -> Turn:
    """Return a turn of `chunks` numbered chunks with `seconds` before each."""
    steps: list[Step] = []
    for number in range(chunks):
        steps += [Wait(seconds), Text(f"{number} ")]
    return Turn(*steps, Usage(10, chunks))


def burst(chunks: int) -> Turn:
    """Return a turn of `chunks` numbered chunks sent as fast as they go."""
    return Turn(Text(*(f"{number % 997} " for number in range(chunks))), Usage(10, chunks))
