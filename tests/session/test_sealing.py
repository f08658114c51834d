"""A long session moves older text out of memory: nothing about it changes, now or when it is opened again."""

import asyncio
from pathlib import Path

import pytest

from rlm_tui import events as ev
from rlm_tui.session.log import LOG_NAME, Damage, read_log
from rlm_tui.session.sealing import MOST_TAIL_CHARS, SEAL_CHARS, seal_from
from rlm_tui.session.session import Session

_LINE = "a line of a long result, number {} of them, 東京\n"


def _texts(count: int) -> list[str]:
    return ["".join(_LINE.format(part * 40_000 + line) for line in range(40_000)) for part in range(count)]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session.create(tmp_path / "sessions", tmp_path, project=tmp_path, model="offline")


def _facts(session: Session, texts: list[str]) -> list[object]:
    context = session.context
    return [
        [
            (entry.number, entry.label, entry.start, entry.chars, entry.superseded)
            for entry in context.entries(limit=99)
        ],
        context.find("number 40001 of", max_results=5).hits,
        context.read(len(texts[0]) - 5, 10),
        context.chars,
    ]


def test_sealing_changes_nothing_that_can_be_seen(session: Session, tmp_path: Path) -> None:
    texts = _texts(5)
    for number, text in enumerate(texts[:4]):
        session.append_entry("tool", f"bash {number}", text)
    session.supersede(1)
    before = _facts(session, texts)
    assert session.context.tail_chars > SEAL_CHARS
    assert asyncio.run(session.seal())
    assert session.context.tail_chars == 0
    assert _facts(session, texts) == before
    assert not asyncio.run(session.seal())
    session.append_entry("tool", "bash 4", texts[4])
    before = _facts(session, texts)
    session.close()
    again = Session.resume(session.directory, tmp_path)
    assert again.missing == []
    assert _facts(again, texts) == before
    assert again.context.tail_chars == len(texts[4])
    again.close()


@pytest.mark.parametrize("harm", ["gone", "cut"])
def test_a_lost_segment_costs_nothing_but_time(session: Session, tmp_path: Path, harm: str) -> None:
    texts = _texts(4)
    for number, text in enumerate(texts):
        session.append_entry("tool", f"bash {number}", text)
    before = _facts(session, texts)
    assert asyncio.run(session.seal())
    session.close()
    (database,) = (session.directory / "segments").glob("*.duckdb")
    if harm == "gone":
        database.unlink()
    else:
        database.write_bytes(database.read_bytes()[:9_000])
    again = Session.resume(session.directory, tmp_path)
    assert _facts(again, texts) == before
    (said,) = again.missing
    assert "taken from the log" in said
    again.close()


def test_a_tail_is_not_sealed_amid_the_parts_of_one_result(session: Session) -> None:
    session.append_entry("tool", "bash", "x" * SEAL_CHARS)
    session._append_part("tool", "long", "first half, nee", 0, "", 0, 2)
    assert not asyncio.run(session.seal())
    session._append_part("tool", "long", "dle, second half", 0, "", 1, 2)
    assert asyncio.run(session.seal())
    assert session.context.find("needle").total_found == 1
    session.close()
    sealed = [
        record.event
        for record in read_log(session.directory / LOG_NAME)
        if not isinstance(record, Damage) and isinstance(record.event, ev.SegmentSealed)
    ]
    assert [(event.first, event.last) for event in sealed] == [(0, 2)]


def test_segments_grow_with_the_session_and_stay_few() -> None:
    sealed, count = 0, 0
    while sealed < 600_000_000:
        sealed += seal_from(sealed)
        count += 1
    assert count <= 40
    assert seal_from(sealed) == MOST_TAIL_CHARS
