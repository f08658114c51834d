"""A small loop for the offline model: the real tools and prompt layout over a context in memory, sub-calls included."""

import asyncio
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event as CancelFlag

from rlm_tui.context.entry import Hit, RankReply
from rlm_tui.context.reader import DEFAULT_DEADLINE_MS
from rlm_tui.errors import ContextError, ToolError
from rlm_tui.events import EntryKind, ToolRequest
from rlm_tui.loop.instructions import Instructions
from rlm_tui.loop.prompt import root_metadata, spans_text, sub_metadata
from rlm_tui.models.offline import OfflineModel
from rlm_tui.models.offline_words import parts_of
from rlm_tui.models.port import Message, ModelRequest, ReplyPart, TextPart
from rlm_tui.tools.context import context_tools
from rlm_tui.tools.port import SubAnswer, SubTask, ToolRun
from rlm_tui.tools.recurse import recursion_tools
from rlm_tui.tools.registry import Registry
from tests.support.memory_reader import MemoryReader

TOOLS = Registry((*context_tools(), *recursion_tools()))
INLINE_CHARS = 120_000
_PASSAGE_CHARS = 4_000
_MAX_ROUNDS = 8


class RankedReader(MemoryReader):
    """A context in memory that ranks passages by BM25, as the store does, and keeps offsets in views."""

    def __init__(self, pieces: Iterable[tuple[EntryKind, str, str]] = ()) -> None:
        self._passages: list[tuple[int, int, int, Counter[str]]] = []
        super().__init__(pieces)

    def rank(
        self,
        query: str,
        *,
        max_results: int = 10,
        kind: EntryKind | None = None,
        label: str | None = None,
        deadline_ms: int = DEFAULT_DEADLINE_MS,
        cancel: CancelFlag | None = None,
    ) -> RankReply:
        passages = [p for p in self._cut() if kind is None or self.entry(p[2]).kind == kind]
        words = set(_tokens(query))
        mean = sum(p[3].total() for p in passages) / max(1, len(passages))
        held = {word: sum(1 for p in passages if word in p[3]) for word in words}
        scored = []
        for start, end, entry, counts in passages:
            score = 0.0
            for word in words & counts.keys():
                idf = math.log(1 + (len(passages) - held[word] + 0.5) / (held[word] + 0.5))
                score += idf * counts[word] * 2.2 / (counts[word] + 1.2 * (0.25 + 0.75 * counts.total() / mean))
            if score > 0:
                scored.append((-score, start, end, entry))
        hits = tuple(self._hit(start, end, entry, -score) for score, start, end, entry in sorted(scored)[:max_results])
        return RankReply(query, len(scored), True, False, 0.0, hits)

    def view(self, spans: Iterable[tuple[int, int]]) -> "RankedReader":
        """Return this reader: whoever is given spans is trusted to stay within them here."""
        for start, end in spans:
            if not 0 <= start < end <= self.chars:
                raise ContextError(f"[{start}, {end}] lies outside of the context.")
        return self

    def _cut(self) -> list[tuple[int, int, int, Counter[str]]]:
        for entry in self.entries(after=self._passages[-1][2] if self._passages else -1, limit=1_000_000):
            text = self.read(entry.start, entry.chars)
            place = 0
            while place < len(text):
                end = place + _PASSAGE_CHARS
                end = text.rfind("\n", place + 1, end) + 1 or end if end < len(text) else len(text)
                counts = Counter(_tokens(text[place:end]))
                self._passages.append((entry.start + place, entry.start + end, entry.number, counts))
                place = end
        return self._passages

    def _hit(self, start: int, end: int, entry: int, score: float) -> Hit:
        line, column = self.line_of(start)
        snippet = self.read(start, min(200, end - start)).split("\n")[0]
        return Hit(start, end - start, entry, self.entry(entry).label, line, column, snippet, score)


def _tokens(text: str) -> list[str]:
    tokens = []
    for word in re.findall(r"\w+", text):
        parts = parts_of(word)
        tokens += [word.lower(), *(parts if len(parts) > 1 else ())]
    return tokens


@dataclass
class Transcript:
    """What one call did: its messages, its pieces of text, its last reply, and the sub-calls that it made."""

    task: str
    depth: int
    messages: list[Message]
    pieces: list[str] = field(default_factory=list)
    replies: list[ReplyPart] = field(default_factory=list)
    children: list["Transcript"] = field(default_factory=list)
    broken: frozenset[str] = frozenset()

    @property
    def answer(self) -> str:
        return self.replies[-1].text

    @property
    def tools(self) -> list[str]:
        return [request.name for reply in self.replies for request in reply.requests]


@dataclass
class Driver:
    """Runs calls of the offline model. Tools named in `broken` fail; `offered` are those that exist."""

    reader: RankedReader
    offered: Registry = TOOLS
    broken: Mapping[str, str] = field(default_factory=dict)
    inline_chars: int = INLINE_CHARS
    sub_error: str = ""

    def ask(self, task: str, earlier: Sequence[Message] = ()) -> Transcript:
        """Answer one prompt as the root call."""
        metadata = root_metadata(self.reader.stats(), Path("/project"), prompt_span=None, hidden="", budget="calls 200")
        first = Message("user", f"{task}\n\n{metadata}")
        return asyncio.run(self._run(Transcript(task, 0, [*earlier, first])))

    def ask_sub(self, task: str, spans: tuple[tuple[int, int], ...]) -> Transcript:
        """Answer one task as a sub-call on spans."""
        return asyncio.run(self._sub(task, spans))

    async def _sub(self, task: str, spans: tuple[tuple[int, int], ...]) -> Transcript:
        chars = sum(end - start for start, end in spans)
        inlined = chars <= self.inline_chars
        parts = [task, "", sub_metadata(spans, chars, budget="calls 20", inlined=inlined)]
        if inlined:
            parts += ["", spans_text(self.reader, spans)]
        return await self._run(Transcript(task, 1, [Message("user", "\n".join(parts))]))

    async def _run(self, call: Transcript) -> Transcript:
        system = Message("system", Instructions().text("root" if call.depth == 0 else "query", "offline", Registry(())))
        model = OfflineModel()
        for _ in range(_MAX_ROUNDS):
            request = ModelRequest(
                "offline", (system, *call.messages), self.offered.schemas, call=1, depth=call.depth, task=call.task
            )
            async for part in model.stream(request):
                if isinstance(part, TextPart):
                    call.pieces.append(part.text)
                elif isinstance(part, ReplyPart):
                    call.replies.append(part)
            reply = call.replies[-1]
            call.messages.append(Message("assistant", reply.text, requests=reply.requests))
            if not reply.requests:
                return call
            for tool in reply.requests:
                text = await self._tool(call, tool)
                call.messages.append(Message("tool", text, provider_id=tool.provider_id, name=tool.name))
        raise AssertionError(f"no answer in {_MAX_ROUNDS} rounds: {call.tools}")

    async def _tool(self, call: Transcript, request: ToolRequest) -> str:
        if request.name in self.broken:
            return self.broken[request.name]
        try:
            tool, arguments, _ = self.offered.parse(request.name, request.arguments)
            run = ToolRun("t1", 1, call.depth, self.reader, _Subs(self, call), Path(), CancelFlag(), lambda _: None)
            return (await tool.run(arguments, run)).text
        except (ToolError, ContextError) as error:
            return str(error)


@dataclass
class _Subs:
    driver: Driver
    call: Transcript

    async def query(self, task: SubTask, request: str) -> SubAnswer:
        if self.driver.sub_error:
            return SubAnswer(0, "", self.driver.sub_error)
        child = await self.driver._sub(task.prompt, task.spans)
        self.call.children.append(child)
        return SubAnswer(len(self.call.children) + 1, child.answer)

    async def map(self, tasks: list[SubTask], request: str) -> list[SubAnswer]:
        return [await self.query(task, request) for task in tasks]

    def remaining(self) -> Mapping[str, float]:
        return {}
