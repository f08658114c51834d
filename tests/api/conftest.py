"""A scripted model over real HTTP, and an `RLM` that reaches it through litellm."""

from collections.abc import Callable, Iterator

import pytest

from rlm_tui.api import RLM
from rlm_tui.config.paths import Paths
from tests.support.scripted_server import ScriptedServer

MODEL = "lab/scripted"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


MakeRLM = Callable[..., RLM]


@pytest.fixture
def make_rlm(server: ScriptedServer, home: Paths) -> Iterator[MakeRLM]:
    """Make an `RLM` of the scripted model; keywords are passed on."""
    made: list[RLM] = []

    def make(**more: object) -> RLM:
        rlm = RLM(MODEL, settings={"endpoints.lab.api_base": server.base_url}, **more)  # type: ignore[arg-type]  # as given by the test
        made.append(rlm)
        return rlm

    yield make
    for rlm in made:
        rlm.close()
