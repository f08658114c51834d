"""A shell script read as what it would run: its single commands, its redirections, and what cannot be told.

The syntax tree comes from `shfmt --to-json` (package shfmt-py; the JSON form is that of mvdan.cc/sh's `typedjson`).
A node of a kind that is not listed here is a doubt, so that a newer shfmt can only make more ask, never less.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from rlm_tui.errors import ToolError

_SECONDS = 10
_LONGEST = 100_000
_GO = {"GOGC": "off", "GOMAXPROCS": "1"}
"""shfmt lives for milliseconds: it collects no garbage and starts no threads for that."""

_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]|[^\s]\t")
"""Control characters, and tabs that do not indent: a person does not see them for what they are."""

_PLAIN = frozenset(
    {
        "File", "CallExpr", "BinaryCmd", "Subshell", "Block", "IfClause", "WhileClause", "ForClause", "WordIter",
        "CaseClause", "TestClause", "UnaryTest", "BinaryTest", "ParenTest", "Lit", "SglQuoted", "DblQuoted",
    }
)  # fmt: skip
_DOUBTS = {
    "CmdSubst": "runs a command inside another's words",
    "ProcSubst": "runs a command inside another's words",
    "ParamExp": "depends on a variable",
    "ArithmExp": "computes a word",
    "ArithmCmd": "computes",
    "ExtGlob": "uses an extended pattern",
    "BraceExp": "expands braces",
    "FuncDecl": "defines a function",
    "DeclClause": "declares variables",
    "LetClause": "computes",
    "CoprocClause": "starts a coprocess",
    "TimeClause": "times a command",
}
_READS = frozenset({"<"})
_WRITES = frozenset({">", ">>", ">|", "&>", "&>>", "<>"})
_DUPLICATES = frozenset({">&", "<&"})
_HERE = frozenset({"<<", "<<-", "<<<"})


@dataclass(frozen=True, slots=True)
class Word:
    """One word. `text` is what it says once quotes are gone; `literal` is whether that is all there is to it.

    `globs` is whether the shell would expand it to file names (or a home directory).
    """

    text: str
    literal: bool = True
    globs: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """One command with its words; `line` is its words joined by single spaces."""

    words: tuple[Word, ...]

    @property
    def line(self) -> str:
        """The words joined by single spaces, as rules are matched against it."""
        return " ".join(word.text for word in self.words)

    @property
    def literal(self) -> bool:
        """Whether every word says just what it is."""
        return all(word.literal for word in self.words)


@dataclass(frozen=True, slots=True)
class Redirection:
    """A file that a command reads from or writes to."""

    target: Word
    writes: bool


@dataclass(frozen=True, slots=True)
class Script:
    """What a script would do. `doubts` say why that is not all that can happen, one reason each."""

    commands: tuple[Command, ...]
    redirections: tuple[Redirection, ...]
    doubts: tuple[str, ...]


@lru_cache(maxsize=256)
def read_script(text: str) -> Script:
    """Return what `text` would run. What is no shell script has no commands and a doubt that says so.

    Raises `ToolError` where shfmt is missing or does not answer.
    """
    if not text.strip():
        return Script((), (), ("it is empty",))
    if len(text) > _LONGEST:
        return Script((), (), (f"it is longer than {_LONGEST:,} characters",))
    doubts = [f"it holds the control character {ord(odd[0][-1]):#04x}"] if (odd := _ODD.search(text)) else []
    tree = _parse(text)
    if isinstance(tree, str):
        return Script((), (), (f"it is no shell script: {tree}", *doubts))
    reading = _Reading()
    reading.walk(tree)
    return Script(
        tuple(reading.commands), tuple(reading.redirections), tuple(dict.fromkeys([*doubts, *reading.doubts]))
    )


@lru_cache(maxsize=1)
def shfmt() -> str:
    """Return the path of shfmt: the one installed beside this Python, else one on the search path.

    Raises `ToolError` where there is none.
    """
    beside = Path(sys.executable).parent / "shfmt"
    found = str(beside) if beside.is_file() else shutil.which("shfmt")
    if found is None:
        raise ToolError("shfmt is missing, so commands cannot be judged: install the package shfmt-py.")
    return found


def _parse(text: str) -> Any:
    """Return the syntax tree, or why there is none."""
    try:
        done = subprocess.run(
            [shfmt(), "--to-json", "--language-dialect", "bash"], input=text.encode("utf-8", "surrogateescape"),
            capture_output=True, timeout=_SECONDS, check=False, env=_GO,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired, UnicodeEncodeError) as error:
        raise ToolError(f"The command cannot be judged: {error}.") from None
    if done.returncode:
        return done.stderr.decode("utf-8", "replace").strip().removeprefix("<standard input>:")
    try:
        return msgspec.json.decode(done.stdout)
    except (msgspec.DecodeError, RecursionError):
        return "it is nested too deeply"


class _Reading:
    """Walks a syntax tree and gathers what it would do."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.redirections: list[Redirection] = []
        self.doubts: list[str] = []

    def walk(self, root: Any) -> None:
        """Take in `root` and all that is below it."""
        pending = [root]
        while pending:
            node = pending.pop()
            if isinstance(node, list):
                pending += reversed(node)
            elif isinstance(node, dict) and "Offset" not in node:  # a position, of which there are very many
                self._take(node)
                pending += [value for value in reversed(node.values()) if isinstance(value, dict | list)]

    def _take(self, node: Mapping[str, Any]) -> None:
        kind = node.get("Type")
        if kind is not None and kind not in _PLAIN:
            self.doubts.append(f"it {_DOUBTS[kind]}" if kind in _DOUBTS else f"its syntax ({kind}) is not known here")
        if kind == "CallExpr":
            self._take_call(node)
        if kind == "SglQuoted" and node.get("Dollar"):
            self.doubts.append("it writes characters by their numbers")
        if kind == "DblQuoted" and node.get("Dollar"):
            self.doubts.append("it uses a translated string")
        if node.get("Background") or node.get("Coprocess") or node.get("Disown"):
            self.doubts.append("it leaves a command running in the background")
        if kind == "ForClause" and node.get("Select"):
            self.doubts.append("it asks with `select`")
        for redirection in node.get("Redirs") or ():
            self._take_redirection(redirection)

    def _take_call(self, node: Mapping[str, Any]) -> None:
        if node.get("Assigns"):
            self.doubts.append("it sets a variable")
        if words := node.get("Args"):
            command = Command(tuple(_word(word) for word in words))
            first = command.words[0]
            if first.globs or not first.literal:
                self.doubts.append("what it runs is only known when it runs")
            self.commands.append(command)

    def _take_redirection(self, node: Mapping[str, Any]) -> None:
        operator, target = str(node.get("Op", "")), _word(node.get("Word") or {})
        if operator in _HERE:
            self.doubts.append("it feeds a command with text")
        elif operator in _DUPLICATES and target.literal and (target.text.isdigit() or target.text == "-"):
            return
        elif operator in _READS or operator in _WRITES or operator == ">&":
            if target.globs or not target.literal:
                self.doubts.append("where it redirects to is only known when it runs")
            else:
                self.redirections.append(Redirection(target, operator not in _READS))
        else:
            self.doubts.append(f"its redirection {operator} is not known here")


def _word(node: Mapping[str, Any]) -> Word:
    texts, literal, globs = [], True, False
    for index, (kind, value, quoted) in enumerate(_parts(node)):
        if kind not in ("Lit", "SglQuoted"):
            literal = False
            texts.append("$…")
            continue
        if not quoted:
            if index == 0 and value.startswith("~"):
                globs = True
            globs = globs or _has_glob(value)
        texts.append(value if kind == "SglQuoted" else _unescaped(value, quoted=quoted))
    text = "".join(texts)
    return Word(text, literal, globs and text not in ("[", "{"))


def _parts(node: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield kind, value and whether it stands in quotes, for each part of a word."""
    for part in node.get("Parts") or ():
        kind = part.get("Type", "")
        if kind == "DblQuoted":
            inner = [(p.get("Type", ""), p.get("Value", ""), True) for p in part.get("Parts") or ()]
            yield from inner or [("SglQuoted", "", True)]
        elif kind == "SglQuoted":
            yield kind, part.get("Value", ""), True
        else:
            yield kind, part.get("Value", ""), False


def _has_glob(value: str) -> bool:
    escaped = False
    for character in value:
        if not escaped and character in "*?[{":
            return True
        escaped = character == "\\" and not escaped
    return False


def _unescaped(value: str, *, quoted: bool) -> str:
    """Return what a literal says: in double quotes a backslash takes only some characters by their word."""
    out, index = [], 0
    while index < len(value):
        character = value[index]
        following = value[index + 1 : index + 2]
        if character == "\\" and following == "\n":
            index += 2
            continue
        if character == "\\" and following and (not quoted or following in '$`"\\'):
            out.append(following)
            index += 2
            continue
        out.append(character)
        index += 1
    return "".join(out)
