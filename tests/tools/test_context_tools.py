"""The context tools: what the model reads can be followed, and what it is told is the whole truth."""

import asyncio
from pathlib import Path
from threading import Event

import pytest

from rlm_tui.context.store import ContextStore
from rlm_tui.events import Span
from rlm_tui.tools.context import context_tools
from rlm_tui.tools.port import SubCalls, ToolResult, ToolRun
from rlm_tui.tools.registry import Registry

REGISTRY = Registry(context_tools())


class _NoSubCalls:
    """Sub-calls for tools that make none."""

    async def query(self, task: object, request: str) -> None:
        raise AssertionError(f"{request} made a sub-call: {task}")

    map = query

    def remaining(self) -> dict[str, float]:
        return {}


@pytest.fixture
def store(tmp_path: Path) -> ContextStore:
    context = ContextStore(tmp_path)
    context.append("file", "src/a.py", "alpha = 1\nbeta = 'é🙂'\n")
    context.append("user", "#1", "where is gamma?")
    context.append("file", "src/b.py", "gamma = alpha + 1\n" * 30)
    return context


def _use(store: ContextStore, name: str, arguments: str) -> ToolResult:
    tool, checked, _ = REGISTRY.parse(name, arguments)
    sub: SubCalls = _NoSubCalls()  # type: ignore[assignment]  # never called by these tools
    run = ToolRun("t1", 1, 0, store, sub, Path(), Event(), lambda text: None)

    async def go() -> ToolResult:
        return await tool.run(checked, run)

    return asyncio.run(go())


def test_a_hit_can_be_read_where_it_says(store: ContextStore) -> None:
    found = _use(store, "rlm_find", '{"text": "🙂"}')
    offset = int(found.text.split("@", 1)[1].split(" ", 1)[0])
    assert store.read(offset, 1) == "🙂"
    assert found.spans == (Span(offset, offset + 1, "matched"),)
    read = _use(store, "rlm_get_context", f'{{"offset": {offset}, "length": 1}}')
    head, text = read.text.split("\n", 1)
    assert text == "🙂"
    assert head.startswith(f"[{offset}-{offset + 1}]")
    assert "src/a.py" in head
    assert read.spans == (Span(offset, offset + 1, "read"),)


def test_totals_are_true_however_few_are_shown(store: ContextStore) -> None:
    result = _use(store, "rlm_search", '{"pattern": "gamma = \\\\w+", "max_results": 3}')
    assert result.text.startswith("30 found, 3 shown:")
    assert len(result.text.splitlines()) == 4


def test_filters_by_type_and_label(store: ContextStore) -> None:
    assert "1 found" in _use(store, "rlm_find", '{"text": "gamma", "type": "user"}').text
    assert "2 found" in _use(store, "rlm_search", '{"pattern": "^\\\\w+ =", "label": "*/a.py"}').text


def test_entries_are_paged(store: ContextStore) -> None:
    first = _use(store, "rlm_get_entries", '{"limit": 2}').text
    assert "#0 file src/a.py 0-22 (22 characters)" in first
    assert "after=1" in first
    assert "#2 file src/b.py" in _use(store, "rlm_get_entries", '{"after": 1}').text


def test_ranking_finds_the_passage(store: ContextStore) -> None:
    result = _use(store, "rlm_rank", '{"query": "gamma alpha", "type": "file"}')
    assert "src/b.py" in result.text


def test_stats_say_what_there_is(store: ContextStore) -> None:
    text = _use(store, "rlm_stats", "{}").text
    assert "in 3 entries" in text
    assert "file: 2 entries" in text


def test_a_read_is_bounded_and_says_where_to_go_on(tmp_path: Path) -> None:
    store = ContextStore(tmp_path)
    store.append("file", "big", "x" * 250_000)
    text = _use(store, "rlm_get_context", '{"offset": 10, "length": 999999}').text
    assert "go on at 100010" in text.splitlines()[0]
    assert len(text.split("\n", 1)[1]) == 100_000
