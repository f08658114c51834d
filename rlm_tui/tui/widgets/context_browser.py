"""The context browser: entries above, their text below, and the coverage of the whole; linked with the trace."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget

from rlm_tui.context.entry import SearchReply
from rlm_tui.context.reader import ContextReader
from rlm_tui.errors import RlmTuiError
from rlm_tui.events import Span
from rlm_tui.session.coverage import Touched
from rlm_tui.session.state import SessionState
from rlm_tui.text import one_line, safe_text
from rlm_tui.tui.widgets.context_search import ContextSearch, hits_text
from rlm_tui.tui.widgets.coverage_strip import CoverageStrip
from rlm_tui.tui.widgets.entry_list import EntryList
from rlm_tui.tui.widgets.line_prompt import LinePrompt
from rlm_tui.tui.widgets.places import offset_of_place
from rlm_tui.tui.widgets.text_view import TextView
from rlm_tui.tui.widgets.title_line import Part, TitleLine

_REFRESH_S = 0.25


class NodeChosen(Message):
    """The person chose a call that touched a span: show the node `key` in the trace."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


class ContextBrowser(Vertical):
    """Everything about the context in one pane. Call `bind`, then `context_changed` as often as one likes."""

    DEFAULT_CSS = """
    ContextBrowser { layout: vertical; }
    ContextBrowser > EntryList { height: 2fr; min-height: 2; max-height: 12; }
    ContextBrowser > TextView { height: 5fr; min-height: 3; }
    ContextBrowser > #context-rule { height: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "go", "Go to an offset, :line, #entry or label", show=False),
        Binding("slash", "search", "Search (ctrl+f: literal)", show=False),
        Binding("n", "next_hit(1)", "Next hit", show=False),
        Binding("N", "next_hit(-1)", "Hit before", show=False),
        Binding("right_square_bracket", "next_span(1)", "Next of several spans", show=False),
        Binding("left_square_bracket", "next_span(-1)", "Span before", show=False),
        Binding("e", "focus_entries", "To the entries", show=False),
        Binding("v", "focus_text", "To the text", show=False),
        Binding("m", "focus_strip", "To the coverage strip", show=False),
        Binding("escape", "back", "Stop a search, then back to the entries", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._reader: ContextReader | None = None
        self._state: SessionState | None = None
        self._spans: Sequence[Span] = ()
        self._span = -1
        self._search = ContextSearch(self, self._found)
        self._pattern = ""
        self._reply: SearchReply | None = None
        self._hit = -1
        self._refreshing = False
        self._last: Widget | None = None

    def compose(self) -> ComposeResult:
        """Lay out title, entries, text and strip."""
        yield TitleLine(id="context-title")
        yield TitleLine(id="context-columns")
        yield EntryList(id="context-entries")
        yield TitleLine(id="context-rule")
        yield TextView(id="context-text")
        yield CoverageStrip(id="context-strip")
        yield LinePrompt(id="context-prompt")

    @staticmethod
    def pane_types() -> list[type[Widget]]:
        """Return the widgets whose keys the help lists."""
        return [ContextBrowser, EntryList, TextView, CoverageStrip]

    # --- the parts -------------------------------------------------------------------------------------

    @property
    def entries(self) -> EntryList:
        """The list of entries."""
        return self.query_one("#context-entries", EntryList)

    @property
    def text(self) -> TextView:
        """The text."""
        return self.query_one("#context-text", TextView)

    @property
    def strip(self) -> CoverageStrip:
        """The coverage strip."""
        return self.query_one("#context-strip", CoverageStrip)

    @property
    def focus_target(self) -> Widget:
        """What takes the focus when the pane does: the part that had it last."""
        return self._last if self._last is not None and self._last.is_attached else self.entries

    def on_descendant_focus(self) -> None:
        """Remember which part has the focus."""
        focused = self.screen.focused
        if isinstance(focused, EntryList | TextView | CoverageStrip):
            self._last = focused

    # --- content ---------------------------------------------------------------------------------------

    def bind(self, reader: ContextReader, state: SessionState) -> None:
        """Show the context behind `reader`, with the coverage and the nodes of `state`."""
        self._search.cancel()
        self._reader, self._state = reader, state
        self._spans, self._span, self._reply, self._hit, self._pattern = (), -1, None, -1, ""
        self.entries.bind(reader, state)
        self.text.bind(reader, state)
        self.strip.bind(state.coverage, reader.chars)
        self._show_title()

    def context_changed(self) -> None:
        """The context or its coverage changed; drawn a few times a second however often this is called."""
        if not self._refreshing:
            self._refreshing = True
            self.set_timer(_REFRESH_S, self.take_changes)

    def take_changes(self) -> None:
        """Draw what changed now."""
        self._refreshing = False
        if self._reader is not None:
            self.entries.context_changed()
            self.text.context_changed()
            self.strip.update_figures(self._reader.chars)
            self._show_title()

    def open_span(self, start: int, end: int) -> None:
        """Show and mark one span."""
        self.open_spans([Span(start, end)])

    def open_spans(self, spans: Sequence[Span]) -> None:
        """Show the first of several spans; `[` and `]` step through them. Takes the focus to the text."""
        if not spans or self._reader is None:
            return
        self._spans = sorted(set(spans), key=lambda span: (span.start, span.end))
        self._span = 0
        self._show_span()
        self.text.focus()

    def _show_span(self) -> None:
        span = self._spans[self._span]
        self.text.show_span(span.start, span.end)
        entry = self._reader.entry_at(span.start) if self._reader is not None else None
        if entry is not None:
            self.entries.show_entry(entry.number)
        self._show_title()

    # --- title -----------------------------------------------------------------------------------------

    def _show_title(self) -> None:
        order = self.entries.order
        if order is None or self._reader is None:
            return
        total = self._reader.entry_count
        shown = f"{len(order):,} of {total:,}" if order.filtered else f"{total:,}"
        parts = [Part("CONTEXT", "accent", bold=True), Part(f"{shown} {'entry' if total == 1 else 'entries'}")]
        filters: list[str] = [order.kind or "all"]
        filters += [f'label "{one_line(order.label, 20)}"'] if order.label else []
        filters += ["touched"] if order.touched else []
        filters += ["current"] if order.current else []
        parts += [Part(" ".join(filters), "accent" if order.filtered else "dim"), Part(f"by {order.sort}")]
        parts += [Part("gathering …", "warn")] if not order.finished else []
        if self._pattern:
            parts.append(Part(self._search_text(), "matched"))
        elif len(self._spans) > 1:
            parts.append(Part(f"span {self._span + 1} of {len(self._spans)}  [ ]", "accent"))
        else:
            parts += [Part("g offset", right=True), Part("/ search", right=True)]
        self.query_one("#context-title", TitleLine).show(parts)
        self.query_one("#context-columns", TitleLine).show([Part(self.entries.column_names()[1:], "dim")])
        self._show_rule()

    def _show_rule(self) -> None:
        """Say between list and text where the text is."""
        view = self.text
        entry = self._reader.entry_at(view.cursor_offset) if self._reader is not None else None
        name = one_line(entry.label, 60) if entry is not None else ""
        rule = self.query_one("#context-rule", TitleLine)
        parts = [Part("─" * max(0, rule.size.width - len(name) - 6), "faint"), Part(name, "dim")]
        rule.show(parts)

    def _search_text(self) -> str:
        pattern = one_line(self._pattern, 24)
        if self._reply is None:
            return f"/{pattern} searching …"
        return f"/{pattern} {hits_text(self._reply, self._hit, self._search.running)}"

    @on(EntryList.Changed)
    def _entries_changed(self, message: EntryList.Changed) -> None:
        message.stop()
        self._show_title()

    @on(TextView.Moved)
    def _text_moved(self, message: TextView.Moved) -> None:
        message.stop()
        rows = self.text.on_screen
        if rows:
            self.strip.show_here(rows[0].start, rows[-1].end)
        self._show_rule()

    def on_resize(self) -> None:
        """Columns have other widths."""
        self.call_after_refresh(self._show_title)

    # --- going somewhere -------------------------------------------------------------------------------

    @on(EntryList.Opened)
    def _entry_opened(self, message: EntryList.Opened) -> None:
        message.stop()
        self.text.marked = None
        self.text.jump_to_top(message.entry.start)
        self.text.focus()

    @on(CoverageStrip.PlaceChosen)
    def _place_chosen(self, message: CoverageStrip.PlaceChosen) -> None:
        message.stop()
        self._go_to(message.offset)

    @on(CoverageStrip.CoverageChanged)
    def _coverage_changed(self, message: CoverageStrip.CoverageChanged) -> None:
        message.stop()
        self.entries.show_coverage(self.strip.coverage)

    def _go_to(self, offset: int) -> None:
        self.text.marked = None
        self.text.jump(offset)
        self.text.redraw()
        entry = self._reader.entry_at(offset) if self._reader is not None else None
        if entry is not None:
            self.entries.show_entry(entry.number)

    def action_go(self) -> None:
        """Ask where to go."""
        self._prompt.ask("go", "go to offset, :line, #entry or label")

    def action_search(self) -> None:
        """Ask what to look for."""
        self._prompt.ask("search", "/ pattern", self._pattern, toggled_label="/ literal")

    @on(EntryList.LabelWanted)
    def _label_wanted(self, message: EntryList.LabelWanted) -> None:
        message.stop()
        order = self.entries.order
        self._prompt.ask("label", "label contains", order.label if order is not None else "")

    @property
    def _prompt(self) -> LinePrompt:
        return self.query_one("#context-prompt", LinePrompt)

    @on(LinePrompt.Answered)
    def _answered(self, message: LinePrompt.Answered) -> None:
        message.stop()
        if self._reader is None:
            return
        if message.purpose == "label":
            self.entries.set_label(message.text.strip())
            self.entries.focus()
            return
        self.text.focus()
        if message.purpose == "search":
            self._start_search(message.text, literal=message.toggled)
            return
        try:
            self._go_to(offset_of_place(self._reader, message.text, self.text.cursor_offset))
        except RlmTuiError as error:
            self.app.notify(safe_text(str(error)), severity="warning", markup=False)

    @on(LinePrompt.Cancelled)
    def _cancelled(self, message: LinePrompt.Cancelled) -> None:
        message.stop()
        self.focus_target.focus()

    @on(LinePrompt.Typed)
    def _typed(self, message: LinePrompt.Typed) -> None:
        message.stop()

    # --- searching -------------------------------------------------------------------------------------

    def _start_search(self, pattern: str, *, literal: bool) -> None:
        self._search.cancel()
        self._pattern, self._reply, self._hit = pattern, None, -1
        self.text.set_hits((), -1)
        if pattern and self._reader is not None:
            self._search.start(self._reader, pattern, literal=literal)
        self._show_title()

    def _found(self, reply: SearchReply | None, problem: str, last: bool) -> None:  # noqa: ARG002 - told by `running`
        if reply is None:
            self._pattern = ""
            self.app.notify(safe_text(problem), severity="warning", markup=False)
            self._show_title()
            return
        self._reply = reply
        if self._hit < 0 and reply.hits:
            here = self.text.cursor_offset
            self._hit = next((i for i, hit in enumerate(reply.hits) if hit.offset >= here), 0)
            self.text.set_hits(reply.hits, self._hit)
        else:
            self.text.hits = reply.hits
            self.text.redraw()
        self._show_title()

    def action_next_hit(self, by: int) -> None:
        """Go to the next hit, or the one before."""
        if self._reply is not None and self._reply.hits:
            self._hit = (self._hit + by) % len(self._reply.hits)
            self.text.set_hits(self._reply.hits, self._hit)
            self._show_title()

    def action_next_span(self, by: int) -> None:
        """Go to the next of the spans that were opened, or the one before."""
        if self._spans:
            self._span = (self._span + by) % len(self._spans)
            self._show_span()

    def action_back(self) -> None:
        """Stop a search, forget it and its marks, then go back to the entries; with nothing to do, pass the key on."""
        if self._pattern:
            self._start_search("", literal=True)
        elif self.text.marked is not None:
            self.text.marked, self._spans, self._span = None, (), -1
            self.text.redraw()
            self._show_title()
        elif self.text.has_focus or self.strip.has_focus:
            self.entries.focus()
        else:
            self.text.pass_on()

    def action_focus_entries(self) -> None:
        """Go to the list."""
        self.entries.focus()

    def action_focus_text(self) -> None:
        """Go to the text."""
        self.text.focus()

    def action_focus_strip(self) -> None:
        """Go to the strip."""
        self.strip.focus()

    # --- which calls -----------------------------------------------------------------------------------

    @on(TextView.TouchesWanted)
    def _touches_wanted(self, message: TextView.TouchesWanted) -> None:
        message.stop()
        self._show_touches(message.start, message.end)

    @on(CoverageStrip.CallsWanted)
    def _calls_wanted(self, message: CoverageStrip.CallsWanted) -> None:
        message.stop()
        self._show_touches(message.start, message.end, message.turn)

    def _show_touches(self, start: int, end: int, turn: int = 0) -> None:
        """List the calls that touched `[start, end)`, in one turn or (0) in any; choosing one goes to the trace."""
        from rlm_tui.tui.screens.dialogs import Choice, ChooseDialog

        touches = [touched for touched in self.text.touches_at(start, end) if turn in (0, touched.turn)]
        choices = [Choice(key, label, note) for key, label, note in self._touch_lines(touches)]
        if not choices:
            self.app.notify("No call has touched this place.", markup=False)
            return

        def chosen(key: str | None) -> None:
            if key:
                self.post_message(NodeChosen(key))

        heading = f"Calls that touched {start:,}–{end:,}" + (f" in turn {turn}" if turn else "")
        self.app.push_screen(ChooseDialog(heading, choices), chosen)

    def _touch_lines(self, touches: Sequence[Touched]) -> list[tuple[str, str, str]]:
        """Return node key, name and what it did, one line a node, newest first."""
        ways: dict[str, list[Touched]] = {}
        for touched in touches:
            ways.setdefault(touched.node, []).append(touched)
        lines = []
        for key, own in ways.items():
            node = self._state.nodes.get(key) if self._state is not None else None
            if node is not None:
                hows = ", ".join(dict.fromkeys(touched.how for touched in own))
                first = own[0]
                note = f"{hows}  {first.start:,}–{first.end:,}  {one_line(node.title, 60)}"
                lines.append((key, one_line(node.name, 30), note))
        return lines
