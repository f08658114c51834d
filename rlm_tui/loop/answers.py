"""Answers that must be JSON: taken out of a reply and held against a schema."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from rlm_tui.errors import ToolError
from rlm_tui.loop.schema_patterns import check_patterns, linear_validator

_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n[ \t]*```", re.DOTALL)


def check_schema(schema: dict[str, Any]) -> None:
    """Raise `ToolError` when `schema` is not a JSON schema."""
    import jsonschema

    try:
        jsonschema.validators.validator_for(schema).check_schema(schema, format_checker=jsonschema.FormatChecker())
    except jsonschema.SchemaError as error:
        raise ToolError(f"schema is not a valid JSON schema: {error.message}") from None
    except RecursionError:
        raise ToolError("schema is nested too deeply: use a simpler one.") from None
    foreign = next((place for place in _references(schema) if not place.startswith("#")), None)
    if foreign is not None:
        raise ToolError(f"schema refers to {foreign!r}: only references into itself (#/...) are followed.")
    check_patterns(schema)
    # Any value shows whether references lead somewhere, and end.
    problem = _misfit(None, schema)[1]
    if problem:
        raise ToolError(f"schema cannot be used: {problem}.")


def _references(schema: Any) -> Iterator[str]:
    """Yield every `$ref` of a schema."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                yield part["$ref"]
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _misfit(value: Any, schema: dict[str, Any]) -> tuple[str, str]:
    """Return how a value does not fit (empty: it does), and why that cannot be told (empty: it can)."""
    import jsonschema
    import referencing

    # A registry of its own, or references to the network would be followed.
    validator = linear_validator(schema)(schema, registry=referencing.Registry())
    try:
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    except referencing.exceptions.Unresolvable as problem:
        return "", f"it refers to {problem.ref!r}, which is not in it"
    except RecursionError:
        return "", "it refers to itself without end"
    except re.error as problem:
        return "", f"a pattern in it is no regular expression ({problem})"
    return ("" if error is None else f"at {error.json_path}: {error.message}"), ""


def parse_answer(text: str, schema: dict[str, Any]) -> tuple[Any, str]:
    """Return the JSON value of an answer and an empty string, or None and what is wrong with it."""
    problem = "the answer holds no JSON"
    for candidate in _candidates(text):
        try:
            value = msgspec.json.decode(candidate)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            problem = f"the answer is not JSON: {error}"
            continue
        misfit, unclear = _misfit(value, schema)
        if not misfit and not unclear:
            return value, ""
        problem = f"the schema cannot be used: {unclear}" if unclear else f"the answer does not fit the schema {misfit}"
    return None, problem


def _candidates(text: str) -> list[str]:
    stripped = text.strip()
    found = [stripped, *(match[1] for match in _FENCE.finditer(text))]
    for opening, closing in (("{", "}"), ("[", "]")):
        start, end = stripped.find(opening), stripped.rfind(closing)
        if 0 <= start < end:
            found.append(stripped[start : end + 1])
    return found
