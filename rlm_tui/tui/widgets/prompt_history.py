"""The prompts of earlier days, and those put aside, in files of one JSON string a line."""

from collections import deque
from pathlib import Path

import msgspec

from rlm_tui.config.writing import write_atomically

_KEPT = 1_000


class PromptHistory:
    """Prompts, oldest first; read when first asked for. A line that is no JSON string is skipped.

    Nothing here raises on a disk that cannot be read or written: then the history lasts as long as the program.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._prompts: deque[str] | None = None

    @property
    def prompts(self) -> deque[str]:
        """The last thousand prompts."""
        if self._prompts is None:
            self._prompts = deque(_read(self._path), maxlen=_KEPT)
        return self._prompts

    def add(self, prompt: str) -> None:
        """Remember a prompt, unless it is the one before again."""
        if self.prompts and self.prompts[-1] == prompt:
            return
        self.prompts.append(prompt)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(prompt) + b"\n")
        except OSError:
            return  # told by the footer's disk notice; the prompt itself is in the session's log


class PromptStash:
    """Prompts that were put aside, the last one on top; it survives the program. Nothing here raises on a bad disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._prompts: list[str] | None = None

    @property
    def prompts(self) -> list[str]:
        """What is put aside, the oldest first."""
        if self._prompts is None:
            self._prompts = _read(self._path)
        return self._prompts

    def put(self, prompt: str) -> None:
        """Put a prompt aside."""
        self.prompts.append(prompt)
        self._write()

    def take(self) -> str:
        """Return the prompt that was put aside last and forget it; an empty text where there is none."""
        if not self.prompts:
            return ""
        prompt = self.prompts.pop()
        self._write()
        return prompt

    def _write(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(self._path, "".join(msgspec.json.encode(p).decode() + "\n" for p in self.prompts))
        except (OSError, ValueError):
            return  # as above


def _read(path: Path) -> list[str]:
    prompts: list[str] = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return prompts
    for line in lines[-_KEPT:]:
        try:
            prompts.append(msgspec.json.decode(line, type=str))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return prompts
