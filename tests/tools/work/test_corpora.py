"""Public cases of other assistants' edit and patch tools, run when `RLM_TUI_CORPORA` names their folder."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rlm_tui.errors import ToolError
from rlm_tui.tools.work.patch import Chunk, FilePatch, parse_patch, patched
from tests.support.work import Bench
from tests.tools.work.conftest import corpora

CORPORA = corpora()
pytestmark = pytest.mark.skipif(CORPORA is None, reason="RLM_TUI_CORPORA names no folder of public cases")

_FIRST_MATCH = "the peer takes the first of several matches; we refuse, since the wrong one may be meant"
EDIT_DIFFERENCES = {
    "test_replace_mixed_multiple_edits": _FIRST_MATCH,
    "test_replace_multiple_matches": _FIRST_MATCH,
    "test_replace_multiple_matches_missing_whitespace": _FIRST_MATCH,
    "test_replace_part_with_missing_leading_whitespace_including_blank_line": (
        "the peer drops a blank line that the text asked for does not have; we say that it is not there"
    ),
    "preserves BOM when oldString empty on existing file": (
        "the peer replaces a whole file for an empty old_string; we refuse and name write"
    ),
}
"""Rows where we do otherwise: there the file must stay exactly as it was."""


def _rows(name: str) -> list[dict[str, Any]]:
    assert CORPORA is not None
    return [json.loads(line) for line in (CORPORA / "edit-tool" / name).read_text().splitlines()]


def _tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_edit_cases(tmp_path: Path) -> None:
    wrong = []
    for number, row in enumerate(_rows("cases.jsonl")):
        project = tmp_path / str(number)
        project.mkdir()
        bench = Bench(project, tmp_path / f"home{number}")
        file = project / "file.txt"
        if row["content"] is not None:
            file.write_bytes(row["content"].encode())
        results = [
            bench.use(
                "edit", path="file.txt", old_string=e["old"], new_string=e["new"], replace_all=e["replace_all"]
            )
            for e in row["edits"]
        ]  # fmt: skip
        failed = not all(result.ok for result in results)
        name = row["src"].rpartition("::")[2]
        if name in EDIT_DIFFERENCES or row["expect"] == "error":
            before = {} if row["content"] is None else {"file.txt": row["content"].encode()}
            right = failed and (len(results) > 1 or _tree(project) == before)
        else:
            right = not failed and file.read_bytes() == row["expect"].encode()
        if not right:
            wrong.append((row["src"], [result.text for result in results]))
    assert wrong == []


def test_patch_cases(tmp_path: Path) -> None:
    assert CORPORA is not None
    wrong = []
    for case in sorted(path for path in (CORPORA / "opencode-apply-patch").iterdir() if path.is_dir()):
        project = tmp_path / case.name
        project.mkdir()
        for name, data in _tree(case / "input").items():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_bytes(data)
        before = _tree(project)
        result = Bench(project, tmp_path / f"{case.name}.home").use(
            "apply_patch", patch=(case / "patch.txt").read_text()
        )
        must_fail = (case / "must_fail").read_text().strip() == "1"
        wanted = before if must_fail else _tree(case / "expected")
        if result.ok is must_fail or _tree(project) != wanted:
            wrong.append((case.name, result.text))
        shutil.rmtree(project)
    assert wrong == []


def _chunk(row: dict[str, Any]) -> Chunk:
    headers = [row["changeContext"]] if row["changeContext"] else []
    return Chunk(headers, row["oldLines"], row["newLines"], row["isEndOfFile"])


def test_chunks_of_another_patch_tool() -> None:
    wrong = []
    for row in _rows("roo.jsonl"):
        if row["kind"] == "apply":
            text, path, chunks = row["args"]
            step = FilePatch("update", path, chunks=[_chunk(chunk) for chunk in chunks])
            got: Any
            try:
                got = patched(text, step)
            except ToolError:
                got = ToolError
            expected = ToolError if row["expect"].get("throws") else row["expect"].get("value.toBe")
        elif row["kind"] == "parse":
            try:
                got = len(parse_patch(row["args"][0]))
            except ToolError:
                got = ToolError
            expected = ToolError if row["expect"].get("throws") else got
        else:
            continue
        if got != expected:
            wrong.append((row, got))
    assert wrong == []


def test_naughty_strings_and_broken_utf8_come_back_as_they_went_in(tmp_path: Path) -> None:
    assert CORPORA is not None
    bench = Bench(tmp_path / "p", tmp_path / "home")
    (tmp_path / "p").mkdir()
    for number, text in enumerate(json.loads((CORPORA / "blns" / "blns.json").read_text())):
        name = f"{number}.txt"
        assert bench.use("write", path=name, content=f"{text}\nKEEP\n").ok, text
        edited = bench.use("edit", path=name, old_string="KEEP", new_string=text or "x")
        if not edited.ok and "is binary" in edited.text:
            assert text.startswith("\x01\x02")  # nothing but controls: a file that no tool should take for text
            continue
        assert edited.ok, text
        assert (tmp_path / "p" / name).read_bytes() == f"{text}\n{text or 'x'}\n".encode()
        bench.use("read", path=text)
        if number % 25 == 0:
            bench.use("glob", pattern=text)
    for source in (CORPORA / "utf8tests").glob("utf8tests.*"):
        data = source.read_bytes()
        (tmp_path / "p" / source.name).write_bytes(data)
        bench.use("read", path=source.name)
        bench.use("edit", path=source.name, old_string="U", new_string="U+", replace_all=True)
        after = (tmp_path / "p" / source.name).read_bytes()
        assert after in (data, data.replace(b"U", b"U+"))
