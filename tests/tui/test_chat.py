"""The chat pane: streaming, folding, citations, following, and text that is not ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from rlm_tui import events as ev
from rlm_tui.session.state import SessionState
from rlm_tui.tui.widgets.chat_moves import CitationChosen
from rlm_tui.tui.widgets.chat_view import ChatView

HOSTILE = "\x1b]52;c;aGk=\x07 \x9b31m \u202e [/b] [bold]x[/bold] \u200b end"


class _ChatApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.state = SessionState()
        self.chosen: list[tuple[int, int]] = []
        self._seq = 0

    def compose(self) -> ComposeResult:
        yield ChatView(id="chat")

    @property
    def chat(self) -> ChatView:
        return self.query_one(ChatView)

    def on_citation_chosen(self, message: CitationChosen) -> None:
        self.chosen.append((message.start, message.end))

    def play(self, *facts: tuple[ev.AnyEvent, int]) -> None:
        for event, call in facts:
            self.state.apply(ev.Envelope("s", self._seq, float(self._seq), event, call))
            self._seq += 1
        self.chat.items_changed(self.state.take_changes()[1])

    def shown(self) -> list[str]:
        chat = self.chat
        strips = chat.render_lines(Region(0, 0, chat.outer_size.width, chat.outer_size.height))
        return [strip.text.rstrip(" ▐") for strip in strips]


@asynccontextmanager
async def chat_app(size: tuple[int, int] = (60, 20)) -> AsyncIterator[tuple[_ChatApp, Pilot[Any]]]:
    app = _ChatApp()
    async with app.run_test(size=size) as pilot:
        app.chat.bind(app.state)
        app.chat.focus()
        await pilot.pause()
        yield app, pilot


def _turn(
    number: int, prompt: str, answer: str, citations: tuple[ev.Citation, ...] = ()
) -> list[tuple[ev.AnyEvent, int]]:
    return [
        (ev.TurnStarted(number, prompt), 0),
        (ev.CallStarted("root", "m", prompt), number),
        (ev.ReplyFinished(answer, "m"), number),
        (ev.TurnFinished(number, answer, "m", citations, elapsed_ms=5), 0),
    ]


async def test_a_turn_is_shown_from_prompt_to_status() -> None:
    async with chat_app() as (app, _):
        app.play(*_turn(1, "Where is it?", "It is **here**.\n\n- one\n- two"))
        text = "\n".join(app.shown())
        assert "▌ Where is it?" in text
        assert "It is here." in text
        assert "one" in text
        assert "1 call" in text


async def test_streamed_text_reads_as_the_whole_does() -> None:
    answer = "# Title\n\nSome *text* with `code`.\n\n```python\ndef f():\n    return 1\n```\n\nEnd."
    async with chat_app() as (app, pilot):
        app.play((ev.TurnStarted(1, "q"), 0), (ev.CallStarted("root", "m", "q"), 1))
        for start in range(0, len(answer), 3):
            app.play((ev.TextDelta(answer[start : start + 3]), 1))
        app.play((ev.ReplyFinished(answer, "m"), 1), (ev.TurnFinished(1, answer, "m", elapsed_ms=5), 0))
        await pilot.pause(0.3)  # drawing may lag behind arriving by some frames
        streamed = app.shown()
    async with chat_app() as (app, _):
        app.play(*_turn(1, "q", answer))
        assert app.shown() == streamed


@pytest.mark.parametrize("follow", [True, False])
async def test_a_streamed_answer_with_citations_stays_whole_when_it_ends(follow: bool) -> None:
    answer = (
        "first words\n\n" + "\n\n".join(f"paragraph {number}" for number in range(30)) + "\n\nsee [5-9], last words"
    )
    async with chat_app((60, 100)) as (app, pilot):
        app.play((ev.TurnStarted(1, "q"), 0), (ev.CallStarted("root", "m", "q"), 1))
        for start in range(0, len(answer), 9):
            app.play((ev.TextDelta(answer[start : start + 9]), 1))
            await pilot.pause()
        app.chat.follow = follow
        ended = ev.TurnFinished(1, answer, "m", (ev.Citation(5, 9, "a.py", 0),), elapsed_ms=5)
        app.play((ev.ReplyFinished(answer, "m"), 1), (ended, 0))  # both within one frame, as they mostly are
        await pilot.pause(0.2)
        text = "\n".join(app.shown())
        for words in ("first words", "paragraph 29", "last words", "a.py"):
            assert words in text


async def test_a_streamed_answer_that_was_drawn_and_dropped_is_drawn_whole_again() -> None:
    async with chat_app((50, 12)) as (app, pilot):
        app.play((ev.TurnStarted(1, "q"), 0), (ev.CallStarted("root", "m", "q"), 1), (ev.TextDelta("begun "), 1))
        await pilot.pause(0.1)
        ended = ev.TurnFinished(1, "begun and ended", "m", elapsed_ms=5)
        app.play((ev.TextDelta("and ended"), 1), (ev.ReplyFinished("begun and ended", "m"), 1), (ended, 0))
        await pilot.pause(0.2)
        for number in range(2, 120):
            app.play(*_turn(number, f"question {number}", f"answer {number}"))
            app.shown()
        await pilot.press("home")
        assert any("begun and ended" in line for line in app.shown())


async def test_a_citation_opens_its_span() -> None:
    async with chat_app() as (app, pilot):
        app.play(*_turn(1, "q", "See [1,204-1,310].", (ev.Citation(1204, 1310, "src/a.py", 3),)))
        assert any("src/a.py" in line for line in app.shown())
        await pilot.press("right", "enter")
        await pilot.pause()
        assert app.chosen == [(1204, 1310)]


async def test_tools_fold_and_unfold() -> None:
    async with chat_app() as (app, pilot):
        app.play(
            (ev.TurnStarted(1, "q"), 0),
            (ev.CallStarted("root", "m", "q"), 1),
            (ev.ToolRequested("t1", "rlm_search", {"pattern": "x+"}), 1),
            (ev.ToolFinished("t1", "rlm_search", True, "the-result-text", "3 found", 2.0), 1),
        )
        assert any("rlm_search" in line and "3 found" in line for line in app.shown())
        assert not any("the-result-text" in line for line in app.shown())
        app.chat.toggle_expanded()
        await pilot.pause()
        assert any("the-result-text" in line for line in app.shown())


async def test_the_end_is_followed_until_the_person_scrolls_up() -> None:
    async with chat_app((50, 12)) as (app, pilot):
        for number in range(1, 30):
            app.play(*_turn(number, f"question {number}", f"answer {number}"))
        assert any("answer 29" in line for line in app.shown())
        await pilot.press("pageup", "pageup")
        before = app.shown()[0]
        app.play(*_turn(30, "question 30", "answer 30"))
        shown = app.shown()
        assert shown[0] == before
        assert "↓ new" in shown[-1]
        await pilot.press("end")
        assert any("answer 30" in line for line in app.shown())


async def test_messages_are_stepped_through() -> None:
    async with chat_app((50, 12)) as (app, _):
        for number in range(1, 20):
            app.play(*_turn(number, f"question {number}", "line\n\n" * 10))
        app.shown()
        tops = []
        for _ in range(4):
            app.chat.move_message(-1)
            tops.append(app.shown()[0])
        assert any("question 19" in line for line in tops)
        assert any("question 18" in line for line in tops)


@pytest.mark.parametrize("size", [(60, 20), (12, 4), (3, 2), (1, 1)])
async def test_foreign_text_is_shown_harmlessly_at_every_size(size: tuple[int, int]) -> None:
    async with chat_app(size) as (app, pilot):
        app.play(
            (ev.Notice("error", HOSTILE), 0),
            *_turn(1, HOSTILE, f"{HOSTILE}\n\n```\n{HOSTILE}\n```\n\n| a | b |\n|---|---|\n| {HOSTILE} | x |\n"),
            (ev.TurnStarted(2, "q"), 0),
            (ev.CallStarted("root", HOSTILE, "q"), 2),
            (ev.ReasoningDelta(HOSTILE), 2),
            (ev.ToolRequested("t9", HOSTILE, {HOSTILE: HOSTILE}), 2),
            (ev.ToolFinished("t9", HOSTILE, False, HOSTILE, HOSTILE, 1.0, data={"diff": HOSTILE}), 2),
        )
        app.chat.toggle_expanded()
        for keys in ("home", "pagedown", "end"):
            await pilot.press(keys)
            for line in app.shown():
                assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u200b" for c in line)


async def test_ten_thousand_messages_open_and_scroll() -> None:
    async with chat_app((80, 30)) as (app, pilot):
        for number in range(1, 5001):
            for event, call in _turn(number, f"question {number}", f"answer {number} " * 20):
                app.state.apply(ev.Envelope("s", 0, 0.0, event, call))
        app.state.take_changes()
        app.chat.bind(app.state)
        assert any("answer 5000" in line for line in app.shown())
        await pilot.press("home")
        assert any("question 1" in line for line in app.shown())
        app.chat.drag_to(0.5)
        assert any("answer" in line for line in app.shown())
