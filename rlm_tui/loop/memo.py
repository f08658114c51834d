"""The memo of leaf sub-calls: what a sub-call's answer is a function of, as one key.

A leaf is a sub-call that made no sub-calls itself and used no tool but those that look into its own spans. Its answer
depends on its model, instructions, prompt, parameters and the text of its spans at their offsets, and on nothing
else. The key goes into the log with the answer (`CallFinished.memo_key`), so the memo is a fold over the log: it
holds in the session, after a crash, and in every fork.
"""

import asyncio
from hashlib import blake2b

import msgspec

from rlm_tui.context.reader import ContextReader
from rlm_tui.loop.call import CallSpec
from rlm_tui.tools.chunking import SpanPairs, spans_chars
from rlm_tui.tools.context import CONTEXT_TOOLS
from rlm_tui.tools.python_tool import PYTHON

PURE_TOOLS = CONTEXT_TOOLS | {PYTHON}
"""Tools whose results depend on the spans alone: a cell has neither files nor network."""

MOST_CHARS = 16_000_000
"""Spans of more characters have no key: hashing them would cost more than an equal call is likely to come again."""

_INLINE_CHARS = 200_000
_PAGE_CHARS = 1_000_000


async def leaf_key(spec: CallSpec, instructions: str) -> str:
    """Return the key of a sub-call as 32 hexadecimal digits, or nothing; `instructions` is its system text.

    Depth is part of it for calls with tools, which are told how deep they may still go.
    """
    spans = tuple((span.start, span.end) for span in spec.spans)
    chars = spans_chars(spans)
    if chars > MOST_CHARS:
        return ""
    if chars <= _INLINE_CHARS:
        texts = _spans_digest(spec.context, spans)
    else:
        texts = await asyncio.to_thread(_spans_digest, spec.context, spans)
    plain = spec.purpose == "llm"
    parts = (
        "plain" if plain else f"depth {spec.depth}",
        spec.model, instructions, spec.prompt, spec.agent, spec.reasoning,
        spec.schema, spec.registry.names, texts,
    )  # fmt: skip
    return blake2b(msgspec.json.encode(parts, order="sorted"), digest_size=16).hexdigest()


def _spans_digest(context: ContextReader, spans: SpanPairs) -> list[tuple[int, int, str]]:
    """Return `(start, end, digest of the text)` of each span: offsets count, since answers cite by them."""
    digests = []
    for start, end in spans:
        text = blake2b(digest_size=16)
        for offset in range(start, end, _PAGE_CHARS):
            text.update(context.read(offset, min(_PAGE_CHARS, end - offset)).encode())
        digests.append((start, end, text.hexdigest()))
    return digests
