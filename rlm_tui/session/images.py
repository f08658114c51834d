"""Images that prompts show: kept in the session's folder by what they hold, named in its log."""

import re
from pathlib import Path

from rlm_tui.events import Image
from rlm_tui.session.outputs import bytes_digest, load_bytes, save_bytes

FOLDER = "images"
_SHA = re.compile(r"[0-9a-f]{64}")


def save_image(session: Path, name: str, media_type: str, data: bytes) -> Image:
    """Keep an image in a session's folder; return what the log says of it. Raises `SessionError`."""
    image = Image(name, bytes_digest(data), media_type, len(data))
    save_bytes(session / FOLDER, data, image.sha256)
    return image


def load_image(session: Path, image: Image) -> bytes | None:
    """Return an image's bytes; None where they are not here (the session came from elsewhere) or are damaged."""
    return load_bytes(session / FOLDER, image.sha256) if _SHA.fullmatch(image.sha256) else None
