"""Rules as people write them: `edit`, `bash(git diff *)`, `read(/etc/**)`, `web_fetch(https://docs.python.org/*)`.

A rule names a tool and, in brackets, a pattern for what the tool is about to touch. `*` stands for anything; in paths
it stays within one folder and `**` crosses folders. A pattern that ends in ` *` also matches without what follows,
so that `bash(git diff *)` covers `git diff`. A backslash takes a `*` or `?` by its word.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rlm_tui.errors import ConfigError

FAMILIES = {
    "edit": frozenset({"edit", "write", "apply_patch"}),
    "read": frozenset({"read", "list", "glob", "grep"}),
}
"""Tools that a rule's name covers beside itself: whoever may edit a file may write it too."""

_PATH_TOOLS = frozenset().union(*FAMILIES.values())
_RULE = re.compile(r"(?P<tool>\*|[A-Za-z][\w-]*(?::[\w.*-]+)?)(?:\((?P<pattern>.*)\))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. An empty `pattern` matches whatever the tool does. `str(rule)` is what the person wrote."""

    tool: str
    pattern: str = ""

    def __str__(self) -> str:
        return f"{self.tool}({self.pattern})" if self.pattern else self.tool

    @property
    def exact(self) -> bool:
        """Whether the pattern names one thing, without wildcards."""
        return bool(self.pattern) and not re.search(r"(?<!\\)[*?]", self.pattern)

    def names(self, tool: str) -> bool:
        """Tell whether the rule is about `tool`."""
        if self.tool in ("*", tool) or tool in FAMILIES.get(self.tool, ()):
            return True
        return "*" in self.tool and _compiled(self.tool, paths=False).fullmatch(tool) is not None

    def matches_text(self, text: str) -> bool:
        """Tell whether the pattern matches `text` (a command's words joined by spaces, an address) as a whole."""
        return not self.pattern or _compiled(self.pattern, paths=False).fullmatch(text) is not None

    def matches_path(self, path: Path, project: Path) -> bool:
        """Tell whether the pattern matches the absolute `path`; a relative pattern is one within `project`."""
        if not self.pattern:
            return True
        pattern = str(Path(self.pattern).expanduser()) if self.pattern.startswith("~") else self.pattern
        if pattern.startswith("/"):
            return _compiled(pattern, paths=True).fullmatch(path.as_posix()) is not None
        if not path.is_relative_to(project):
            return False
        pattern = pattern.removeprefix("./")
        return _compiled(pattern, paths=True).fullmatch(path.relative_to(project).as_posix()) is not None


def parse_rule(text: str) -> Rule:
    """Return the rule that `text` writes. Raises `ConfigError` with what is wrong."""
    match = _RULE.fullmatch(text.strip())
    if match is None:
        raise ConfigError(
            f"{text!r} is no permission rule: write a tool, or a tool with a pattern: `bash(git diff *)`."
        )
    pattern = (match["pattern"] or "").strip()
    if match["pattern"] is not None and not pattern:
        raise ConfigError(f"{text!r} has empty brackets: leave them out to mean everything that the tool does.")
    return Rule(match["tool"], pattern)


def quoted(text: str) -> str:
    """Return `text` as a pattern that matches it alone."""
    return re.sub(r"([*?\\])", r"\\\1", text)


@lru_cache(maxsize=1024)
def _compiled(pattern: str, *, paths: bool) -> re.Pattern[str]:
    optional = ""
    if not paths and pattern.endswith(" *") and not pattern.endswith("\\ *"):
        pattern, optional = pattern[:-2], r"(?:\s.*)?"
    if paths and pattern.endswith("/**"):
        pattern, optional = pattern[:-3], r"(?:/.*)?"
    parts = []
    for piece in re.findall(r"\\.|\*\*/|\*\*|[*?]|[^*?\\]+|\\", pattern, re.DOTALL):
        if len(piece) == 2 and piece[0] == "\\":
            parts.append(re.escape(piece[1]))
        elif piece == "**/":
            parts.append("(?:.*/)?" if paths else ".*/")
        elif piece == "**":
            parts.append(".*")
        elif piece == "*":
            parts.append("[^/]*" if paths else ".*")
        elif piece == "?":
            parts.append("[^/]" if paths else ".")
        else:
            parts.append(re.escape(piece))
    return re.compile("".join(parts) + optional, re.DOTALL)
