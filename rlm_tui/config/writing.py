"""Small files replaced whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_atomically(path: Path, text: str) -> None:
    """Put `text` in place of the file at `path`, durably; a reader sees the old content or the new one.

    A symbolic link is followed, so that it stays one, and the file keeps its mode (0600 for a new file).
    Raises `OSError`.
    """
    target = path.resolve()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            part.chmod(target.stat().st_mode & 0o777)
        part.rename(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
