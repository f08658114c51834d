"""Images in prompts: found by how people name them, kept, sent again with the conversation, refused in words."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlm_tui.loop.images import MOST_BYTES, image_paths, keep_images
from rlm_tui.models.port import Limits
from rlm_tui.session.library import fork_session
from rlm_tui.session.session import fold_log
from rlm_tui.session.state import SessionState
from tests.loop.test_agents import opened
from tests.support.assistants import notices
from tests.support.scripted_server import ScriptedServer
from tests.support.scripted_turns import Text, Turn

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.mark.parametrize(
    ("prompt", "names"),
    [
        ("What is in @shot.png?", ["/p/shot.png"]),
        ('See @"my shot.jpeg", please', ["/p/my shot.jpeg"]),
        ("/tmp/a\\ b.PNG what is this", ["/tmp/a b.PNG"]),
        ("'/tmp/a b.webp' and file:///tmp/c.gif", ["/tmp/a b.webp", "/tmp/c.gif"]),
        ("why does /srv/logo.png not load?\nGET /srv/a.png: 404\n and so on", []),
        ("@a.png @a.png @sub/b.jpg", ["/p/a.png", "/p/sub/b.jpg"]),
        ("mail me@home.png or see docs/x.png and @code.py", []),
        ("@a.pngx @.png", []),
    ],
)
def test_images_are_found_as_people_name_them(prompt: str, names: list[str]) -> None:
    assert [str(path) for path in image_paths(prompt, Path("/p"))] == names


async def test_a_model_is_shown_an_image_now_and_later(server: ScriptedServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as assistant:
        (tmp_path / "project" / "shot.png").write_bytes(PNG)
        server.queue(Turn(Text("A cat.")), Turn(Text("Still a cat.")))
        await assistant.ask("What is in @shot.png?")
        (tmp_path / "project" / "shot.png").unlink()
        await assistant.ask("Sure?")
        url = "data:image/png;base64," + base64.b64encode(PNG).decode()
        for request in server.requests:
            first = next(m for m in request.body["messages"] if m["role"] == "user")
            assert first["content"][1] == {"type": "image_url", "image_url": {"url": url}}
        assert "The model is shown shot.png (14 bytes)." in notices(assistant)
        directory, paths = assistant.session.directory, assistant.options.paths
    copy = fork_session(paths, directory)
    state = SessionState()
    fold_log(copy, paths.home, state, None)
    assert [image.name for image in state.turns[0].images] == ["shot.png"]
    assert (copy / "images" / state.turns[0].images[0].sha256).read_bytes() == PNG


async def test_a_model_that_takes_none_is_not_sent_those_of_earlier_turns(
    server: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(server, tmp_path) as assistant:
        (tmp_path / "project" / "shot.png").write_bytes(PNG)
        server.queue(Turn(Text("A cat.")), Turn(Text("I see nothing.")))
        await assistant.ask("What is in @shot.png?")
        blind = Limits(context_tokens=50_000, supports_images=False)
        monkeypatch.setattr(assistant.engine.client, "limits", lambda _: blind)
        await assistant.ask("And @shot.png again?")
        assert "image_url" in str(server.requests[0].body["messages"])
        assert "image_url" not in str(server.requests[1].body["messages"])
        assert "takes no images" in notices(assistant)


async def test_the_offline_model_takes_none_and_says_so(server: ScriptedServer, tmp_path: Path) -> None:
    async with opened(server, tmp_path) as assistant:
        (tmp_path / "project" / "shot.png").write_bytes(PNG)
        assistant.choose_model("offline")
        await assistant.ask("What is in @shot.png?")
        assert "offline takes no images" in notices(assistant)
        assert assistant.session.state.turns[0].images == ()


def test_what_cannot_be_shown_is_told(tmp_path: Path) -> None:
    project, session = tmp_path / "project", tmp_path / "session"
    project.mkdir()
    session.mkdir()
    (project / "ok.png").write_bytes(PNG)
    (project / "text.png").write_bytes(b"hello \x1b[31m")
    (project / "huge.gif").write_bytes(b"GIF89a" + b"\0" * MOST_BYTES)
    (tmp_path / "outside.png").write_bytes(PNG)
    (project / "link.png").symlink_to(tmp_path / "outside.png")
    prompt = f"@ok.png @text.png @huge.gif @gone.png @link.png {tmp_path}/outside.png"  # a bare path at the end
    kept, problems = keep_images(prompt, project, session, anywhere=False)
    assert [image.name for image in kept] == ["ok.png"]
    told = "\n".join(problems)
    for words in ("text.png is no PNG", "huge.gif is not shown", "gone.png is not shown to the model: No such file"):
        assert words in told
    assert told.count("outside the project") == 2
    kept, _ = keep_images(prompt, project, session, anywhere=True)
    assert [image.name for image in kept] == ["ok.png", "link.png", "outside.png"]
    assert len(list((session / "images").iterdir())) == 1, "the same bytes are kept once"
