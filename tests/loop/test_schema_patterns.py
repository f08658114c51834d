"""Schemas with patterns: matched by RE2, which no text can make slow, with the meaning that JSON schema gives them."""

from typing import Any

import pytest

from rlm_tui.errors import ToolError
from rlm_tui.loop.answers import check_schema, parse_answer

SLOW = "(a+)+$"
LONG = '"' + "a" * 50_000 + '!"'


def test_a_pattern_that_backtracks_without_end_elsewhere_is_answered() -> None:
    schema = {"type": "string", "pattern": f"^{SLOW}"}
    check_schema(schema)
    assert "does not match" in parse_answer(LONG, schema)[1]
    named = {"type": "object", "patternProperties": {f"^{SLOW}": {}}, "additionalProperties": False}
    check_schema(named)
    assert "not allowed" in parse_answer("{" + LONG + ": 1}", named)[1]


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?=a)b", "(", "(?<!x)y"])
def test_what_cannot_be_matched_so_is_refused_before_anything_is_paid(pattern: str) -> None:
    schemas: list[dict[str, Any]] = [{"pattern": pattern}, {"properties": {"a": {"patternProperties": {pattern: {}}}}}]
    for schema in schemas:
        with pytest.raises(ToolError, match=r"pattern|valid JSON schema"):
            check_schema(schema)


def test_patterns_mean_what_json_schema_says() -> None:
    schema = {
        "type": "object",
        "properties": {"id": {"type": "string", "pattern": r"^[A-Z]{2}\d+$"}},
        "patternProperties": {"^x_": {"type": "integer"}},
        "additionalProperties": {"type": "string"},
    }
    check_schema(schema)
    assert parse_answer('{"id": "AB12", "x_a": 1, "note": "ü"}', schema)[1] == ""
    for wrong in ('{"id": "ab12"}', '{"x_a": "1"}', '{"note": 2}'):
        assert "does not fit" in parse_answer(wrong, schema)[1]
