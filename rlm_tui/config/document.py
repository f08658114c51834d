"""The whole configuration as text: `config.toml` with comments, and the tables of `docs/configuration.md`.

Both are printed from the schema, so that they cannot say something else than the program does.
"""

import json
import textwrap
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from msgspec import Struct

from rlm_tui.config.checking import expected
from rlm_tui.config.schema import UNLIMITED, Settings, field_default, field_meta, field_type

_EXAMPLES: dict[str, tuple[str, tuple[str, ...]]] = {
    "endpoints": ("here", ('api_base = "http://127.0.0.1:8080/v1"', 'api_key_env = "HERE_API_KEY"')),
    "agents": ("review", ('description = "reads and comments"', 'approval = "plan"')),
    "mcp": ("files", ('command = ["mcp-files", "--root", "."]', 'env = { FILES_TOKEN = "${FILES_TOKEN}" }')),
}


def defaults_text() -> str:
    """Return a `config.toml` that says every key, its default and its meaning. Reading it changes nothing."""
    lines = [
        "# rlm-tui: every key with its default. Copy what you want to change into your config.toml.",
        "# Later beats earlier: defaults, config.toml, rlm-tui.toml of a trusted project, environment, flags.",
    ]
    for group in Settings.__struct_fields__:
        lines += ["", *_group_lines(group)]
    return "\n".join(lines) + "\n"


def _group_lines(group: str) -> Iterator[str]:
    struct, named = group_struct(group)
    if struct is None:
        yield from _comment(field_meta(Settings, group).description or "")
        yield f"[{group}]"
        yield '# "action.id" = "ctrl+t"'
        return
    yield from _comment(struct.__doc__ or "")
    if named:
        name, example = _EXAMPLES[group]
        yield f"# [{group}.{name}]"
        yield from (f"# {line}" for line in example)
        for key in struct.__struct_fields__:
            yield from _comment(f"{key} = {toml_value(field_default(struct, key))}: {_meaning(struct, key)}", "#   ")
        return
    yield f"[{group}]"
    for key in struct.__struct_fields__:
        yield from _comment(_meaning(struct, key))
        yield f"{key} = {toml_value(field_default(struct, key))}"


def group_struct(group: str) -> tuple[type[Struct] | None, bool]:
    """Return the struct of a top-level table (None: free names) and whether it is a table of named tables."""
    declared = field_type(Settings, group)
    if isinstance(declared, type) and issubclass(declared, Struct):
        return declared, False
    inner = get_args(declared)[0] if hasattr(declared, "__metadata__") else declared
    item = get_args(inner)[1] if get_origin(inner) is dict else None
    return (item, True) if isinstance(item, type) and issubclass(item, Struct) else (None, True)


def reference_text() -> str:
    """Return the key by key part of `docs/configuration.md`, as Markdown."""
    parts: list[str] = []
    for group in Settings.__struct_fields__:
        struct, named = group_struct(group)
        heading = f"## `[{group}.NAME]`" if struct is not None and named else f"## `[{group}]`"
        if struct is None:
            parts += [heading, "", field_meta(Settings, group).description or "", ""]
            continue
        parts += [heading, "", struct.__doc__ or "", "", "| key | default | takes | meaning |", "|---|---|---|---|"]
        for key in struct.__struct_fields__:
            cells = (
                f"`{key}`",
                f"`{toml_value(field_default(struct, key))}`",
                expected(field_type(struct, key)),
                _meaning(struct, key),
            )
            parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        parts.append("")
    return "\n".join(parts)


def _meaning(struct: type[Struct], key: str) -> str:
    meta = field_meta(struct, key)
    variable = (meta.extra or {}).get("env", "")
    return (meta.description or "") + (f" Environment: `{variable}`." if variable else "")


def _comment(text: str, lead: str = "# ") -> list[str]:
    return textwrap.wrap(text, 110, initial_indent=lead, subsequent_indent=lead + ("  " if lead != "# " else ""))


def toml_value(value: Any) -> str:
    """Return a plain value as TOML (JSON's texts, numbers and lists are TOML's too); None is "unlimited"."""
    if value is None:
        return f'"{UNLIMITED}"'
    if value == {}:
        return "{}"
    return json.dumps(value, ensure_ascii=False)


def starting_text() -> str:
    """Return the content of a new `config.toml`: `defaults_text` with every setting commented out."""
    lines = defaults_text().splitlines()
    return "\n".join(line if not line or line.startswith(("#", "[")) else f"# {line}" for line in lines) + "\n"
