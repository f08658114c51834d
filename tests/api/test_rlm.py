"""The Python API at its boundary: real sessions and contexts, the offline model, a scripted one over HTTP."""

import asyncio
import json
import math
import threading
from pathlib import Path

import pytest

from rlm_tui import RLM, CompletionError
from rlm_tui import events as ev
from rlm_tui.api import Context
from rlm_tui.config.paths import Paths
from rlm_tui.errors import ConfigError, ModelError, UsageError
from rlm_tui.session.library import list_sessions
from tests.api.conftest import MODEL, MakeRLM
from tests.support.scripted_server import Hang, Request, ScriptedServer, Text, Tool, Turn, Usage, Wait, failure
from tests.test_hygiene import loaded_by

CONTEXT = "é ANSWER = 42\n"


def recursive(request: Request) -> Turn:
    """Ask a sub-call about the first line, then answer with what it said."""
    if "=== text ===" in request.prompt:
        return Turn(Text("42 [2-13]"), Usage(30, 3))
    if request.tool_results:
        return Turn(Text("It is 42, see [2-13]."), Usage(50, 5))
    return Turn(Tool("rlm_query", {"prompt": "value?", "spans": [[0, 14]]}), Usage(40, 4))


# --- answers -----------------------------------------------------------------------------------------------


def test_an_answer_has_citations_usage_and_the_tree_behind_it(make_rlm: MakeRLM, server: ScriptedServer) -> None:
    server.answer(recursive)
    answer = make_rlm().completion("What is the answer?", context=CONTEXT)
    assert (answer.text, str(answer)) == ("It is 42, see [2-13].",) * 2
    assert [(c.start, c.end, c.label, c.quote, c.ok) for c in answer.citations] == [
        (2, 13, "context", "ANSWER = 42", True)
    ]
    assert answer.usage == ev.Usage(120, 12)
    assert (answer.calls, answer.reason, answer.model, answer.session) == (2, "done", MODEL, "")
    assert {envelope.depth for envelope in answer.trace} == {0, 1}
    assert type(answer.trace.envelopes[0].event) is ev.TurnStarted
    assert type(answer.trace.envelopes[-1].event) is ev.TurnFinished
    lines = str(answer.trace).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["turn 1", "  rlm_query", "    call 2"]
    assert "33 tokens" in lines[2]
    assert len(server.requests) == 3


def test_the_prompt_holds_figures_and_not_the_context(make_rlm: MakeRLM, server: ScriptedServer) -> None:
    server.answer(lambda request: Turn(Text("done")))
    make_rlm().completion("Sum up.", context="secret words " * 100_000)
    sent = json.dumps(server.requests[0].body)
    assert "secret words" not in sent
    assert "1,300,007 characters in 2 entries" in sent, "the text and the prompt"


@pytest.mark.parametrize("kind", ["text", "file", "folder", "paths", "documents", "mixed"])
def test_every_kind_of_context_is_read(kind: str, home: Paths, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "animals.txt").write_text("the zebra stands here\n")
    (folder / "plants.txt").write_text("an oak\n")
    contexts: dict[str, tuple[Context, str]] = {
        "text": ("one\nthe zebra stands here\n", "`context` line 2"),
        "file": (folder / "animals.txt", "animals.txt"),
        "folder": (folder, "animals.txt"),
        "paths": ([folder / "plants.txt", folder / "animals.txt"], "animals.txt"),
        "documents": (["an oak", {"label": "zoo", "text": "the zebra stands here"}], "`zoo` line 1"),
        "mixed": (("an oak", folder), "animals.txt"),
    }
    context, place = contexts[kind]
    answer = RLM().completion("Where is the zebra?", context=context)
    assert answer.model == "offline"
    assert answer.text.startswith("offline")
    assert place in answer.text
    assert "the zebra stands here" in answer.text


def test_sources_keep_their_order(make_rlm: MakeRLM, server: ScriptedServer, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("second")
    server.answer(lambda request: Turn(Text("[0-5] [5-11] [11-16]")))
    answer = make_rlm().completion("?", context=["first", tmp_path / "b.txt", {"label": "c", "text": "third"}])
    assert [c.quote for c in answer.citations] == ["first", "second", "third"]
    assert [c.label for c in answer.citations] == ["document 1", "b.txt", "c"]


def test_no_context_and_the_current_folder_is_not_read(
    make_rlm: MakeRLM, server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here.txt").write_text("private")
    monkeypatch.chdir(tmp_path)
    server.answer(lambda request: Turn(Text("hello")))
    assert make_rlm().completion("Hello?").text == "hello"
    assert "in 1 entries (1 user)" in server.requests[0].prompt


# --- wherever it is called ---------------------------------------------------------------------------------


async def test_completion_works_inside_a_running_loop(home: Paths) -> None:
    assert "zebra is here" in RLM().completion("Where is the zebra?", context="zebra is here\n").text


async def test_one_object_answers_many_at_once(make_rlm: MakeRLM, server: ScriptedServer) -> None:
    together = threading.Barrier(2)

    async def ask(rlm: RLM, number: int) -> str:
        return (await rlm.acompletion(f"number {number}")).text

    server.answer(lambda request: Turn(Text(request.prompt.split("\n")[0])))
    rlm = make_rlm()
    answers = await asyncio.gather(*(ask(rlm, number) for number in range(12)))
    assert answers == [f"number {number}" for number in range(12)]
    threads: list[str] = []

    def from_a_thread() -> None:
        together.wait(10)
        threads.append(rlm.completion("number t").text)

    workers = [threading.Thread(target=from_a_thread) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        await asyncio.to_thread(worker.join)
    assert threads == ["number t"] * 2


async def test_concurrency_holds_over_all_questions(make_rlm: MakeRLM, server: ScriptedServer) -> None:
    server.answer(lambda request: Turn(Wait(0.05), Text("ok")))
    rlm = make_rlm(concurrency=2)
    await asyncio.gather(*(rlm.acompletion("?") for _ in range(8)))
    assert len(server.requests) == 8
    assert server.most_at_once == 2


# --- event by event ----------------------------------------------------------------------------------------


async def test_a_stream_is_the_session_log(make_rlm: MakeRLM, server: ScriptedServer, tmp_path: Path) -> None:
    server.answer(recursive)
    rlm = make_rlm(home=tmp_path / "kept")
    seen = [envelope async for envelope in rlm.stream("What is the answer?", context=CONTEXT)]
    assert type(seen[0].event) is ev.SessionOpened
    last = seen[-1].event
    assert isinstance(last, ev.TurnFinished)
    assert last.answer == "It is 42, see [2-13]."
    assert "".join(e.event.text for e in seen if isinstance(e.event, ev.TextDelta) and not e.depth) == last.answer
    log = next((tmp_path / "kept" / "sessions").glob("*/events.jsonl")).read_text().splitlines()
    durable = [envelope.seq for envelope in seen if envelope.seq >= 0]
    assert durable == list(range(len(log) - 1)), "all that is written but the closing"


async def test_a_failed_turn_ends_the_stream_with_its_reason(make_rlm: MakeRLM, server: ScriptedServer) -> None:
    server.answer(lambda request: failure(401))
    seen = [envelope async for envelope in make_rlm().stream("?")]
    last = seen[-1].event
    assert isinstance(last, ev.TurnInterrupted)
    assert last.reason == "failed"


async def test_what_cannot_start_raises_from_the_stream(home: Paths) -> None:
    with pytest.raises(ModelError, match="nonsense"):
        _ = [envelope async for envelope in RLM("nonsense/model").stream("?")]


# --- cancelling --------------------------------------------------------------------------------------------


def hang_in_sub_calls(request: Request) -> Turn:
    if "=== text ===" in request.prompt:
        return Turn(Hang())
    return Turn(Tool("rlm_map", {"prompt": "value?", "spans": [[0, 5], [5, 10], [10, 14]]}))


async def test_cancelling_stops_the_whole_tree(make_rlm: MakeRLM, server: ScriptedServer, tmp_path: Path) -> None:
    server.answer(hang_in_sub_calls)
    rlm = make_rlm(home=tmp_path / "kept")
    task = asyncio.create_task(rlm.acompletion("?", context=CONTEXT))
    requests = await asyncio.to_thread(server.wait_for_requests, 4, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert all(request.closed.wait(5) for request in requests[1:]), "every connection is closed"
    log = next((tmp_path / "kept" / "sessions").glob("*/events.jsonl")).read_text()
    assert '"reason":"interrupted"' in log.replace(" ", "")
    assert '"SessionClosed"' in log, "the session was closed before the cancellation returned"


async def test_leaving_a_stream_stops_its_calls(make_rlm: MakeRLM, server: ScriptedServer) -> None:
    server.answer(lambda request: Turn(Text("beginning "), Hang()))
    stream = make_rlm().stream("?")
    async for envelope in stream:
        if isinstance(envelope.event, ev.TextDelta):
            break
    await stream.aclose()
    assert server.requests[0].closed.wait(5)


# --- limits and errors -------------------------------------------------------------------------------------


def test_a_budget_leaves_the_best_answer_so_far(make_rlm: MakeRLM, server: ScriptedServer) -> None:
    server.answer(lambda request: Turn(Text("best so far"), Tool("rlm_stats", {}), Usage(900, 900, always=True)))
    answer = make_rlm(max_tokens=1000).completion("Spend.")
    assert (answer.text, answer.reason) == ("best so far", "budget")
    assert "1,000 tokens" in answer.message


def test_time_is_a_budget(make_rlm: MakeRLM, server: ScriptedServer) -> None:
    server.answer(lambda request: Turn(Text("slowly "), Hang()))
    answer = make_rlm(timeout=1.5).completion("?")
    assert answer.reason == "budget"
    assert server.requests[0].closed.wait(5)


def test_no_depth_means_no_sub_calls(make_rlm: MakeRLM, server: ScriptedServer) -> None:
    server.answer(lambda request: Turn(Text("flat")))
    make_rlm(max_depth=0, max_calls=math.inf).completion("?")
    assert "rlm_search" in server.requests[0].tool_names
    assert "rlm_query" not in server.requests[0].tool_names


def test_a_failed_question_says_what_it_cost(make_rlm: MakeRLM, server: ScriptedServer) -> None:
    server.queue(Turn(Text("thinking"), Tool("rlm_stats", {}), Usage(10, 1, always=True)), failure(401))
    with pytest.raises(CompletionError, match="key") as raised:
        make_rlm().completion("?")
    assert raised.value.kind == "auth"
    assert raised.value.answer.text == raised.value.partial == "thinking"
    assert raised.value.answer.usage == ev.Usage(10, 1)
    assert len(raised.value.answer.trace) > 5


@pytest.mark.parametrize(
    ("context", "words"),
    [
        (Path("/does/not/exist"), "/does/not/exist"),
        (["fine", 7], "Item 2"),
        ([{"text": "x", "lable": "y"}], "Item 1"),
        (b"bytes", "bytes"),
        (7, "int"),
    ],
)
def test_a_wrong_context_is_refused_before_anything_is_made(
    context: Context, words: str, home: Paths, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        RLM(home=tmp_path / "kept").completion("?", context=context)
    assert not (tmp_path / "kept").exists()


def test_wrong_settings_say_which(home: Paths) -> None:
    with pytest.raises(ConfigError, match="budgets"):
        RLM(settings={"budgets.depth": 1}).completion("?")
    with pytest.raises(ConfigError, match="calls"):
        RLM(max_calls=-1).check()
    with pytest.raises(ModelError, match="nonsense"):
        RLM(sub_model="nonsense/model").check()
    with pytest.raises(UsageError, match="empty"):
        RLM().completion("  ")


def test_a_string_that_names_a_path_is_text_and_warns(home: Paths, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="pathlib.Path"):
        answer = RLM().completion("Where is tmp?", context=str(tmp_path))
    assert str(tmp_path) in answer.text


def test_lone_surrogates_are_replaced(make_rlm: MakeRLM, server: ScriptedServer) -> None:
    server.answer(lambda request: Turn(Text("fine [0-3]")))
    answer = make_rlm().completion("odd \ud800?", context={"label": "\udc80", "text": "a\ud800b"})
    assert answer.citations[0].quote == "a�b"


# --- the data home -----------------------------------------------------------------------------------------


def test_a_given_home_keeps_the_sessions(make_rlm: MakeRLM, server: ScriptedServer, tmp_path: Path) -> None:
    server.answer(lambda request: Turn(Text("kept")))
    answer = make_rlm(home=tmp_path / "kept").completion("Remember this", context=CONTEXT)
    infos = list_sessions(Paths(tmp_path / "kept", tmp_path / "config"))
    assert [(info.id, info.title, info.turns) for info in infos] == [(answer.session, "Remember this", 1)]


def test_a_temporary_home_goes_and_the_own_one_is_left_alone(
    home: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with RLM() as rlm:
        rlm.completion("Where is the zebra?", context="zebra\n")
        made = list((tmp_path / "temporary").glob("rlm-tui-*/sessions"))
        assert len(made) == 1
        assert list(made[0].iterdir()) == [], "a session goes with its answer"
    assert not list((tmp_path / "temporary").glob("rlm-tui-*/sessions"))
    assert not home.home.exists()


@pytest.mark.parametrize(
    "code",
    [
        "from rlm_tui import RLM, Answer, CompletionError; RLM('openai/x', max_cost=1)",
        "from rlm_tui.cli import main; main(['batch', '--help'])",
    ],
)
def test_nothing_heavy_is_loaded_before_the_first_question(code: str, tmp_path: Path) -> None:
    assert loaded_by(code, tmp_path) == set()


def test_the_offline_model_needs_no_model_client(tmp_path: Path) -> None:
    code = "from rlm_tui import RLM; assert 'zebra' in RLM().completion('Where is the zebra?', context='zebra').text"
    assert not loaded_by(code, tmp_path) & {"litellm", "openai", "textual", "httpx"}
