"""The harness's table: `python -m tests.bench.harness [--largest CHARS] [--runs N]`.

Beside every figure stands its target and the floor that was measured in the same run: the same requests by plain
HTTP, or by bare litellm. Where `rlms` is installed, it does the same tasks with the same model.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rlm_tui import events as ev
from rlm_tui.api import RLM
from tests.bench.harness import floors
from tests.bench.harness.oracle import GROUP, NEEDLE, NOOPS, PAIRS_CHARS, Oracle, expected_counts, wait_until_closed

_FILE_CHARS = 1 << 20
_LINE = "all work and no play makes a long and quiet page\n"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    figure: str
    floor: str = ""
    target: str = ""
    rlms: str = ""

    def __str__(self) -> str:
        return f"| {self.what} | {self.figure} | {self.floor} | {self.target} | {self.rlms} |"


@dataclass
class Seen:
    """One turn: its end, and what happened on the way."""

    end: ev.TurnFinished | ev.TurnInterrupted
    map_seconds: float = 0.0
    map_cpu: float = 0.0
    calls: int = 0


async def ask(rlm: RLM, prompt: str, context: object = None) -> Seen:
    """Ask, and return how the turn went; `map_seconds` is of its first tool."""
    cpu, seconds, spent, calls = 0.0, 0.0, 0.0, 0
    end = None
    async for envelope in rlm.stream(prompt, context):  # type: ignore[arg-type]  # a context by construction
        match envelope.event:
            case ev.ToolRequested() if envelope.depth == 0:
                cpu = time.process_time()
            case ev.ToolFinished() as event if envelope.depth == 0:
                seconds, spent = event.elapsed_ms / 1000, time.process_time() - cpu
            case ev.ReplyFinished():
                calls += 1
            case ev.TurnFinished() | ev.TurnInterrupted() as event:
                end = event
            case _:
                pass
    assert end is not None
    return Seen(end, seconds, spent, calls)


def items(leaves: int, first: int = 0, per_leaf: int = 50) -> tuple[str, int]:
    """Return a document whose labels are to be counted, and the characters of one leaf's part."""
    numbers = range(first, first + leaves * per_leaf)
    lines = [f"item {number:06} says {number * 7919 % 997:03}\n" for number in numbers]
    return "".join(lines), len(lines[0]) * per_leaf


def haystack(folder: Path, chars: int) -> int:
    """Write about `chars` characters into files, with decoys, non-ASCII and one needle; return the needle's offset."""
    folder.mkdir()
    block = (_LINE * (min(_FILE_CHARS, chars) // len(_LINE) + 1))[: min(_FILE_CHARS, chars)]
    count = max(1, chars // len(block))
    where = -1
    for number in range(count):
        text = block
        if number == count * 2 // 3:
            head = "é🙂 the pass word is a decoy. "
            where = number * len(block) + len(block) // 2 + len(head)
            middle = f"{head}{NEEDLE}{chars}\n"
            text = block[: len(block) // 2] + middle + block[len(block) // 2 + len(middle) :]
        (folder / f"{number:05}.txt").write_text(text, encoding="utf-8")
    return where


async def needles(rlm: RLM, oracle: Oracle, largest: int) -> Iterator[Row]:
    """Find one place in contexts of growing size."""
    roots, rows = [], []
    size = 1 << 15
    while size <= largest:
        with tempfile.TemporaryDirectory() as folder:
            where = haystack(Path(folder) / "hay", size)
            oracle.requests()
            seen = await ask(rlm, "TASK:needle", Path(folder) / "hay")
            first = oracle.requests()[0]
        roots.append(first[1])
        right = f"@{where} " in seen.end.answer
        rows.append(Row(
            f"one needle in {size:,} characters", f"{seen.end.elapsed_ms / 1000:.3f} s{'' if right else ', WRONG'}", "",
            "<= 0.3 s",
        ))  # fmt: skip
        size <<= 6 if size < 1 << 27 else 1
    ratio = max(roots) / min(roots)
    return iter([*rows, Row("root prompt, largest / smallest context", f"{ratio:.3f}", "", "<= 1.05")])


async def batches(rlm: RLM, oracle: Oracle, runs: int, theirs: dict[str, str]) -> Iterator[Row]:
    """Count hidden labels by 20 and by 80 leaves of 50 ms."""
    rows = []
    for leaves, target in ((20, "<= 0.20 s"), (80, "<= 0.50 s")):
        chars = items(leaves)[1]
        floor, floor_cpu = await floors.http_leaves(oracle, leaves)
        bare, bare_cpu = await floors.litellm_leaves(oracle, leaves)
        walls, wholes, cpus, right, same = [], [], [], True, True
        for run in range(runs):
            oracle.requests()
            text, _ = items(leaves, (run + 1) * 10_000)  # of its own, so that nothing is remembered
            began = time.perf_counter()
            seen = await ask(rlm, f"TASK:count {chars}", text)
            wholes.append(time.perf_counter() - began)
            walls.append(seen.map_seconds)
            cpus.append(seen.map_cpu / leaves)
            same = same and len(oracle.requests()) == seen.calls
            right = right and seen.end.answer == json.dumps(expected_counts(text), sort_keys=True)
        note = f" (whole question {statistics.median(wholes):.3f} s)"
        note += ("" if right else ", WRONG") + ("" if same else ", events and requests differ")
        rows.append(Row(
            f"{leaves} leaves of 50 ms, 16 at a time", f"{statistics.median(walls):.3f} s{note}",
            f"{floor:.3f} s HTTP, {bare:.3f} s litellm", target, theirs.get(f"{leaves}", ""),
        ))  # fmt: skip
        own = (statistics.median(cpus) - bare_cpu) * 1000
        rows.append(Row(
            f"our CPU a leaf beyond bare litellm, {leaves} leaves", f"{own:.2f} ms",
            f"{bare_cpu * 1000:.2f} ms litellm, {floor_cpu * 1000:.2f} ms HTTP", "<= 1 ms",
        ))  # fmt: skip
    return iter(rows)


async def iterations(rlm: RLM, oracle: Oracle, runs: int, theirs: dict[str, str]) -> Row:
    """Go round the loop with tools that do nothing."""
    each = []
    for _ in range(runs):
        seen = await ask(rlm, "TASK:noop", "x" * 1_000)
        each.append(seen.end.elapsed_ms / (NOOPS + 1))
    floor = await floors.http_round_trip(oracle, NOOPS) * 1000
    bare = min([await floors.litellm_loop(oracle, NOOPS) for _ in range(2)]) * 1000
    return Row(
        "one iteration that does nothing", f"{statistics.median(each):.1f} ms",
        f"{floor:.1f} ms HTTP, {bare:.1f} ms litellm",
        f"<= {floor + 6:.1f} ms", theirs.get("loop", ""),
    )  # fmt: skip


async def repl_rows(url: str, oracle: Oracle) -> Iterator[Row]:
    """Answer from a variable, and run a first cell."""
    with make_rlm(url, mode="repl") as rlm:
        oracle.requests()
        pairs = await ask(rlm, "TASK:pairs", "x")
        most = max(chars for _, chars, _, _ in oracle.requests())
        cells = [(await ask(rlm, "TASK:cell", "x")).map_seconds for _ in range(3)]
    size = f"{len(pairs.end.answer):,} characters" if len(pairs.end.answer) >= PAIRS_CHARS - 8 else "WRONG"
    return iter([
        Row(f"largest root prompt of an answer of {size}", f"{most:,} characters", "", "without the answer"),
        Row("first REPL cell, its process started", f"{statistics.median(cells):.3f} s", "", "<= 0.25 s"),
    ])  # fmt: skip


async def deeper(rlm: RLM, oracle: Oracle) -> Iterator[Row]:
    """Count by groups that count by leaves, and by leaves each of which fails once."""
    rows = []
    for task, leaves, first, what in (
        ("groups", 20, 500_000, f"20 leaves in groups of {GROUP}: two levels"),
        ("faults", 20, 600_000, "20 leaves that fail once each (429, 500, no answer, cut)"),
    ):
        text, chars = items(leaves, first)
        oracle.requests()
        seen = await ask(rlm, f"TASK:{task} {chars}", text)
        asked = len(oracle.requests())
        right = seen.end.answer == json.dumps(expected_counts(text), sort_keys=True)
        note = f"{seen.end.elapsed_ms / 1000:.3f} s, {asked} requests, {'right' if right else 'WRONG'}"
        rows.append(Row(what, note, "", "right"))
    return iter(rows)


async def cancelling(rlm: RLM, oracle: Oracle) -> Row:
    """Stop a tree of hanging calls."""
    document, chars = items(16)
    oracle.requests()
    task = asyncio.create_task(ask(rlm, f"TASK:hang {chars}", document))
    arrived = 0
    while arrived < 17:
        await asyncio.sleep(0.01)
        arrived += len(oracle.requests())
    started = time.perf_counter()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    ended = time.perf_counter() - started
    closed = ended + await asyncio.to_thread(wait_until_closed, oracle)
    return Row("cancel 16 calls, connections closed", f"{closed:.3f} s (ended {ended:.3f} s)", "", "<= 0.5 s")


async def remembering(url: str, oracle: Oracle) -> Row:
    """Ask every leaf twice in one session."""
    from tests.bench.harness.twice import requests_of_a_map_made_twice

    first, second = await requests_of_a_map_made_twice(url, oracle)
    return Row("leaves paid by a map, and by the same map again", f"{first}, {second}", "", "80, 0")


def make_rlm(url: str, mode: str = "") -> RLM:
    """Return the harness under test, its model the oracle's."""
    settings = {"endpoints.lab.api_base": url, "budget.calls": 1_000}
    return RLM("lab/scripted", mode=mode, settings=settings)


async def measure(oracle: Oracle, largest: int, runs: int) -> None:
    """Print the table, row by row."""
    from tests.bench.harness.official import official_figures

    theirs = await asyncio.to_thread(official_figures, oracle.base_url)
    print("| what | figure | floor | target | rlms |\n|---|---|---|---|---|")
    with make_rlm(oracle.base_url) as rlm:
        await ask(rlm, "TASK:warm")
        print(await iterations(rlm, oracle, runs, theirs), flush=True)
        for row in await batches(rlm, oracle, runs, theirs):
            print(row, flush=True)
        for row in await deeper(rlm, oracle):
            print(row, flush=True)
        print(await cancelling(rlm, oracle), flush=True)
        for row in await repl_rows(oracle.base_url, oracle):
            print(row, flush=True)
        print(await remembering(oracle.base_url, oracle), flush=True)
        for row in await needles(rlm, oracle, largest):
            print(row, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--largest", type=int, default=1 << 27, help="characters of the largest context")
    parser.add_argument("--runs", type=int, default=5, help="runs whose median is shown")
    options = parser.parse_args()
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    with tempfile.TemporaryDirectory() as config, Oracle() as oracle:
        os.environ["RLM_TUI_CONFIG"] = config
        asyncio.run(measure(oracle, options.largest, options.runs))


if __name__ == "__main__":
    main()
