"""Prompts: the system texts (files under `prompts/`, by model family) and the metadata that a call is told.

The metadata block has a constant size whatever the size of the context, so a root prompt stays flat.
"""

from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from rlm_tui.context.entry import Stats
from rlm_tui.context.reader import ContextReader

TEXT_MARK = "=== text ==="
"""The line after which a sub-call's spans stand in its prompt, where they are small enough."""

_FAMILIES = ("anthropic", "claude", "gpt", "gemini", "qwen", "llama", "deepseek", "mistral")


@lru_cache(maxsize=32)
def system_prompt(kind: str, model: str) -> str:
    """Return the system text `kind` (`root`, `sub`, `repl`, `work` or `llm`) by a model's family, else the default."""
    folder = files("rlm_tui.loop") / "prompts"
    for family in _FAMILIES:
        own = folder / family / f"{kind}.md"
        if family in model.lower() and own.is_file():
            return own.read_text(encoding="utf-8")
    return (folder / "default" / f"{kind}.md").read_text(encoding="utf-8")


def system_text(purpose: str, model: str, *, repl: bool, work: bool = False) -> str:
    """Return the whole system text of a call by its purpose (`root`, `llm`, or one of a sub-call).

    With `repl`, calls that have tools are told of the REPL; a call of purpose `llm` has none. With `work`, they are
    told how to work on files.
    """
    if purpose == "llm":
        return system_prompt("llm", model)
    if purpose in ("root", "task"):
        text = system_prompt("repl" if repl else "root", model)
        return f"{text}\n{system_prompt('work', model)}" if work else text
    sub = system_prompt("sub", model)
    return f"{sub}\n{system_prompt('repl', model)}" if repl else sub


def root_metadata(stats: Stats, project: Path, *, prompt_span: tuple[int, int] | None, hidden: str, budget: str) -> str:
    """Return the metadata block of a root call. `hidden` says where turns lie that are not shown any more."""
    kinds = ", ".join(f"{counts['entries']:,} {kind}" for kind, counts in stats.by_type.items() if counts["entries"])
    lines = [
        "<context>",
        f"project: {project}",
        f"size: {stats.characters:,} characters in {stats.entries:,} entries ({kinds or 'none'}); "
        f"offsets 0-{stats.characters}",
    ]
    if stats.left_out_total:
        lines.append(f"left out: {stats.left_out_total:,} files or trees (the statistics say why)")
    if stats.index.building:
        lines.append("the project is still being read: what is not there yet is missing from every total")
    if prompt_span is not None:
        lines.append(f"this prompt: [{prompt_span[0]}-{prompt_span[1]}]")
    if hidden:
        lines.append(hidden)
    lines += [f"budget left: {budget}", "</context>"]
    return "\n".join(lines)


def sub_metadata(spans: tuple[tuple[int, int], ...], chars: int, *, budget: str, inlined: bool) -> str:
    """Return the metadata block of a sub-call; at most 200 spans are listed."""
    shown = ", ".join(f"[{start}, {end}]" for start, end in spans[:200])
    more = f", and {len(spans) - 200} more" if len(spans) > 200 else ""
    where = "their text follows" if inlined else "read their text with the tools"
    return "\n".join(
        [
            "<context>",
            f"spans: [{shown}]{more}",
            f"size: {chars:,} characters; {where}",
            f"budget left: {budget}",
            "</context>",
        ]
    )


def spans_text(context: ContextReader, spans: tuple[tuple[int, int], ...]) -> str:
    """Return the text of spans as blocks: a line `[start-end] label`, then exactly those characters.

    A span that runs across entries gives one block for each, so that no block mixes two files.
    """
    blocks = [TEXT_MARK]
    for start, end in spans:
        while start < end:
            entry = context.entry_at(start)
            stop = min(end, entry.end) if entry is not None else end
            label = entry.label if entry is not None else ""
            blocks.append(f"[{start}-{stop}] {label}\n{context.read(start, stop - start)}")
            start = stop
    return "\n".join(blocks)
