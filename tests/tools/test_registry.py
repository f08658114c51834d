"""What models send is checked against one declaration, and wrong calls are answered with the right signature."""

import json

import pytest

from rlm_tui.errors import ToolError
from rlm_tui.tools.context import context_tools
from rlm_tui.tools.recurse import recursion_tools
from rlm_tui.tools.registry import Registry

REGISTRY = Registry((*context_tools(), *recursion_tools()))


def test_every_schema_is_a_self_contained_object_schema() -> None:
    for schema in REGISTRY.schemas:
        text = json.dumps(schema.parameters)
        assert "$ref" not in text
        assert schema.parameters["type"] == "object"
        assert schema.description


@pytest.mark.parametrize(
    ("name", "sent", "expected"),
    [
        ("rlm_search", {"query": "x", "max": "7"}, {"pattern": "x", "max_results": 7}),
        ("rlm_search", {"pattern": "x", "type": None}, {"pattern": "x"}),
        ("rlm_find", {"pattern": "x"}, {"text": "x"}),
        ("rlm_rank", {"queries": "a b"}, {"query": "a b"}),
        ("rlm_get_context", {"start": 5, "size": 9}, {"offset": 5, "length": 9}),
        ("rlm_query", {"question": "q", "spans": [[1, 2]]}, {"prompt": "q", "spans": [[1, 2]]}),
    ],
)
def test_known_aliases_are_accepted(name: str, sent: dict[str, object], expected: dict[str, object]) -> None:
    _, _, plain = REGISTRY.parse(name, json.dumps(sent))
    assert plain == expected


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("rlm_find", "{", "not valid JSON"),
        ("rlm_find", "[1]", "one JSON object"),
        ("rlm_find", "{}", "missing required field `text`"),
        ("rlm_find", '{"text": 5}', "rlm_find(text: string"),
        ("rlm_find", '{"text": "x", "colour": 1}', "rlm_find(text: string"),
        ("rlm_query", '{"prompt": "q", "spans": [[1, 2, 3]]}', "spans"),
        ("rlm_frob", "{}", "The tools are: rlm_stats"),
        ("rlm_get_contex", "{}", "Did you mean rlm_get_context"),
    ],
)
def test_wrong_calls_are_answered_with_what_is_right(name: str, text: str, words: str) -> None:
    with pytest.raises(ToolError) as caught:
        REGISTRY.parse(name, text)
    assert words in str(caught.value)


def test_a_tool_without_arguments_takes_an_empty_text() -> None:
    tool, _, plain = REGISTRY.parse("rlm_stats", "")
    assert (tool.name, plain) == ("rlm_stats", {})


def test_tools_can_be_left_out() -> None:
    leaf = REGISTRY.without(("rlm_query", "rlm_map"))
    assert "rlm_map" not in leaf
    assert "rlm_find" in leaf
    assert "rlm_map" in REGISTRY
