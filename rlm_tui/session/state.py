"""The one fold: from envelopes to the state of a session.

The live screen, `run --json`'s totals, `sessions`, resume, replay and every export use this fold and no other, so
what was seen live is what is seen again. `apply` is cheap (microseconds) and never raises on an event out of
place: a log with a hole in it still folds.
"""

from collections.abc import Callable
from typing import Any

from rlm_tui import events as ev
from rlm_tui.session.folded import FoldedState
from rlm_tui.session.nodes import ChatItem, ItemRole, Node, Turn
from rlm_tui.text import one_line

_TITLE_CHARS = 200


class SessionState(FoldedState):
    """The fold itself: one method for each kind of event."""

    def apply(self, envelope: ev.Envelope) -> None:
        """Fold one envelope in."""
        if envelope.seq > self.last_seq:
            self.last_seq = envelope.seq
        self.changed_at = envelope.at
        handler = _HANDLERS.get(type(envelope.event))
        if handler is not None:
            handler(self, envelope, envelope.event)

    # session

    def _opened(self, envelope: ev.Envelope, event: ev.SessionOpened) -> None:
        self.session = envelope.session
        self.project = event.project
        self.model = event.model
        self.sub_model = event.sub_model
        self.settings["mode"] = event.mode
        self.closed = False
        if event.resumed:
            self.resumes += 1
        else:
            self.opened_at = envelope.at
            self.forked_from = event.forked_from
            self.imported_from = event.imported_from

    def _titled(self, _: ev.Envelope, event: ev.TitleSet) -> None:
        self.title = event.title

    def _model_chosen(self, _: ev.Envelope, event: ev.ModelChosen) -> None:
        self.model, self.sub_model = event.model, event.sub_model

    def _setting_chosen(self, _: ev.Envelope, event: ev.SettingChosen) -> None:
        self.settings[event.name] = event.value

    def _session_closed(self, _: ev.Envelope, __: ev.SessionClosed) -> None:
        self.closed = True

    def _notice(self, _: ev.Envelope, event: ev.Notice) -> None:
        self._item("notice", self._turn_number(), event.text, level=event.level)

    def _progressed(self, _: ev.Envelope, event: ev.Progress) -> None:
        if event.finished:
            self.progress.pop(event.work, None)
        else:
            self.progress[event.work] = event

    # context

    def _segment_attached(self, _: ev.Envelope, event: ev.SegmentAttached) -> None:
        self.entry_count = max(self.entry_count, event.first_entry + event.entries)
        self.context_chars = max(self.context_chars, event.start + event.chars)

    def _entry_appended(self, _: ev.Envelope, event: ev.EntryAppended) -> None:
        self.entry_count = max(self.entry_count, event.entry + 1)
        self.context_chars = max(self.context_chars, event.start + event.chars)

    def _spans_touched(self, envelope: ev.Envelope, event: ev.SpanTouched) -> None:
        node = self.nodes.get(f"tool:{event.request}") if event.request else self._calls.get(envelope.call)
        self._add_spans(event.spans, node)

    # turns and calls

    def _turn_started(self, envelope: ev.Envelope, event: ev.TurnStarted) -> None:
        self.redoable.clear()
        node = Node(
            f"turn:{event.turn}", "turn", f"turn {event.turn}", one_line(event.prompt, _TITLE_CHARS), None, 0,
            envelope.at, turn=event.turn, prompt=event.prompt, model=self.model,
        )  # fmt: skip
        turn = Turn(event.turn, event.prompt, event.entry, node, images=event.images)
        self.turns.append(turn)
        self.running_turn = turn
        self._add_node(node)
        self._item("user", event.turn, event.prompt, node=node.key)
        if not self.title:
            self.title = one_line(event.prompt, 80)

    def _call_started(self, envelope: ev.Envelope, event: ev.CallStarted) -> None:
        paid = 0 if event.memo else 1
        self.calls += paid
        self.last_call = max(self.last_call, envelope.call)
        turn = self.running_turn
        if event.purpose == "root" and turn is not None:
            node = turn.node
            turn.root_call = envelope.call
            node.call, node.model = envelope.call, event.model
        else:
            parent = self.nodes.get(f"tool:{event.request}") or self._calls.get(envelope.parent)
            node = Node(
                f"call:{envelope.call}", "call", f"call {envelope.call}",
                one_line(f"{event.agent}: {event.prompt}" if event.agent else event.prompt, _TITLE_CHARS),
                parent, envelope.depth, envelope.at,
                call=envelope.call, turn=self._turn_number(), prompt=event.prompt, model=event.model,
                memo=event.memo,
            )  # fmt: skip
            self._add_node(node)
        self._calls[envelope.call] = node
        above: Node | None = node
        while above is not None:
            above.calls += paid
            self._touch(above)
            above = above.parent
        self._add_spans(event.spans, node)
        node.activity = "thinking"

    def _live_item(self, envelope: ev.Envelope, role: ItemRole) -> ChatItem:
        key = (envelope.call, role)
        item = self._live.get(key)
        if item is None:
            turn = self.running_turn
            item = self._item(role, self._turn_number(), "", node=turn.node.key if turn else "")
            item.live = True
            self._live[key] = item
        return item

    def _text(self, envelope: ev.Envelope, event: ev.TextDelta) -> None:
        node = self._calls.get(envelope.call)
        if node is not None:
            self._own_lists(node)
            if envelope.call not in self._streaming:
                self._streaming.add(envelope.call)
                node.replies.append("")
                node.activity = "answering"
            node.replies[-1] += event.text
            self._touch(node)
        if self._is_root(envelope):
            item = self._live_item(envelope, "assistant")
            item.parts.append(event.text)
            self._touch_item(item)

    def _reasoned(self, envelope: ev.Envelope, event: ev.ReasoningDelta) -> None:
        node = self._calls.get(envelope.call)
        if node is not None:
            self._own_lists(node)
            node.reasoning.append(event.text)
            node.activity = "reasoning"
            self._touch(node)
        if self._is_root(envelope):
            item = self._live_item(envelope, "reasoning")
            item.parts.append(event.text)
            self._touch_item(item)

    def _retried(self, envelope: ev.Envelope, event: ev.ModelRetry) -> None:
        node = self._calls.get(envelope.call)
        if node is not None:
            self._own_lists(node)
            node.retries += 1
            node.activity = f"{event.kind}, try {event.attempt + 1} in {event.wait_ms / 1000:.1f} s"
            self._drop_unfinished(envelope, node)
            self._touch(node)

    def _drop_unfinished(self, envelope: ev.Envelope, node: Node) -> None:
        """Forget the text of a reply that was cut off and will be asked for again."""
        if envelope.call in self._streaming:
            self._streaming.discard(envelope.call)
            node.replies.pop()
        for role in ("assistant", "reasoning"):
            item = self._live.get((envelope.call, role))
            if item is not None:
                item.parts.clear()
                self._touch_item(item)

    def _replied(self, envelope: ev.Envelope, event: ev.ReplyFinished) -> None:
        node = self._calls.get(envelope.call)
        if node is not None:
            self._own_lists(node)
            if envelope.call in self._streaming:
                self._streaming.discard(envelope.call)
                node.replies[-1] = event.text
            elif event.text:
                node.replies.append(event.text)
            if event.reasoning:
                node.reasoning[:] = [*node.reasoning[:-1], event.reasoning] if node.reasoning else [event.reasoning]
            node.activity = "calling tools" if event.requests else "finishing"
        self._add_spend(node, event.usage, event.cost)
        if self._is_root(envelope) and self.running_turn is not None:
            self.running_turn.history.append(event)
            self._settle(envelope, "reasoning", event.reasoning)
            self._settle(envelope, "assistant", event.text)

    def _settle(self, envelope: ev.Envelope, role: ItemRole, text: str) -> None:
        item = self._live.pop((envelope.call, role), None)
        if item is None:
            if not text:
                return
            turn = self.running_turn
            item = self._item(role, self._turn_number(), "", node=turn.node.key if turn else "")
        item.parts[:] = [text] if text else item.parts
        item.live = False
        self._touch_item(item)

    # tools

    def _tool_requested(self, envelope: ev.Envelope, event: ev.ToolRequested) -> None:
        if event.request[1:].isdigit():
            self.last_request = max(self.last_request, int(event.request[1:]))
        parent = self._calls.get(envelope.call)
        node = Node(
            f"tool:{event.request}", "tool", event.name, _arguments_line(event.arguments), parent,
            envelope.depth + 1, envelope.at, call=envelope.call, turn=self._turn_number(),
            arguments=event.arguments,
        )  # fmt: skip
        self._add_node(node)
        if parent is not None:
            parent.activity = event.name
        if self._is_root(envelope):
            self._item("tool", self._turn_number(), "", node=node.key)

    def _tool_output(self, _: ev.Envelope, event: ev.ToolOutput) -> None:
        node = self.nodes.get(f"tool:{event.request}")
        if node is not None:
            node.result = (node.result + event.text)[-20_000:]
            self._touch_tool(node)

    def _touch_tool(self, node: Node) -> None:
        self._touch(node)
        for item in reversed(self.items):
            if item.node == node.key and item.role == "tool":
                self._touch_item(item)
                return
            if item.turn != node.turn:
                return

    def _tool_finished(self, envelope: ev.Envelope, event: ev.ToolFinished) -> None:
        node = self.nodes.get(f"tool:{event.request}")
        if node is not None:
            node.result, node.summary, node.entry = event.result, event.summary, event.entry
            node.elapsed_ms = event.elapsed_ms
            node.data = event.data
            node.error = "" if event.ok else event.result
            self._add_spans(event.spans, node)
            cancelled = bool(event.data.get("cancelled"))
            self._end_node(node, "ok" if event.ok else "cancelled" if cancelled else "failed", envelope.at)
            self._touch_tool(node)
        if self._is_root(envelope) and self.running_turn is not None:
            self.running_turn.history.append(event)
        self.pending_permissions.pop(event.request, None)
        self.pending_questions.pop(event.request, None)

    def _permission_asked(self, _: ev.Envelope, event: ev.PermissionAsked) -> None:
        self.pending_permissions[event.request] = event
        self._wait(event.request, "waiting for permission")

    def _permission_answered(self, _: ev.Envelope, event: ev.PermissionAnswered) -> None:
        self.pending_permissions.pop(event.request, None)
        self._go_on(event.request)

    def _question_asked(self, _: ev.Envelope, event: ev.QuestionAsked) -> None:
        self.pending_questions[event.request] = event
        self._wait(event.request, "waiting for an answer")

    def _question_answered(self, _: ev.Envelope, event: ev.QuestionAnswered) -> None:
        self.pending_questions.pop(event.request, None)
        self._go_on(event.request)

    def _wait(self, request: str, activity: str) -> None:
        node = self.nodes.get(f"tool:{request}")
        if node is not None:
            node.status, node.activity = "waiting", activity
            self._touch_tool(node)

    def _go_on(self, request: str) -> None:
        node = self.nodes.get(f"tool:{request}")
        if node is not None and node.status == "waiting":
            node.status, node.activity = "running", ""
            self._touch_tool(node)

    # ends

    def _call_finished(self, envelope: ev.Envelope, event: ev.CallFinished) -> None:
        node = self._calls.get(envelope.call)
        if node is None:
            return
        node.result, node.entry = event.answer, event.entry
        self._add_spans(tuple(ev.Span(c.start, c.end, "cited") for c in event.citations if c.ok), node)
        if event.memo_key:
            self.memo.setdefault(event.memo_key, node)
        if node.kind != "turn":
            self._end_node(node, "ok", envelope.at)

    def _call_failed(self, envelope: ev.Envelope, event: ev.CallFailed) -> None:
        node = self._calls.get(envelope.call)
        if node is None:
            return
        node.error = event.message
        self._touch(node)
        self._end_open_children(node, envelope.at)
        if node.kind != "turn":
            self._end_node(node, "cancelled" if event.kind == "cancelled" else "failed", envelope.at)

    def _budget_reached(self, envelope: ev.Envelope, event: ev.BudgetReached) -> None:
        node = self._calls.get(envelope.call)
        if node is not None:
            node.data = {**node.data, "budget": event.message}
            self._touch(node)

    def _turn_ended(self, envelope: ev.Envelope, event: ev.TurnFinished | ev.TurnInterrupted) -> None:
        turn = next((t for t in reversed(self.turns) if t.number == event.turn), None)
        if turn is None:
            return
        turn.answer, turn.citations, turn.reason, turn.ended = (
            event.answer,
            event.citations,
            event.reason,
            True,
        )
        node = turn.node
        self._end_open_children(node, envelope.at)
        node.elapsed_ms = event.elapsed_ms or None
        finished = isinstance(event, ev.TurnFinished)
        if isinstance(event, ev.TurnInterrupted):
            node.error = event.message
        interrupted = event.reason == "interrupted"
        self._end_node(node, "ok" if finished else "cancelled" if interrupted else "failed", envelope.at)
        self._settle_turn(turn, event)
        self.running_turn = None
        self.pending_permissions.clear()
        self.pending_questions.clear()

    def _settle_turn(self, turn: Turn, event: ev.TurnFinished | ev.TurnInterrupted) -> None:
        for item in self._live.values():
            item.live = False
            self._touch_item(item)
        self._live.clear()
        self._streaming.clear()
        last = next((i for i in reversed(self.items) if i.role == "assistant" and i.turn == turn.number), None)
        if event.answer and (last is None or last.text.strip() != event.answer.strip()):
            last = self._item("assistant", turn.number, event.answer, node=turn.node.key)
        if last is not None:
            last.citations = event.citations
            self._touch_item(last)
        if isinstance(event, ev.TurnInterrupted) and event.message:
            level = "warning" if event.reason in ("interrupted", "budget") else "error"
            self._item("notice", turn.number, event.message, node=turn.node.key, level=level)
        self._item("status", turn.number, "", node=turn.node.key)

    def _snapshot_taken(self, _: ev.Envelope, event: ev.SnapshotTaken) -> None:
        self.snapshots.append(event)
        self.applied.append(event)
        self.redoable.clear()

    def _reverted(self, _: ev.Envelope, event: ev.Reverted) -> None:
        if event.to_turn:
            for turn in self.turns:
                if turn.number >= event.to_turn:
                    turn.reverted = event.undone
        if not event.undone:
            if self.redoable:
                self.applied += self.redoable.pop()[1]
            return
        first = next((i for i, taken in enumerate(self.applied) if taken.snapshot == event.snapshot), len(self.applied))
        self.redoable.append((event, tuple(self.applied[first:])))
        del self.applied[first:]


def _arguments_line(arguments: dict[str, Any]) -> str:
    """Return the arguments as one short line: values only, the first first."""
    return one_line("  ".join(_value_text(value) for value in arguments.values()), _TITLE_CHARS)


def _value_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


_HANDLERS: dict[type, Callable[[SessionState, ev.Envelope, Any], None]] = {
    ev.SessionOpened: SessionState._opened,
    ev.TitleSet: SessionState._titled,
    ev.ModelChosen: SessionState._model_chosen,
    ev.SettingChosen: SessionState._setting_chosen,
    ev.SessionClosed: SessionState._session_closed,
    ev.Notice: SessionState._notice,
    ev.Progress: SessionState._progressed,
    ev.SegmentAttached: SessionState._segment_attached,
    ev.EntryAppended: SessionState._entry_appended,
    ev.SpanTouched: SessionState._spans_touched,
    ev.TurnStarted: SessionState._turn_started,
    ev.CallStarted: SessionState._call_started,
    ev.TextDelta: SessionState._text,
    ev.ReasoningDelta: SessionState._reasoned,
    ev.ModelRetry: SessionState._retried,
    ev.ReplyFinished: SessionState._replied,
    ev.ToolRequested: SessionState._tool_requested,
    ev.ToolOutput: SessionState._tool_output,
    ev.ToolFinished: SessionState._tool_finished,
    ev.PermissionAsked: SessionState._permission_asked,
    ev.PermissionAnswered: SessionState._permission_answered,
    ev.QuestionAsked: SessionState._question_asked,
    ev.QuestionAnswered: SessionState._question_answered,
    ev.CallFinished: SessionState._call_finished,
    ev.CallFailed: SessionState._call_failed,
    ev.BudgetReached: SessionState._budget_reached,
    ev.TurnFinished: SessionState._turn_ended,
    ev.TurnInterrupted: SessionState._turn_ended,
    ev.SnapshotTaken: SessionState._snapshot_taken,
    ev.Reverted: SessionState._reverted,
}
