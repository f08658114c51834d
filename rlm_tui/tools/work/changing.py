"""The tools that change files: `write`, `edit` and `apply_patch`. All go through one door: ask, snapshot, write."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import Meta

from rlm_tui.errors import ToolError
from rlm_tui.tools.port import Action, Arguments, ToolResult, ToolRun
from rlm_tui.tools.work.matching import replace_text
from rlm_tui.tools.work.patch import FilePatch, parse_patch, patched
from rlm_tui.workspace.filetext import FileText, editable
from rlm_tui.workspace.project_files import Place, ProjectFiles
from rlm_tui.workspace.snapshots import Change

FilePath = Annotated[str, Meta(description="The file, relative to the project or absolute.")]


class WriteArguments(Arguments, frozen=True):
    path: FilePath
    content: Annotated[str, Meta(description="The whole new content.")]


class EditArguments(Arguments, frozen=True):
    path: FilePath
    old_string: Annotated[str, Meta(description="The exact text to replace, with enough lines to name one place.")]
    new_string: Annotated[str, Meta(description="What stands there afterwards.")]
    replace_all: Annotated[bool, Meta(description="Replace every place where old_string is.")] = False


class PatchArguments(Arguments, frozen=True):
    patch: Annotated[
        str,
        Meta(
            description="*** Begin Patch, then *** Add File: P (lines with +), *** Delete File: P or *** Update File: "
            "P (optional *** Move to: P; chunks after @@, lines that begin with a space, - or +), then *** End Patch."
        ),
    ]


async def change(
    tool: str, changes: Sequence[Change], files: ProjectFiles, run: ToolRun, *, target: str = "", how: str = ""
) -> ToolResult:
    """Ask whether the changes may be made, make them, and return the result with their diff. Raises `ToolError`."""
    changes = [change for change in changes if change.before != change.after]
    if not changes:
        return ToolResult("Nothing changed: the content is already so.", "nothing changed")
    diff = await asyncio.to_thread(files.diff, changes)
    labels = [files.label_of(change.path) for change in changes]
    paths = tuple(change.path for change in changes)
    await run.permits.require(Action(tool, target or " ".join(labels), paths, writes=True, preview=diff), run.request)
    files.apply(changes)
    added = sum(line.startswith("+") and not line.startswith("+++") for line in diff.split("\n"))
    removed = sum(line.startswith("-") and not line.startswith("---") for line in diff.split("\n"))
    lines = [_line(change, label) for change, label in zip(changes, labels, strict=True)]
    return ToolResult(
        "\n".join(lines) + (f"\n({how})" if how else ""), f"{', '.join(labels)}  +{added} -{removed}",
        data={"diff": diff, "paths": labels, "added": added, "removed": removed},
    )  # fmt: skip


def _line(change: Change, label: str) -> str:
    if change.after is None:
        return f"Deleted {label}."
    lines = change.after.count(b"\n")
    return (
        f"{'Created' if change.before is None else 'Changed'} {label} ({lines:,} lines, {len(change.after):,} bytes)."
    )


class Write:
    """`write`: a whole file."""

    name = "write"
    description = "Create a file or replace all of it. Read a file first that exists; prefer edit for small changes."
    arguments = WriteArguments
    aliases: Mapping[str, str] = {"text": "content", "contents": "content"}
    parallel = False

    def __init__(self, files: ProjectFiles) -> None:
        self._files = files

    async def run(self, arguments: WriteArguments, run: ToolRun) -> ToolResult:
        place = self._files.place(arguments.path)
        made = await asyncio.to_thread(self._change, place, arguments.content)
        return await change(self.name, [made], self._files, run, target=place.label)

    def _change(self, place: Place, content: str) -> Change:
        found = self._files.read_if_there(place)
        if found is None:
            return Change(place.path, None, _utf8(FileText(""), content))
        data, mode = found
        if data and not self._files.has_seen(place):
            raise ToolError(f"{place.label} exists and you have not read it: read it first, then write or edit it.")
        self._files.check_fresh(place, data)
        file = editable(data, place.label)
        text = content.removeprefix("\ufeff") if file.mark else content
        if file.newline == "\r\n" and "\r\n" not in text:
            text = text.replace("\n", "\r\n")
        return Change(place.path, data, _utf8(file, text), mode, mode)


class Edit:
    """`edit`: exact text replaced."""

    name = "edit"
    description = (
        "Replace exact text in a file. old_string must name one place (or set replace_all); copy it from read without "
        "the line numbers."
    )
    arguments = EditArguments
    aliases: Mapping[str, str] = {
        "old_str": "old_string", "new_str": "new_string", "old": "old_string", "new": "new_string",
        "oldText": "old_string", "newText": "new_string",
    }  # fmt: skip
    parallel = False

    def __init__(self, files: ProjectFiles) -> None:
        self._files = files

    async def run(self, arguments: EditArguments, run: ToolRun) -> ToolResult:
        place = self._files.place(arguments.path)
        made, how = await asyncio.to_thread(self._change, place, arguments)
        return await change(self.name, [made], self._files, run, target=place.label, how=how)

    def _change(self, place: Place, arguments: EditArguments) -> tuple[Change, str]:
        if not arguments.old_string:
            return self._new_file(place, arguments.new_string), ""
        data, mode = self._files.read(place)
        self._files.check_fresh(place, data)
        file = editable(data, place.label)
        edited = replace_text(file.text, arguments.old_string, arguments.new_string, replace_all=arguments.replace_all)
        how = f"old_string was found with {edited.how}: see the diff" if edited.how else ""
        how = how or (f"{edited.places} places" if edited.places > 1 else "")
        return Change(place.path, data, _utf8(file, edited.text), mode, mode), how

    def _new_file(self, place: Place, content: str) -> Change:
        found = self._files.read_if_there(place)
        if found is not None and found[0]:
            raise ToolError(
                f"{place.label} has content, and old_string is empty: give the text to replace, or use write."
            )
        before, mode = found if found is not None else (None, None)
        return Change(place.path, before, _utf8(FileText(""), content), mode, mode)


class ApplyPatch:
    """`apply_patch`: several files at once, all or nothing."""

    name = "apply_patch"
    description = "Change several files at once by a patch; all of it is applied, or nothing."
    arguments = PatchArguments
    aliases: Mapping[str, str] = {"input": "patch", "patchText": "patch", "patch_text": "patch"}
    parallel = False

    def __init__(self, files: ProjectFiles) -> None:
        self._files = files

    async def run(self, arguments: PatchArguments, run: ToolRun) -> ToolResult:
        changes = await asyncio.to_thread(self._changes, parse_patch(arguments.patch))
        return await change(self.name, changes, self._files, run)

    def _changes(self, steps: Sequence[FilePatch]) -> list[Change]:
        found: dict[Place, tuple[bytes | None, int | None]] = {}
        now: dict[Place, tuple[bytes | None, int | None]] = {}

        def current(place: Place) -> tuple[bytes | None, int | None]:
            if place not in now:
                there = self._files.read_if_there(place)
                if there is not None:
                    self._files.check_fresh(place, there[0])
                now[place] = found[place] = there if there is not None else (None, None)
            return now[place]

        for step in steps:
            place = self._files.place(step.path)
            data, mode = current(place)
            if step.kind == "add":
                now[place] = (_utf8(FileText(""), step.content), mode)
                continue
            if data is None:
                raise ToolError(f"There is no file {place.label} to {step.kind}: nothing of the patch was applied.")
            if step.kind == "delete":
                now[place] = (None, None)
                continue
            file = editable(data, place.label)
            after = _utf8(file, patched(file.text, step)) if step.chunks else data
            if step.move_to:
                target = self._files.place(step.move_to)
                current(target)
                now[place] = (None, None)
                now[target] = (after, mode)
            else:
                now[place] = (after, mode)
        return [
            Change(place.path, found[place][0], after, found[place][1], mode) for place, (after, mode) in now.items()
        ]


def _utf8(file: FileText, text: str) -> bytes:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ToolError("The text holds half of a surrogate pair, which no file can hold: send whole characters.")
    return file.encode(text)
