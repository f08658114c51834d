"""Examining a session's folder: its log, its large texts, and the segments that its context rests on."""

from pathlib import Path

from rlm_tui.context.examine import Finding, examine_segment
from rlm_tui.errors import SessionError
from rlm_tui.events import EntryAppended, SegmentAttached, SegmentSealed
from rlm_tui.session.log import LOG_NAME, Damage, is_held, read_log
from rlm_tui.session.outputs import load_output
from rlm_tui.session.sealing import SEGMENTS


def examine_session(directory: Path, home: Path) -> list[Finding]:
    """Check a session; leftovers of writes that a crash cut short are removed unless the session is open.

    Segments of corpora are only looked for here: `examine_corpus` reads them.
    """
    records = 0
    found: list[Finding] = []
    sealed: dict[str, SegmentSealed] = {}
    try:
        for record in read_log(directory / LOG_NAME):
            if isinstance(record, Damage):
                what = f"line {record.line} of the log cannot be read ({record.reason}); all others can"
                found.append(Finding(str(directory), "harmed", what))
                continue
            records += 1
            match record.event:
                case EntryAppended(output=output) as event if (
                    output and load_output(directory / "outputs", output) is None
                ):
                    what = f"the text of entry {event.entry} ({event.label}) is missing or damaged: outputs/{output}"
                    found.append(Finding(str(directory), "harmed", what))
                case SegmentSealed() as event:
                    sealed[event.segment] = event
                case SegmentAttached() as event if not (home / event.path).exists():
                    what = f"{event.entries:,} entries of {event.source} cannot be read: {event.path} is gone"
                    found.append(Finding(str(directory), "harmed", what))
                case _:
                    pass
    except SessionError as error:
        return [Finding(str(directory), "harmed", str(error))]
    found += [_own_segment(directory, event) for event in sealed.values()]
    if not is_held(directory):
        found += _leftovers(directory, {event.path for event in sealed.values()})
    return found or [Finding(str(directory), "well", f"{records:,} records")]


def _own_segment(directory: Path, event: SegmentSealed) -> Finding:
    finding = examine_segment(directory / event.path)
    if finding.verdict != "harmed":
        return finding
    return Finding(finding.place, "mended", f"{finding.what} Nothing is lost: its text is taken from the log.")


def _leftovers(directory: Path, known: set[str]) -> list[Finding]:
    """Remove what a process left that died while it wrote."""
    paths = [*(directory / "outputs").glob(".*.part"), *(directory / SEGMENTS).glob(".*.tmp*")]
    stems = {Path(path).stem for path in known}
    paths += [path for path in (directory / SEGMENTS).glob("[!.]*") if path.name.split(".", 1)[0] not in stems]
    size = sum(path.stat().st_size for path in paths)
    for path in paths:
        path.unlink(missing_ok=True)
    if not paths:
        return []
    return [
        Finding(str(directory), "mended", f"{len(paths)} unfinished files ({size:,} bytes) of a crash were removed")
    ]
