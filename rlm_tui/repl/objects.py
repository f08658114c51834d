"""What a cell finds in its namespace: the lazy `context`, the functions that call models, and the answer.

Runs inside the worker, with the standard library alone. The text of the context stays outside: only what is asked
for comes over the pipe. Offsets are characters of the session's context.
"""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from rlm_tui.repl.channel import Channel, RemoteError

MAX_READ_CHARS = 500_000
"""Characters that one read of the context returns at most."""


class Place:
    """A part of the context with fields of its own: an entry or a hit. `start` and `end` are its offsets."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self.__dict__.update(fields)

    def __repr__(self) -> str:
        return str(self.__dict__.get("line_text", ""))


class Hits(list[Place]):
    """Hits in order. `total` is how many there are in all (`exact`), or at least (not `exact`)."""

    total = 0
    exact = True
    partial = ""

    def __repr__(self) -> str:
        total = f"{self.total:,}" if self.exact else f"at least {self.total:,}"
        note = f" (partial: {self.partial})" if self.partial else ""
        return "\n".join([f"{total} found, {len(self)} here{note}", *(repr(hit) for hit in self)])


class Context:
    """The whole context, read lazily. `len(context)` is its size; `context[a:b]` reads a part by offset."""

    def __init__(self, channel: Channel) -> None:
        self._call = channel.call

    def __len__(self) -> int:
        size: int = self._call("size", {})
        return size

    def __bool__(self) -> bool:
        return len(self) > 0

    def __getitem__(self, key: Any) -> str:
        if isinstance(key, slice):
            if key.step not in (None, 1):
                raise ValueError("context has no step: read context[a:b] and step through that text.")
            start, end, _ = key.indices(len(self))
        elif isinstance(key, int):
            size = len(self)
            start = key + size if key < 0 else key
            if not 0 <= start < size:
                raise IndexError(f"There is no offset {key} in a context of {size:,} characters.")
            end = start + 1
        else:
            start, end = as_span(key)
        if end - start > MAX_READ_CHARS:
            raise ValueError(
                f"[{start}:{end}] is {end - start:,} characters; one read gives at most {MAX_READ_CHARS:,}. "
                "Go through it in parts: for a, b in context.chunks(100_000): text = context[a:b]"
            )
        return self.read(start, max(0, end - start))

    def read(self, offset: int, length: int = 4_000) -> str:
        """Return at most `length` characters from `offset`."""
        text: str = self._call("read", {"offset": offset, "length": min(length, MAX_READ_CHARS)})
        return text

    def search(self, pattern: str, max_results: int = 50, type: str | None = None, label: str | None = None) -> Hits:
        """Find matches of an RE2 pattern, in offset order."""
        return self._hits("search", pattern=pattern, max_results=max_results, type=type, label=label)

    def find(
        self,
        text: str,
        max_results: int = 50,
        type: str | None = None,
        label: str | None = None,
        ignore_case: bool = False,
    ) -> Hits:
        """Find an exact text, in offset order."""
        return self._hits("find", text=text, max_results=max_results, type=type, label=label, ignore_case=ignore_case)

    def rank(self, query: str, max_results: int = 10, type: str | None = None, label: str | None = None) -> Hits:
        """Rank passages by how well they fit some words (BM25), best first."""
        return self._hits("rank", query=query, max_results=max_results, type=type, label=label)

    def entries(
        self, type: str | None = None, label: str | None = None, after: int = -1, limit: int = 100
    ) -> list[Place]:
        """List entries numbered above `after`, in order: number, type, label, start, end, chars."""
        arguments = {"type": type, "label": label, "after": after, "limit": limit}
        return [Place(fields) for fields in self._call("entries", arguments)]

    def stats(self) -> dict[str, Any]:
        """Return the figures of the context."""
        figures: dict[str, Any] = self._call("stats", {})
        return figures

    def chunks(self, chars: int = 100_000) -> list[tuple[int, int]]:
        """Return `(start, end)` pairs of at most `chars` characters that cover everything in reach, in order."""
        return [(start, end) for start, end in self._call("chunks", {"chars": chars})]

    @property
    def spans(self) -> list[tuple[int, int]]:
        """What can be reached: everything, or the spans that a sub-call was given."""
        return [(start, end) for start, end in self._call("spans", {})]

    def _hits(self, name: str, **arguments: Any) -> Hits:
        reply = self._call(name, arguments)
        hits = Hits(Place(fields) for fields in reply["hits"])
        hits.total, hits.exact, hits.partial = reply["total"], reply["exact"], reply["partial"]
        return hits

    def __iter__(self) -> Iterator[str]:
        raise TypeError("context is not gone through by character: use for a, b in context.chunks(100_000).")

    def __contains__(self, text: str) -> bool:
        return bool(self.find(text, max_results=1))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"context has no {name!r}: it is no str. Read a part with context[a:b]; it has "
            "search, find, rank, entries, stats, chunks, spans and read."
        )

    def __repr__(self) -> str:
        return f"<context of {len(self):,} characters: context[a:b], .search, .find, .rank, .entries, .stats, .chunks>"


class Failed(str):
    """The place of an answer in a batch whose call failed; its text says why. It is false, an answer is true."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


class Models:
    """The functions that call models. Every call goes to the engine: it is traced, budgeted, and can be stopped."""

    def __init__(self, channel: Channel) -> None:
        self._call = channel.call
        self.replies: list[str] = []

    def llm_query(self, prompt: str, spans: Any = None) -> str:
        """Ask a model once, without tools; the text of `spans` (or a given text) goes along."""
        return self._one("llm", prompt, spans)

    def rlm_query(self, prompt: str, spans: Any = None) -> str:
        """Ask a recursive call that works on `spans` (everything in reach, if not given) with a REPL of its own."""
        return self._one("rlm", prompt, spans)

    def llm_query_batched(self, prompts: Any, spans: Any = None) -> list[str]:
        """Ask many at once; answers come in order. A single prompt is asked of each span."""
        return self._many("llm", prompts, spans)

    def rlm_query_batched(self, prompts: Any, spans: Any = None) -> list[str]:
        """Make many recursive calls at once; answers come in order. A single prompt is asked of each span."""
        return self._many("rlm", prompts, spans)

    def _one(self, kind: str, prompt: str, spans: Any) -> str:
        (answer,) = self._ask(kind, [_task(prompt, spans)])
        if isinstance(answer, Failed):
            raise RemoteError(str(answer))
        return answer

    def _many(self, kind: str, prompts: Any, spans: Any) -> list[str]:
        if isinstance(prompts, str):
            if spans is None:
                raise ValueError("Give a list of prompts, or one prompt and a list of spans.")
            prompts = [prompts] * len(spans)
        prompts = list(prompts)
        parts = [None] * len(prompts) if spans is None else list(spans)
        if len(parts) != len(prompts):
            raise ValueError(f"There are {len(prompts)} prompts and {len(parts)} spans: give one for each.")
        answers = self._ask(kind, [_task(prompt, part) for prompt, part in zip(prompts, parts, strict=True)])
        failed = [f"#{place}: {answer}" for place, answer in enumerate(answers) if isinstance(answer, Failed)]
        if failed:
            more = f"; and {len(failed) - 5} more" if len(failed) > 5 else ""
            sys.stderr.write(f"{len(failed)} of {len(answers)} calls failed ({'; '.join(failed[:5])}{more})\n")
        return answers

    def _ask(self, kind: str, tasks: list[dict[str, Any]]) -> list[str]:
        if not tasks:
            return []
        answers = [
            Failed(reply["error"]) if reply["error"] else str(reply["answer"])
            for reply in self._call(kind, {"tasks": tasks})
        ]
        self.replies += answers
        return answers


def _task(prompt: Any, part: Any) -> dict[str, Any]:
    if not isinstance(prompt, str):
        raise TypeError(f"A prompt is a str, not {type(prompt).__name__}.")
    if part is None:
        return {"prompt": prompt, "spans": None}
    if isinstance(part, str):
        return {"prompt": f"{prompt}\n\n{part}", "spans": None}
    return {"prompt": prompt, "spans": as_spans(part)}


def as_spans(part: Any) -> list[tuple[int, int]]:
    """Return a span, a hit or entry, or a list of these as `(start, end)` pairs. Raises `TypeError`."""
    if isinstance(part, Place) or (len(part) == 2 and all(isinstance(offset, int) for offset in part)):
        return [as_span(part)]
    return [as_span(piece) for piece in part]


def as_span(part: Any) -> tuple[int, int]:
    """Return a `(start, end)` pair, or the offsets of a hit or entry. Raises `TypeError`."""
    if isinstance(part, Place):
        return part.__dict__["start"], part.__dict__["end"]
    try:
        start, end = part
    except (TypeError, ValueError):
        raise TypeError(f"{part!r:.80} is no span: give (start, end), a hit or an entry.") from None
    return int(start), int(end)


class Answer:
    """The answer of the call: set by `answer["content"]` and `answer["ready"] = True`, or by `FINAL` and its kind."""

    def __init__(self, names: dict[str, Any], report: Callable[[str], object]) -> None:
        self._names = names
        self._report = report
        self._given: Any = None
        self.reset()

    def reset(self) -> None:
        """Forget the answer: a new call begins."""
        self._given = None
        self.box: dict[str, Any] = {"content": "", "ready": False}
        self._names["answer"] = self.box

    def final(self, value: Any) -> None:
        """Answer with `value`."""
        self._given = value

    def final_var(self, name: Any) -> None:
        """Answer with the variable of this name, or with the value itself."""
        if isinstance(name, str) and name.strip().isidentifier():
            if name.strip() not in self._names:
                raise NameError(f"There is no variable {name.strip()!r} to answer with.")
            name = self._names[name.strip()]
        self._given = name

    def submit(self, *values: Any, **named: Any) -> None:
        """Answer with a value, or with named values."""
        given = [*values, *named.values()]
        self._given = named if len(named) > 1 else given[0] if given else None

    def take(self) -> str | None:
        """Return the answer as text where one was given, and forget it."""
        value, self._given = self._given, None
        box = self._names.get("answer")
        if not isinstance(box, dict):
            if box is not None:
                self.box["content"] = box
            self._names["answer"] = box = self.box
        if value is None and box.get("ready"):
            value = box.get("content")
            box["ready"] = False
        if value is None:
            return None
        text = as_text(value)
        if not text.strip():
            self._report("The answer was empty, so it was not submitted.\n")
            return None
        return text


def as_text(value: Any) -> str:
    """Return an answer as text: a str as it is, collections as JSON where they can be, the rest as `str`."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict | list | tuple):
        try:
            return json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            return str(value)
    return str(value)
