"""The tools of one call: their schemas for the model, and the check of what the model sends.

Models invent argument names, send numbers as text, and break JSON. Known aliases are accepted; everything else is
answered with a `ToolError` that shows the right signature, so that the next try can succeed.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from rlm_tui.errors import ToolError
from rlm_tui.models.port import ToolSchema
from rlm_tui.tools.port import Arguments, SchemaTool, Tool

_COMMON_ALIASES: Mapping[str, str] = {
    "filePath": "path",
    "file_path": "path",
    "filename": "path",
    "oldString": "old_string",
    "newString": "new_string",
    "replaceAll": "replace_all",
    "maxResults": "max_results",
    "max": "max_results",
    "top_k": "max_results",
    "kind": "type",
    "entry_type": "type",
}

_SHOWN_CHOICES = 12
"""Choices of an argument that a signature lists."""


class Registry:
    """A set of tools by name. Order is the order in which the model is told of them."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._schemas = tuple(
            ToolSchema(tool.name, tool.description, parameters_of(tool)) for tool in self._tools.values()
        )

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __contains__(self, name: str) -> bool:
        return name in self._tools

    @property
    def schemas(self) -> tuple[ToolSchema, ...]:
        """The tools as the model is told of them."""
        return self._schemas

    @property
    def names(self) -> tuple[str, ...]:
        """The tools' names, in order."""
        return tuple(self._tools)

    @property
    def foreign(self) -> tuple[str, ...]:
        """The names of the tools that others describe."""
        return tuple(tool.name for tool in self if isinstance(tool, SchemaTool))

    def without(self, names: Iterable[str]) -> "Registry":
        """Return a registry that lacks the tools named."""
        left_out = set(names)
        return Registry(tool for tool in self if tool.name not in left_out)

    def tool(self, name: str) -> Tool:
        """Return the tool called `name`. Raises `ToolError` that names near ones."""
        tool = self._tools.get(name)
        if tool is None:
            near = get_close_matches(name, self._tools, n=3, cutoff=0.5)
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise ToolError(f"There is no tool {name!r}.{hint} The tools are: {', '.join(self._tools)}.")
        return tool

    def parse(self, name: str, text: str) -> tuple[Tool, Any, dict[str, Any]]:
        """Return the tool, its checked arguments, and the same as a plain dict, from raw JSON text.

        Raises `ToolError` for an unknown tool, malformed JSON, unknown or missing arguments and wrong types.
        """
        tool = self.tool(name)
        try:
            raw = msgspec.json.decode(text) if text.strip() else {}
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ToolError(
                f"The arguments of {name} are not valid JSON ({error}). Send one JSON object: {signature(tool)}"
            ) from None
        if not isinstance(raw, dict):
            raise ToolError(f"The arguments of {name} must be one JSON object: {signature(tool)}")
        if isinstance(tool, SchemaTool):
            _check_names(tool, raw)
            return tool, raw, raw
        named = _resolve_aliases(tool, raw)
        try:
            arguments = msgspec.convert(named, tool.arguments, strict=False)
        except msgspec.ValidationError as error:
            raise ToolError(f"{name}: {error}. The signature is {signature(tool)}") from None
        return tool, arguments, {key: value for key, value in msgspec.to_builtins(arguments).items() if key in named}


def _check_names(tool: SchemaTool, raw: Mapping[str, Any]) -> None:
    missing = [name for name in tool.parameters.get("required", ()) if name not in raw]
    unknown = [name for name in raw if name not in tool.parameters.get("properties", {})]
    if tool.parameters.get("additionalProperties") is not False:
        unknown = []
    if missing or unknown:
        what = f"the argument {missing[0]!r} is missing" if missing else f"there is no argument {unknown[0]!r}"
        raise ToolError(f"{tool.name}: {what}. The signature is {signature(tool)}")


def _resolve_aliases(tool: Tool, raw: Mapping[str, Any]) -> dict[str, Any]:
    fields = set(tool.arguments.__struct_fields__)
    named: dict[str, Any] = {}
    for key, value in raw.items():
        name = key
        if name not in fields:
            name = tool.aliases.get(key) or _COMMON_ALIASES.get(key) or key
        if value is None and name in fields:
            continue  # many models send null for "not given"
        named[name if name in fields else key] = value
    return named


def signature(tool: Tool) -> str:
    """Return a tool's call as one line: `rlm_find(text: string, max_results: integer = 20)`."""
    schema = parameters_of(tool)
    required = set(schema.get("required", ()))
    parts = []
    for name, field in schema.get("properties", {}).items():
        part = f"{name}: {_type_name(field)}"
        if name not in required:
            default = field.get("default") if isinstance(field, Mapping) else None
            part += f" = {msgspec.json.encode(default).decode()}"
        parts.append(part)
    return f"{tool.name}({', '.join(parts)})"


def _type_name(field: Any) -> str:
    """Return a type in words. Schemas that others wrote may hold anything anywhere."""
    match field:
        case {"enum": list(values)}:
            return "|".join(str(value) for value in values[:_SHOWN_CHOICES])
        case {"anyOf": list(options)}:
            return "|".join(_type_name(option) for option in options[:_SHOWN_CHOICES] if option != {"type": "null"})
        case {"type": "array"}:
            return f"list of {_type_name(field.get('items', {}))}"
        case {"type": str(name)}:
            return name
        case _:
            return "any"


def parameters_of(tool: Tool) -> dict[str, Any]:
    """Return the JSON schema of a tool's arguments, whoever wrote it."""
    return dict(tool.parameters) if isinstance(tool, SchemaTool) else argument_schema(tool.arguments)


def argument_schema(arguments: type[Arguments]) -> dict[str, Any]:
    """Return the JSON schema of an argument struct as one self-contained object schema."""
    schema = msgspec.json.schema(arguments)
    definitions: dict[str, Any] = schema.get("$defs", {})
    whole: dict[str, Any] = _inline(schema, definitions)
    whole.pop("title", None)
    whole.pop("description", None)
    whole.setdefault("properties", {})
    whole.setdefault("required", [])
    whole["additionalProperties"] = False
    return whole


def _inline(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline(part, definitions) for part in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inline(definitions[node["$ref"].rsplit("/", 1)[1]], definitions)
    return {key: _inline(value, definitions) for key, value in node.items() if key != "$defs"}
