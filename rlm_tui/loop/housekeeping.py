"""What goes on beside the turns for as long as a session is open."""

import asyncio
import contextlib
import time

from rlm_tui import events as ev
from rlm_tui.errors import RlmTuiError
from rlm_tui.session.session import Session

_EVERY_S = 1.0
_SEAL_AGAIN_S = 60.0


async def keep_house(session: Session) -> None:
    """Once a second: write what a full disk held up, tell of it, sync what is not synced yet, seal a long tail."""
    told = ""
    seal_from = 0.0
    while True:
        await asyncio.sleep(_EVERY_S)
        with contextlib.suppress(RlmTuiError):
            session.barrier()
        problem = session.problem
        if problem != told:
            told = problem
            session.record(ev.Progress("disk", 0, 0, detail=problem, finished=not problem))
        if not problem and time.monotonic() >= seal_from:
            try:
                await session.seal()
            except (RlmTuiError, OSError) as error:
                seal_from = time.monotonic() + _SEAL_AGAIN_S
                session.record(ev.Notice("warning", f"Older text could not be moved out of memory: {error}"))
