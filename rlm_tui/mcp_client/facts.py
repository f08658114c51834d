"""What is known of servers and what they offer, as plain values; and the limits that every server is held to."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from rlm_tui.text import one_line, safe_text

MAX_MESSAGE_BYTES = 4 << 20
"""Largest single message of a server, in bytes. A larger one is dropped, and the call it answers fails."""

MAX_TOOLS = 200
"""Tools of one server; further ones are left out."""

MAX_SCHEMA_CHARS = 32_000
"""A tool whose arguments need a longer description is left out: no prompt should carry it."""

MAX_DESCRIPTION_CHARS = 4_000
MAX_RESOURCES = 1_000
MAX_LISTED_NAME = 300

State = Literal["off", "starting", "ready", "failed"]


class Launch(Struct, frozen=True):
    """How a server is reached: a program (`command`, `env`) or an address (`url`, `headers`); all values expanded.

    `env` is the whole environment of the program. Times are seconds.
    """

    name: str
    project: Path
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    url: str = ""
    headers: Mapping[str, str] = {}
    start_timeout: float = 30.0
    timeout: float = 60.0

    @property
    def shown(self) -> str:
        """Where the server is, for people."""
        return self.url or " ".join(self.command)


class RemoteTool(Struct, frozen=True):
    """A tool as its server describes it: cleaned for a prompt, its arguments a JSON schema of an object."""

    name: str
    description: str
    parameters: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        """A SHA-256 over everything that a model is told of the tool."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


class RemoteResource(Struct, frozen=True):
    """Something a server can be asked for: `uri` is its address there. `chars` is its size where that is told."""

    uri: str
    name: str
    description: str = ""
    kind: str = ""


class RemoteResult(Struct, frozen=True):
    """What a tool of a server gave back, as text."""

    text: str
    ok: bool = True


class ToolStatus(Struct, frozen=True):
    """One tool for the list of servers: `name` is the one a model uses. `changed` waits for the person's consent."""

    name: str
    description: str
    changed: bool = False
    new_description: str = ""


class ServerStatus(Struct, frozen=True):
    """One server for people: its state, the reason where it failed, and what it offers."""

    name: str
    where: str
    state: State
    error: str = ""
    tools: tuple[ToolStatus, ...] = ()
    has_resources: bool = False
    said: tuple[str, ...] = ()


def cleaned_tool(name: str, description: str, schema: Mapping[str, Any]) -> RemoteTool | None:
    """Return a server's tool made fit for a prompt, or None where its schema is too long or no object's.

    Control and invisible characters become visible marks, so that a description says to the model what it says to
    the person who reads it.
    """
    parameters = {key: value for key, value in _cleaned(dict(schema)).items() if key != "$schema"}
    if parameters.setdefault("type", "object") != "object":
        return None
    if not isinstance(parameters.setdefault("properties", {}), dict):
        return None
    required = parameters.get("required", [])
    parameters["required"] = [one for one in required if isinstance(one, str)] if isinstance(required, list) else []
    if len(msgspec.json.encode(parameters)) > MAX_SCHEMA_CHARS:
        return None
    return RemoteTool(name, safe_text(description[:MAX_DESCRIPTION_CHARS], tabs=True), parameters)


def _cleaned(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            key: safe_text(value[:MAX_DESCRIPTION_CHARS], tabs=True)
            if key in ("description", "title") and isinstance(value, str)
            else _cleaned(value)
            for key, value in node.items()
        }
    return [_cleaned(part) for part in node] if isinstance(node, list) else node


def short(text: str, limit: int = 200) -> str:
    """Return a server's words as one safe line of at most `limit` characters."""
    return one_line(text, limit)
