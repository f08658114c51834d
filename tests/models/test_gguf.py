"""Models in GGUF files: a tiny one run by the real llama.cpp, and files that are none."""

import asyncio
import os
import signal
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from rlm_tui.config.schema import GgufSettings, Settings
from rlm_tui.errors import ModelError
from rlm_tui.events import ToolRequest
from rlm_tui.models.catalog import look_around
from rlm_tui.models.gguf.file import files_in, is_gguf, trained_context
from rlm_tui.models.gguf.server import GgufServer, server_of
from rlm_tui.models.port import Message, ModelClient, ModelRequest, ReplyPart, TextPart, ToolSchema
from rlm_tui.models.router import lane_of, make_client
from tests.support.tiny_gguf import write_tiny_gguf

SENTENCE = "The retry limit stands in client.py and nowhere else."


@pytest.fixture
def model(tmp_path: Path) -> str:
    return f"gguf/{write_tiny_gguf(tmp_path / 'tiny model.gguf', SENTENCE)}"


async def asked(client: ModelClient, model: str, **more: Any) -> tuple[list[str], ReplyPart]:
    request = ModelRequest(model, (Message("user", "Where is it?"),), **more)
    parts = [part async for part in client.stream(request)]
    last = parts[-1]
    assert isinstance(last, ReplyPart)
    return [part.text for part in parts if isinstance(part, TextPart)], last


async def test_a_file_answers_and_costs_nothing(model: str) -> None:
    client = make_client(model, Settings(gguf=GgufSettings(context=2048)))
    words, reply = await asked(client, model)
    assert "".join(words).strip() == SENTENCE
    assert len(words) > 5, "it streams"
    assert reply.text.strip() == SENTENCE
    assert (reply.model, reply.cost, reply.finish) == (model, 0.0, "stop")
    assert reply.usage.input_tokens > 0
    assert client.limits(model).context_tokens == 2048
    assert lane_of(model) == "gguf"


async def test_it_is_offered_tools_and_replies_at_once_are_whole(model: str) -> None:
    client = make_client(model)
    tool = ToolSchema("look", "Looks.", {"type": "object", "properties": {"at": {"type": "string"}}})
    _, reply = await asked(client, model, tools=(tool,), stream=False)
    assert reply.text.strip() == SENTENCE
    told = ModelRequest(
        model,
        (
            Message("user", "Look"),
            Message("assistant", "", (ToolRequest("t1", "look", "{}", "c1"),)),
            Message("tool", "seen", provider_id="c1", name="look"),
        ),
        (tool,),
    )
    assert [part async for part in client.stream(told)]


async def test_more_at_once_than_it_makes_wait_their_turn(model: str) -> None:
    client = make_client(model)
    replies = await asyncio.gather(*(asked(client, model) for _ in range(6)))
    assert {reply.text.strip() for _, reply in replies} == {SENTENCE}


async def test_one_process_serves_all_and_a_dead_one_is_started_again(model: str) -> None:
    client = make_client(model)
    await client.warm_up()
    server = server_of(Path(model.removeprefix("gguf/")), GgufSettings())
    first = server._process
    await asked(make_client(model), model)
    assert first is not None
    assert server._process is first
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    _, reply = await asked(client, model)
    assert reply.text.strip() == SENTENCE
    assert server._process is not first


async def test_its_process_ends_with_the_last_client_and_knows_no_key(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-0123456789abcdef")
    monkeypatch.setenv("OTHER", "sk-0123456789abcdef")
    server = GgufServer(Path(model.removeprefix("gguf/")), GgufSettings())
    running = await server.ready()
    process = server._process
    assert process is not None
    assert b"sk-0123456789" not in Path(f"/proc/{process.pid}/environ").read_bytes()
    assert running.key.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    del server
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert process.poll() is not None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "No such file"),
        (b"", "it is empty"),
        (b"PK\3\4 a zip", "its first bytes are not `GGUF`"),
        (b"GGUF\3", "breaks off"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 5) + struct.pack("<Q", 1 << 60), "breaks off"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 0), "could not be loaded"),
    ],
)
async def test_what_is_no_model_is_said_so(tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "evil [b]\x1b[31m.gguf"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        await asked(make_client(f"gguf/{file}"), f"gguf/{file}")
    assert told in str(caught.value)
    assert not caught.value.retryable


def test_what_needs_the_extra_says_how_to_get_it(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlm_tui.models.gguf.file.PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match=r"rlm-tui\[local\]"):
        make_client(model)


async def test_files_are_offered(tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    for name in ("big-00001-of-00002.gguf", "big-00002-of-00002.gguf", "mmproj-big.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    found = await look_around({}, servers=(), folders=(str(tmp_path),))
    assert [offer.model for offer in found.offers if offer.provider == "llama.cpp"] == [
        f"gguf/{tmp_path}/big-00001-of-00002.gguf",
        model,
    ]
    assert files_in() == []


async def test_an_answer_that_is_none_ends_the_waiting(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    talks = Path(model.removeprefix("gguf/")).with_name("sitecustomize.py")
    talks.write_text(
        "import sys\nif 'rlm_tui.models.gguf.child' in ' '.join(sys.orig_argv): print('hello', flush=True)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{talks.parent}:{os.environ.get('PYTHONPATH', '')}")
    with pytest.raises(ModelError, match="could not be started"):
        await GgufServer(Path(model.removeprefix("gguf/")), GgufSettings()).ready()


def test_names_and_heads(model: str) -> None:
    assert is_gguf("gguf/x.gguf")
    assert is_gguf("./x.gguf")
    assert not is_gguf("huggingface/some/x.gguf")
    assert trained_context(Path(model.removeprefix("gguf/"))) == 4096
