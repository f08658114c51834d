"""Checking what a configuration layer says against the schema, key by key."""

import difflib
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from rlm_tui.config.positions import KeyPath
from rlm_tui.config.schema import UNLIMITED, Settings, field_meta, field_type, parse_size


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """Something in the configuration that could not be used. `line` is 1-based, 0 where there are no lines."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        """Return it as one line for a person."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        stop = "" if self.message.endswith("?") else "."
        return f"{place}: {self.message}{stop}" if place else f"{self.message}{stop}"


class Checker:
    """Checks one layer. `line` finds a key's line; `from_text` also takes numbers and lists written as text."""

    def __init__(self, file: str, line: Callable[[KeyPath], int], *, from_text: bool = False) -> None:
        self.problems: list[ConfigProblem] = []
        self.adding: set[KeyPath] = set()
        self._file = file
        self._line = line
        self._from_text = from_text

    def leaves(self, data: dict[str, Any]) -> Iterator[tuple[KeyPath, Any]]:
        """Yield every key that the schema knows with its converted value; the others become problems."""
        yield from self._struct(Settings, data, ())

    def fields(self, owner: type[Struct], data: dict[str, Any]) -> dict[str, Any]:
        """Return what `data` says of the fields of `owner`, converted; the others become problems."""
        return {key[0]: value for key, value in self._struct(owner, data, ())}

    def _struct(self, owner: type[Struct], data: dict[str, Any], path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
        for name, value in data.items():
            key = (*path, name)
            if name not in owner.__struct_fields__:
                self._unknown(key, owner.__struct_fields__)
                continue
            yield from self._value(owner, name, value, key)

    def _value(self, owner: type[Struct], name: str, value: Any, key: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
        declared = field_type(owner, name)
        inner = _plain(declared)
        if isinstance(inner, type) and issubclass(inner, Struct):
            if self._is_table(value, key):
                yield from self._struct(inner, value, key)
        elif get_origin(inner) is dict:
            if self._is_table(value, key):
                yield from self._table(get_args(inner)[1], value, key)
        else:
            if (field_meta(owner, name).extra or {}).get("adds"):
                self.adding.add(key)
                value = self._texts_of(value, key)
            yield from self._leaf(declared, value, key)

    def _table(self, item: Any, data: dict[str, Any], path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
        for name, value in data.items():
            key = (*path, name)
            if isinstance(item, type) and issubclass(item, Struct):
                if self._is_table(value, key):
                    yield from self._struct(item, value, key)
            else:
                yield from self._leaf(item, value, key)

    def _leaf(self, declared: Any, value: Any, key: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
        if value == UNLIMITED and type(None) in get_args(_plain(declared)):
            yield key, None
            return
        try:
            converted = msgspec.convert(value, declared, strict=not self._from_text)
            if key == ("context", "max_file"):
                parse_size(converted)
        except msgspec.ValidationError:
            self._problem(key, f"`{'.'.join(key)}` must be {expected(declared)}, not {_shown(value)}")
        except ValueError as error:
            self._problem(key, f"`{'.'.join(key)}`: {error}")
        else:
            yield key, converted

    def _texts_of(self, value: Any, key: KeyPath) -> Any:
        """Drop what is not text from a list of rules, so that one bad rule takes no other along."""
        if not isinstance(value, list | tuple):
            return value
        for item in value:
            if not isinstance(item, str):
                self._problem(key, f"`{'.'.join(key)}` holds {_shown(item)}, which is not a text in quotes")
        return [item for item in value if isinstance(item, str)]

    def _is_table(self, value: Any, key: KeyPath) -> bool:
        if isinstance(value, dict):
            return True
        self._problem(key, f"`{'.'.join(key)}` is a table: write `[{'.'.join(key)}]` and its keys below")
        return False

    def _unknown(self, key: KeyPath, names: Iterable[str]) -> None:
        what = "table" if len(key) == 1 and names is Settings.__struct_fields__ else "key"
        near = nearest(key[-1], names)
        hint = f"did you mean `{near}`?" if near else f"there are {', '.join(f'`{n}`' for n in names)}"
        self._problem(key, f"unknown {what} `{'.'.join(key)}`: {hint}")

    def _problem(self, key: KeyPath, message: str) -> None:
        self.problems.append(ConfigProblem(self._file, self._line(key), message))


def nearest(name: str, names: Iterable[str]) -> str:
    """Return the one of `names` that is most like `name`, `""` where none is like it."""
    known = list(names)
    found = difflib.get_close_matches(name.lower().replace("-", "_"), known, n=1, cutoff=0.5)
    starts = [n for n in known if n.startswith(name.lower()) or name.lower().startswith(n)]
    return found[0] if found else (starts[0] if starts else "")


def expected(declared: Any) -> str:
    """Return in words what values a type takes."""
    bounds = _bounds(declared)
    inner = _plain(declared)
    if get_origin(inner) in (Union, types.UnionType):
        first = next(a for a in get_args(inner) if a is not type(None))
        return f'{expected(first)}, or "{UNLIMITED}"'
    if get_origin(inner) is Literal:
        return "one of " + ", ".join(f'"{choice}"' for choice in get_args(inner))
    if get_origin(inner) is tuple:
        return 'a list of texts (`["...", "..."]`)'
    if get_origin(inner) is dict:
        return "a table of texts"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text in quotes"}
    return words.get(inner, "a value of another type") + bounds


def _bounds(declared: Any) -> str:
    for extra in getattr(declared, "__metadata__", ()):
        if isinstance(extra, Meta):
            low, high = extra.ge, extra.le
            if low is not None and high is not None:
                return f" from {low} to {high}"
            if low is not None:
                return f", at least {low}"
            if extra.gt is not None:
                return f" over {extra.gt}"
    return ""


def _plain(declared: Any) -> Any:
    return get_args(declared)[0] if get_origin(declared) is Annotated else declared


def _shown(value: Any) -> str:
    text = {True: "true", False: "false"}.get(value, repr(value)) if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
