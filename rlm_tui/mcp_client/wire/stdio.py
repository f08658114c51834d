"""A server that is a program: messages as lines over its standard input and output.

The library's own stdio transport keeps a line of any length in memory and passes the program's stderr to the
terminal. Here a line has a largest size, stderr is read and its end kept for error messages, and the whole process
group is gone when the transport is left.
"""

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import mcp_types as types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage

from rlm_tui.mcp_client.facts import MAX_MESSAGE_BYTES, Launch, short
from rlm_tui.mcp_client.wire.guard import Guard, Item

_GRACE_S = 0.5
_POLL_S = 0.01
_CHUNK = 65_536


@asynccontextmanager
async def stdio_transport(launch: Launch, guard: Guard, said: deque[str]) -> AsyncIterator[TransportStreams]:
    """Start the program and yield streams to and from it; `said` receives the lines of its stderr.

    Raises `OSError` where the program cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *launch.command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(launch.env),
        cwd=launch.project,
        start_new_session=True,
        limit=MAX_MESSAGE_BYTES,
    )
    incoming, read_stream = anyio.create_memory_object_stream[Item](0)
    write_stream, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
    tasks = [
        asyncio.create_task(_read(process, incoming, guard), name=f"mcp {launch.name} reader"),
        asyncio.create_task(_write(process, outgoing, incoming), name=f"mcp {launch.name} writer"),
        asyncio.create_task(_read_errors(process, said), name=f"mcp {launch.name} stderr"),
    ]
    try:
        yield read_stream, write_stream
    finally:
        try:
            await _stop(process)
        finally:
            _signal(process, signal.SIGKILL)  # what the program has left running in its group
            for task in tasks:
                task.cancel()
            for stream in (incoming, read_stream, write_stream, outgoing):
                stream.close()
            _close(process)


async def _read(process: asyncio.subprocess.Process, incoming: MemoryObjectSendStream[Item], guard: Guard) -> None:
    """Pass each line on as a message, or as the error that says why it is none."""
    assert process.stdout is not None
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        while True:
            try:
                line = await process.stdout.readuntil(b"\n")
            except asyncio.LimitOverrunError:
                guard.drop()
                if not await _skip_line(process.stdout, guard):
                    break
                continue
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            if not guard.admits_bytes(len(line)):
                break
            await incoming.send(_message(line))
    await _note_exit(process, guard)
    incoming.close()


async def _skip_line(stream: asyncio.StreamReader, guard: Guard) -> bool:
    """Read on to the end of a line that is too long; return False at the end of the stream, or of patience."""
    while True:
        try:
            await stream.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            skipped = await stream.readexactly(max(1, error.consumed))
            if not guard.admits_bytes(len(skipped)):
                return False
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        else:
            return True


def _message(line: bytes) -> Item:
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error


async def _note_exit(process: asyncio.subprocess.Process, guard: Guard) -> None:
    if await _gone(process, _GRACE_S):
        code = process.returncode or 0
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        guard.end(f"the program ended with {how}")
    else:
        guard.end("it closed its output")


async def _write(
    process: asyncio.subprocess.Process,
    outgoing: MemoryObjectReceiveStream[SessionMessage],
    incoming: MemoryObjectSendStream[Item],
) -> None:
    assert process.stdin is not None
    try:
        async for message in outgoing:
            data = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(data.encode("utf-8", "replace") + b"\n")
            await process.stdin.drain()
    except (ConnectionError, RuntimeError, anyio.ClosedResourceError):
        incoming.close()  # nothing can be sent any more: whoever waits for an answer is told that it is over


async def _read_errors(process: asyncio.subprocess.Process, said: deque[str]) -> None:
    """Read all of stderr so that the program never waits for it, and keep its last lines."""
    assert process.stderr is not None
    rest = ""
    while chunk := await process.stderr.read(_CHUNK):
        lines = (rest + chunk.decode("utf-8", "replace")).split("\n")
        rest = lines.pop()[-_CHUNK:]
        said.extend(short(line) for line in lines[-(said.maxlen or 1) :] if line.strip())
    if rest.strip():
        said.append(short(rest))


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End the program: its input is closed, then it is asked, then it is killed; about a second at most."""
    assert process.stdin is not None
    with contextlib.suppress(OSError, RuntimeError):
        process.stdin.close()
    for number in (signal.SIGTERM, signal.SIGKILL):
        if await _gone(process, _GRACE_S):
            return
        _signal(process, number)
    await _gone(process, _GRACE_S)


async def _gone(process: asyncio.subprocess.Process, seconds: float) -> bool:
    """Wait for the end by looking: `wait` also waits for pipes that a grandchild may hold open."""
    tries = int(seconds / _POLL_S)
    while process.returncode is None and tries > 0:
        await asyncio.sleep(_POLL_S)
        tries -= 1
    return process.returncode is not None


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)  # it leads a group of its own, see `start_new_session`


def _close(process: asyncio.subprocess.Process) -> None:
    """Close the pipes at once: a grandchild that left the group may hold their other ends for ever."""
    transport = getattr(process, "_transport", None)
    if transport is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            transport.close()
