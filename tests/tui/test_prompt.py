"""The prompt: sending, new lines, history, completion, paste; keys that arrive in one piece keep their order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from rlm_tui.tui.palette import default_palette
from rlm_tui.tui.widgets.prompt import CompletionWanted, LargePaste, PromptArea, PromptHistory, PromptSent

HOSTILE = "a\x1b]52;c;aGk=\x07b\x9b31mc"


class _PromptApp(App[None]):
    def __init__(self, history: Path) -> None:
        self.palette = default_palette()
        super().__init__()
        self.prompt = PromptArea(PromptHistory(history))
        self.sent: list[str] = []
        self.pasted: list[str] = []
        self.wanted: list[tuple[str, str]] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(self.palette.roles)

    def compose(self) -> ComposeResult:
        yield self.prompt.choices
        yield self.prompt

    def on_prompt_sent(self, message: PromptSent) -> None:
        self.sent.append(message.text)

    def on_large_paste(self, message: LargePaste) -> None:
        self.pasted.append(message.text)

    def on_completion_wanted(self, message: CompletionWanted) -> None:
        self.wanted.append((message.kind, message.prefix))


@asynccontextmanager
async def prompt_app(folder: Path) -> AsyncIterator[tuple[_PromptApp, Pilot[Any]]]:
    app = _PromptApp(folder / "prompts.jsonl")
    async with app.run_test(size=(60, 20)) as pilot:
        app.prompt.focus()
        await pilot.pause()
        yield app, pilot


async def test_enter_sends_and_new_lines_are_kept(tmp_path: Path) -> None:
    async with prompt_app(tmp_path) as (app, pilot):
        await pilot.press("enter", "o", "n", "e", "ctrl+j", "t", "w", "o", "enter")
        assert app.sent == ["one\ntwo"]
        assert app.prompt.text == ""


async def test_the_prompt_grows_with_its_lines_up_to_a_limit(tmp_path: Path) -> None:
    async with prompt_app(tmp_path) as (app, pilot):
        heights = []
        for _ in range(12):
            await pilot.press("x", "ctrl+j")
            heights.append(app.prompt.outer_size.height)
        assert heights[:3] == [4, 5, 6]
        assert heights[-1] == heights[-2] == 10
        app.prompt.text = ""
        await pilot.pause()
        assert app.prompt.outer_size.height == 3


async def test_earlier_prompts_come_back_and_the_draft_is_kept(tmp_path: Path) -> None:
    async with prompt_app(tmp_path) as (app, pilot):
        await pilot.press(*"first", "enter", *"second", "enter", *"draft")
        await pilot.press("up")
        assert app.prompt.text == "second"
        await pilot.press("up", "up")
        assert app.prompt.text == "first"
        await pilot.press("down", "down")
        assert app.prompt.text == "draft"
    async with prompt_app(tmp_path) as (app, pilot):
        await pilot.press("up", "enter")
        assert app.sent == ["second"]


async def test_words_after_marks_are_completed(tmp_path: Path) -> None:
    async with prompt_app(tmp_path) as (app, pilot):
        await pilot.press(*"see @re")
        assert app.wanted[-1] == ("entry", "re")
        app.prompt.offer([("@src/retry.py", "10 characters"), ("@src/rest.py", "9 characters")])
        await pilot.press("down", "enter", *"now", "enter")
        assert app.sent == ["see @src/rest.py now"]
        await pilot.press(*"/mo")
        assert app.wanted[-1] == ("command", "mo")
        app.prompt.offer([("/model", "Choose a model")])
        await pilot.press("escape")
        assert not app.prompt.choices.display
        assert app.prompt.text == "/mo"


async def test_choices_that_come_too_late_are_not_shown(tmp_path: Path) -> None:
    async with prompt_app(tmp_path) as (app, pilot):
        await pilot.press(*"a@b.c d")
        app.prompt.offer([("@late.py", "")])
        assert not app.prompt.choices.display


async def test_names_of_choices_are_shown_harmlessly(tmp_path: Path) -> None:
    async with prompt_app(tmp_path) as (app, pilot):
        await pilot.press("@")
        app.prompt.offer([(f"@{HOSTILE}[/b]", HOSTILE)])
        await pilot.pause()
        assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in app.prompt.choices.render().plain)


@pytest.mark.parametrize(
    ("pasted", "text"),
    [
        ("two\r\nlines", "two\nlines"),
        (HOSTILE, "a]52;c;aGk=b31mc"),
        ("\x1b[201~", "[201~"),
        ("\t日本 👩‍👩‍👧", "\t日本 👩‍👩‍👧"),
    ],
)
async def test_a_paste_loses_its_control_characters(pasted: str, text: str, tmp_path: Path) -> None:
    async with prompt_app(tmp_path) as (app, pilot):
        app.prompt.post_message(events.Paste(pasted))
        await pilot.pause()
        assert app.prompt.text == text


async def test_a_long_paste_is_handed_on(tmp_path: Path) -> None:
    async with prompt_app(tmp_path) as (app, pilot):
        app.prompt.post_message(events.Paste("x" * 5_000))
        await pilot.pause()
        assert app.prompt.text == ""
        assert [len(text) for text in app.pasted] == [5_000]
