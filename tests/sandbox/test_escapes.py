"""Every known way out of the sandbox of commands is tried, as this user and as an ordinary one."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlm_tui.permissions.policy import Containment
from rlm_tui.sandbox.finding import find_containment
from tests.sandbox.escapes import ESCAPES, NOBODY, Escape, attempt, can_be_user, make_place

pytestmark = pytest.mark.skipif(
    find_containment("auto").containment is not Containment.SANDBOXED,
    reason=f"no sandbox here: {find_containment('auto').text}",
)

NAMES = [escape.name for escape in ESCAPES]


@pytest.fixture
def port() -> Iterator[int]:
    """A port on loopback outside of the sandbox, where something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("escape", ESCAPES, ids=NAMES)
def test_it_is_contained(escape: Escape, tmp_path: Path, port: int) -> None:
    got_out, said = attempt(escape, make_place(tmp_path / "place"), port=port)
    assert not got_out, said


@pytest.mark.skipif(bool(can_be_user()), reason=can_be_user())
@pytest.mark.parametrize("escape", ESCAPES, ids=NAMES)
def test_it_is_contained_for_an_ordinary_user(escape: Escape, open_folder: Path, port: int) -> None:
    got_out, said = attempt(escape, make_place(open_folder / "place", NOBODY), port=port, as_user=True)
    assert not got_out, said


@pytest.mark.parametrize("escape", [escape for escape in ESCAPES if "git" in escape.script])
def test_git_may_commit_but_not_plant_anything(escape: Escape, tmp_path: Path) -> None:
    got_out, said = attempt(escape, make_place(tmp_path / "place"), git=True)
    assert not got_out, said
