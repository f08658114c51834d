"""Files of one kind that a person or a trusted project keeps beside the settings: `agents/`, `commands/`, `skills/`.

The person's own are in the config dir. The project's are in `.rlm-tui/`, and count only as they were when the project
was found to be trusted: a file that changes meanwhile has no effect before it was looked at again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rlm_tui.config.checking import ConfigProblem
from rlm_tui.config.trust import PROJECT_FOLDER

MOST_BYTES = 1_000_000
_MOST_FILES = 500


@dataclass(frozen=True, slots=True)
class OwnFile:
    """One file: where it is, its path below the folder of its kind, and its text."""

    path: Path
    inner: str
    text: str


def own_files(
    kind: str, config_dir: Path, project: Path | None, trusted: Mapping[str, bytes], problems: list[ConfigProblem]
) -> list[OwnFile]:
    """Return the `.md` files of a kind (`agents`), the person's first, each group by name.

    What cannot be read becomes a problem.
    """
    found = list(_person(config_dir / kind, problems))
    prefix = f"{PROJECT_FOLDER}/{kind}/"
    for name in sorted(trusted):
        if project is not None and name.startswith(prefix) and name.endswith(".md"):
            text = _decoded(project / name, trusted[name], problems)
            if text is not None:
                found.append(OwnFile(project / name, name.removeprefix(prefix), text))
    return found


def _person(folder: Path, problems: list[ConfigProblem]) -> Iterator[OwnFile]:
    if not folder.is_dir():
        return
    paths = sorted(folder.rglob("*.md"))
    if len(paths) > _MOST_FILES:
        problems.append(ConfigProblem(str(folder), 0, f"holds more than {_MOST_FILES} files: the others are not read"))
    for path in paths[:_MOST_FILES]:
        try:
            if not path.is_file():
                continue
            if path.stat().st_size > MOST_BYTES:
                problems.append(ConfigProblem(str(path), 0, f"is larger than {MOST_BYTES:,} bytes, so it is not read"))
                continue
            data = path.read_bytes()
        except OSError as error:
            problems.append(ConfigProblem(str(path), 0, f"cannot be read ({error.strerror})"))
            continue
        text = _decoded(path, data, problems)
        if text is not None:
            yield OwnFile(path, path.relative_to(folder).as_posix(), text)


def _decoded(path: Path, data: bytes, problems: list[ConfigProblem]) -> str | None:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.append(ConfigProblem(str(path), line, "is not UTF-8 text, so it is not used"))
        return None
