"""What is found on a machine: keys, servers, the built-in policy; and names that nothing can have."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rlm_tui.errors import ModelError
from rlm_tui.models.catalog import LocalServer, described, find_local, look_around, why_unavailable
from rlm_tui.models.loading import load_litellm
from rlm_tui.models.providers import LOCAL_PREFIXES, PREFIXES, PROVIDERS, check_name
from rlm_tui.models.target import Endpoint
from tests.support.scripted_server import ScriptedServer


async def test_offers_name_what_they_rest_on_and_the_built_in_policy_is_last() -> None:
    environ = {"OPENAI_API_KEY": "secret-1", "GOOGLE_API_KEY": "secret-2", "GROQ_API_KEY": " "}
    endpoints = {"work": Endpoint(api_base="https://models.example/v1"), "draft": Endpoint()}
    found = await look_around(environ, endpoints, servers=())
    assert [(offer.provider, offer.why) for offer in found.offers] == [
        ("work", "[endpoints.work] is https://models.example/v1"),
        ("OpenAI", "OPENAI_API_KEY is set"),
        ("Google Gemini", "GOOGLE_API_KEY is set"),
        ("offline", "built in; searches and quotes, is no language model"),
    ]
    assert ("Groq", "GROQ_API_KEY is not set") in [(m.provider, m.reason) for m in found.missing]
    assert "secret" not in repr(found)


async def test_local_servers_are_asked_for_their_models() -> None:
    with ScriptedServer(models=("qwen3:8b", "nomic-embed-text")) as running, ScriptedServer(models=()) as empty:
        servers = (
            LocalServer("Ollama", "ollama_chat", running.port, "/api/tags"),
            LocalServer("LM Studio", "lm_studio", running.port, "/v1/models"),
            LocalServer("llama.cpp", "llamafile", empty.port, "/v1/models"),
            LocalServer("Other", "hosted_vllm", running.port, "/no/such/path"),
        )
        offers, missing = await find_local(servers, 5_000)
    assert [(offer.model, offer.local) for offer in offers] == [
        ("ollama_chat/qwen3:8b", True),
        ("lm_studio/qwen3:8b", True),
    ]
    assert [entry.reason.split(" at ")[0] for entry in missing] == ["no model is loaded", "nothing answers"]


async def test_silent_and_strange_servers_are_told_and_do_no_harm() -> None:
    with socket.socket() as closed, socket.create_server(("127.0.0.1", 0)) as silent:
        closed.bind(("127.0.0.1", 0))
        servers = (
            LocalServer("Closed", "lm_studio", closed.getsockname()[1], "/v1/models"),
            LocalServer("Silent", "lm_studio", silent.getsockname()[1], "/v1/models"),
        )
        offers, missing = await find_local(servers, 100)
    assert offers == []
    assert [entry.provider for entry in missing] == ["Closed", "Silent"]


def test_looking_around_does_not_import_litellm() -> None:
    code = (
        "import asyncio, sys, rlm_tui.models.router\n"
        "from rlm_tui.models.catalog import look_around\n"
        "asyncio.run(look_around({'OPENAI_API_KEY': 'k'}, servers=()))\n"
        "heavy = {'litellm', 'openai', 'httpx', 'duckdb', 'textual', 'numpy', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


@pytest.mark.parametrize("model", ["openai/gpt-x", "ollama/llama3", "own/m", "offline", "gpt-4o", "openrouter/a/b"])
def test_names_that_something_can_have_pass(model: str) -> None:
    check_name(model, {"own"})


@pytest.mark.parametrize(
    ("model", "kind", "near"),
    [("antropic/claude", "not_found", "anthropic"), ("onw/m", "not_found", "own"), ("zzzzzz/m", "not_found", "models"),
     (" ", "no_model", "offline"), ("openai/", "no_model", "offline")],
)  # fmt: skip
def test_other_names_are_refused_with_near_ones(model: str, kind: str, near: str) -> None:
    with pytest.raises(ModelError) as caught:
        check_name(model, {"own"})
    assert caught.value.kind == kind
    assert near in str(caught.value)


def test_why_a_model_is_unavailable() -> None:
    assert why_unavailable("openai/gpt-x", {}) == "OPENAI_API_KEY is not set"
    assert why_unavailable("openai/gpt-x", {"OPENAI_API_KEY": "k"}) == ""
    assert why_unavailable("ollama/llama3", {}) == ""


async def test_the_tables_agree_with_litellm() -> None:
    litellm = load_litellm()
    known = {str(getattr(provider, "value", provider)) for provider in litellm.provider_list}
    assert known == PREFIXES
    assert known >= LOCAL_PREFIXES
    found = await look_around({provider.key_variables[0]: "k" for provider in PROVIDERS}, servers=())
    for offer in found.offers[:-1]:
        limits = described(offer)
        assert limits.context_tokens, offer.model
        assert limits.supports_tools, offer.model
