"""Slash commands: names that people expect, and the actions of the registry that they mean."""

from collections.abc import Mapping

from rlm_tui.tui.actions import ACTIONS, Action

_NAMES = {
    "help": "help",
    "model": "choose_model",
    "models": "choose_model",
    "agent": "choose_agent",
    "agents": "choose_agent",
    "theme": "choose_theme",
    "themes": "choose_theme",
    "sessions": "choose_session",
    "new": "new_session",
    "clear": "new_session",
    "rename": "rename",
    "fork": "fork",
    "rewind": "rewind",
    "undo": "undo",
    "redo": "redo",
    "diff": "diff",
    "replay": "replay",
    "export": "export",
    "copy": "copy_answer",
    "cost": "cost",
    "context": "context_figures",
    "compact": "compact",
    "thinking": "thinking",
    "status": "status",
    "permissions": "permissions",
    "mcps": "mcps",
    "mcp": "mcps",
    "skills": "skills",
    "init": "init",
    "editor": "editor",
    "stop": "cancel_ingest",
    "exit": "leave",
    "quit": "leave",
}

_TAKING = {"model": "use_model", "agent": "use_agent", "theme": "use_theme", "rename": "rename"}
"""Commands that take what stands after them, and the screen's method that is given it."""


def split(text: str) -> tuple[str, str]:
    """Return the name that a text calls, without its slash, and what stands after it; no name where it calls none.

    Names of our own are told in small letters; the case of others is kept, as a person's own commands are files.
    """
    word, _, rest = text.strip().partition(" ")
    if not word.startswith("/") or "/" in word[1:] or "\n" in word:
        return "", ""
    name = word[1:].lower() if word[1:].lower() in _NAMES else word[1:]
    return name, rest.strip()


def command(name: str) -> Action | None:
    """Return the action that a name like `model` means, None for one that is no command."""
    wanted = _NAMES.get(name)
    return next((action for action in ACTIONS if action.name == wanted), None)


def taking(name: str) -> str:
    """Return the method that takes what stands after the command, empty where it takes nothing."""
    return _TAKING.get(name.removesuffix("s"), "")


def is_command(text: str) -> bool:
    """Return whether a prompt is meant as a command: a slash and one word, or a known name and more words."""
    name, rest = split(text)
    return bool(name) and (not rest or name in _NAMES)


def completions(prefix: str, own: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """Return `(command, meaning)` for each command that begins so; `own` are the person's, by name."""
    labels = {action.name: action.label for action in ACTIONS}
    found = [(f"/{name}", labels[target]) for name, target in _NAMES.items()]
    found += [(f"/{name}", meaning or "your own command") for name, meaning in (own or {}).items()]
    return [item for item in found if item[0][1:].lower().startswith(prefix.lower())]
