"""Rules from files: which are found, how they reach the model, and what becomes of broken ones."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from rlm_tui.config.options import AppOptions
from rlm_tui.config.paths import Paths
from rlm_tui.config.settings import EndpointSettings, Loaded, ModelSettings, Settings
from rlm_tui.loop.assistant import Assistant
from rlm_tui.loop.rules import MOST_CHARS, find_rules, rules_text
from tests.support.scripted_server import ScriptedServer, Text, Turn


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "repository" / "packages" / "one"
    folder.mkdir(parents=True)
    (tmp_path / "repository" / ".git").mkdir()
    (folder / "a.py").write_text("x = 1\n")
    return folder


def test_rules_are_found_from_the_repository_down_and_the_persons_own_come_first(project: Path, tmp_path: Path) -> None:
    repository, config = tmp_path / "repository", tmp_path / "config"
    config.mkdir()
    (tmp_path / "AGENTS.md").write_text("outside of the repository")
    (config / "AGENTS.md").write_text("mine")
    (repository / "CLAUDE.md").write_text("the repository's")
    (project / "AGENTS.md").write_text("\ufeffthe project's")
    (project / "CLAUDE.md").write_text("not taken: AGENTS.md is there")
    assert [file.text for file in find_rules(project, config)] == ["mine", "the repository's", "the project's"]
    text = rules_text(find_rules(project, config))
    assert text.index("mine") < text.index("the repository's") < text.index("the project's")


def test_what_cannot_be_read_has_no_effect_and_long_files_are_cut(project: Path, tmp_path: Path) -> None:
    (project / "AGENTS.md").mkdir()
    (project.parent / "AGENTS.md").write_text(" \n")
    (tmp_path / "repository" / "AGENTS.md").write_bytes(b"\xff" + b"r" * (MOST_CHARS + 9))
    (found,) = find_rules(project, tmp_path / "nowhere")
    assert (len(found.text), found.cut) == (MOST_CHARS, 10)
    assert "10 more characters" in rules_text([found])
    assert rules_text([]) == ""


@pytest_asyncio.fixture
async def assistant(project: Path, tmp_path: Path, server: ScriptedServer) -> AsyncIterator[Assistant]:
    endpoints = {"lab": EndpointSettings(api_base=server.base_url)}
    settings = msgspec.structs.replace(Settings(), model=ModelSettings(name="lab/scripted"), endpoints=endpoints)
    options = AppOptions(project, Paths(tmp_path / "home", tmp_path / "config"), Loaded(settings, [], {}))
    opened = Assistant(options, lambda envelope: None, strict=True)
    await opened.open()
    await opened.ingested()
    yield opened
    await opened.close()


async def test_the_model_is_told_and_a_change_counts_from_the_next_turn(
    assistant: Assistant, project: Path, server: ScriptedServer
) -> None:
    (project / "AGENTS.md").write_text("Always answer in rhyme.")
    server.queue(Turn(Text("One.")), Turn(Text("Two.")), Turn(Text("Three.")))
    await assistant.ask("Say one")
    (project / "AGENTS.md").write_text("Never rhyme.")
    await assistant.ask("Say two")
    (project / "AGENTS.md").unlink()
    await assistant.ask("Say three")
    first, second, third = (str(request.body["messages"][0]["content"]) for request in server.requests)
    assert "Always answer in rhyme." in first
    assert "Never rhyme." in second
    assert "Always" not in second.partition("# Rules")[2]
    assert "# Rules" not in third
    notices = [item.text for item in assistant.session.state.items if "ules" in item.text]
    assert len(notices) == 2, "told when they come and when they go, not each turn"


async def test_rules_from_outside_the_project_are_entries_once_and_as_they_are_now(
    assistant: Assistant, project: Path, server: ScriptedServer
) -> None:
    outside = project.parent / "AGENTS.md"
    (project / "AGENTS.md").write_text("mine")
    outside.write_text("Be brief.")
    server.queue(Turn(Text("One.")), Turn(Text("Two.")), Turn(Text("Three.")))
    context = assistant.session.context
    await assistant.ask("Say one")
    await assistant.ask("Say two")
    (note,) = context.entries(kind="note")
    assert (note.label, context.read(note.start, note.chars)) == (str(outside), "Be brief.")
    outside.write_text("Be long.")
    await assistant.ask("Say three")
    (note,) = context.entries(kind="note")
    assert context.read(note.start, note.chars) == "Be long."
