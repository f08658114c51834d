"""What each kind of chat item looks like: prompts, reasoning, tools, notices and the line after a turn."""

import json
from dataclasses import dataclass, field
from typing import Any

from rich.segment import Segment

from rlm_tui.session.nodes import ChatItem, Node
from rlm_tui.session.state import SessionState
from rlm_tui.text import one_line
from rlm_tui.tui.numbers import compact_count, cost_text, duration_text
from rlm_tui.tui.widgets.markdown.code import diff_lines
from rlm_tui.tui.widgets.markdown.look import Look
from rlm_tui.tui.widgets.markdown.wrap import Run, cells_of, line_of, shown, wrap
from rlm_tui.tui.widgets.strips import Line

PROMPT_LINES = 12
_PROMPT_CHARS = 4_000
_DIFF_LINES = 10
_RESULT_LINES = 20
_RESULT_CHARS = 4_000
_ARGUMENT_CHARS = 400
_REASONING_CHARS = 20_000
_UNFOLDED_CHARS = 20_000
MARKS = {
    "running": ("●", "accent"), "waiting": ("?", "warn"), "ok": ("✓", "good"), "failed": ("✗", "bad"),
    "cancelled": ("⊘", "dim"),
}  # fmt: skip
_LEVELS = {"info": ("·", "dim"), "warning": ("!", "warn"), "error": ("✗", "bad")}


@dataclass(frozen=True, slots=True)
class Fold:
    """The line that folds and unfolds the item number `item`."""

    item: int


@dataclass(slots=True)
class Drawing:
    """What drawing needs: the look, the session, which items are unfolded, and how long thoughts took (seconds)."""

    look: Look
    state: SessionState
    unfolded: set[int] = field(default_factory=set)
    thought_s: dict[int, float] = field(default_factory=dict)

    def node(self, item: ChatItem) -> Node | None:
        """Return the trace node that the item belongs to."""
        return self.state.nodes.get(item.node)


def is_long_prompt(text: str) -> bool:
    """Return whether a prompt is shown folded."""
    return len(text) > _PROMPT_CHARS or text.count("\n") >= 2 * PROMPT_LINES


def prompt_lines(item: ChatItem, drawing: Drawing) -> list[Line]:
    """Return a prompt behind the bar that marks the person's words; of a long one the head, until it is unfolded."""
    look, text = drawing.look, item.text
    folded = is_long_prompt(text) and item.index not in drawing.unfolded
    words = text[: _PROMPT_CHARS if folded else _UNFOLDED_CHARS].strip("\n")
    lines = wrap([Run(shown(words), look.strong)], look.width - 2) or [Line()]
    if folded:
        lines = lines[:PROMPT_LINES]
    if folded or len(text) > _UNFOLDED_CHARS:
        lines.append(line_of([Run(f"… {len(text):,} characters in all", look.address, Fold(item.index))]))
    bar = [Segment("▌ ", look.palette.style("accent"))]
    return [line.prefixed(bar, 2) for line in lines]


def reasoning_lines(item: ChatItem, drawing: Drawing) -> list[Line]:
    """Return a reasoning as one dim line, unfolded with its text below."""
    look, text = drawing.look, item.text
    if not text.strip():
        return []
    unfolded = item.index in drawing.unfolded
    took = drawing.thought_s.get(item.index)
    if item.live:
        words = f"thinking  {compact_count(len(text))} characters"
    elif took is not None:
        words = f"thought for {duration_text(took * 1000)}"
    else:
        words = f"thought  {compact_count(len(text))} characters"
    lines = [_fold_line("▾" if unfolded else "▸", words, item, look)]
    if unfolded:
        bar = [Segment("│ ", look.faint)]
        body = wrap([Run(shown(text[-_REASONING_CHARS:].strip()), look.address)], look.width - 2)
        lines += [line.prefixed(bar, 2) for line in body]
    return lines


def _fold_line(mark: str, words: str, item: ChatItem, look: Look) -> Line:
    return line_of([Run(f"{mark} {words}"[: look.width], look.address, Fold(item.index))])


def tool_lines(item: ChatItem, drawing: Drawing) -> list[Line]:
    """Return a tool request as one line with its mark, title, summary and time; unfolded with what went in and out."""
    node = drawing.node(item)
    if node is None:
        return []
    look = drawing.look
    unfolded = item.index in drawing.unfolded
    lines = [_tool_line(item, node, look)]
    inner: list[Line] = []
    within = Look(look.width - 2, look.palette)
    diff = node.data.get("diff")
    if unfolded:
        inner += _argument_lines(node, within, skip_bodies=isinstance(diff, str))
    if isinstance(diff, str) and diff:
        changed = diff_lines(diff, within)
        inner += changed if unfolded else _headed(changed, _DIFF_LINES, item, look)
    elif unfolded and node.result:
        inner += _result_lines(node, within)
    elif node.status == "failed" and node.error:
        inner += wrap([Run(one_line(node.error, 300), look.palette.style("bad"))], within.width)[:3]
    indent = [Segment("  ")]
    return lines + [line.prefixed(indent, 2) for line in inner]


def _headed(lines: list[Line], most: int, item: ChatItem, look: Look) -> list[Line]:
    if len(lines) <= most + 2:
        return lines
    more = f"… {len(lines) - most:,} more lines"
    return [*lines[:most], line_of([Run(more, look.address, Fold(item.index))])]


def _tool_line(item: ChatItem, node: Node, look: Look) -> Line:
    """Return the one line; the title gives way first, then the summary."""
    mark, role = MARKS[node.status]
    fold = Fold(item.index)
    after = [one_line(part, 60) for part in (node.summary or node.activity, _time_of(node)) if part]
    name = one_line(node.name, 40)
    tail = "".join(f"  {part}" for part in after)
    room = look.width - 2 - cells_of(name) - 2 - cells_of(tail)
    title = cut(node.title, room) if room >= 4 else ""
    runs = [Run(f"{mark} ", look.palette.style(role), fold), Run(name, look.text, fold)]
    if title:
        runs.append(Run(f"  {title}", look.address, fold))
    runs.append(Run(cut(tail, max(0, look.width - sum(cells_of(run.text) for run in runs))), look.address, fold))
    return line_of(runs)


def cut(text: str, cells: int) -> str:
    """Return `text` on one line of at most so many cells, with an ellipsis where it was cut."""
    line = shown(text.replace("\n", " "))
    if cells_of(line) <= cells:
        return line
    while line and cells_of(line) > cells - 1:
        line = line[: min(len(line) - 1, max(0, cells - 1))]
    return line + "…" if cells > 0 else ""


def _time_of(node: Node) -> str:
    return duration_text(node.elapsed_ms) if node.elapsed_ms is not None and not node.running else ""


def _argument_lines(node: Node, look: Look, *, skip_bodies: bool) -> list[Line]:
    lines: list[Line] = []
    for name, value in node.arguments.items():
        text = value if isinstance(value, str) else _as_json(value)
        if skip_bodies and "\n" in text:
            continue
        if len(text) > _ARGUMENT_CHARS:
            text = f"{text[:_ARGUMENT_CHARS]}… ({len(text):,} characters)"
        lines += wrap([Run(f"{one_line(name, 40)}: ", look.address), Run(shown(text), look.text)], look.width)
    return lines


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return str(value)


def _result_lines(node: Node, look: Look) -> list[Line]:
    """Return the head of a result; of one that still grows, the end."""
    text = node.result.rstrip("\n")
    part = text[-_RESULT_CHARS:] if node.running else text[:_RESULT_CHARS]
    bar = [Segment("│ ", look.faint)]
    style = look.palette.style("bad") if node.status == "failed" else look.address
    lines = wrap([Run(shown(part), style)], look.width - 2)
    more = len(lines) > _RESULT_LINES or len(part) < len(text)
    lines = lines[-_RESULT_LINES:] if node.running else lines[:_RESULT_LINES]
    lines = [line.prefixed(bar, 2) for line in lines]
    if more:
        lines.append(line_of([Run(f"… {len(text):,} characters in all", look.address)]))
    return lines


def notice_lines(item: ChatItem, drawing: Drawing) -> list[Line]:
    """Return a notice with the mark and the colour of its level."""
    look = drawing.look
    mark, role = _LEVELS.get(item.level, _LEVELS["info"])
    style = look.palette.style(role)
    lines = wrap([Run(shown(item.text.strip()), style)], look.width - 2)
    head, rest = [Segment(f"{mark} ", style)], [Segment("  ")]
    return [line.prefixed(rest if number else head, 2) for number, line in enumerate(lines)]


def status_lines(item: ChatItem, drawing: Drawing) -> list[Line]:
    """Return the line after a turn: model, calls, tokens, cost and time."""
    node = drawing.node(item)
    if node is None:
        return []
    cost = cost_text(node.cost, node.cost_known) if node.cost_known else "cost unknown"
    parts = [
        one_line(node.model, 40), f"{node.calls:,} call{'' if node.calls == 1 else 's'}",
        f"{compact_count(node.usage.total_tokens)} tok", cost, duration_text(node.elapsed_ms or 0.0),
    ]  # fmt: skip
    return [
        line_of(
            [Run(cut("rlm  " + "  ".join(part for part in parts if part), drawing.look.width), drawing.look.address)]
        )
    ]


def activity_line(drawing: Drawing, now: float, beat: int) -> Line | None:
    """Return what the running turn does now, None when none runs. `now` in seconds; `beat` moves the mark."""
    turn = drawing.state.running_turn
    if turn is None:
        return None
    node, look = turn.node, drawing.look
    words = one_line(node.activity or "thinking", 40)
    after = f"{node.calls:,} call{'' if node.calls == 1 else 's'}  {max(0.0, now - node.started):.1f} s"
    runs = [Run(f"{_BEATS[beat % len(_BEATS)]} ", look.palette.style("accent")), Run("rlm  ", look.address)]
    busy = next((child for child in reversed(node.children) if child.running and len(child.children) > 1), None)
    if busy is None:
        runs.append(Run(f"{words}  {after}", look.address))
    else:
        done, of = busy.done_children, len(busy.children)
        after = f"{done}/{of} calls  {max(0.0, now - node.started):.1f} s"
        width = max(0, min(24, look.width - cells_of(words) - cells_of(after) - 12))
        full = width * done // of
        runs += [
            Run(f"{words}  ", look.address), Run("━" * full, look.palette.style("accent")),
            Run("━" * (width - full), look.faint), Run(f"  {after}", look.address),
        ]  # fmt: skip
    return line_of(runs)


_BEATS = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
