"""GGUF files: how they are named as a model, where they are found, and what their heads say.

The layout is that of the GGUF specification (versions 2 and 3): magic, version, counts, then typed key-value pairs.
"""

import mmap
import os
import re
import struct
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from rlm_tui.errors import ModelError

PREFIX = "gguf"
PACKAGE = "xllamacpp"
INSTALL = "pip install 'rlm-tui[local]'"

_USUAL_FOLDERS = ("~/models", "~/.cache/llama.cpp", "~/.lmstudio/models")
_MOST_FOUND = 100
_MOST_FOLDERS = 2_000
_LATER_PART = re.compile(r"-(?!00001)\d{5}-of-\d{5}\.gguf$")

_FIXED = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MOST_PAIRS = 10_000


def is_installed() -> bool:
    """Tell whether the package that runs such models is here. Imports nothing."""
    return find_spec(PACKAGE) is not None


def is_gguf(model: str) -> bool:
    """Tell whether a model's name means a GGUF file: `gguf/PATH`, or a path that ends in `.gguf`."""
    return model.startswith(f"{PREFIX}/") or (model.endswith(".gguf") and model.startswith(("/", "~", ".")))


def path_of(model: str) -> Path:
    """Return the file that a name means; a relative one is looked for in the current directory."""
    return Path(model.removeprefix(f"{PREFIX}/")).expanduser()


def files_in(folders: tuple[str, ...] = ()) -> list[Path]:
    """Return GGUF files in `folders`, and where llama.cpp and LM Studio keep theirs; at most 100.

    Of a model in several files the first stands for all; projectors for images are no models.
    """
    found: list[Path] = []
    for folder in dict.fromkeys((*folders, *_USUAL_FOLDERS)):
        files = sorted(_below(Path(folder).expanduser()))
        found += [file for file in files if not _LATER_PART.search(file.name) and "mmproj" not in file.name]
    return list(dict.fromkeys(found))[:_MOST_FOUND]


def _below(folder: Path) -> Iterator[Path]:
    """Yield GGUF files in a folder and those below it, as far as a picker can wait for; errors end nothing."""
    for directory, _, names in islice(os.walk(folder), _MOST_FOLDERS):
        yield from (Path(directory, name) for name in names if name.endswith(".gguf"))


def megabytes(path: Path) -> int:
    """Return a file's size in megabytes, 0 where it is gone."""
    try:
        return round(path.stat().st_size / 1e6)
    except OSError:
        return 0


def trained_context(path: Path) -> int | None:
    """Return the window in tokens that a model was trained with; None where its head does not say.

    Raises `ModelError` (`not_found`) where the file is missing or no GGUF file.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if data[:4] != b"GGUF":
                raise ModelError("not_found", f"{path} is no GGUF file: its first bytes are not `GGUF`.")
            for key, value in _pairs(data):
                if key.endswith(".context_length") and isinstance(value, int):
                    return value
    except OSError as error:
        raise ModelError("not_found", f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:  # an empty file cannot be mapped
        raise ModelError("not_found", f"{path} is no GGUF file: it is empty.") from None
    except (struct.error, UnicodeDecodeError):
        raise ModelError("not_found", f"{path} is no whole GGUF file: its head breaks off or is damaged.") from None
    return None


def _pairs(data: Any) -> Iterator[tuple[str, object]]:
    """Yield keys with numbers; other values as None. Raises `struct.error` where the data ends too early."""
    (count,) = struct.unpack_from("<Q", data, 16)
    at = 24
    for _ in range(min(count, _MOST_PAIRS)):
        key, at = _string(data, at)
        (kind,) = struct.unpack_from("<I", data, at)
        value, at = _value(data, at + 4, kind)
        yield key, value


def _value(data: Any, at: int, kind: int) -> tuple[object, int]:
    if kind in _FIXED:
        (value,) = struct.unpack_from(f"<{_FIXED[kind]}", data, at)
        return value, at + struct.calcsize(_FIXED[kind])
    if kind == _STRING:
        return None, _string_end(data, at)
    if kind != _ARRAY:
        raise struct.error(f"a value of the unknown kind {kind}")
    inner, count = struct.unpack_from("<IQ", data, at)
    at += 12
    if inner in _FIXED:
        return None, at + count * struct.calcsize(_FIXED[inner])
    for _ in range(count):
        at = _string_end(data, at) if inner == _STRING else _value(data, at, inner)[1]
    return None, at


def _string(data: Any, at: int) -> tuple[str, int]:
    end = _string_end(data, at)
    return bytes(data[at + 8 : end]).decode(), end


def _string_end(data: Any, at: int) -> int:
    (length,) = struct.unpack_from("<Q", data, at)
    if at + 8 + length > len(data):
        raise struct.error("a text ends beyond the file")
    return int(at + 8 + length)
