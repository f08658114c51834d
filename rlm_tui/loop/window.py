"""The window: what of a conversation fits into one prompt.

A prompt is a stable prefix (the system text), then as many whole turns as fit, the newest kept, then the current
turn. Nothing is summarised away: what no longer fits is in the context, and the metadata says where. Sizes are
tokens, estimated from characters and calibrated by what providers report.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from rlm_tui.config.settings import WindowSettings
from rlm_tui.events import ReplyFinished
from rlm_tui.loop.fenced import results_message
from rlm_tui.models.port import Limits, Message, ToolSchema
from rlm_tui.session.nodes import Turn

CHARS_PER_TOKEN = 3.6
"""What is assumed of any text before a provider has counted one."""

_MESSAGE_TOKENS = 6
_KEEP_RESULTS = 2
_ANSWER_CHARS = 4_000
_LOST = "(no result: interrupted)"


class TokenEstimate:
    """Characters to tokens, calibrated by reported usage; starts at `CHARS_PER_TOKEN`."""

    def __init__(self) -> None:
        self._chars_per_token = CHARS_PER_TOKEN
        self._sizes: dict[int, tuple[Sequence[ToolSchema], int]] = {}

    def tokens(self, messages: Sequence[Message], tools: Sequence[ToolSchema] = ()) -> int:
        """Return the estimated tokens of a prompt."""
        return int(self._chars(messages, tools) / self._chars_per_token) + _MESSAGE_TOKENS * len(messages)

    def learn(self, messages: Sequence[Message], tools: Sequence[ToolSchema], reported: int) -> None:
        """Move the estimate towards what a provider counted; small prompts teach nothing."""
        chars = self._chars(messages, tools)
        if reported > 500 and chars > 2_000:
            seen = min(8.0, max(0.5, chars / reported))
            self._chars_per_token += 0.3 * (seen - self._chars_per_token)

    def _chars(self, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> int:
        total = sum(
            len(m.content) + sum(len(r.arguments) + len(r.name) for r in m.requests) + 4_000 * len(m.images)
            for m in messages
        )
        return total + self._tools_chars(tools)

    def _tools_chars(self, tools: Sequence[ToolSchema]) -> int:
        """Return the size of tools, which are the same few sets in every prompt: written out once each."""
        known = self._sizes.get(id(tools))
        if known is None or known[0] is not tools:
            known = tools, sum(len(t.description) + len(str(t.parameters)) for t in tools)
            self._sizes[id(tools)] = known
        return known[1]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt that fits: its messages, and the numbers of the turns that were left out."""

    messages: tuple[Message, ...]
    hidden_turns: tuple[int, ...]


def prompt_tokens(settings: WindowSettings, limits: Limits) -> int:
    """Return how many tokens a prompt may have: the window, or the model's own if smaller, less the reserve."""
    window = settings.max_tokens
    if limits.context_tokens is not None:
        window = min(window, limits.context_tokens)
    return max(1_000, window - min(settings.reserve, window // 2))


def turn_messages(turn: Turn, images: tuple[str, ...] = ()) -> list[Message]:
    """Return a past turn as messages; a request that never got a result (a crash) is given one that says so.

    `images` are the data URLs of what its prompt shows.
    """
    messages = [Message("user", turn.prompt, images=images)]
    open_requests: dict[str, str] = {}
    results = {event.request: event.result for event in turn.history if not isinstance(event, ReplyFinished)}
    for event in turn.history:
        if isinstance(event, ReplyFinished) and event.fenced:
            messages += _lost_results(open_requests)
            messages.append(Message("assistant", event.text, extra=event.extra))
            messages.append(results_message([results.get(r.request, _LOST) for r in event.requests]))
        elif isinstance(event, ReplyFinished):
            messages += _lost_results(open_requests)
            messages.append(Message("assistant", event.text, requests=event.requests, extra=event.extra))
            open_requests = {r.request: r.provider_id or r.request for r in event.requests}
        elif event.request in open_requests:
            provider_id = open_requests.pop(event.request)
            messages.append(Message("tool", event.result, provider_id=provider_id, name=event.name))
    messages += _lost_results(open_requests)
    if messages[-1].role != "assistant":
        messages.append(Message("assistant", _shortened(turn.answer) or "(interrupted)"))
    return messages


def no_images(_: Turn) -> tuple[str, ...]:
    """Return no images of a turn, for models that take none."""
    return ()


def _shortened(answer: str) -> str:
    """Return an answer that was never in the prompt; a long one does not enter it afterwards either."""
    if len(answer) <= _ANSWER_CHARS:
        return answer
    return (
        f"{answer[:_ANSWER_CHARS]}\n… (the answer has {len(answer):,} characters; all of it is in the context, "
        "as entries of type assistant)"
    )


def _lost_results(open_requests: dict[str, str]) -> list[Message]:
    lost = [Message("tool", _LOST, provider_id=p) for p in open_requests.values()]
    open_requests.clear()
    return lost


def fit(
    system: Message,
    turns: Sequence[Turn],
    current: Sequence[Message],
    room: int,
    estimate: TokenEstimate,
    tools: Sequence[ToolSchema],
    images: Callable[[Turn], tuple[str, ...]] = no_images,
) -> Prompt:
    """Return the prompt of at most `room` tokens: whole past turns from the newest on, and the current turn.

    `images` returns the data URLs of a turn's images.
    Where even the current turn is too large, its older tool results are replaced by a line that says so.
    """
    current = _shrunk(list(current), room - estimate.tokens([system], tools), estimate)
    left = room - estimate.tokens([system, *current], tools)
    kept: list[list[Message]] = []
    usable = [turn for turn in turns if not turn.reverted]
    for turn in reversed(usable):
        messages = turn_messages(turn, images(turn))
        left -= estimate.tokens(messages)
        if left < 0:
            break
        kept.append(messages)
    hidden = tuple(turn.number for turn in usable[: len(usable) - len(kept)])
    past = [message for messages in reversed(kept) for message in messages]
    return Prompt((system, *past, *current), hidden)


def _shrunk(messages: list[Message], room: int, estimate: TokenEstimate) -> list[Message]:
    """Replace the oldest tool results, but the last two, until the messages fit."""
    results = [i for i, m in enumerate(messages) if m.role == "tool" or m.name]
    for index in results[:-_KEEP_RESULTS]:
        if estimate.tokens(messages) <= room:
            break
        message = messages[index]
        if len(message.content) > 400:
            messages[index] = replace(
                message,
                content=f"{message.content[:200]}\n… ({len(message.content):,} characters left the window: "
                "call the tool again if you need them)",
            )
    return messages
