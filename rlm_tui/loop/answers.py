"""Answers that must be JSON: taken out of a reply and held against a schema."""

import re
from typing import Any

import msgspec

from rlm_tui.errors import ToolError

_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n[ \t]*```", re.DOTALL)


def check_schema(schema: dict[str, Any]) -> None:
    """Raise `ToolError` when `schema` is not a JSON schema."""
    import jsonschema

    try:
        jsonschema.validators.validator_for(schema).check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ToolError(f"schema is not a valid JSON schema: {error.message}") from None


def parse_answer(text: str, schema: dict[str, Any]) -> tuple[Any, str]:
    """Return the JSON value of an answer and an empty string, or None and what is wrong with it."""
    import jsonschema

    problem = "the answer holds no JSON"
    for candidate in _candidates(text):
        try:
            value = msgspec.json.decode(candidate)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            problem = f"the answer is not JSON: {error}"
            continue
        misfit = jsonschema.exceptions.best_match(
            jsonschema.validators.validator_for(schema)(schema).iter_errors(value)
        )
        if misfit is None:
            return value, ""
        problem = f"the answer does not fit the schema at {misfit.json_path}: {misfit.message}"
    return None, problem


def _candidates(text: str) -> list[str]:
    stripped = text.strip()
    found = [stripped, *(match[1] for match in _FENCE.finditer(text))]
    for opening, closing in (("{", "}"), ("[", "]")):
        start, end = stripped.find(opening), stripped.rfind(closing)
        if 0 <= start < end:
            found.append(stripped[start : end + 1])
    return found
