"""A scripted model over real HTTP, reached through real litellm in one thread for the whole session."""

from collections.abc import Iterator

import pytest

from rlm_tui.models.litellm_client import LiteLLMClient
from rlm_tui.models.target import Endpoint
from tests.support.llm_thread import LLMThread
from tests.support.scripted_server import ScriptedServer

KEY = "an-own-key-in-no-known-format"


@pytest.fixture(scope="session")
def llm() -> Iterator[LLMThread]:
    with LLMThread() as thread:
        yield thread


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def environ() -> dict[str, str]:
    return {"SCRIPT_KEY": KEY}


@pytest.fixture
def client(server: ScriptedServer, environ: dict[str, str]) -> LiteLLMClient:
    """A client whose models `test/...` go to the scripted server."""
    endpoint = Endpoint(api_base=server.base_url, api_key_env="SCRIPT_KEY")
    return LiteLLMClient(endpoints={"test": endpoint}, environ=environ)
