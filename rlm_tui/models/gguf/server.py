"""The parent's side of a GGUF model's process: start it once, wait until it has loaded, end it when nobody needs it."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import weakref
from concurrent.futures import Future
from pathlib import Path
from typing import IO

from msgspec import Struct

from rlm_tui.config.schema import GgufSettings
from rlm_tui.errors import ModelError
from rlm_tui.models.gguf.file import INSTALL, is_installed, trained_context
from rlm_tui.redact import is_key_name, secret_values

_STDERR_TAIL = 400
_KILL_SECONDS = 2.0


class Running(Struct, frozen=True):
    """A model that answers: the server's address without `/v1`, and the key that it asks for."""

    address: str
    key: str


class GgufServer:
    """One model of one file. It is loaded at the first `ready()` and again after it died; dropped, it ends."""

    def __init__(self, path: Path, settings: GgufSettings) -> None:
        """Raises `ModelError` where the extra is missing, or the file is or is no GGUF file."""
        if not is_installed():
            raise ModelError("not_found", f"{path.name} needs llama.cpp: install it with `{INSTALL}`.")
        self.path = path.resolve()
        trained = trained_context(self.path)
        self.context_tokens = min(settings.context, trained) if trained else settings.context
        self.settings = settings
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._loading: Future[Running] | None = None

    async def ready(self) -> Running:
        """Return the running model, loading it first if need be: seconds, or minutes for a large one.

        Raises `ModelError` where it cannot be loaded. Cancelling stops the waiting, not the loading.
        """
        with self._lock:
            if self._loading is None or (self._loading.done() and not self._alive()):
                self._loading = Future()
                # a thread of its own: the pool's threads are waited for at exit, and loading can take minutes
                threading.Thread(target=self._load, args=(self._loading,), name="gguf-load", daemon=True).start()
            loading = self._loading
        return await asyncio.shield(asyncio.wrap_future(loading))

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _load(self, result: "Future[Running]") -> None:
        try:
            result.set_result(self._started())
        except ModelError as error:
            result.set_exception(error)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            # whatever it is, somebody waits for it
            result.set_exception(ModelError("not_found", f"llama.cpp could not be started: {error}."))

    def _started(self) -> Running:
        key = secrets.token_urlsafe(24)
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
            process = self._process = subprocess.Popen(
                [sys.executable, "-m", "rlm_tui.models.gguf.child"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=_environment(),
                start_new_session=True,  # Ctrl+C in the terminal is for the screen
            )  # fmt: skip
            weakref.finalize(self, _end, process)
            assert process.stdin is not None  # asked for above
            assert process.stdout is not None
            answer = _exchange(process.stdin, process.stdout, self._wanted(key))
            if "address" in answer:
                return Running(str(answer["address"]), key)
            said = str(answer.get("error") or f"it ended with code {process.wait()}")
            tail = _tail(log)
        _end(process)
        raise ModelError("not_found", f"{self.path.name} could not be loaded: {said.rstrip('.')}. {tail}".rstrip())

    def _wanted(self, key: str) -> dict[str, object]:
        settings = self.settings
        return {
            "path": str(self.path), "name": self.path.stem, "key": key, "context": self.context_tokens,
            "parallel": settings.parallel, "gpu_layers": settings.gpu_layers, "threads": settings.threads,
        }  # fmt: skip


_servers: "weakref.WeakValueDictionary[tuple[Path, GgufSettings], GgufServer]" = weakref.WeakValueDictionary()
_servers_lock = threading.Lock()


def server_of(path: Path, settings: GgufSettings) -> GgufServer:
    """Return the server of a file: one for all clients of this program, so a model is in memory once."""
    at = (path.resolve(), settings)
    with _servers_lock:
        server = _servers.get(at)
        if server is None:
            server = _servers[at] = GgufServer(path, settings)
        return server


def _exchange(to: IO[str], answers: IO[str], wanted: dict[str, object]) -> dict[str, object]:
    try:
        to.write(json.dumps(wanted) + "\n")
        to.flush()
    except BrokenPipeError:
        return {}
    answer = json.loads(answers.readline() or "{}")
    return answer if isinstance(answer, dict) else {}


def _tail(log: IO[str]) -> str:
    log.seek(0)
    lines = [line.strip() for line in log.read()[-10_000:].splitlines() if "rror" in line or "fail" in line]
    return "llama.cpp says: " + " ".join(lines)[-_STDERR_TAIL:] if lines else ""


def _environment() -> dict[str, str]:
    """Return this program's environment without anything that looks like a key: drivers need the rest."""
    values = set(secret_values(os.environ))
    return {name: value for name, value in os.environ.items() if not is_key_name(name) and value not in values}


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    process.wait(_KILL_SECONDS)
