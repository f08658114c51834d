"""Corpora that others have built: one sealed segment as a file, or a corpus folder, used where it lies.

Both may lie on a file system that is shared or read-only: nothing is written there, except that a tape that is
missing is made again beside its database where that can be written, else in a nameless file.
"""

from pathlib import Path

from rlm_tui.context.layout import DATABASE_SUFFIX, SegmentRef
from rlm_tui.context.manifest import load_manifest
from rlm_tui.context.segment import Segment
from rlm_tui.errors import ContextError

_MANIFEST = "manifest.json"


def shared_segments(path: Path) -> list[SegmentRef] | None:
    """Return the segments that `path` shares, with absolute paths, or None where it is something else to read.

    A `.duckdb` file is one segment with all its entries; a folder with a manifest and segments is a corpus with
    what was current when it was built. Raises `ContextError` for a segment or manifest that cannot be read.
    """
    if path.suffix == DATABASE_SUFFIX and path.is_file():
        return [_whole(path)]
    if not (path / _MANIFEST).is_file() or not (path / "segments").is_dir():
        return None
    directory = (path / "segments").absolute()
    manifest = load_manifest(path / _MANIFEST, "")
    if not manifest.root:
        raise ContextError(f"{path} has no manifest that can be read; build it again with rlm-tui ingest.")
    return manifest.references(manifest.files, Path("/nowhere"), directory)


def _whole(path: Path) -> SegmentRef:
    segment = Segment.open(path.absolute())
    ref = segment.ref
    segment.database.close()
    return SegmentRef(ref.segment, ref.sha, ref.path, ref.source or str(path), ref.entries, ref.chars, ref.live)
