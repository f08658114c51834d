"""What model code must not be able to do, tried in each way that a REPL runs here: `python -m tests.repl.attempts`.

Prints a line an attempt: what came of it in bubblewrap and as a plain process, and whether the REPL went on with its
variables, or with a new worker that says so. `tests/repl/test_containment.py` holds the same and more as tests.
"""

import asyncio
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rlm_tui.repl.process import CellResult, Repl
from rlm_tui.repl.sandbox import find_sandbox
from rlm_tui.text import one_line
from tests.repl.conftest import PLAIN, serve_nothing

KEY = "sk-test-0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One cell. `harmless` are the errors that show that it was contained; none listed: it must only not print
    `GOT OUT`. `{outside}` in the code is a folder that must not be reached."""

    name: str
    code: str
    harmless: tuple[str, ...] = ()
    seconds: float = 5.0


ATTEMPTS: tuple[Attempt, ...] = (
    Attempt("endless loop", "while True: pass", ("KeyboardInterrupt",), 0.4),
    Attempt(
        "loop that heeds no interrupt",
        "import time\nwhile True:\n    try: time.sleep(0.01)\n    except BaseException: pass", ("killed",), 0.4,
    ),
    Attempt("fork bomb", "import os\nwhile True: os.fork()", ("PermissionError",)),
    Attempt("another program", "import subprocess; subprocess.run(['/bin/sh', '-c', ':'])", ("PermissionError",)),
    Attempt("a gigabyte of memory", "x = bytearray(1 << 30)", ("MemoryError",)),
    Attempt("a gigabyte of output", "for _ in range(1 << 14): print('x' * 65536)", (), 30.0),
    Attempt("a large file", "open('/tmp/x', 'wb').write(bytes(1 << 27))", ("OSError", "PermissionError")),
    Attempt("sys.exit", "import sys; sys.exit(3)", ("SystemExit", "")),
    Attempt("os._exit", "import os; os._exit(3)", ("killed", "crashed", "ended")),
    Attempt("crash", "import ctypes; ctypes.string_at(0)", ("killed", "crashed", "ended")),
    Attempt("deleted context", "del context"),
    Attempt("recursion without end", "def f(): f()\nf()", ("RecursionError",)),
    Attempt("keys in the environment", f"import os\nprint('GOT' + ' OUT' if {KEY!r} in str(os.environ) else 'none')"),
    Attempt(
        "keys of the parent",
        "import os\nfor n in (os.getppid(), 1):\n"
        f"    try: print('GOT' + ' OUT' if {KEY!r} in open(f'/proc/{{n}}/environ').read() else 'none')\n"
        "    except OSError as e: print(e)",
    ),
    Attempt("a socket", "import socket; socket.create_connection(('127.0.0.1', 9)); print('GOT', 'OUT')",
            ("PermissionError", "OSError")),
    Attempt("read a file outside", "print(open('{outside}/secret').read(), 'GOT', 'OUT')",
            ("FileNotFoundError", "PermissionError")),
    Attempt("write a file outside", "open('{outside}/new', 'w'); print('GOT', 'OUT')",
            ("FileNotFoundError", "PermissionError")),
    Attempt("signal the parent", "import os; os.kill(os.getppid(), 0); print('GOT', 'OUT')",
            ("PermissionError", "ProcessLookupError")),
    Attempt("change the host's name", "import socket; socket.sethostname(socket.gethostname()); print('GOT', 'OUT')",
            ("PermissionError", "OSError")),
    Attempt("raise its limits", "import resource as r; r.setrlimit(r.RLIMIT_AS, (-1, -1)); print('GOT', 'OUT')",
            ("ValueError", "PermissionError")),
    Attempt("nonsense in the pipe", "import os\nfor fd in range(3, 20):\n    try: os.write(fd, b'x' * 64)\n"
            "    except OSError: pass", ("killed", "crashed", "ended", "")),
)  # fmt: skip


async def attempt(repl: Repl, tried: Attempt, outside: Path) -> tuple[bool, str, str]:
    """Return whether it was contained, what came of it, and how the REPL went on."""
    await repl.run("kept = 'yes'", serve_nothing, seconds=5)
    result: CellResult = await repl.run(
        tried.code.replace("{outside}", str(outside)), serve_nothing, seconds=tried.seconds
    )
    after = await repl.run(
        "print(kept if 'kept' in globals() else 'new worker', type(context).__name__)", serve_nothing, seconds=5
    )
    went_on = "with its variables" if "yes Context" in after.output else "with a new worker"
    usable = "Context" in after.output and not after.error
    outcome = result.error or (result.output.strip().splitlines() or ["(nothing printed)"])[-1]
    harmless = not tried.harmless or result.error in tried.harmless or result.gone
    contained = "GOT OUT" not in result.output and harmless and usable
    return contained, one_line(outcome, 40), went_on


async def main() -> int:
    """Print the table; return 1 when anything was not contained."""
    os.environ["OPENAI_API_KEY"] = KEY
    ways = [("plain process", PLAIN)]
    if (found := find_sandbox()).wrapped:
        ways.insert(0, ("bubblewrap", found))
    bad = 0
    print("| way | attempt | outcome | contained | the REPL went on |\n|---|---|---|---|---|")  # noqa: T201 - its result
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        (Path(name) / "secret").write_text(KEY)
        for way, sandbox in ways:
            repl = Repl(sandbox)
            for tried in ATTEMPTS:
                contained, outcome, went_on = await attempt(repl, tried, Path(name))
                bad += not contained
                print(f"| {way} | {tried.name} | {outcome} | {'yes' if contained else 'NO'} | {went_on} |", flush=True)  # noqa: T201
            await repl.close()
    print(f"{len(ATTEMPTS) * len(ways) - bad} of {len(ATTEMPTS) * len(ways)} contained")  # noqa: T201
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
