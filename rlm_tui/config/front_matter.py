"""Markdown files with YAML front matter: agents, commands and skills are written so.

The head stands between a first line `---` and the next such line; it holds one mapping. Only plain data is read
(YAML's core types, no tags, no aliases), so a file cannot make objects or grow in memory.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from rlm_tui.config.checking import ConfigProblem

_FENCE = re.compile(r"---[ \t]*\n")
_END = re.compile(r"^---[ \t]*$\n?", re.MULTILINE)
MOST_HEAD_CHARS = 20_000


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """A file's head as plain values, the 1-based line of each of its keys, and the text below it."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    body: str = ""


def read_front_matter(file: str, text: str, problems: list[ConfigProblem]) -> FrontMatter | None:
    """Return what `text` of `file` says; None, and a problem, where the head cannot be understood."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    opened = _FENCE.match(text)
    if opened is None:
        return FrontMatter(body=text)
    end = _END.search(text, opened.end())
    if end is None:
        problems.append(ConfigProblem(file, 1, "the front matter begins with --- and has no --- at its end"))
        return None
    head = text[opened.end() : end.start()]
    if len(head) > MOST_HEAD_CHARS:
        problems.append(ConfigProblem(file, 1, f"the front matter is longer than {MOST_HEAD_CHARS:,} characters"))
        return None
    values, lines, problem = _mapping(file, head)
    if problem is not None:
        problems.append(problem)
        return None
    return FrontMatter(values, lines, text[end.end() :])


def _mapping(file: str, head: str) -> tuple[dict[str, Any], dict[str, int], ConfigProblem | None]:
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # the library has no types
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.MarkedYAMLError(
                    problem="aliases are not read here", problem_mark=self.peek_event().start_mark
                )
            return super().compose_node(parent, index)

    loader = None
    try:
        loader = Loader(head)
        node = loader.get_single_node()
        if node is None:
            return {}, {}, None
        if not isinstance(node, yaml.MappingNode):
            return {}, {}, ConfigProblem(file, 2, "the front matter must be lines of `key: value`")
        lines = {str(key.value): key.start_mark.line + 2 for key, _ in node.value}
        values = loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 2 if mark is not None else 2
        reason = getattr(error, "problem", None) or str(error)
        return {}, {}, ConfigProblem(file, line, f"the front matter is not valid YAML ({reason})")
    except (ValueError, RecursionError) as error:  # a date that is none; nesting without end
        return {}, {}, ConfigProblem(file, 2, f"the front matter cannot be read ({error})")
    finally:
        if loader is not None:
            loader.dispose()
    return {str(key): value for key, value in values.items()}, lines, None
