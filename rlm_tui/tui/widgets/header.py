"""The one-line header: project, title, model, mode, depth, budget, cost, tokens, size of the context."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from rlm_tui.config.schema import BudgetSettings
from rlm_tui.session.nodes import Node
from rlm_tui.session.state import SessionState
from rlm_tui.text import one_line
from rlm_tui.tui.numbers import compact_count, cost_text

_TITLE_CHARS = 40
_BAR = (" │ ", "$text-muted 50%")

Words = list[tuple[str, str]]


class HeaderPart(NamedTuple):
    """Words with their styles. Where not all parts have room, those of the highest `rank` go first."""

    rank: int
    words: Words

    @property
    def cells(self) -> int:
        """Cells that the part takes, its bar included."""
        return sum(cell_len(text) for text, _ in self.words) + len(_BAR[0])


class HeaderLine(Widget):
    """Shows the session's figures; drawn again only when one of them changed."""

    DEFAULT_CSS = "HeaderLine { height: 1; background: $panel; color: $foreground; }"

    def __init__(self, project: str, budget: BudgetSettings, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._project = project
        self._budget = budget
        self._shown: tuple[object, ...] = ()
        self._content = Content("")
        self._turn = 0
        self._depth = 0

    def take(self, nodes: Sequence[Node]) -> None:
        """Take in nodes that are new or changed: the depth shown is that of the newest turn's deepest call."""
        for node in nodes:
            if node.turn > self._turn:
                self._turn, self._depth = node.turn, 0
            if node.kind == "call" and node.turn == self._turn:
                self._depth = max(self._depth, node.depth)

    def show(self, state: SessionState) -> None:
        """Take the state's figures; refresh only where they differ from those shown."""
        figures = (tuple((part.rank, tuple(part.words)) for part in self._parts(state)), self.size.width)
        if figures != self._shown:
            self._shown = figures
            self._content = self._line(state)
            self.refresh()

    def _parts(self, state: SessionState) -> list[HeaderPart]:
        model: Words = [(one_line(state.model or "offline", 40), "")]
        if state.sub_model and state.sub_model != state.model:
            model += [(" sub ", "$text-muted"), (one_line(state.sub_model, 30), "")]
        parts = [
            HeaderPart(0, [(" rlm-tui", "bold $accent")]),
            HeaderPart(3, [(one_line(self._project, 30), "")]),
        ]
        if state.title:
            parts.append(HeaderPart(9, [(one_line(state.title, _TITLE_CHARS), "$text-muted")]))
        parts.append(HeaderPart(1, model))
        parts.append(HeaderPart(7, [(one_line(state.settings.get("mode", "tools"), 20), "")]))
        if agent := state.settings.get("agent"):
            parts.append(HeaderPart(2, [(one_line(agent, 20), "$accent")]))
        if (approval := state.settings.get("approval", "ask")) != "ask":
            parts.append(HeaderPart(2, [(one_line(approval, 10), "$warning" if approval == "auto" else "$accent")]))
        if sandbox := state.settings.get("sandbox"):
            parts.append(HeaderPart(5, [_sandbox(sandbox)]))
        parts.append(HeaderPart(6, _of("depth ", str(self._depth), self._budget.depth)))
        if state.running_turn is not None:
            limit = self._budget.calls
            parts.append(HeaderPart(5, _of("calls ", str(state.running_turn.node.calls), limit)))
        if state.usage.total_tokens:
            cost: Words = [(cost_text(state.cost, state.cost_known), "")]
            if self._budget.cost is not None:
                cost.append((f"/{cost_text(self._budget.cost, True)} a turn", "$text-muted"))
            tokens: Words = [(f"{compact_count(state.usage.total_tokens)} tok", "")]
            if self._budget.tokens is not None:
                tokens.append((f"/{compact_count(self._budget.tokens)} a turn", "$text-muted"))
            parts += [HeaderPart(2, cost), HeaderPart(4, tokens)]
        ingest = state.progress.get("ingest")
        if ingest is not None:
            parts.append(HeaderPart(2, [(f"reading {ingest.done:,}/{ingest.total:,} files", "$warning")]))
        parts.append(HeaderPart(3, [("context ", "$text-muted"), (f"{state.context_chars:,} ch", "")]))
        if "disk" in state.progress:
            parts.append(HeaderPart(0, [("DISK FULL", "bold $error")]))
        return parts

    def _line(self, state: SessionState) -> Content:
        parts = self._parts(state)
        width = self.size.width + len(_BAR[0])  # the first part has no bar
        while len(parts) > 1 and sum(part.cells for part in parts) > width:
            parts.remove(max(parts, key=lambda part: part.rank))
        words: Words = []
        for part in parts:
            words += [_BAR, *part.words] if words else part.words
        return Content.assemble(*words)

    def render(self) -> Content:
        """Return the line as last made."""
        return self._content


def _sandbox(state: str) -> tuple[str, str]:
    """Return how far commands are confined, in one word: the reason is in `/permissions`."""
    word = one_line(state, 80).split(" ", 1)[0]
    return {
        "SANDBOXED": ("sandboxed", "$success"), "PARTIAL": ("partly sandboxed", "$warning"),
        "NONE": ("no sandbox", "$warning"), "OFF": ("sandbox off", "bold $warning"),
    }.get(word, (word, "$warning"))  # fmt: skip


def _of(name: str, used: str, limit: int | None) -> Words:
    """Return a figure with its limit: `depth 1/2`."""
    words = [(name, "$text-muted"), (used, "")]
    return [*words, (f"/{limit:,}", "$text-muted")] if limit is not None else words
