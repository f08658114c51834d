"""System texts: whole for every family and set of tools, true to the registry, and the person's to change."""

from pathlib import Path

import pytest

from rlm_tui.loop.instructions import FAMILIES, Instructions, family_of
from rlm_tui.repl.objects import Context, Models
from rlm_tui.repl.pool import ReplPool
from rlm_tui.tools.context import context_tools
from rlm_tui.tools.python_tool import Python
from rlm_tui.tools.recurse import recursion_tools
from rlm_tui.tools.registry import Registry, signature

TOOLS = Registry((*context_tools(), *recursion_tools()))
DEEPEST = TOOLS.without(("rlm_query", "rlm_map"))
REPL = Registry((Python(ReplPool("auto")),))
MODELS = ("lab/unknown", "anthropic/claude-x", "openai/gpt-x", "gemini/gemini-x", "lab/Qwen3-Coder", "ollama/llama3")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("purpose", ["root", "query", "map", "llm"])
@pytest.mark.parametrize("registry", [TOOLS, DEEPEST, REPL], ids=["tools", "deepest", "repl"])
def test_no_placeholder_is_left(model: str, purpose: str, registry: Registry) -> None:
    text = Instructions().text(purpose, model, registry)
    assert "{{" not in text
    assert "}}" not in text
    assert text.strip()


def test_the_families_are_told_by_the_name_and_differ() -> None:
    assert [family_of(model) for model in MODELS] == ["default", *FAMILIES]
    assert len({Instructions().text("root", model, TOOLS) for model in MODELS}) == len(MODELS)


def test_the_tools_are_described_from_the_registry() -> None:
    text = Instructions().text("root", "x", TOOLS)
    assert all(f"- {signature(tool)}: " in text for tool in TOOLS)


def test_a_call_is_told_of_no_tool_that_it_lacks() -> None:
    text = Instructions().text("root", "x", DEEPEST)
    assert "rlm_map" not in text
    assert "rlm_query" not in text


def test_the_repl_is_described_from_the_objects_of_its_cells() -> None:
    text = Instructions().text("root", "x", REPL)
    for name in ("search", "find", "rank", "entries", "stats", "chunks", "read"):
        assert f"- context.{name}(" in text
        assert getattr(Context, name).__doc__.splitlines()[0] in text
    for name in ("llm_query", "rlm_query", "llm_query_batched", "rlm_query_batched"):
        assert f"- {name}(" in text
        assert getattr(Models, name).__doc__.splitlines()[0] in text
    assert "- context.spans: " in text


def test_a_persons_own_file_beats_the_shipped_one(tmp_path: Path) -> None:
    for family, kind, text in (("default", "root", "Mine.\n{{tools}}\n"), ("claude", "notes", "Softly.\n")):
        (tmp_path / family).mkdir()
        (tmp_path / family / f"{kind}.md").write_text(text)
    own = Instructions(tmp_path)
    assert own.text("root", "lab/x", DEEPEST).startswith("Mine.\n- rlm_stats(): ")
    assert own.text("root", "claude-x", TOOLS).endswith("Softly.\n")
    assert own.text("query", "lab/x", TOOLS) == Instructions().text("query", "lab/x", TOOLS)
