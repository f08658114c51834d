"""What the list of sessions shows beside itself."""

from textual.content import Content

from rlm_tui.session.library import SessionInfo
from rlm_tui.session.previewing import Preview
from rlm_tui.text import one_line, safe_text
from rlm_tui.tui.numbers import compact_count, cost_text

_PROMPTS = 12
_ANSWER_CHARS = 1_500


def preview_content(shown: Preview, info: SessionInfo | None) -> Content:
    """Return figures, prompts and the last answer, safe to show."""
    parts: list[tuple[str, str]] = []
    if info is not None:
        tokens = compact_count(info.input_tokens + info.output_tokens)
        figures = f"{info.calls:,} calls  {tokens} tokens  {cost_text(info.cost, info.cost_known)}"
        lines = (
            safe_text(info.project, newlines=False),
            f"{one_line(info.model, 40)}  {figures}",
            f"{info.context_chars:,} characters of context",
        )
        parts.append(("\n".join(lines) + "\n\n", "$text-muted"))
    parts += [(f"▌ {one_line(prompt, 300)}\n", "bold") for prompt in shown.prompts[:_PROMPTS]]
    if shown.turns > _PROMPTS:
        parts.append((f"  … {shown.turns - _PROMPTS:,} more\n", "$text-muted"))
    parts.append(("\n" + safe_text(shown.answer[:_ANSWER_CHARS]), ""))
    return Content.assemble(*parts)
