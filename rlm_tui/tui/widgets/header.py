"""The one-line header: project, title, model, depth, cost, tokens, size of the context."""

from textual.content import Content
from textual.widget import Widget

from rlm_tui.session.state import SessionState
from rlm_tui.text import one_line
from rlm_tui.tui.numbers import compact_count, cost_text

_TITLE_CHARS = 40


class HeaderLine(Widget):
    """Shows the session's figures; drawn again only when one of them changed."""

    DEFAULT_CSS = "HeaderLine { height: 1; background: $panel; color: $foreground; }"

    def __init__(self, project: str, depth: int | None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._project = project
        self._depth = depth
        self._shown: tuple[object, ...] = ()
        self._content = Content("")

    def show(self, state: SessionState) -> None:
        """Take the state's figures; refresh only where they differ from those shown."""
        depth = max((node.depth for node in state.running_turn.node.children), default=0) if state.running_turn else 0
        figures = (
            state.title, state.model, state.sub_model, depth, round(state.cost, 4), state.cost_known,
            state.usage.total_tokens, state.context_chars, self.size.width,
            tuple((p.done, p.total) for w, p in state.progress.items() if w == "ingest"),
            "disk" in state.progress,
        )  # fmt: skip
        if figures != self._shown:
            self._shown = figures
            self._content = self._line(state)
            self.refresh()

    def _line(self, state: SessionState) -> Content:
        bar = (" │ ", "$text-muted 50%")
        model = [(one_line(state.model or "offline", 40), "")]
        if state.sub_model:
            model += [(" sub ", "$text-muted"), (one_line(state.sub_model, 30), "")]
        parts: list[tuple[str, str]] = [(" rlm-tui", "bold $accent"), bar, (one_line(self._project, 30), "")]
        if state.title and self.size.width >= 100:
            parts += [bar, (one_line(state.title, _TITLE_CHARS), "$text-muted")]
        parts += [bar, *model]
        if self._depth is not None and self.size.width >= 90:
            parts += [bar, ("depth ", "$text-muted"), (f"≤{self._depth}", "")]
        if state.usage.total_tokens:
            parts += [bar, (cost_text(state.cost, state.cost_known), "")]
            parts += [bar, (f"{compact_count(state.usage.total_tokens)} tok", "")]
        ingest = state.progress.get("ingest")
        if ingest is not None:
            parts += [bar, (f"reading {ingest.done:,}/{ingest.total:,} files", "$warning")]
        parts += [bar, ("context ", "$text-muted"), (f"{state.context_chars:,} ch", "")]
        if "disk" in state.progress:
            parts += [bar, ("DISK FULL", "bold $error")]
        return Content.assemble(*parts)

    def render(self) -> Content:
        """Return the line as last made."""
        return self._content
