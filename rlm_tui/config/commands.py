"""Commands of one's own: Markdown files whose text is a prompt, called by `/name` with arguments.

The text may hold `$ARGUMENTS` (all that was typed after the name), `$1` ... `$9` (its words, quotes understood), and
inserts of a shell command's output, an exclamation mark before text in backticks. An insert is run as it is
written in the file: what was typed is put in afterwards and is never run.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from rlm_tui.config.agents import name_of
from rlm_tui.config.checking import ConfigProblem, nearest
from rlm_tui.config.front_matter import read_front_matter
from rlm_tui.config.own_files import OwnFile

_INSERT = re.compile(r"!`([^`\n]+)`")
_ARGUMENT = re.compile(r"\$ARGUMENTS\b|\$([1-9])(?!\d)")
_NAME = re.compile(r"[^\s/]+")
BUILT_IN_COMMANDS = (
    "help",
    "model",
    "models",
    "theme",
    "themes",
    "sessions",
    "new",
    "clear",
    "permissions",
    "rewind",
    "fork",
    "replay",
    "export",
    "undo",
    "redo",
    "mcps",
    "mcp",
    "editor",
    "stop",
    "exit",
    "quit",
    "agent",
    "agents",
    "rename",
    "diff",
    "copy",
    "cost",
    "context",
    "compact",
    "thinking",
    "init",
    "skills",
    "status",
    "timeline",
    "stash",
)
"""Names of the program's own commands on the screen, which no file can take over."""

_KEYS = ("description", "agent", "model")


@dataclass(frozen=True, slots=True)
class OwnCommand:
    """One command. `agent` and `model` hold for its turn alone; empty: those of the session."""

    name: str
    template: str
    description: str = ""
    agent: str = ""
    model: str = ""
    source: str = ""

    @property
    def pieces(self) -> tuple[str, ...]:
        """The template cut up: text, shell command, text, shell command, ..., text."""
        return tuple(_INSERT.split(self.template))


def own_commands(files: list[OwnFile], taken: Sequence[str], problems: list[ConfigProblem]) -> dict[str, OwnCommand]:
    """Return the commands that files describe, by name; of two with one name the later wins, and a problem says so.

    `taken` are the program's own names, which no file can take over.
    """
    found: dict[str, OwnCommand] = {}
    for file in files:
        command = _read(file, problems)
        if command is None:
            continue
        if command.name in taken:
            problems.append(ConfigProblem(command.source, 0, f"/{command.name} is a command of rlm-tui: rename yours"))
            continue
        if command.name in found:
            problems.append(
                ConfigProblem(
                    command.source, 0, f"command /{command.name} takes the place of {found[command.name].source}"
                )
            )
        found[command.name] = command
    return found


def _read(file: OwnFile, problems: list[ConfigProblem]) -> OwnCommand | None:
    where, name = str(file.path), name_of(file.inner)
    matter = read_front_matter(where, file.text, problems)
    if matter is None:
        return None
    if not _NAME.fullmatch(name):
        problems.append(ConfigProblem(where, 0, "a command's name has no spaces: rename the file"))
        return None
    if not matter.body.strip():
        problems.append(ConfigProblem(where, 0, "the command says nothing: write the prompt below the front matter"))
        return None
    texts: dict[str, str] = {}
    for key, value in matter.values.items():
        line = matter.lines.get(key, 1)
        if key not in _KEYS:
            near = nearest(key, _KEYS)
            hint = f"did you mean `{near}`?" if near else f"there are {', '.join(f'`{known}`' for known in _KEYS)}"
            problems.append(ConfigProblem(where, line, f"unknown key `{key}`: {hint}"))
        elif not isinstance(value, str):
            problems.append(ConfigProblem(where, line, f"`{key}` must be a text"))
        else:
            texts[key] = value.strip()
    return OwnCommand(name, matter.body.strip(), source=where, **texts)


def filled(text: str, arguments: str) -> str:
    """Return a piece of a template with what was typed put in; words that were not given are empty."""
    words = split_words(arguments)

    def value(match: re.Match[str]) -> str:
        if match[1] is None:
            return arguments
        return words[int(match[1]) - 1] if int(match[1]) <= len(words) else ""

    return _ARGUMENT.sub(value, text)


def takes_arguments(command: OwnCommand) -> bool:
    """Whether the template says where arguments go."""
    return any(_ARGUMENT.search(text) for text in command.pieces[::2])


def split_words(arguments: str) -> list[str]:
    """Return the words of `arguments` as a shell would cut them; at spaces where quotes are not closed."""
    try:
        return shlex.split(arguments)
    except ValueError:
        return arguments.split()
