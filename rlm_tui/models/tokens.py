"""How many tokens a prompt has, estimated in microseconds and corrected by what providers report.

A tokenizer would cost milliseconds for each long prompt, and each provider has its own. UTF-8 bytes divided by a
ratio come close for prose, code and other scripts alike; the ratio of a model follows its reported usage.
"""

from rlm_tui.models.port import Message, ModelRequest, ToolSchema

_BYTES_PER_TOKEN = 3.5
"""Where nothing was reported yet; a little below what English and code have, so that prompts rather fit."""
_LOWEST, _HIGHEST = 1.5, 6.0
_MESSAGE_TOKENS = 4
"""Role and separators of a message (OpenAI's cookbook on counting chat tokens)."""
_IMAGE_TOKENS = 1_100
_LEAST_REPORT = 200
"""Shorter prompts say little about the ratio."""


class TokenEstimator:
    """Estimates prompts; one ratio a model."""

    def __init__(self) -> None:
        self._ratios: dict[str, float] = {}

    def count(self, model: str, messages: tuple[Message, ...], tools: tuple[ToolSchema, ...]) -> int:
        """Return the estimated tokens of a prompt."""
        text, fixed = self._sizes(messages, tools)
        return fixed + round(text / self._ratios.get(model, _BYTES_PER_TOKEN))

    def learn(self, request: ModelRequest, input_tokens: int) -> None:
        """Take what a provider reported for a request that was sent."""
        if input_tokens < _LEAST_REPORT:
            return
        text, fixed = self._sizes(request.messages, request.tools)
        ratio = text / max(1, input_tokens - fixed)
        self._ratios[request.model] = min(_HIGHEST, max(_LOWEST, ratio))

    def _sizes(self, messages: tuple[Message, ...], tools: tuple[ToolSchema, ...]) -> tuple[int, int]:
        text = self._tools_bytes(tools)
        images = 0
        for message in messages:
            text += _bytes(message.content)
            images += len(message.images)
            for request in message.requests:
                text += _bytes(request.arguments) + len(request.name)
        return text, _MESSAGE_TOKENS * len(messages) + _IMAGE_TOKENS * images

    def _tools_bytes(self, tools: tuple[ToolSchema, ...]) -> int:
        return sum(len(tool.name) + len(tool.description) + len(str(tool.parameters)) for tool in tools)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
