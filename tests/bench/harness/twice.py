"""One session in which the same map is made twice."""

import asyncio
import tempfile
from pathlib import Path

import msgspec

from rlm_tui.config.settings import BudgetSettings, EndpointSettings, Settings
from rlm_tui.loop.engine import Engine
from rlm_tui.models.router import make_client
from rlm_tui.session.session import Session
from rlm_tui.tools.context import context_tools
from rlm_tui.tools.recurse import recursion_tools
from rlm_tui.tools.registry import Registry
from tests.bench.harness.oracle import Oracle

_LEAVES = 80


async def requests_of_a_map_made_twice(url: str, oracle: Oracle) -> tuple[int, int]:
    """Return how many leaves reached the model in the first turn and in the second."""
    text = "".join(f"item {number:06} says so\n" for number in range(_LEAVES * 20))
    spans = len(text) // _LEAVES
    settings = msgspec.structs.replace(
        Settings(), endpoints={"lab": EndpointSettings(api_base=url)}, budget=BudgetSettings(calls=1_000)
    )
    with tempfile.TemporaryDirectory() as folder:
        session = Session.create(Path(folder) / "s", Path(folder), project=Path(folder), model="lab/scripted")
        try:
            session.append_entry("file", "items.txt", text)
            client = make_client("lab/scripted", settings, environ={})
            engine = Engine(session, client, Registry((*context_tools(), *recursion_tools())), settings, Path(folder))
            counts = []
            for _ in range(2):
                await asyncio.to_thread(oracle.requests)
                await engine.run_turn(f"TASK:count {spans}")
                counts.append(sum(leaf for _, _, leaf, _ in await asyncio.to_thread(oracle.requests)))
        finally:
            session.close()
    return counts[0], counts[1]
