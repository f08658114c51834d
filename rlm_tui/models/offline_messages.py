"""A request's messages read as one conversation: the task, earlier prompts, and the rounds of tools so far."""

import json
import re
from typing import Any

from msgspec import Struct

from rlm_tui.models.offline_results import Block
from rlm_tui.models.port import Message, ModelRequest

TEXT_MARK = "=== text ==="
"""The line of a sub-call's prompt after which its text stands (as the loop lays it out)."""

_BLOCK_HEAD = re.compile(r"\[(\d+)-(\d+)\] ?(.*)\n")
_SPANS = re.compile(r"^spans: \[(.*?\])\](?:, and \d+ more)?$", re.MULTILINE)
_PAIR = re.compile(r"\[(\d+), (\d+)\]")
_SIZE = re.compile(r"offsets 0-(\d+)")
_SCHEMA = "Answer with JSON alone that fits this schema:"


class Step(Struct, frozen=True):
    """One tool that was run: what was asked and what it said."""

    name: str
    arguments: dict[str, Any]
    result: str


class Conversation(Struct, frozen=True):
    """What the policy knows. `chars` is the size of the whole context (-1: not told)."""

    task: str
    earlier: tuple[str, ...]
    rounds: tuple[tuple[Step, ...], ...]
    blocks: tuple[Block, ...]
    spans: tuple[tuple[int, int], ...]
    chars: int
    building: bool
    schema: bool
    tools: frozenset[str]
    depth: int


def read_conversation(request: ModelRequest) -> Conversation:
    """Read a request. Only the text after the task itself is taken as metadata, so that a task cannot forge it."""
    place = _task_place(request)
    prompt = request.messages[place].content if place >= 0 else ""
    task = request.task or prompt
    rest = prompt[len(task) :] if prompt.startswith(task) else ""
    metadata, mark, text = rest.partition(f"\n{TEXT_MARK}\n")
    spans = _SPANS.search(metadata)
    size = _SIZE.search(metadata)
    return Conversation(
        task,
        tuple(m.content for m in request.messages[: max(place, 0)] if m.role == "user"),
        _rounds(request.messages[place + 1 :]),
        tuple(_blocks(text)) if mark else (),
        tuple((int(m[1]), int(m[2])) for m in _PAIR.finditer(spans[1])) if spans else (),
        int(size[1]) if size else -1,
        "still being read" in metadata,
        request.response_schema is not None or _SCHEMA in metadata,
        frozenset(tool.name for tool in request.tools),
        request.depth,
    )


def _task_place(request: ModelRequest) -> int:
    """Return where the user message of this call is: the last that starts with the task."""
    users = [i for i, m in enumerate(request.messages) if m.role == "user"]
    own = [i for i in users if request.task and request.messages[i].content.startswith(request.task)]
    return (own or users or [-1])[-1]


def _rounds(messages: tuple[Message, ...]) -> tuple[tuple[Step, ...], ...]:
    rounds = []
    for index, message in enumerate(messages):
        if message.role != "assistant" or not message.requests:
            continue
        results: dict[str, str] = {}
        for answer in messages[index + 1 :]:
            if answer.role != "tool":
                break
            results[answer.provider_id] = answer.content
        rounds.append(
            tuple(
                Step(r.name, _arguments(r.arguments), results.get(r.provider_id or r.request, ""))
                for r in message.requests
            )
        )
    return tuple(rounds)


def _arguments(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _blocks(text: str) -> list[Block]:
    """Cut the text of spans into its blocks by the lengths that their head lines tell, never by what is in them."""
    blocks: list[Block] = []
    place = 0
    while (head := _BLOCK_HEAD.match(text, place)) is not None:
        start, end = int(head[1]), int(head[2])
        body = text[head.end() : head.end() + end - start]
        blocks.append(Block(start, head[3], body))
        place = head.end() + len(body) + 1
    return blocks
