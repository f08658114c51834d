"""The system texts: files by model family, filled in from the tools that a call really has.

A text of a kind (`root`, `sub`, `repl`, `work`, `llm`) is looked for in the folder of the model's family and then in
`default`, each first in the person's own `prompts/` folder and then in the shipped one. `notes.md` of a family is
added to the texts of calls that work by tools. What a file may hold besides words:

- `{{tools}}`: a line for each tool of the call, from the registry;
- `{{repl}}`: a line for each function of the REPL, from the objects that cells get;
- `{{if NAME}}` ... `{{end}}` on lines of their own: left out where the call has no tool NAME.
"""

import inspect
import re
from importlib.resources import files
from pathlib import Path

from rlm_tui.repl.objects import Context, Models
from rlm_tui.tools.python_tool import PYTHON
from rlm_tui.tools.registry import Registry, signature

FAMILIES = {
    "claude": ("claude", "anthropic"),
    "gpt": ("gpt", "/o1", "/o3", "/o4", "codex"),
    "gemini": ("gemini",),
    "qwen": ("qwen", "qwq"),
    "local": ("llama", "mistral", "devstral", "gemma", "phi-", "phi3", "phi4", "granite", "ollama", "lm_studio"),
}
"""Families with texts of their own, and the parts of a model's name that tell them; the first that fits."""

_SENTENCE = re.compile(r"(.*?[.:;])(\s|$)", re.DOTALL)
_CONDITION = re.compile(r"^\{\{if (\w+)\}\}\n(.*?)^\{\{end\}\}\n?", re.DOTALL | re.MULTILINE)


def family_of(model: str) -> str:
    """Return the family of a model by its name, `default` where none fits."""
    name = model.lower()
    return next((family for family, parts in FAMILIES.items() if any(part in name for part in parts)), "default")


class Instructions:
    """The system texts, as a person may have overridden them in the folder `own`."""

    def __init__(self, own: Path | None = None) -> None:
        self._own = own
        self._made: dict[tuple[str, str, tuple[str, ...]], str] = {}

    def text(self, purpose: str, model: str, registry: Registry) -> str:
        """Return the whole system text of a call: `root`, `task` (as the root), `llm` (which has no
        tools), or another sub-call's purpose.

        It is made once for each model and set of tools, so that the beginning of every prompt stays the same.
        """
        kind = {"root": "root", "task": "root", "llm": "llm"}.get(purpose, "sub")
        key = (kind, model, registry.names)
        if key not in self._made:
            self._made[key] = self._make(key[0], family_of(model), registry)
        return self._made[key]

    def _make(self, purpose: str, family: str, registry: Registry) -> str:
        if purpose == "llm":
            return _filled(self._file(family, "llm"), registry)
        repl = PYTHON in registry
        kinds = ["sub", "repl"] if repl and purpose == "sub" else ["repl"] if repl else [purpose]
        if "edit" in registry:
            kinds.append("work")
        texts = [self._file(family, kind) for kind in kinds]
        notes = self._own_or_shipped(family, "notes")
        return "\n".join(_filled(text, registry) for text in [*texts, *([notes] if notes else [])])

    def _file(self, family: str, kind: str) -> str:
        text = self._own_or_shipped(family, kind) or self._own_or_shipped("default", kind)
        assert text, kind
        return text

    def _own_or_shipped(self, family: str, kind: str) -> str:
        if self._own is not None:
            try:
                return (self._own / family / f"{kind}.md").read_text(encoding="utf-8", errors="replace")
            except OSError:
                pass
        shipped = files("rlm_tui.loop") / "prompts" / family / f"{kind}.md"
        return shipped.read_text(encoding="utf-8") if shipped.is_file() else ""


def _filled(text: str, registry: Registry) -> str:
    text = _CONDITION.sub(lambda match: match[2] if match[1] in registry else "", text)
    return text.replace("{{tools}}", tool_lines(registry)).replace("{{repl}}", repl_lines())


def tool_lines(registry: Registry) -> str:
    """Return a line for each tool: its signature and the first sentence of what it does."""
    return "\n".join(f"- {signature(tool)}: {_first_sentence(tool.description)}" for tool in registry)


def repl_lines() -> str:
    """Return a line for each method of `context` and each function of a cell that asks models."""
    lines = []
    for prefix, kind in (("context.", Context), ("", Models)):
        for name, member in vars(kind).items():
            if name.startswith("_") or not (member.__doc__ or "").strip():
                continue
            call = f"({_parameters(member)})" if callable(member) else ""
            lines.append(f"- {prefix}{name}{call}: {inspect.cleandoc(member.__doc__)}")
    return "\n".join(lines)


def _parameters(function: object) -> str:
    assert callable(function)
    shown = [p.replace(annotation=p.empty) for p in inspect.signature(function).parameters.values() if p.name != "self"]
    return ", ".join(str(parameter) for parameter in shown)


def _first_sentence(text: str) -> str:
    match = _SENTENCE.match(text)
    return match[1] if match else text
