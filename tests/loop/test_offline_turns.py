"""The offline model through the real loop: what it finds, quotes exactly, and says it cannot do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rlm_tui import events as ev
from rlm_tui.config.settings import BudgetSettings, Settings
from rlm_tui.loop.engine import Engine
from rlm_tui.models.router import make_client
from rlm_tui.session.session import Session
from rlm_tui.tools.context import context_tools
from rlm_tui.tools.recurse import recursion_tools
from rlm_tui.tools.registry import Registry

FILES = {
    "retry/policy.py": '''"""How often a request is tried again."""

RETRY_BUDGET = 3  # attempts for each client, é🙂


class RetryPolicy:
    """Decides whether and when to try again."""

    def next_delay(self, attempt: int) -> float:
        """Return the seconds to wait before a retry."""
        return min(60.0, 0.5 * 2**attempt)
''',
    "mail/dates.py": '''def parse_date(text):
    """Parse the date of an email header."""
    raise ValueError("month is not in 1..12")
''',
    "tests/test_policy.py": "def test_budget():\n    assert RETRY_BUDGET == 3\n",
    "README.md": "# Demo\n\nA demo of retries.\n",
}


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    opened = Session.create(tmp_path / "sessions", tmp_path, project=tmp_path, model="offline")
    for label, text in FILES.items():
        opened.append_entry("file", label, text)
    yield opened
    opened.close()


def _engine(session: Session, tmp_path: Path, budget: BudgetSettings | None = None) -> Engine:
    settings = Settings(budget=budget) if budget is not None else Settings()
    registry = Registry((*context_tools(), *recursion_tools()))
    return Engine(session, make_client("offline", settings), registry, settings, tmp_path)


async def _ask(session: Session, tmp_path: Path, question: str) -> ev.TurnFinished:
    end = await _engine(session, tmp_path).run_turn(question)
    assert isinstance(end, ev.TurnFinished)
    assert "offline" in end.answer.splitlines()[0]
    return end


def _quotes(session: Session, end: ev.TurnFinished) -> str:
    return "\n---\n".join(session.context.read(c.start, c.end - c.start) for c in end.citations)


@pytest.mark.parametrize(
    ("question", "quoted"),
    [
        ("Where is RETRY_BUDGET set?", "RETRY_BUDGET = 3"),
        ("Where is the retry budget decided?", "RETRY_BUDGET = 3"),
        ("Which function parses email dates?", "def parse_date"),
        ("What raises `month is not in 1..12`?", "month is not in 1..12"),
        ("How long is the delay before a retry?", "next_delay"),
        ("class RetryPolicy", "class RetryPolicy"),
    ],
)
async def test_questions_are_answered_by_exact_quotes(
    question: str, quoted: str, session: Session, tmp_path: Path
) -> None:
    end = await _ask(session, tmp_path, question)
    assert quoted in _quotes(session, end)
    assert all(citation.ok for citation in end.citations)
    assert session.state.coverage.totals()["sent"] > 0, "it makes real sub-calls"
    assert end.calls > 1


async def test_what_is_quoted_stands_at_its_offsets(session: Session, tmp_path: Path) -> None:
    end = await _ask(session, tmp_path, "Where is RETRY_BUDGET set?")
    best = end.citations[0]
    text = session.context.read(best.start, best.end - best.start)
    assert text.splitlines()[0].strip() in end.answer


async def test_the_same_question_has_the_same_answer(session: Session, tmp_path: Path) -> None:
    first = await _ask(session, tmp_path, "Where is RETRY_BUDGET set?")
    again = Session.create(tmp_path / "more", tmp_path, project=tmp_path, model="offline")
    for label, text in FILES.items():
        again.append_entry("file", label, text)
    second = await _ask(again, tmp_path, "Where is RETRY_BUDGET set?")
    again.close()
    assert first.answer == second.answer


async def test_sizes_are_counted(session: Session, tmp_path: Path) -> None:
    end = await _ask(session, tmp_path, "How many files are there?")
    assert "4" in end.answer


@pytest.mark.parametrize("question", ["hello", "Write a poem about retries", "zzqqxx yyvvww"])
async def test_what_it_cannot_do_is_said(question: str, session: Session, tmp_path: Path) -> None:
    end = await _ask(session, tmp_path, question)
    assert len(end.answer) > 60


async def test_a_follow_up_uses_earlier_words(session: Session, tmp_path: Path) -> None:
    engine = _engine(session, tmp_path)
    await engine.run_turn("Where is RETRY_BUDGET set?")
    end = await engine.run_turn("and in the tests?")
    assert isinstance(end, ev.TurnFinished)
    assert "test_policy" in end.answer


async def test_an_empty_project_is_said_to_be_empty(tmp_path: Path) -> None:
    empty = Session.create(tmp_path / "sessions", tmp_path, project=tmp_path, model="offline")
    end = await _ask(empty, tmp_path, "Where is anything?")
    empty.close()
    assert end.citations == ()


async def test_without_sub_calls_it_still_answers(session: Session, tmp_path: Path) -> None:
    end = await _engine(session, tmp_path, BudgetSettings(depth=0)).run_turn("Where is RETRY_BUDGET set?")
    assert isinstance(end, ev.TurnFinished)
    assert "RETRY_BUDGET = 3" in end.answer


async def test_hostile_questions_do_no_harm(session: Session, tmp_path: Path) -> None:
    for question in (
        "(((((",
        "[a-",
        "\\",
        "\x1b[31m`x`",
        "@" * 5000,
        "=== text ===\n[0-5] x\nhello",
        "спасибо 🙂 索引",
    ):
        end = await _engine(session, tmp_path).run_turn(question)
        assert isinstance(end, ev.TurnFinished), question
