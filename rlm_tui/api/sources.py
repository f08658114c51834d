"""What a question is asked about: texts, files and folders, in the order given."""

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rlm_tui.errors import UsageError

Document = str | Mapping[str, str]
Context = Document | os.PathLike[str] | Iterable[Document | os.PathLike[str]] | None
"""A text, a path, several of them, or documents as `{"label": ..., "text": ...}`. A string is always text."""

_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Text:
    """A text with the label that citations show."""

    label: str
    text: str


Source = Text | Path


def sources_of(context: Context) -> tuple[Source, ...]:
    """Return what a context is made of, paths absolute. Raises `UsageError` for anything else, or a missing path."""
    if context is None:
        return ()
    if isinstance(context, str):
        _warn_of_path(context)
        return (Text("context", context),)
    if isinstance(context, Mapping | os.PathLike):
        return (_source(context, 1),)
    given: object = context
    if isinstance(given, bytes | bytearray) or not isinstance(given, Iterable):
        raise UsageError(f"A context is text, paths or documents, not {type(given).__name__}.")
    return tuple(_source(item, number) for number, item in enumerate(given, 1))


def _source(item: object, number: int) -> Source:
    match item:
        case str():
            _warn_of_path(item)
            return Text(f"document {number}", item)
        case {"text": str(text), **rest} if set(rest) <= {"label"} and isinstance(rest.get("label", ""), str):
            return Text(str(rest.get("label") or f"document {number}"), text)
        case os.PathLike():
            return _existing(Path(os.fspath(item)))
        case _:
            raise UsageError(
                f"Item {number} of the context is neither a text, a path, nor a document with `text` and `label`."
            )


def _existing(path: Path) -> Path:
    path = path.expanduser()
    if not path.exists():
        raise UsageError(f"{str(path)!r} does not exist: give a folder or file that does.")
    return path.resolve()


def _warn_of_path(text: str) -> None:
    """Tell a caller who gives a path's name as a string that a string is the text itself."""
    if 0 < len(text) <= _LONGEST_NAME and "\n" not in text and "\0" not in text and Path(text).exists():
        warnings.warn(
            f"The context is the text {text!r} itself; give pathlib.Path({text!r}) to have that path read.",
            stacklevel=5,
        )
