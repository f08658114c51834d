"""Reasoning that a model writes into its text between `<think>` and `</think>`, told apart while it streams."""

from collections.abc import Iterator

from rlm_tui.models.port import ReasoningPart, TextPart

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Splits streamed text into text and reasoning; tags may be cut anywhere between chunks.

    Only a tag at the start of the reply (or right after another thought) opens a thought: further on, `<think>` is
    what the model talks about. White space around a thought is dropped.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"
        self._thought = False

    def feed(self, text: str) -> Iterator[TextPart | ReasoningPart]:
        """Yield what `text` adds; what may be the beginning of a tag is held back."""
        if self._state == "text":
            yield TextPart(text)
            return
        self._held += text
        while self._held:
            if self._state == "start":
                begun = self._held.lstrip()
                if begun.startswith(_OPEN):
                    self._held = begun.removeprefix(_OPEN)
                    self._state = "thought"
                    self._thought = True
                elif _OPEN.startswith(begun):
                    return
                else:
                    self._state = "text"
                    yield TextPart(begun if self._thought else self._held)
                    self._held = ""
            else:
                thought, close, rest = self._held.partition(_CLOSE)
                if close:
                    self._held = rest
                    self._state = "start"
                else:
                    kept = _overlap(thought, _CLOSE)
                    self._held = thought[len(thought) - kept :]
                    thought = thought[: len(thought) - kept]
                if thought:
                    yield ReasoningPart(thought)
                if not close:
                    return

    def finish(self) -> Iterator[TextPart | ReasoningPart]:
        """Yield what is still held back at the end of the reply."""
        held, self._held = self._held, ""
        if self._state == "thought":
            if held:
                yield ReasoningPart(held)
        elif held and not (self._thought and held.isspace()):
            yield TextPart(held)


def _overlap(text: str, tag: str) -> int:
    """Return the length of the longest end of `text` that is a beginning of `tag`."""
    return next((size for size in range(min(len(tag) - 1, len(text)), 0, -1) if tag.startswith(text[-size:])), 0)
