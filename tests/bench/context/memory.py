"""The weight of an open corpus in a process of its own: `python -m tests.bench.context.memory PROJECT HOME MINUTES`."""

import asyncio
import sys
import time
from pathlib import Path

from rlm_tui.context.corpus import Corpus as ProjectCorpus
from rlm_tui.session.session import Session
from tests.bench.context.corpus import Corpus
from tests.bench.context.growing import memory_row
from tests.bench.context.measuring import Row, print_table
from tests.bench.context.patterns import MIXED

_PACE_S = 0.02
_ANONYMOUS_MIB = 150.0


def main() -> None:
    project, home, minutes = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    session = Session.create(home / "memory-sessions", home, project=project, model="offline")
    for ref in ProjectCorpus(home, project).segments:
        session.attach(ref)
    time.sleep(0.5)
    rows = [memory_row("after opening", _ANONYMOUS_MIB)]
    for item in MIXED:
        session.context.search(item.pattern, max_results=50)
    session.context.rank("scheduler timeout error", max_results=10)
    time.sleep(0.5)
    rows.append(memory_row("after 16 searches and a ranking", _ANONYMOUS_MIB))
    whole = "".join(text for _, text in Corpus(4_000_000, seed=23).files())
    count = asyncio.run(_append(session, whole, minutes))
    rows.append(memory_row(f"after {count:,} appends of 10,000 characters in {minutes:g} minutes", _ANONYMOUS_MIB))
    rows.append(
        Row(
            "characters in the tail then, of the context",
            f"{session.context.tail_chars:,} of {session.context.chars:,}",
        )
    )
    session.close()
    print_table(rows)


async def _append(session: Session, whole: str, minutes: float) -> int:
    """Append as a busy session does, with the same house-keeping; return how many entries there were."""
    end, count, place = time.monotonic() + minutes * 60, 0, 0
    while time.monotonic() < end:
        session.append_entry("tool", "bash", whole[place : place + 10_000])
        place = (place + 9_973) % (len(whole) - 10_000)
        count += 1
        if count % 50 == 0:
            session.barrier()
            await session.seal()
        await asyncio.sleep(_PACE_S)
    await asyncio.sleep(1)
    return count


if __name__ == "__main__":
    main()
