"""The models' screen: what is available with its price, what is not and why, a key, sub-calls, the effort."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from textual.widgets import Input, OptionList

from rlm_tui.tui.screens.models import KeyDialog, ModelsDialog
from tests.support.rings import FileRing
from tests.tui.test_app import make_app, opened, until

KEY = "typed-once-0123456789"


def use(kind: Any) -> None:
    """Make a keyring of this (untyped) class the system's."""
    keyring.set_keyring(kind())


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from rlm_tui.models.providers import PROVIDERS

    for provider in PROVIDERS:
        for name in provider.key_variables:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEST_RING", str(tmp_path / "ring.json"))
    before = keyring.get_keyring()
    use(FileRing)
    yield
    keyring.set_keyring(before)


async def test_a_key_is_entered_once_and_models_are_chosen(ring: None, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for name in ("a.txt", "b.txt"):
        (project / name).write_text(name)
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=(140, 50)) as pilot:
        screen = await opened(app)
        screen.prompt.text = "/models"
        await pilot.press("enter")
        await until(lambda: isinstance(app.screen, ModelsDialog), "the models")
        dialog = app.screen
        assert isinstance(dialog, ModelsDialog)

        def rows() -> str:
            options = dialog.query_one(OptionList)
            return "\n".join(str(options.get_option_at_index(at).prompt) for at in range(options.option_count))

        def shown() -> str:
            return "\n".join(str(widget.render()) for widget in app.screen.query("Static"))

        await until(lambda: "✗ deepseek/deepseek-v4-pro  DeepSeek: DEEPSEEK_API_KEY is not set" in rows(), "the reason")
        assert "● offline" in rows()
        await pilot.press(*"deepseek")
        await until(lambda: "DEEPSEEK_API_KEY is not set: ctrl+k enters a key" in shown(), "what to do")
        await pilot.press("ctrl+k")
        await until(lambda: isinstance(app.screen, KeyDialog), "the key's dialog")
        assert app.screen.query_one(Input).password
        await pilot.press(*KEY, "enter")
        await until(lambda: app.screen is dialog and "its key is in the keyring" in rows(), "the key")
        assert "● deepseek/deepseek-v4-pro" in rows()
        assert "$ " in rows()
        await until(lambda: "for a million tokens in / out" in shown(), "the limits")

        await pilot.press("ctrl+e", "ctrl+e")
        await until(lambda: "reasoning effort low" in shown(), "the effort")
        await pilot.press("ctrl+s")
        await until(lambda: "sub-calls deepseek/deepseek-v4-pro" in shown(), "the sub-calls' model")
        await pilot.press("enter")
        await until(lambda: screen.state.model == "deepseek/deepseek-v4-pro", "the model")
        assert screen.state.sub_model == "deepseek/deepseek-v4-pro"
        await until(lambda: 'name = "deepseek' in _config(tmp_path), "the choice")
    assert 'reasoning = "low"' in _config(tmp_path)
    for path in (tmp_path / "home").rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def _config(tmp_path: Path) -> str:
    file = tmp_path / "home" / "config" / "config.toml"
    return file.read_text() if file.exists() else ""


async def test_without_a_keyring_the_environment_is_named(ring: None, tmp_path: Path) -> None:
    from keyring.backends import fail

    use(fail.Keyring)
    project = tmp_path / "project"
    project.mkdir()
    for name in ("a.txt", "b.txt"):
        (project / name).write_text(name)
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=(100, 40)) as pilot:
        await opened(app)
        await pilot.press("ctrl+x", "m")
        await until(lambda: isinstance(app.screen, ModelsDialog), "the models")
        dialog = app.screen
        await until(lambda: dialog.query_one(OptionList).option_count > 3, "the rows")
        await pilot.press(*"groq", "ctrl+k")
        await until(lambda: isinstance(app.screen, KeyDialog), "the key's dialog")
        await until(lambda: app.screen.query_one(Input).disabled, "the refusal")
        said = "\n".join(str(widget.render()) for widget in app.screen.query("Static"))
        assert "export GROQ_API_KEY=..." in said


async def test_a_model_that_cannot_be_used_is_not_remembered(ring: None, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for name in ("a.txt", "b.txt"):
        (project / name).write_text(name)
    app = make_app(project, tmp_path / "home")
    async with app.run_test(size=(100, 40)) as pilot:
        screen = await opened(app)
        screen.use_model("nosuch/model")
        await until(lambda: any("nosuch" in item.text for item in screen.state.items), "the notice")
        await pilot.pause()
        assert screen.state.model == "offline"
    assert "nosuch" not in _config(tmp_path)
