"""A small folded session over a small context, with every kind of node and touch, for tests of panes."""

from rlm_tui import events as ev
from rlm_tui.session.state import SessionState
from tests.support.memory_reader import MemoryReader

CODE = '''class RetryPolicy:
    budget: Attempts = Attempts(3)
    deadline: Seconds = Seconds(10)

    def next_delay(self, attempt: int) -> float:
        """How long to wait before `attempt`."""
        return min(self.cap, self.base * 2 ** attempt)  # capped
'''
HOSTILE = "\x1b[31mred\x1b]0;title\x07 \u202eevil\u202c \x9b1m [bold]markup[/bold] \u200b\r\nnext\tline\x00\n"
HOSTILE_LABEL = "a\x1b[2J\u202e\nb.py"


def sample_context(files: int = 30) -> MemoryReader:
    """Return a context of `files` equal modules, then `retry.py`, `window.py`, a hostile file and a user's words."""
    reader = MemoryReader(("file", f"src/module_{number}.py", CODE) for number in range(files))
    reader.append("file", "src/retry.py", CODE)
    reader.append("file", "src/window.py", CODE * 10)
    reader.append("file", HOSTILE_LABEL, HOSTILE)
    reader.append("user", "#1", "Where is the retry budget decided?")
    return reader


class Story:
    """Folds events into a state, one a second, as a log would hold them."""

    def __init__(self) -> None:
        self.state = SessionState()
        self._seq = 0

    def tell(self, event: ev.AnyEvent, call: int = 0, parent: int = 0, depth: int = 0) -> None:
        """Fold one event."""
        self.state.apply(ev.Envelope("s", self._seq, 1_000.0 + self._seq, event, call, parent, depth))
        self._seq += 1

    def start(self) -> None:
        """Open the session and start a turn with its root call 1."""
        self.tell(ev.SessionOpened(1, "1", "/project", "provider/model"))
        self.tell(ev.TurnStarted(1, "Where is the retry budget decided?"))
        self.tell(ev.CallStarted("root", "provider/model", "Where?"), 1)

    def tool(self, request: str, name: str, spans: tuple[ev.Span, ...] = (), *, ok: bool = True) -> None:
        """Let the root call use a tool."""
        self.tell(ev.ToolRequested(request, name, {"what": name}), 1)
        self.tell(ev.ToolFinished(request, name, ok, "result" if ok else "it broke", "summary", 5.0, spans), 1)

    def map(self, request: str, spans: list[ev.Span], *, first_call: int, done: int) -> None:
        """Let the root call map over `spans`; the first `done` calls answer."""
        self.tell(ev.ToolRequested(request, "rlm_map", {"prompt": "relevant?"}), 1)
        for number, span in enumerate(spans):
            call = first_call + number
            self.tell(ev.CallStarted("map", "provider/small", "relevant?", (span,), request, number), call, 1, 1)
            if number < done:
                usage = ev.Usage(1_000, 20)
                self.tell(ev.ReplyFinished("yes", "provider/small", usage=usage, cost=0.001), call, 1, 1)
                self.tell(ev.CallFinished("yes", usage=usage, cost=0.001), call, 1, 1)


def sample_story(reader: MemoryReader) -> Story:
    """Return a running turn: a search that matched, a read, a map of 12 calls of which 9 ended, a failed tool."""
    retry = next(entry for entry in reader.entries(limit=1_000) if entry.label == "src/retry.py")
    window = next(entry for entry in reader.entries(limit=1_000) if entry.label == "src/window.py")
    story = Story()
    story.start()
    story.tool("r1", "rlm_search", (ev.Span(retry.start + 23, retry.start + 53, "matched"),))
    story.tool("r2", "rlm_get_context", (ev.Span(retry.start, retry.start + 130, "read"),))
    spans = [ev.Span(window.start + 100 * n, window.start + 100 * n + 100, "sent") for n in range(12)]
    story.map("r3", spans, first_call=3, done=9)
    story.tool("r4", "bash", ok=False)
    story.tell(ev.SpanTouched((ev.Span(retry.start + 23, retry.start + 53, "cited"),)), 1)
    return story
