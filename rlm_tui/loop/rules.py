"""Rules that people write for assistants (`AGENTS.md`, or `CLAUDE.md` where there is none), part of every root prompt.

They are looked for in the config dir (the person's own, for all projects), then in each folder from the repository's
root down to the project. Later ones are nearer and stand later. Without a repository only the project's own counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rlm_tui.session.session import Session

NAMES = ("AGENTS.md", "CLAUDE.md")
MOST_CHARS = 40_000
"""Characters of one file that are taken; the model is told of the rest and can read the file."""


_MOST_NOTES = 10_000


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file of rules. `cut` is how many characters of it were left out."""

    path: Path
    text: str
    cut: int = 0


def find_rules(project: Path, config_dir: Path) -> list[RuleFile]:
    """Return the rules in force for `project`, the farthest first. What cannot be read has no effect."""
    found = (_read(folder) for folder in (config_dir, *_folders(project)))
    return [rules for rules in found if rules is not None]


def rules_text(files: list[RuleFile]) -> str:
    """Return the rules as a part of a system text, an empty string where there are none."""
    if not files:
        return ""
    parts = [
        "# Rules",
        "",
        "The person and the project ask you to keep to these. What the person says now comes first.",
    ]
    for file in files:
        parts += ["", f"## {file.path}", "", file.text.strip()]
        if file.cut:
            parts.append(f"({file.cut:,} more characters are in the file.)")
    return "\n".join(parts) + "\n"


def show_rules(session: Session, files: list[RuleFile], project: Path, part_chars: int) -> None:
    """Let rules from outside the project be entries of the context, as the project's own are: as they are now.

    An entry of an earlier text is superseded.
    """
    for file in files:
        if file.path.resolve().is_relative_to(project.resolve()):
            continue
        label = str(file.path)
        notes = session.context.entries(kind="note", limit=_MOST_NOTES)
        known = [entry for entry in notes if entry.label == label]
        if "".join(session.context.read(entry.start, entry.chars) for entry in known) == file.text:
            continue
        added = session.append_parts("note", label, file.text, part_chars)
        for entry in known:
            session.supersede(entry.number, by=added[0].number)


def _folders(project: Path) -> Iterator[Path]:
    """Yield the folders from the repository's root down to the project."""
    project = project.resolve()
    chain = [project, *project.parents]
    root = next((place for place, folder in enumerate(chain) if (folder / ".git").exists()), 0)
    yield from reversed(chain[: root + 1])


def _read(folder: Path) -> RuleFile | None:
    for name in NAMES:
        path = folder / name
        try:
            if path.is_file():
                text = path.read_bytes()[: MOST_CHARS * 8].decode("utf-8-sig", "replace")
                return RuleFile(path, text[:MOST_CHARS], max(0, len(text) - MOST_CHARS)) if text.strip() else None
        except OSError:
            continue
    return None
