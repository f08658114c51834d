"""What a list of sessions shows of one: what was asked, and how it ended."""

from pathlib import Path

from msgspec import Struct

from rlm_tui import events as ev
from rlm_tui.session.log import LOG_NAME, Damage, read_log

MOST_PROMPTS = 200
_CHARS = 4_000


class Preview(Struct, frozen=True):
    """The prompts of a session in order (cut to some thousand characters each), and its last answer."""

    prompts: tuple[str, ...]
    turns: int
    answer: str


def preview(directory: Path) -> Preview:
    """Read a session's log for its preview, without folding it. Raises `SessionError`."""
    prompts: list[str] = []
    turns, answer = 0, ""
    for record in read_log(directory / LOG_NAME):
        if isinstance(record, Damage):
            continue
        match record.event:
            case ev.TurnStarted(prompt=prompt):
                turns += 1
                if len(prompts) < MOST_PROMPTS:
                    prompts.append(prompt[:_CHARS])
            case ev.TurnFinished(answer=said) | ev.TurnInterrupted(answer=said):
                answer = said[:_CHARS]
            case _:
                pass
    return Preview(tuple(prompts), turns, answer)
