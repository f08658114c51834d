"""Images in prompts: `@shot.png`, or the path of an image as terminals paste it when a file is dropped on them.

A bare path counts only at the beginning or the end of a prompt: one in the middle (of a log that was pasted, of a
sentence about a file) is talked about, and talking about a file must not send it anywhere.
"""

import base64
import re
from pathlib import Path

from rlm_tui.events import Image
from rlm_tui.models.port import Limits
from rlm_tui.models.providers import is_offline
from rlm_tui.session.images import load_image, save_image
from rlm_tui.session.nodes import Turn
from rlm_tui.text import one_line

MOST_BYTES = 5_000_000
"""What the providers that tell a limit take of one image."""

_MOST_IMAGES = 10
_ENDINGS = r"\.(?:png|jpe?g|gif|webp)"
_MENTIONS = re.compile(
    rf"""(?:^|(?<=\s))(?:
        @"(?P<quoted>[^"\n]+{_ENDINGS})" | @(?P<plain>[^\s"]+{_ENDINGS})
        | '(?P<dropped_quoted>(?:/|~/)[^'\n]+{_ENDINGS})'
        | (?:file://)?(?P<dropped>(?:/|~/)(?:\\.|[^\s\\])+{_ENDINGS})
    )(?=[\s,;:.!?)]|$)""",
    re.IGNORECASE | re.VERBOSE,
)
_HEADS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def image_paths(prompt: str, project: Path) -> list[Path]:
    """Return the image files that a prompt names, in order, each once, whether or not they are there."""
    found: list[Path] = []
    prompt = prompt.strip()
    for match in _MENTIONS.finditer(prompt):
        bare = match["dropped"] or match["dropped_quoted"]
        if bare and match.start() > 0 and match.end() < len(prompt):
            continue
        name = next(text for text in match.groups() if text)
        if match["dropped"]:
            name = re.sub(r"\\(.)", r"\1", name)
        path = Path(name).expanduser()
        found.append(path if path.is_absolute() else project / path)
    return list(dict.fromkeys(found))


def keep_images(prompt: str, project: Path, session: Path, *, anywhere: bool) -> tuple[list[Image], list[str]]:
    """Keep the images that a prompt names in the session's folder; return them, and why others are left out.

    Without `anywhere` only those inside the project are taken: a prompt that no person typed names no file outside.
    Raises `SessionError` where they cannot be stored.
    """
    kept: list[Image] = []
    problems: list[str] = []
    for path in image_paths(prompt, project):
        name = one_line(path.name, 60)
        try:
            if not anywhere and not path.resolve().is_relative_to(project.resolve()):
                problems.append(f"{name} is outside the project and is not shown to the model.")
                continue
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            problems.append(f"{name} is not shown to the model: {why}.")
            continue
        media_type = media_type_of(data)
        if not media_type:
            problems.append(f"{name} is no PNG, JPEG, GIF or WebP image and is not shown to the model.")
        elif len(data) > MOST_BYTES:
            problems.append(f"{name} is not shown to the model: it has more than {MOST_BYTES:,} bytes.")
        elif len(kept) >= _MOST_IMAGES:
            problems.append(f"{name} is not shown to the model: a prompt shows at most {_MOST_IMAGES} images.")
        else:
            kept.append(save_image(session, path.name, media_type, data))
    return kept, problems


def media_type_of(data: bytes) -> str:
    """Return the type of an image by its first bytes, empty where it is none that models take."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((name for head, name in _HEADS if data.startswith(head)), "")


def takes_images(model: str, limits: Limits) -> bool:
    """Tell whether a model can be shown images; one of which nothing is known is given the benefit of the doubt."""
    return not is_offline(model) and (limits.context_tokens is None or limits.supports_images)


class ShownImages:
    """The images of a session's turns as data URLs, read once."""

    def __init__(self, session: Path) -> None:
        self._session = session
        self._urls: dict[int, tuple[str, ...]] = {}

    def urls_of(self, turn: Turn) -> tuple[str, ...]:
        """Return the data URLs of a turn's images; one that is not here any more is left out."""
        if not turn.images:
            return ()
        if turn.number not in self._urls:
            self._urls[turn.number] = tuple(
                f"data:{image.media_type};base64,{base64.b64encode(data).decode()}"
                for image in turn.images
                if (data := load_image(self._session, image)) is not None
            )
        return self._urls[turn.number]
