"""Examining what lies on the disk: segments and corpora, mended where they can be made again from what is there."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rlm_tui.context.corpus import Corpus
from rlm_tui.context.database import Database
from rlm_tui.context.layout import DATABASE_SUFFIX, TAPE_SUFFIX, tape_path
from rlm_tui.context.manifest import Manifest, SealedSegment, load_manifest
from rlm_tui.context.segment import Segment
from rlm_tui.context.segment_writer import SegmentWriter
from rlm_tui.context.tape import SEPARATOR
from rlm_tui.errors import ContextError

Verdict = Literal["well", "mended", "harmed"]
_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found at a place on the disk, as a sentence. `harmed` is what is left for the person to do."""

    place: str
    verdict: Verdict
    what: str


def examine_segment(path: Path) -> Finding:
    """Check a segment whole: its database, and its tape against the hash it was sealed with.

    A tape that is missing or differs is written again from the database; a database that cannot be read is set
    aside under another name.
    """
    tape = tape_path(path)
    try:
        before = tape.stat().st_mtime_ns
    except OSError:
        before = -1
    with Database() as database:
        try:
            segment = Segment.open(path, database)
            if _sha256(tape) != segment.ref.sha:
                tape.unlink(missing_ok=True)
                segment = Segment.open(path, database)
            entries, chars = len(segment), segment.ref.chars
            after = tape.stat().st_mtime_ns
        except (ContextError, OSError) as error:
            return Finding(str(path), "harmed", str(error))
    what = f"{entries:,} entries, {chars:,} characters"
    if after != before:
        return Finding(str(path), "mended", f"{what}; its tape was missing or damaged and was written again")
    return Finding(str(path), "well", what)


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_READ_BYTES):
                found.update(piece)
    except OSError:
        return ""
    return found.hexdigest()


def examine_corpus(directory: Path) -> tuple[list[Finding], Path | None]:
    """Check the manifest and every current segment of the corpus in `directory`.

    Returns what was found, and the root to read again (an ingest mends it), or None where nothing is amiss or the
    root is not known or not there any more.
    """
    manifest_path = directory / "manifest.json"
    if not manifest_path.exists():
        return [Finding(str(directory), "harmed", "it has no manifest; the next ingest of its folder makes one")], None
    try:
        manifest = load_manifest(manifest_path, "")
    except ContextError as error:
        return [Finding(str(manifest_path), "harmed", str(error))], None
    if not manifest.root:
        what = "it was damaged and was set aside; the next ingest of its folder reads all again"
        return [Finding(str(manifest_path), "harmed", what)], None
    found = [_examine_current(directory / "segments", manifest, sealed) for sealed in manifest.segments]
    root = Path(manifest.root)
    gone = any(finding.verdict == "harmed" and not Path(finding.place).exists() for finding in found)
    amiss = gone or not manifest.complete
    return found, root if amiss and root.exists() else None


def _examine_current(directory: Path, manifest: Manifest, sealed: SealedSegment) -> Finding:
    path = directory / f"{sealed.segment}{DATABASE_SUFFIX}"
    finding = examine_segment(path)
    if finding.verdict != "harmed" or path.exists() or not restore_segment(directory, manifest, sealed):
        return finding
    return Finding(str(path), "mended", "its database was lost or damaged and was made again from its tape")


def restore_segment(directory: Path, manifest: Manifest, sealed: SealedSegment) -> bool:
    """Make the database of a segment again, under the same id, from its tape; return whether that can be done.

    It can where the tape is whole and the manifest knows every entry on it, as it does until a file changes.
    """
    files = sorted((file for file in manifest.files if file.segment == sealed.segment), key=lambda file: file.entry)
    tape = directory / f"{sealed.segment}{TAPE_SUFFIX}"
    if [file.entry for file in files] != list(range(sealed.entries)) or _sha256(tape) != sealed.sha:
        return False
    text = tape.read_bytes().decode()
    with SegmentWriter(directory, source=manifest.root, segment=sealed.segment) as writer:
        place = 0
        for file in files:
            writer.add("file", file.label, text[place : place + file.chars], at=file.mtime_ns / 1e9)
            place += file.chars + len(SEPARATOR)
        return writer.finish().sha == sealed.sha


def unneeded(home: Path, directory: Path, keep: set[str]) -> dict[Path, int]:
    """Return the segments, and files set aside, that a corpus does not need, with their sizes in bytes.

    `keep` are ids of segments that sessions refer to.
    """
    try:
        current = {sealed.segment for sealed in load_manifest(directory / "manifest.json", "").segments}
    except ContextError:
        return {}
    sizes: dict[Path, int] = {}
    for path in sorted((home / directory / "segments").glob("[!.]*")):
        segment = path.name.split(".", 1)[0]
        if ".damaged-" in path.name or segment not in current | keep:
            sizes[path] = path.stat().st_size
    return sizes


def corpus_of(home: Path, directory: Path) -> Corpus | None:
    """Return the corpus that lies in `directory`, or None where its manifest does not say of what it is."""
    try:
        root = load_manifest(directory / "manifest.json", "").root
    except ContextError:
        return None
    corpus = Corpus(home, Path(root)) if root else None
    return corpus if corpus is not None and corpus.directory.resolve() == directory.resolve() else None
