"""The library of sessions under the data home: listing, finding, renaming, forking, deleting and searching.

A session's figures come from folding its log; the result is kept in `summary.json` beside the log, with the log's
size, and is used as long as that size still fits.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from rlm_tui import __version__
from rlm_tui import events as ev
from rlm_tui.config.paths import Paths
from rlm_tui.context.known import KNOWN_FOLDER
from rlm_tui.errors import SessionError, UsageError
from rlm_tui.session.codec import DamagedLine, decode_line
from rlm_tui.session.log import LOG_NAME, Damage, LogWriter, is_held, read_log
from rlm_tui.session.session import new_session_id
from rlm_tui.session.state import SessionState
from rlm_tui.text import one_line

_SUMMARY_NAME = "summary.json"


class SessionInfo(Struct, frozen=True):
    """One session in figures. Sums include sub-calls; `cost` is None where a price was unknown and nothing known."""

    id: str
    project: str
    title: str
    model: str
    opened_at: float
    changed_at: float
    turns: int
    calls: int
    input_tokens: int
    output_tokens: int
    cost: float
    cost_known: bool
    context_chars: int
    entries: int
    log_bytes: int
    forked_from: str = ""
    problem: str = ""
    imported_from: str = ""


class SessionMatch(Struct, frozen=True):
    """A place in a session's texts that holds the words looked for."""

    session: str
    title: str
    kind: str
    snippet: str
    seq: int


def session_directories(paths: Paths) -> list[Path]:
    """Return the folders of all sessions, newest first (their ids sort by time)."""
    if not paths.sessions.is_dir():
        return []
    found = [d for d in paths.sessions.iterdir() if d.name[0] != "." and (d / LOG_NAME).is_file()]
    return sorted(found, key=lambda d: d.name, reverse=True)


def list_sessions(paths: Paths, project: Path | None = None) -> list[SessionInfo]:
    """Return all sessions, or those of `project`, newest first. A damaged one is listed with its problem."""
    infos = [describe(directory) for directory in session_directories(paths)]
    if project is not None:
        infos = [info for info in infos if info.project == str(project)]
    return sorted(infos, key=lambda info: (info.changed_at, info.id), reverse=True)


def newest_session(paths: Paths, project: Path) -> Path | None:
    """Return the folder of the session of `project` that changed last and is not open elsewhere."""
    for info in list_sessions(paths, project):
        directory = paths.sessions / info.id
        if not info.problem and not is_held(directory):
            return directory
    return None


def find_session(paths: Paths, prefix: str) -> Path:
    """Return the folder of the one session whose id or title starts with `prefix`. Raises `UsageError`."""
    directories = session_directories(paths)
    exact = [d for d in directories if d.name == prefix]
    found = exact or [d for d in directories if d.name.startswith(prefix) or d.name.endswith(prefix)]
    if not found:
        found = [d for d in directories if describe(d).title.lower().startswith(prefix.lower())]
    if not prefix or not found:
        raise UsageError(f"There is no session {prefix!r}. `rlm-tui sessions` lists those there are.")
    if len(found) > 1:
        names = ", ".join(d.name for d in found[:4])
        raise UsageError(f"{len(found)} sessions match {prefix!r} ({names}): give more of the id.")
    return found[0]


def describe(directory: Path) -> SessionInfo:
    """Return a session's figures, from its summary where that is current, else by folding its log."""
    log = directory / LOG_NAME
    try:
        size = log.stat().st_size
    except OSError as error:
        return _unreadable(directory, 0, f"cannot be read: {error.strerror}")
    try:
        kept = msgspec.json.decode((directory / _SUMMARY_NAME).read_bytes(), type=SessionInfo)
        if kept.log_bytes == size and kept.id == directory.name:
            return kept
    except (OSError, msgspec.DecodeError):
        pass  # no summary, or not a current one: it is made again below
    try:
        info = _summarise(directory, size)
    except SessionError as error:
        return _unreadable(directory, size, str(error))
    _keep(directory, info)
    return info


def _summarise(directory: Path, size: int) -> SessionInfo:
    state = SessionState()
    damaged = 0
    for record in read_log(directory / LOG_NAME):
        if isinstance(record, Damage):
            damaged += 1
        else:
            state.apply(record)
    return SessionInfo(
        id=directory.name, project=state.project, title=state.title, model=state.model, opened_at=state.opened_at,
        changed_at=state.changed_at, turns=len(state.turns), calls=state.calls,
        input_tokens=state.usage.input_tokens, output_tokens=state.usage.output_tokens, cost=state.cost,
        cost_known=state.cost_known, context_chars=state.context_chars, entries=state.entry_count, log_bytes=size,
        forked_from=state.forked_from, imported_from=state.imported_from,
        problem=f"{damaged} damaged records" if damaged and not state.session else "",
    )  # fmt: skip


def _unreadable(directory: Path, size: int, problem: str) -> SessionInfo:
    return SessionInfo(directory.name, "", "", "", 0.0, 0.0, 0, 0, 0, 0, 0.0, True, 0, 0, size, problem=problem)


def _keep(directory: Path, info: SessionInfo) -> None:
    part = directory / f".{_SUMMARY_NAME}.part"
    try:
        part.write_bytes(msgspec.json.encode(info))
        part.rename(directory / _SUMMARY_NAME)
    except OSError:
        part.unlink(missing_ok=True)  # a summary only saves time; the next listing folds again


def rename_session(directory: Path, title: str) -> None:
    """Give a session that is not open elsewhere another title. Raises `SessionError` or `UsageError`."""
    title = one_line(title.strip(), 200)
    if not title:
        raise UsageError("The title is empty: give the session a name.")
    _append(directory, ev.TitleSet(title))


def _append(directory: Path, event: ev.AnyEvent) -> None:
    """Add one event to a closed session's log."""
    writer = LogWriter(directory)
    try:
        last = max((r.seq for r in read_log(directory / LOG_NAME) if not isinstance(r, Damage)), default=-1)
        writer.append(ev.Envelope(directory.name, last + 1, round(time.time(), 3), event))
        writer.barrier()
    finally:
        writer.close()


def fork_session(paths: Paths, directory: Path, at: int = -1) -> Path:
    """Copy a session into a new one, up to and including record `at` (-1: whole); return its folder.

    The new log starts with a `SessionOpened` that names its origin. Sealed segments are shared, outputs copied.
    """
    target = paths.sessions / new_session_id()
    writer = LogWriter(target)
    try:
        for record in read_log(directory / LOG_NAME):
            if isinstance(record, Damage) or (0 <= at < record.seq):
                continue
            event = record.event
            if isinstance(event, ev.SessionOpened) and not event.resumed:
                event = msgspec.structs.replace(
                    event, app_version=__version__, forked_from=directory.name, forked_at=at
                )
            writer.append(
                ev.Envelope(target.name, record.seq, record.at, event, record.call, record.parent, record.depth)
            )
        for folder in ("outputs", "images", "segments", KNOWN_FOLDER):
            if (directory / folder).is_dir():
                shutil.copytree(directory / folder, target / folder, dirs_exist_ok=True)
        writer.barrier()
    except BaseException:
        writer.close()
        shutil.rmtree(target, ignore_errors=True)
        raise
    writer.close()
    return target


def last_record_before_turn(directory: Path, turn: int) -> int:
    """Return the number of the last record before `turn` began. Raises `UsageError` for an unknown turn."""
    last = -1
    for record in read_log(directory / LOG_NAME):
        if isinstance(record, Damage):
            continue
        if isinstance(record.event, ev.TurnStarted) and record.event.turn == turn:
            return last
        if not (isinstance(record.event, ev.EntryAppended) and record.event.kind == "user"):
            last = record.seq  # a prompt's own entry comes right before its turn
    raise UsageError(f"There is no turn {turn} in this session.")


def delete_session(directory: Path) -> None:
    """Delete a session's folder. Raises `SessionError` while another process has it open."""
    if is_held(directory):
        raise SessionError(f"Session {directory.name} is open in another rlm-tui: close it there first.")
    shutil.rmtree(directory)


def search_sessions(paths: Paths, words: str, limit: int = 50) -> Iterator[SessionMatch]:
    """Yield places in prompts, replies, answers, titles and small tool results that hold `words`, ignoring case."""
    wanted = words.casefold()
    if not wanted.strip():
        raise UsageError("There is nothing to search for: give some words.")
    found = 0
    for directory in session_directories(paths):
        title = ""
        for record in _records_with(directory / LOG_NAME, wanted):
            for kind, text in _texts(record.event):
                place = text.casefold().find(wanted)
                if place >= 0:
                    title = title or describe(directory).title
                    yield SessionMatch(directory.name, title, kind, _snippet(text, place, len(words)), record.seq)
                    found += 1
                    if found >= limit:
                        return


def _records_with(log: Path, wanted: str) -> Iterator[ev.Envelope]:
    """Yield the records that may hold `wanted`; lines without it are not decoded, where its JSON form is its own."""
    plain = wanted.encode() if wanted.isascii() and wanted.isprintable() and not set(wanted) & set('"\\/') else b""
    with log.open("rb") as lines:
        for line in lines:
            if plain and plain not in line.lower():
                continue
            try:
                yield decode_line(line)
            except (DamagedLine, SessionError):
                continue  # what cannot be read is told where the session is opened


def _texts(event: ev.AnyEvent) -> Iterator[tuple[str, str]]:
    match event:
        case ev.TurnStarted():
            yield "prompt", event.prompt
        case ev.ReplyFinished():
            yield "reply", event.text
        case ev.TitleSet():
            yield "title", event.title
        case ev.ToolFinished():
            yield "tool", event.result
        case _:
            return


def _snippet(text: str, place: int, length: int) -> str:
    start = max(0, place - 60)
    return ("…" if start else "") + one_line(text[start : place + length + 60], 180)
