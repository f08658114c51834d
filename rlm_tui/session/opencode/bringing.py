"""Sessions of OpenCode into the library, each once: one that is there already is left as it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rlm_tui.config.paths import Paths
from rlm_tui.session.importing import place_records
from rlm_tui.session.opencode.converting import Converter
from rlm_tui.session.opencode.reading import Conversation, read_conversations


@dataclass(frozen=True, slots=True)
class Brought:
    """One session: its folder here, its title, whether it is new, and what of it could not be taken over."""

    directory: Path
    title: str
    new: bool
    problems: tuple[str, ...] = ()


def bring_sessions(paths: Paths, file: Path) -> Iterator[Brought]:
    """Import the sessions of a database or exported file, the oldest first. Raises `UsageError`."""
    for conversation in read_conversations(file):
        name = session_name(conversation)
        directory = paths.sessions / name
        if directory.exists():
            yield Brought(directory, conversation.title, new=False)
            continue
        converter = Converter(conversation)
        imported = place_records(paths, name, converter.records(), converter.problems)
        problems = tuple(dict.fromkeys(converter.problems))
        yield Brought(imported.directory, conversation.title, new=True, problems=problems)


def session_name(conversation: Conversation) -> str:
    """Return the id that a session of OpenCode has here: always the same, so that it is imported once."""
    plain = "".join(letter for letter in conversation.id.removeprefix("ses_") if letter.isascii() and letter.isalnum())
    return f"opencode-{plain[:50]}"
