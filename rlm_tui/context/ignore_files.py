"""Lines of `.gitignore` and `.ignore` files, level by level, where git itself is not asked."""

# Names may be no UTF-8 and come by the thousand: plain strings are exact and ten times as fast as `Path`.
# ruff: noqa: PTH118, PTH120, PTH123

import os
import re
from collections.abc import Collection
from typing import Protocol

_MAX_STARS = 8  # each star is one more loop inside another for `re`; real lines have two or three


class _Pattern(Protocol):
    include: bool | None

    def match_file(self, file: str) -> object | None: ...


class IgnoreFiles:
    """The ignore files below `root`, read when a directory is first asked about.

    Within a file the last line that matches decides, and a file in a deeper directory decides before one above
    it (gitignore(5)). `extra` lines decide before any file. Odd lines are skipped one by one.
    """

    def __init__(self, root: str, names: tuple[str, ...], extra: tuple[str, ...] = ()) -> None:
        self._root = root
        self._names = names
        self._extra = _compiled(extra)
        self._levels: dict[str, tuple[_Pattern, ...]] = {}
        self._trees: dict[str, bool] = {"": False}
        self._applies: dict[str, bool] = {}

    def note(self, directory: str, names: Collection[str]) -> None:
        """Say what lies in a directory, so that no ignore file is looked for where there is none."""
        if not any(name in names for name in self._names):
            self._levels[directory] = ()

    def applies(self, directory: str) -> bool:
        """Tell whether any line could ignore something in `directory`: in most there is none, up to the root."""
        known = self._applies.get(directory)
        if known is None:
            known = bool(self._extra or self._level(directory))
            if not known and directory:
                known = self.applies(os.path.dirname(directory))
            self._applies[directory] = known
        return known

    def ignores(self, name: str, *, directory: bool) -> bool:
        """Tell whether `name` (relative, `/` between parts) is ignored by a line about itself."""
        shown = name + "/" if directory else name
        decided = _decide(self._extra, shown)
        level = os.path.dirname(name)
        while decided is None:
            inner = shown[len(level) + 1 :] if level else shown
            decided = _decide(self._level(level), inner)
            if not level:
                break
            level = os.path.dirname(level)
        return bool(decided)

    def ignores_tree(self, directory: str) -> bool:
        """Tell whether `directory` or one above it, up to the root, is ignored."""
        known = self._trees.get(directory)
        if known is None:
            known = self.ignores_tree(os.path.dirname(directory)) or self.ignores(directory, directory=True)
            self._trees[directory] = known
        return known

    def _level(self, directory: str) -> tuple[_Pattern, ...]:
        patterns = self._levels.get(directory)
        if patterns is None:
            lines: list[str] = []
            for name in self._names:
                lines += _lines(os.path.join(self._root, directory, name))
            patterns = self._levels[directory] = _compiled(tuple(lines))
        return patterns


def _decide(patterns: tuple[_Pattern, ...], path: str) -> bool | None:
    for pattern in patterns:
        if pattern.match_file(path) is not None:
            return pattern.include
    return None


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as lines:
            return lines.read(1_000_000).splitlines()
    except OSError:
        return []


def _compiled(lines: tuple[str, ...]) -> tuple[_Pattern, ...]:
    """Return the patterns of `lines`, last first."""
    if not lines:
        return ()
    from pathspec import GitIgnoreSpec

    patterns: list[_Pattern] = []
    for line in reversed(lines):
        if not line.strip() or line.startswith("#") or line.count("*") > _MAX_STARS:
            continue
        try:
            patterns += [p for p in GitIgnoreSpec.from_lines([line]).patterns if p.include is not None]
        except (ValueError, re.error):
            continue
    return tuple(patterns)
