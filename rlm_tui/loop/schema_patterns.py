"""JSON schemas whose patterns are matched in time linear in the text.

jsonschema matches patterns with Python's `re`, which can backtrack without end and hold everything up meanwhile. A
schema comes from a model, and so does the answer that is held against it; so patterns are matched by RE2 here. What RE2
does not know (back-references, look-around) is refused where the schema is checked.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2

from rlm_tui.errors import ToolError


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    try:
        return re2.compile(pattern)
    except re2.error as error:
        raise re.error(str(error)) from None


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).search(text) is not None


def linear_validator(schema: dict[str, Any]) -> Any:
    """Return jsonschema's validator class for `schema`, with patterns matched by RE2."""
    import jsonschema

    found = jsonschema.validators.validator_for(schema)
    return jsonschema.validators.extend(
        found, {"pattern": _pattern, "patternProperties": _pattern_properties, "additionalProperties": _additional}
    )


def check_patterns(schema: dict[str, Any]) -> None:
    """Raise `ToolError` for a pattern that RE2 does not know, or a combination that would need Python's `re`."""
    waiting: list[Any] = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        if not isinstance(part, dict):
            continue
        waiting += part.values()
        patterns = part.get("patternProperties")
        if isinstance(patterns, dict) and "unevaluatedProperties" in part:
            raise ToolError("schema uses unevaluatedProperties beside patternProperties: use additionalProperties.")
        named = list(patterns) if isinstance(patterns, dict) else []
        if isinstance(part.get("pattern"), str):
            named.append(part["pattern"])
        for pattern in named:
            try:
                _compiled(pattern)
            except re.error as error:
                raise ToolError(f"schema has a pattern that cannot be used, {pattern!r}: {error}.") from None


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001 - jsonschema's
    import jsonschema

    if validator.is_type(instance, "string") and not _matches(pattern, instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    if not validator.is_type(instance, "object"):
        return
    for pattern, part in patterns.items():
        for name, value in instance.items():
            if _matches(pattern, name):
                yield from validator.descend(value, part, path=name, schema_path=pattern)


def _additional(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[Any]:
    import jsonschema

    if not validator.is_type(instance, "object"):
        return
    patterns = schema.get("patternProperties", {})
    known = schema.get("properties", {})
    extra = [n for n in instance if n not in known and not any(_matches(pattern, n) for pattern in patterns)]
    if validator.is_type(allowed, "object"):
        for name in extra:
            yield from validator.descend(instance[name], allowed, path=name)
    elif not allowed and extra:
        yield jsonschema.ValidationError(f"Additional properties are not allowed: {', '.join(map(repr, extra))}")
