"""The scripted root and the oracle leaf, in a process of their own so that their CPU time is not the harness's.

A root is told its task by `TASK:name` in the prompt; its step is the number of replies it has given. A leaf is told by
`LEAF`; it takes `LEAF_SECONDS`, and knows hidden labels: `label = blake2b(secret:item) mod 6`, so that no pattern
finds them.
"""

import json
import multiprocessing
import re
import time
from collections import Counter
from hashlib import blake2b
from multiprocessing.connection import Connection
from typing import Any, Self

from tests.support.scripted_server import (
    Drop,
    Hang,
    Request,
    ScriptedServer,
    Status,
    Text,
    Tool,
    Turn,
    Usage,
    Wait,
)

LEAF_SECONDS = 0.05
NEEDLE = "the pass phrase is "
NOOPS = 40
PAIRS_CHARS = 144_000
GROUP = 5
"""Leaves of one group, in the task that recurses twice."""
_ITEM = re.compile(r"item (\d+)")
_TASK = re.compile(r"TASK:(\w+)(?: (\d+))?")
_COUNTS = re.compile(r"\{[^{}]*\}")


def label_of(item: str) -> str:
    """Return an item's hidden label."""
    return f"label{int.from_bytes(blake2b(f'secret:{item}'.encode(), digest_size=8).digest()) % 6}"


def answer(request: Request) -> Turn:
    """Answer one request by its task and step."""
    turn = _answer(request)
    return turn if turn.first(Drop) else Turn(*turn.steps, Usage(10, 1))


def _answer(request: Request) -> Turn:
    words = "\n".join(str(message.get("content", "")) for message in request.messages)
    if "LEAF" in request.prompt and "TASK:" not in request.prompt:
        return _fault(request) or _leaf(request)
    found = _TASK.search(words)
    if found is None:
        return Turn(Text("ready"))
    step = sum(message["role"] == "assistant" for message in request.messages)
    result = str(request.messages[-1].get("content", ""))
    return _root(found[1], int(found[2] or 0), step, result)


_failed: set[str] = set()


def _fault(request: Request) -> Turn | None:
    """Let a leaf that is told to `FAIL` do so the first time it is asked, each in a way of its own; then None."""
    first = _ITEM.search(request.prompt)
    if "FAIL" not in request.prompt or first is None or first[1] in _failed:
        return None
    _failed.add(first[1])
    ways = ((Status(429, headers={"Retry-After": "0"}),), (Status(500),), (Drop(),), (Text('{"label0"'), Drop()))
    return Turn(*ways[len(_failed) % len(ways)])


def _leaf(request: Request) -> Turn:
    if "HANG" in request.prompt:
        return Turn(Hang())
    counts = Counter(label_of(item) for item in _ITEM.findall(request.prompt.split("=== text ===", 1)[-1]))
    return Turn(Wait(LEAF_SECONDS), Text(json.dumps(counts)))


def _root(task: str, number: int, step: int, result: str) -> Turn:
    match task, step:
        case "noop", _ if step < NOOPS:
            return Turn(Tool("rlm_get_context", {"offset": step, "length": 1}))
        case "needle", 0:
            return Turn(Tool("rlm_find", {"text": NEEDLE}))
        case "count", 0:
            arguments = {"prompt": "LEAF count the labels", "chunk_chars": number}
            return Turn(Tool("rlm_map", arguments))
        case "faults", 0:
            return Turn(Tool("rlm_map", {"prompt": "LEAF FAIL count the labels", "chunk_chars": number}))
        case "groups", 0:
            return Turn(Tool("rlm_map", {"prompt": f"TASK:count {number}", "chunk_chars": number * GROUP}))
        case "hang", 0:
            return Turn(Tool("rlm_map", {"prompt": "LEAF HANG", "chunk_chars": number}))
        case "pairs", 0:
            return Turn(Tool("python", {"code": f"rows = 'ab, cd;\\n' * {PAIRS_CHARS // 8}\nFINAL_VAR('rows')"}))
        case "cell", 0:
            return Turn(Tool("python", {"code": "1 + 1"}))
        case "code", 0:
            return Turn(Text(f"```repl\nr = llm_query_batched(['LEAF %d' % n for n in range({number})])\n```"))
        case "loop", _ if step < NOOPS:
            return Turn(Text("```repl\nx = 1\n```"))
        case "count" | "faults" | "groups", _:
            total: Counter[str] = Counter()
            for counts in _COUNTS.findall(result):
                total.update(json.loads(counts))
            return Turn(Text(json.dumps(total, sort_keys=True)))
        case "code" | "loop", _:
            return Turn(Text("```repl\nanswer['content'] = 'done'\nanswer['ready'] = True\n```\nFINAL(done)"))
        case _:
            return Turn(Text(f"done: {result[:2_000]}"))


class Oracle:
    """The model's process. Requests are told as `(seconds of the monotonic clock, characters, leaf, closed early)`."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self.port: int = self._pipe.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.send("end")
        self._process.join()

    @property
    def base_url(self) -> str:
        """The address that an OpenAI client takes."""
        return f"http://127.0.0.1:{self.port}/v1"

    def requests(self) -> list[tuple[float, int, bool, bool]]:
        """Return what arrived since the last time this was asked."""
        self._pipe.send("requests")
        seen: list[tuple[float, int, bool, bool]] = self._pipe.recv()
        return seen

    def open_requests(self) -> int:
        """Return how many replies are still being waited for."""
        self._pipe.send("open")
        count: int = self._pipe.recv()
        return count


def _serve(pipe: Connection) -> None:
    with ScriptedServer(answer) as server:
        pipe.send(server.port)
        told = 0
        while (asked := pipe.recv()) != "end":
            if asked == "open":
                pipe.send(sum(not (r.done.is_set() or r.closed.is_set()) for r in server.requests))
                continue
            fresh, told = server.requests[told:], len(server.requests)
            pipe.send([_told(request) for request in fresh])


def _told(request: Request) -> tuple[float, int, bool, bool]:
    chars = sum(len(str(message.get("content", ""))) for message in request.messages)
    leaf = "LEAF" in request.prompt and "TASK:" not in request.prompt
    return request.at, chars, leaf, request.closed.is_set()


def wait_until_closed(oracle: Oracle, seconds: float = 5.0) -> float:
    """Return how long it takes until no reply is being waited for any more."""
    started = time.perf_counter()
    while oracle.open_requests() and time.perf_counter() - started < seconds:
        time.sleep(0.002)
    return time.perf_counter() - started


def expected_counts(text: str) -> dict[str, Any]:
    """Return the true counts of a document's items."""
    return dict(Counter(label_of(item) for item in _ITEM.findall(text)))
