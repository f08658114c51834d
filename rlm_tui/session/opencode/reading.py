"""What OpenCode keeps of a session: messages and their parts, from its database or an exported file.

The format is that of OpenCode 1.x: a SQLite database with the tables `session`, `message` and `part`, the last two with
JSON in `data`; `opencode export` writes one session as `{"info": ..., "messages": [{"info", "parts"}]}`. Nothing of
OpenCode's is changed: the database is opened read-only, and no file is made beside it.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from rlm_tui.errors import UsageError

_SQLITE = b"SQLite format 3\0"
MOST_FILE_BYTES = 1 << 30


@dataclass(slots=True)
class Message:
    """One message with its parts, in order."""

    info: dict[str, Any]
    parts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def role(self) -> str:
        """`user` or `assistant`."""
        return text_of(self.info.get("role"))


@dataclass(slots=True)
class Conversation:
    """One session: `children` are those that its sub-agents had, by id. Times are milliseconds since the epoch."""

    id: str
    title: str
    directory: str
    created: float
    parent: str = ""
    messages: list[Message] = field(default_factory=list)
    children: dict[str, "Conversation"] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_conversations(file: Path) -> Iterator[Conversation]:
    """Yield the sessions of a database or of one exported file, the oldest first, without those of sub-agents.

    Raises `UsageError` where the file is neither, or of a version that is laid out otherwise.
    """
    try:
        with file.open("rb") as opened:
            head = opened.read(len(_SQLITE))
        if head == _SQLITE:
            yield from _from_database(file)
            return
        if file.stat().st_size > MOST_FILE_BYTES:
            raise UsageError(f"{file} is larger than {MOST_FILE_BYTES:,} bytes: no exported session is.")
        yield _from_export(file, file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}.") from None


def _from_database(file: Path) -> Iterator[Conversation]:
    try:
        database = sqlite3.connect(_address(file.resolve()), uri=True)
    except sqlite3.Error as error:
        raise UsageError(f"{file} cannot be opened: {error}.") from None
    database.text_factory = lambda data: data.decode("utf-8", "replace")
    try:
        known = {
            row[0]: Conversation(row[0], text_of(row[1]), text_of(row[2]), number_of(row[3]), text_of(row[4]))
            for row in database.execute(
                "SELECT id, title, directory, time_created, parent_id FROM session ORDER BY time_created, id"
            )
        }
        for conversation in known.values():
            if conversation.parent in known:
                known[conversation.parent].children[conversation.id] = conversation
        for conversation in known.values():
            if conversation.parent not in known:
                _fill(database, conversation)
                yield conversation
                _empty(conversation)
    except sqlite3.DatabaseError as error:
        raise UsageError(
            f"{file} is a database of another version of OpenCode, or damaged ({error}). Export single sessions there "
            "with `opencode export ID` and import those files."
        ) from None
    finally:
        database.close()


def _address(file: Path) -> str:
    """Return the address that opens a database so that nothing is written.

    A reader of a database in WAL mode makes the files `-wal` and `-shm` where there are none. Where there is a log, a
    program has the database open (or left it so), and its last changes stand there; without one, the file is all there
    is and can be read as if it never changed.
    """
    open_elsewhere = file.with_name(file.name + "-wal").exists()
    return f"file:{quote(str(file))}?{'mode=ro' if open_elsewhere else 'immutable=1'}"


def _empty(conversation: Conversation) -> None:
    """Let go of what was read: a database of years is larger than memory should be."""
    conversation.messages = []
    for child in conversation.children.values():
        _empty(child)


def _fill(database: sqlite3.Connection, conversation: Conversation) -> None:
    messages: dict[str, Message] = {}
    of = (conversation.id,)
    for key, data in database.execute(
        "SELECT id, data FROM message WHERE session_id = ? ORDER BY time_created, id", of
    ):
        if (info := _object(data, f"message {key}", conversation.problems)) is not None:
            messages[key] = Message(info)
    for key, message, data in database.execute(
        "SELECT id, message_id, data FROM part WHERE session_id = ? ORDER BY id", of
    ):
        part = _object(data, f"part {key}", conversation.problems)
        if part is not None and message in messages:
            messages[message].parts.append(part)
    conversation.messages = list(messages.values())
    for child in conversation.children.values():
        _fill(database, child)


def _from_export(file: Path, data: bytes) -> Conversation:
    # `opencode export` prints a line before the JSON where its output is not kept apart
    start = data.find(b"{")
    try:
        whole = msgspec.json.decode(data[max(0, start) :])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is neither a database nor an exported session of OpenCode ({error}).") from None
    info = whole.get("info") if isinstance(whole, dict) else None
    if not isinstance(info, dict) or not isinstance(whole.get("messages"), list):
        raise UsageError(f"{file} is no session that OpenCode exported: `info` and `messages` are missing.")
    times = info.get("time")
    created = number_of(times.get("created")) if isinstance(times, dict) else 0.0
    conversation = Conversation(
        text_of(info.get("id")), text_of(info.get("title")), text_of(info.get("directory")), created
    )
    for number, message in enumerate(whole["messages"]):
        if not isinstance(message, dict) or not isinstance(message.get("info"), dict):
            conversation.problems.append(f"Message {number + 1} has no `info` and was left out.")
            continue
        parts = message.get("parts")
        kept = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        conversation.messages.append(Message(message["info"], kept))
    return conversation


def _object(data: object, what: str, problems: list[str]) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(data) if isinstance(data, str | bytes) else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = None
    if not isinstance(value, dict):
        problems.append(f"{what} cannot be read and was left out.")
        return None
    return value


def text_of(value: object) -> str:
    """Return a value where it is text, else nothing."""
    return value if isinstance(value, str) else ""


def number_of(value: object) -> float:
    """Return a value where it is a number, else 0."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
