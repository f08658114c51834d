"""What model code must not be able to do, in bubblewrap and as a plain process; and that the REPL goes on after it."""

import asyncio
import contextlib
import os
from pathlib import Path

import pytest

from rlm_tui.errors import ToolError
from rlm_tui.repl.pool import ReplPool
from rlm_tui.repl.process import OUTPUT_CHARS, Repl
from rlm_tui.repl.sandbox import Sandbox
from tests.repl.conftest import PLAIN, RunCell, serve_nothing

pytestmark = pytest.mark.skipif(os.uname().sysname != "Linux", reason="seccomp and Landlock are Linux's")


async def _still_there(cell: RunCell) -> None:
    """The REPL goes on with the variable that was set before."""
    assert (await cell("kept")).output == "'yes'\n"


async def test_an_endless_loop_is_interrupted_and_loses_nothing(cell: RunCell) -> None:
    await cell("kept = 'yes'")
    result = await cell("count = 0\nwhile True:\n    count += 1", 0.3)
    assert result.error == "KeyboardInterrupt"
    assert "0.3 s" in result.output
    await _still_there(cell)
    assert (await cell("count > 0")).output == "True\n"


async def test_a_sleep_is_interrupted(cell: RunCell) -> None:
    assert (await cell("import time; time.sleep(600)", 0.2)).error == "KeyboardInterrupt"


async def test_what_heeds_no_interrupt_is_killed_and_the_next_cell_is_told(cell: RunCell) -> None:
    await cell("kept = 'yes'")
    code = "import time\nwhile True:\n    try:\n        time.sleep(0.01)\n    except BaseException:\n        pass"
    result = await cell(code, 0.2)
    assert (result.error, result.gone) == ("killed", True)
    after = await cell("'kept' in globals()")
    assert after.output == "False\n"
    assert "killed" in after.lost
    assert (await cell("1")).lost == ""


@pytest.mark.parametrize(
    "code",
    [
        "import os\nwhile True:\n    os.fork()",
        "import subprocess\nsubprocess.run(['/bin/sh', '-c', ':'])",
        "import os\nos.execv('/bin/sh', ['sh'])",
        "import multiprocessing\nmultiprocessing.get_context('fork').Process(target=print).start()",
    ],
)
async def test_no_process_can_be_made(cell: RunCell, code: str) -> None:
    await cell("kept = 'yes'")
    assert (await cell(code)).error == "PermissionError"
    await _still_there(cell)


async def test_threads_end_with_the_memory(cell: RunCell) -> None:
    await cell("kept = 'yes'")
    code = "import threading\nstop = threading.Event()\nwhile True: threading.Thread(target=stop.wait).start()"
    assert (await cell(code, 2)).error in ("RuntimeError", "MemoryError", "KeyboardInterrupt")
    await cell("stop.set()")
    await _still_there(cell)


async def test_a_gigabyte_is_refused(cell: RunCell) -> None:
    await cell("kept = 'yes'")
    assert (await cell("block = bytearray(10**9)")).error == "MemoryError"
    assert (await cell("text = 'x' * 10**9")).error == "MemoryError"
    await _still_there(cell)


async def test_a_gigabyte_of_output_is_counted_and_not_kept(cell: RunCell) -> None:
    result = await cell("line = 'x' * 1_000_000\nfor _ in range(1000): print(line)")
    assert len(result.output) == 5_000_000
    assert result.dropped == 1000 * 1_000_001 - 5_000_000


async def test_a_large_file_is_refused(cell: RunCell) -> None:
    assert (await cell("open('big', 'wb').write(b'x' * (100 << 20))")).error == "OSError"


@pytest.mark.parametrize("code", ["import sys; sys.exit(3)", "raise SystemExit(3)"])
async def test_an_exit_ends_the_cell_alone(cell: RunCell, code: str) -> None:
    await cell("kept = 'yes'")
    result = await cell(code)
    assert (result.error, result.gone) == ("SystemExit", False)
    await _still_there(cell)


async def test_a_crash_is_told_and_a_new_worker_takes_over(cell: RunCell) -> None:
    result = await cell("print('last words', flush=True)\nimport os; os._exit(7)")
    assert (result.error, result.gone) == ("crashed", True)
    assert result.output.startswith("last words\n")
    after = await cell("1 + 1")
    assert (after.output, "crashed" in after.lost) == ("2\n", True)


async def test_what_was_given_is_there_again_after_each_cell(cell: RunCell) -> None:
    await cell("del context, llm_query, rlm_query_batched, answer\nFINAL = FINAL_VAR = SUBMIT = context = None")
    result = await cell(
        "[type(context).__name__, callable(llm_query), callable(rlm_query_batched), answer, FINAL is None]"
    )
    assert result.output == "['Context', True, True, {'content': '', 'ready': False}, False]\n"


async def test_no_key_is_in_the_environment(cell: RunCell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_API_KEY", "sk-canary-0123456789")
    found = await cell(
        "import os, glob\n"
        "seen = [repr(dict(os.environ))]\n"
        "for path in [f'/proc/{n}/environ' for n in ('self', os.getppid(), 1)]:\n"
        "    try: seen.append(open(path, 'rb').read().decode())\n"
        "    except OSError: pass\n"
        "print(len(seen), 'canary' in ''.join(seen))"
    )
    assert found.output.endswith("False\n")


@pytest.mark.parametrize(
    "code",
    [
        "import socket; socket.socket()",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')",
    ],
)
async def test_no_socket_can_be_opened(cell: RunCell, code: str) -> None:
    result = await cell(code)
    assert result.error in ("PermissionError", "URLError")
    assert "not permitted" in result.output


async def test_files_outside_can_be_neither_read_nor_written(cell: RunCell, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("canary")
    for code in (f"open({str(secret)!r}).read()", f"open({str(tmp_path / 'new')!r}, 'w')"):
        assert (await cell(code)).error in ("FileNotFoundError", "PermissionError")
    for path in ("/etc/passwd", "/usr/planted", str(Path(__file__))):
        assert (await cell(f"open({path!r}, 'r+')")).error in ("FileNotFoundError", "PermissionError", "OSError")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret.txt"]
    assert (await cell("open('own', 'w').write('x'); open('own').read()")).output == "'x'\n"


async def test_limits_cannot_be_raised_nor_others_be_signalled(cell: RunCell) -> None:
    raised = await cell("import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))")
    assert raised.error in ("ValueError", "PermissionError")
    assert (await cell("import os; os.kill(-1, 9)")).error == "PermissionError"


async def test_no_way_to_signal_reaches_a_process_outside(cell: RunCell) -> None:
    """The calls that `os` does not offer: by queued signals, and as the owner of a pipe."""
    outside = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        queued = await cell(
            "import ctypes, os, platform, struct\n"
            "libc = ctypes.CDLL(None, use_errno=True)\n"
            "info = struct.pack('iii', 0, 9, 0) + b'\\0' * 116\n"
            "number = 129 if platform.machine() == 'x86_64' else 138\n"
            f"print(libc.syscall(number, {outside.pid}, 9, info), os.strerror(ctypes.get_errno()))"
        )
        owned = await cell(
            f"import fcntl\nends = os.pipe()\nfcntl.fcntl(ends[0], fcntl.F_SETOWN, {outside.pid})\n"
            "fcntl.fcntl(ends[0], 10, 9)  # F_SETSIG\n"
            "fcntl.fcntl(ends[0], fcntl.F_SETFL, os.O_ASYNC)\nos.write(ends[1], b'x')"
        )
        assert queued.output == "-1 Operation not permitted\n"
        assert owned.error == "PermissionError"
        assert outside.returncode is None
    finally:
        with contextlib.suppress(ProcessLookupError):
            outside.kill()
        await outside.wait()


async def test_settings_of_the_machine_cannot_be_changed(cell: RunCell) -> None:
    """A worker of root, too. The name asked for is the one that the machine has."""
    result = await cell(f"import socket\nsocket.sethostname({os.uname().nodename!r})")
    assert result.error == "PermissionError"


async def test_output_past_the_limit_is_counted_whoever_writes_it(cell: RunCell) -> None:
    pipe = "pipe = llm_query.__self__._call.__self__\n"
    result = await cell(pipe + "for _ in range(12): pipe.send({'out': 'x' * 1_000_000})")
    assert (len(result.output), result.dropped) == (OUTPUT_CHARS, 12_000_000 - OUTPUT_CHARS)


@pytest.mark.parametrize(
    "message",
    ["'done': {cell}, 'dropped': 'x'", "'call': [1], 'name': 'size', 'arguments': {{}}", "'call': 1, 'name': 'size'"],
)
async def test_nonsense_in_the_pipe_ends_the_worker_and_not_the_program(
    repl: Repl, cell: RunCell, message: str
) -> None:
    pipe = "pipe = llm_query.__self__._call.__self__\n"
    result = await cell(pipe + "pipe.send({" + message.format(cell=1) + "})\nprint('after')")
    assert (result.error, result.gone) == ("crashed", True)
    after = await cell("2 + 2")
    assert (after.output, after.error) == ("4\n", "")
    assert "crashed" in after.lost


async def test_a_recursion_without_end_is_an_exception(cell: RunCell) -> None:
    await cell("kept = 'yes'\ndef again(): return again()")
    assert (await cell("again()")).error == "RecursionError"
    await _still_there(cell)


async def test_the_sandbox_says_what_it_is(repl: Repl, sandbox: Sandbox) -> None:
    assert repl.state == ""
    await repl.run("1", serve_nothing, seconds=5)
    assert repl.state == "SANDBOXED" if sandbox.wrapped else repl.state.startswith("PARTIAL (it was not asked for")


async def test_a_plain_process_without_its_measures_is_no_sandbox() -> None:
    assert PLAIN.state({"files": "no Landlock"}).startswith("NONE (")
    assert Sandbox(True).state({"system calls": "no filter"}) == "PARTIAL (system calls: no filter)"


async def test_where_nothing_confines_no_code_runs_unless_that_is_accepted() -> None:
    class Bare(Sandbox):
        def state(self, measures: dict[str, str]) -> str:
            return super().state({"files": "no Landlock"})

    bare = Bare(False, "bubblewrap is not installed")
    repl, _ = await ReplPool("auto", bare).get(1, 0)
    with pytest.raises(ToolError, match=r"No code runs here.*bubblewrap is not installed.*sandbox\.mode"):
        await repl.run("1", serve_nothing, seconds=5)
    accepting = ReplPool("off", bare)
    repl, _ = await accepting.get(1, 0)
    assert (await repl.run("1", serve_nothing, seconds=5)).output == "1\n"
    await accepting.close()


async def test_a_sandbox_that_is_required_and_does_not_work_runs_nothing() -> None:
    with pytest.raises(ToolError, match="bubblewrap only"):
        await ReplPool("required", PLAIN).get(1, 0)


async def test_calls_that_wait_are_limited_in_size(repl: Repl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlm_tui.repl.process.MAX_WAITING_CHARS", 128_000)
    gate = asyncio.Event()
    large: list[str] = []
    refused: list[str] = []

    async def serve(name: str, arguments: dict[str, object]) -> object:
        if name == "size":
            return 0
        told = str(arguments)
        if "smaller batches" in told:
            refused.append(told)
            return [{"answer": "noted", "error": ""}]
        large.append(told)
        await gate.wait()
        return [{"answer": "answered", "error": ""}]

    code = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def ask(n):\n"
        "    try: return llm_query('x' * 30_000)\n"
        "    except RuntimeError as error: return llm_query(str(error))\n"
        "with ThreadPoolExecutor(6) as pool: said = list(pool.map(ask, range(6)))\n"
        "print(said.count('answered'), said.count('noted'))"
    )
    cell = asyncio.create_task(repl.run(code, serve, seconds=60))
    while len(large) < 4 or len(refused) < 2:
        assert not cell.done(), cell.result()
        await asyncio.sleep(0.02)
    gate.set()
    assert (await cell).output == "4 2\n"
