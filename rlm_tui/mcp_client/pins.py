"""What each server's tools were described as when the person last had a say, kept in `mcp-pins.json`.

The first description of a tool is pinned as it is seen. When a server describes a tool otherwise later on, a model
goes on being told the pinned description until the person agrees to the new one. Pins belong to a server's name and
to how it is started or reached: a server of another command starts anew.
"""

import hashlib
from pathlib import Path

import msgspec
from msgspec import Struct

from rlm_tui.config.writing import write_atomically
from rlm_tui.mcp_client.facts import Launch, RemoteTool

FILE_NAME = "mcp-pins.json"


class _File(Struct, frozen=True):
    servers: dict[str, dict[str, RemoteTool]] = {}


def pin_key(launch: Launch) -> str:
    """Return the name under which a server's pins are kept."""
    where = msgspec.json.encode((launch.command, launch.url, str(launch.project) if launch.command else ""))
    return f"{launch.name}:{hashlib.sha256(where).hexdigest()[:16]}"


class Pins:
    """The pins in one data home. A file that cannot be read counts as empty; `OSError`s of writing are raised."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE_NAME

    def of(self, key: str) -> dict[str, RemoteTool]:
        """Return a server's pinned tools by name."""
        return dict(self._read().servers.get(key, {}))

    def pin(self, key: str, tools: dict[str, RemoteTool]) -> None:
        """Pin these tools of a server, beside those that are pinned already. Raises `OSError`."""
        if not tools:
            return
        servers = dict(self._read().servers)
        servers[key] = {**servers.get(key, {}), **tools}
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(self._path, msgspec.json.encode(_File(servers)).decode() + "\n")

    def _read(self) -> _File:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_File)
        except (OSError, msgspec.DecodeError):
            return _File()
