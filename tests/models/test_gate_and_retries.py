"""The gate and the retry policy: over scripted HTTP where a provider matters, by their own rules elsewhere."""

import asyncio
import time
from contextlib import aclosing

import pytest
from msgspec import structs

from rlm_tui.errors import ModelError
from rlm_tui.events import ModelRetry
from rlm_tui.models.gate import Gate
from rlm_tui.models.litellm_client import LiteLLMClient
from rlm_tui.models.port import Message, ModelPart, ModelRequest, ReplyPart, TextPart
from rlm_tui.models.retry import RetryPolicy, with_retries
from tests.support.llm_thread import LLMThread
from tests.support.scripted_server import Drop, Hang, ScriptedServer, Text, Turn, Wait, failure

ASK = ModelRequest("test/m", (Message("user", "Hi"),), call=3)
QUICK = RetryPolicy(base_ms=20)


async def ask(
    client: LiteLLMClient,
    retries: list[ModelRetry],
    gate: Gate | None = None,
    policy: RetryPolicy = QUICK,
    *,
    restart: bool = False,
    request: ModelRequest = ASK,
) -> list[ModelPart]:
    parts = with_retries(client, request, policy, gate or Gate(), retries.append, restart=restart)
    return [part async for part in parts]


def test_failures_that_may_pass_are_tried_again(llm: LLMThread, server: ScriptedServer, client: LiteLLMClient) -> None:
    server.queue(failure(500), Turn(Drop()), failure(429, "slow", retry_after_ms="30"), Turn(Text("at last")))
    retries: list[ModelRetry] = []
    parts = llm.run(ask(client, retries))
    assert isinstance(parts[-1], ReplyPart)
    assert parts[-1].text == "at last"
    assert [(retry.attempt, retry.kind) for retry in retries] == [(1, "server"), (2, "connection"), (3, "rate_limit")]
    assert 30 <= retries[2].wait_ms <= 33
    assert len(server.requests) == 4


@pytest.mark.parametrize("turn", [failure(401), failure(404), failure(400), failure(429, "insufficient_quota")])
def test_failures_that_will_not_pass_are_raised_at_once(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient, turn: Turn
) -> None:
    server.queue(turn)
    with pytest.raises(ModelError):
        llm.run(ask(client, []))
    assert len(server.requests) == 1


def test_retries_come_to_an_end(llm: LLMThread, server: ScriptedServer, client: LiteLLMClient) -> None:
    server.answer(lambda _: failure(503))
    retries: list[ModelRetry] = []
    with pytest.raises(ModelError) as caught:
        llm.run(ask(client, retries, policy=structs.replace(QUICK, retries=2)))
    assert caught.value.kind == "server"
    assert (len(retries), len(server.requests)) == (2, 3)


def test_a_reply_that_was_shown_begins_anew_only_when_told(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient
) -> None:
    server.queue(Turn(Text("half"), Drop()), Turn(Text("half"), Drop()), Turn(Text("whole")))
    with pytest.raises(ModelError) as caught:
        llm.run(ask(client, []))
    assert (caught.value.kind, caught.value.partial) == ("cut", "half")

    retries: list[ModelRetry] = []
    parts = llm.run(ask(client, retries, restart=True))
    assert [part.text for part in parts] == ["half", "whole", "whole"]
    assert [retry.kind for retry in retries] == ["cut"]


def test_a_cut_reply_that_nobody_saw_is_tried_again(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient
) -> None:
    server.queue(Turn(Drop()), Turn(Text("whole")))
    parts = llm.run(ask(client, [], request=structs.replace(ASK, stream=False)))
    assert [part.text for part in parts] == ["whole", "whole"]


def test_a_rate_limit_holds_back_every_call_of_the_provider(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient
) -> None:
    server.queue(failure(429, "slow down", retry_after="0.4"))
    server.answer(lambda _: Turn(Text("a")))
    gate = Gate()

    async def burst() -> None:
        first = asyncio.create_task(ask(client, [], gate))
        while gate.paused_for("test") == 0:
            await asyncio.sleep(0.005)
        assert gate.paused_for("other") == 0
        await asyncio.gather(first, *(ask(client, [], gate) for _ in range(5)))

    llm.run(burst())
    times = [request.at for request in server.requests]
    assert len(times) == 7
    assert min(times[1:]) - times[0] >= 0.4


def test_a_longer_wait_than_patience_is_the_persons_to_decide() -> None:
    policy = RetryPolicy()
    assert policy.wait_ms(1, ModelError("rate_limit", "", retry_after=3600)) is None
    wait = policy.wait_ms(1, ModelError("rate_limit", "", retry_after=2))
    assert wait is not None
    assert 2000 <= wait <= 2200


def test_waits_double_differ_between_calls_and_are_the_same_each_time() -> None:
    policy = RetryPolicy(retries=9, base_ms=1000, longest_ms=8000)
    error = ModelError("server", "")
    for attempt, whole in ((1, 1000), (2, 2000), (3, 4000), (4, 8000), (7, 8000)):
        waits = [policy.wait_ms(attempt, error, call) for call in range(50)]
        assert all(wait is not None and whole / 2 <= wait < whole for wait in waits)
        assert len(set(waits)) == 50
        assert waits == [policy.wait_ms(attempt, error, call) for call in range(50)]
    assert policy.wait_ms(10, error) is None


def test_only_so_many_calls_reach_the_provider_at_once(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient
) -> None:
    server.answer(lambda _: Turn(Wait(0.03), Text("a")))
    gate = Gate(4)

    async def many() -> None:
        await asyncio.gather(*(ask(client, [], gate) for _ in range(16)))
        assert gate.running("test") == 0

    llm.run(many())
    assert len(server.requests) == 16
    assert server.most_at_once == 4


def test_a_call_that_is_left_frees_its_slot_and_its_connection(
    llm: LLMThread, server: ScriptedServer, client: LiteLLMClient
) -> None:
    server.queue(Turn(Text("a"), Hang()), Turn(Text("b")))
    gate = Gate(1)

    async def leave_then_ask() -> list[ModelPart]:
        async with aclosing(with_retries(client, ASK, QUICK, gate, lambda _: None)) as parts:
            first = await anext(parts)
            assert first == TextPart("a")
        return await ask(client, [], gate)

    assert [part.text for part in llm.run(leave_then_ask())] == ["b", "b"]
    assert server.requests[0].closed.wait(5)


async def test_a_cancelled_wait_leaves_the_gate_as_it_was() -> None:
    gate = Gate(1)
    gate.pause("p", 60)

    async def hold() -> None:
        async with gate.slot("p"):
            raise AssertionError("the pause was not waited for")

    for _ in range(2):
        task = asyncio.create_task(hold())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    gate.pause("q", 0.05)
    started = time.monotonic()
    async with gate.slot("q"):
        assert time.monotonic() - started >= 0.045
