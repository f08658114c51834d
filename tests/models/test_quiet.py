"""Nothing that litellm does reaches stdout or stderr, at the level of file descriptors."""

import subprocess
import sys
from itertools import count
from pathlib import Path

from tests.support.scripted_server import (
    Drop,
    End,
    Hang,
    Raw,
    Reasoning,
    Request,
    ScriptedServer,
    Status,
    Text,
    Tool,
    Turn,
    Usage,
    failure,
    trickle,
)

TURNS = (
    Turn(Reasoning("r"), Text("a"), Tool("f", {}), Usage(9, 9, reasoning=3)),
    Turn(Text("half"), Drop()),
    Turn(Text("half"), Raw(b"data: {broken\n\n")),
    Turn(Text("half"), End()),
    failure(401, "bad key sk-12345678901234567890"),
    failure(429, "slow", retry_after="1"),
    Turn(Status(500, "<html>oops</html>")),
    Turn(Hang()),
)


def test_every_kind_of_reply_is_silent(tmp_path: Path) -> None:
    numbers = count()

    def script(request: Request) -> Turn:
        if request.model == "hang":
            return Turn(Text("a"), Hang())
        if request.model == "trickle":
            return trickle(1000, 0.01)
        return TURNS[next(numbers) % len(TURNS)]

    root = Path(__file__).parents[2]
    with ScriptedServer(script) as server:
        command = [sys.executable, "-m", "tests.models.quiet_program", server.base_url]
        done = subprocess.run(
            command, cwd=root, capture_output=True, timeout=120, check=False, env={"HOME": str(tmp_path)}
        )
        asked = {request.model for request in server.requests}
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert asked == {"m", "claude-sonnet-4-5", "unknown", "hang", "trickle"}
