"""The two questions that stop a turn: may this go on, and what a tool asks the person.

What is asked about is shown whole, safe, and with characters marked that could pass for others. A dialog that comes
up while somebody types takes no key for half a second, so that nothing is allowed by accident. Escape answers
nothing: the question waits and can be opened again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from rlm_tui import events as ev
from rlm_tui.errors import ConfigError
from rlm_tui.permissions.reply import Reply
from rlm_tui.permissions.rules import parse_rule
from rlm_tui.text import one_line, safe_text
from rlm_tui.tui.screens.dialog import Dialog

ARM_S = 0.5
"""For this long after it came up, a dialog takes no answer."""
_MOST_LINES = 3_000
_OTHER_LINES = 15
"""Lines of a dialog beside what is asked about."""

_HEADINGS = {
    "bash": "May this command run?",
    "web_fetch": "May this address be fetched?",
    "edit": "May this be changed?",
    "write": "May this be written?",
    "apply_patch": "May these files be changed?",
}


@dataclass(frozen=True, slots=True)
class _Answer:
    key: str
    label: str
    decision: str


_ANSWERS = (
    _Answer("y", "Yes, this once", "once"),
    _Answer("s", "Yes, and what this rule allows, in this session", "session"),
    _Answer("a", "Yes, and what this rule allows, always in this project", "always"),
    _Answer("n", "No (the reason below is told to the model)", "deny"),
)


class _WaitingDialog(Dialog[object]):
    """A dialog that takes no answer at first."""

    AUTO_FOCUS = None

    def __init__(self, arm_s: float) -> None:
        super().__init__(classes="dialog asking")
        self._arm_s = arm_s
        self.armed = False

    def on_mount(self) -> None:
        """Come up without taking answers, then take them."""
        self.query_one(OptionList).disabled = True
        self.set_timer(self._arm_s, self._arm)

    def on_resize(self, event: events.Resize) -> None:
        """Give what is asked about all the room that the answers leave."""
        self.query_one("#what").styles.max_height = max(3, event.size.height - _OTHER_LINES)

    def _arm(self) -> None:
        self.armed = True
        options = self.query_one(OptionList)
        options.disabled = False
        options.highlighted = 0
        options.focus()

    def action_later(self) -> None:
        """Close without an answer."""
        self.dismiss(None)


class ApprovalDialog(_WaitingDialog):
    """Asks whether a tool may go on. Returns a `Reply`, or None for later."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "later", "Later", show=False),
        *[Binding(answer.key, f"answer('{answer.decision}')", answer.label, show=False) for answer in _ANSWERS],
        Binding("pageup", "scroll(-1)", "Up", show=False, priority=True),
        Binding("pagedown", "scroll(1)", "Down", show=False, priority=True),
    ]

    def __init__(self, asked: ev.PermissionAsked, waiting: int = 1, *, arm_s: float = ARM_S) -> None:
        """`waiting` is how many questions wait, this one included."""
        super().__init__(arm_s)
        self.asked = asked
        self._waiting = waiting

    def compose(self) -> ComposeResult:
        """Lay out the question, what it is about, the answers, the rule and the reason."""
        asked = self.asked
        heading = _HEADINGS.get(asked.name, f"May {one_line(asked.name, 60)} go on?")
        if self._waiting > 1:
            heading += f"   (1 of {self._waiting})"
        with Vertical():
            yield Static(Content(heading), classes="heading", markup=False)
            if asked.warning:
                yield Static(Content.styled(f"Look twice: {safe_text(asked.warning)}.", "bold $error"), markup=False)
            with VerticalScroll(id="what", can_focus=False):
                yield Static(self._what(), markup=False)
            if not asked.warning:
                yield Static(Content(safe_text(asked.reason, newlines=False)), classes="hint", markup=False)
            yield OptionList(*[Option(self._line(answer)) for answer in self._answers], markup=False)
            if asked.rule:
                with Horizontal(classes="field"):
                    yield Static(Content("rule"), classes="label", markup=False)
                    yield Input(asked.rule, id="rule", compact=True)
            with Horizontal(classes="field"):
                yield Static(Content("reason"), classes="label", markup=False)
                yield Input(placeholder="if no: what to do instead", id="reason", compact=True)
            yield Static(Content(""), id="problem", markup=False)

    @property
    def _answers(self) -> list[_Answer]:
        return [answer for answer in _ANSWERS if self.asked.rule or answer.decision in ("once", "deny")]

    def _line(self, answer: _Answer) -> Content:
        return Content.assemble((f" {answer.key} ", "bold $accent"), (answer.label, ""))

    def _what(self) -> Content:
        asked = self.asked
        if asked.name == "bash":
            about = [(f"{safe_text(asked.diff)}\n\n", "$text-muted")] if asked.diff else []
            return Content.assemble(*about, marked(asked.what))
        parts: list[Content] = [marked(asked.what)]
        if asked.diff and asked.diff != asked.what:
            parts += [Content(""), diff_content(asked.diff)]
        return Content("\n").join(parts)

    def action_scroll(self, by: int) -> None:
        """Move through what is asked about."""
        what = self.query_one("#what", VerticalScroll)
        what.scroll_relative(y=by * max(1, what.size.height - 1), animate=False)

    def action_answer(self, decision: str) -> None:
        """Answer, where the dialog takes answers by now and the rule can be read."""
        if not self.armed or decision not in [answer.decision for answer in self._answers]:
            return
        rule = self.query_one("#rule", Input).value.strip() if self.asked.rule else ""
        if decision in ("session", "always"):
            try:
                parse_rule(rule)
            except ConfigError as error:
                self.query_one("#problem", Static).update(Content.styled(safe_text(str(error)), "$error"))
                return
        reason = self.query_one("#reason", Input).value.strip() if decision == "deny" else ""
        kept = rule if decision in ("session", "always") else ""
        self.dismiss(Reply(decision, kept, reason))  # type: ignore[arg-type]  # one of the four above

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        self.action_answer(self._answers[message.option_index].decision)

    @on(Input.Submitted, "#reason")
    def _reason_given(self) -> None:
        self.action_answer("deny")

    @on(Input.Submitted, "#rule")
    def _rule_given(self) -> None:
        self.query_one(OptionList).focus()


class QuestionDialog(_WaitingDialog):
    """A tool's question. Returns the answer's text, an empty one to decline, or None for later."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "later", "Later", show=False)]

    def __init__(self, asked: ev.QuestionAsked, *, arm_s: float = ARM_S) -> None:
        super().__init__(arm_s)
        self.asked = asked

    def compose(self) -> ComposeResult:
        """Lay out the question, the answers offered, and room for another."""
        with Vertical():
            yield Static(Content("The model asks"), classes="heading", markup=False)
            with VerticalScroll(id="what", can_focus=False):
                yield Static(Content(safe_text(self.asked.question)), markup=False)
            labels = [safe_text(option, newlines=False) for option in self.asked.options]
            yield OptionList(*[Option(Content(label)) for label in [*labels, "(no answer)"]], markup=False)
            yield Input(placeholder="another answer", id="other", compact=True)

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        options = self.asked.options
        self.dismiss(options[message.option_index] if message.option_index < len(options) else "")

    @on(Input.Submitted)
    def _typed(self, message: Input.Submitted) -> None:
        if self.armed and message.value.strip():
            self.dismiss(message.value)


def marked(text: str) -> Content:
    """Return `text` whole and safe, with every character that is not ASCII standing out."""
    safe = safe_text(text)
    content = Content(safe)
    for start, end in _runs(safe, lambda character: not character.isascii()):
        content = content.stylize("reverse $warning", start, end)
    if not safe.isascii():
        content = Content.assemble(content, ("\n(marked: characters that are not plain letters and signs)", "$warning"))
    return content


def _runs(text: str, wanted: Callable[[str], bool]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for index, character in enumerate(text):
        if not wanted(character):
            continue
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs


def diff_content(diff: str) -> Content:
    """Return a unified diff with its lines coloured, at most some thousand lines of it."""
    lines = diff.split("\n")
    parts: list[tuple[str, str]] = []
    for line in lines[:_MOST_LINES]:
        style = "$success" if line[:1] == "+" else "$error" if line[:1] == "-" else ""
        style = "$text-muted" if line.startswith(("+++", "---", "@@")) else style
        parts.append((safe_text(line, newlines=False, tabs=True) + "\n", style))
    if len(lines) > _MOST_LINES:
        parts.append((f"… {len(lines) - _MOST_LINES:,} more lines\n", "$warning"))
    return Content.assemble(*parts).rstrip()
