"""Slash commands: names that people expect, and the actions of the registry that they mean."""

from rlm_tui.tui.actions import ACTIONS, Action

_NAMES = {
    "help": "help",
    "model": "choose_model",
    "models": "choose_model",
    "theme": "choose_theme",
    "themes": "choose_theme",
    "sessions": "choose_session",
    "new": "new_session",
    "clear": "new_session",
    "permissions": "permissions",
    "rewind": "rewind",
    "fork": "fork",
    "replay": "replay",
    "export": "export",
    "undo": "undo",
    "redo": "redo",
    "mcps": "mcps",
    "mcp": "mcps",
    "editor": "editor",
    "stop": "cancel_ingest",
    "exit": "leave",
    "quit": "leave",
}


def command(text: str) -> Action | None:
    """Return the action that a text like `/model` means, None for a text that is no known command."""
    name = _NAMES.get(text.strip().removeprefix("/").lower())
    return next((action for action in ACTIONS if action.name == name), None)


def is_command(text: str) -> bool:
    """Return whether a prompt is meant as a command: one line, one word, a slash and no further one."""
    word = text.strip()
    return word.startswith("/") and len(word.split()) == 1 and "/" not in word[1:]


def completions(prefix: str) -> list[tuple[str, str]]:
    """Return `(command, meaning)` for each command that begins so."""
    labels = {action.name: action.label for action in ACTIONS}
    return [(f"/{name}", labels[target]) for name, target in _NAMES.items() if name.startswith(prefix.lower())]
