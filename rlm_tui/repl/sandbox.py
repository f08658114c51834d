"""Where a worker runs: in bubblewrap where that really confines, else as a plain process that says so.

In bubblewrap the worker sees the system's libraries, its own interpreter and a private `/tmp`: no project, no home,
no network, no environment. Everywhere on Linux the worker also gives up system calls and memory by itself, and a
plain process gives up files by Landlock (`confine`).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from rlm_tui.repl.confine import MIB, Limits

_PACKAGE = Path(__file__).resolve().parent
_ROOT = _PACKAGE.parents[1]
_SYSTEM = ("/usr", "/nix/store")
_LINKED = ("/bin", "/lib", "/lib64", "/lib32", "/sbin")
_ENVIRONMENT = {"LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "2"}
"""All that a worker is told. Each arena takes up to 128 MiB of address space, which is what is limited."""
_SCRATCH_BYTES = 64 * MIB
_PROBE_SECONDS = 10

_PROBE = """
import os, socket, sys
home, project = sys.argv[1:]
problems = []
if os.path.exists(home): problems.append("files outside can be read")
if [name for _, name in socket.if_nameindex() if name != "lo"]: problems.append("the network is there")
for place in ("/usr/x", "/x", project):
    try: open(place, "w").close()
    except OSError: continue
    problems.append("files outside can be written")
if set(os.environ) - {"PWD", "LC_CTYPE", "LANG", "MALLOC_ARENA_MAX"}: problems.append("the environment is there")
print("; ".join(problems) or "confined")
"""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """How workers are started. `wrapped` is whether by bubblewrap; `why_not` says what stands in its way.

    `modern` is whether that bubblewrap knows `--disable-userns` and `--size` (0.8 and later).
    """

    wrapped: bool
    why_not: str = ""
    modern: bool = True
    limits: Limits = field(default_factory=Limits)

    def command(self, descriptor: int, info: int, output_chars: int) -> list[str]:
        """Return the command line of a worker that serves `descriptor`; bubblewrap tells the process id to `info`."""
        options = json.dumps({"limits": self.limits, "files": not self.wrapped, "output": output_chars})
        start = (
            f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from rlm_tui.repl.worker import main; "
            f"del sys.path[0]; main({descriptor}, {options!r})"
        )
        inner = [_interpreter(), "-I", "-S", "-B", "-c", start]
        return [*_wrapping(modern=self.modern, info=info), *inner] if self.wrapped else inner

    def environment(self) -> dict[str, str]:
        """Return the environment to start a worker with; what bubblewrap is given goes no further than itself."""
        return {"PATH": os.environ.get("PATH", os.defpath)} if self.wrapped else dict(_ENVIRONMENT)

    def state(self, measures: dict[str, str]) -> str:
        """Return `SANDBOXED`, `PARTIAL (why)` or `NONE (why)`, from what the worker could do for itself."""
        missing = [f"{what}: {why}" for what, why in measures.items() if why]
        if self.wrapped:
            return f"PARTIAL ({'; '.join(missing)})" if missing else "SANDBOXED"
        if measures.get("files") or measures.get("system calls"):
            return f"NONE ({'; '.join([self.why_not, *missing])})"
        return f"PARTIAL ({'; '.join([self.why_not, 'by Landlock and seccomp alone', *missing])})"


def _interpreter() -> str:
    """Return the interpreter itself: a virtual environment's link may lead to where the sandbox has nothing."""
    return str(Path(sys.executable).resolve())


def _wrapping(*, modern: bool, info: int | None = None) -> list[str]:
    """Return bubblewrap and its arguments. It keeps all capabilities when root runs it, unless they are dropped."""
    command = ["bwrap", "--unshare-user", "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1"]
    command += ["--cap-drop", "ALL", "--clearenv"]
    command += [word for name, value in _ENVIRONMENT.items() for word in ("--setenv", name, value)]
    command += ["--disable-userns"] if modern else []
    command += ["--info-fd", str(info)] if info is not None else []
    for place in _SYSTEM:
        command += ["--ro-bind-try", place, place]
    for place in _LINKED:
        path = Path(place)
        if path.is_symlink():
            command += ["--symlink", str(path.readlink()), place]
        else:
            command += ["--ro-bind-try", place, place]
    command += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    command += ["--dev", "/dev", "--proc", "/proc"]
    command += ["--size", str(_SCRATCH_BYTES)] if modern else []
    command += ["--tmpfs", "/tmp"]
    for place in _own_places():
        command += ["--ro-bind", place, place]
    return [*command, "--remount-ro", "/", "--chdir", "/tmp"]


def _own_places() -> list[str]:
    """Return what the worker needs of this installation: the interpreter with its library, and its own code."""
    prefix = Path(sys.base_prefix).resolve()
    places = [str(prefix)] if not prefix.is_relative_to("/usr") else []
    return [*places, str(_PACKAGE.parent / "__init__.py"), str(_PACKAGE)]


@lru_cache(maxsize=4)
def find_sandbox(*, wanted: bool = True) -> Sandbox:
    """Return the best way to start workers here. It is found once, by trying to get out of bubblewrap (some 50 ms)."""
    if not wanted:
        return Sandbox(False, "bubblewrap is switched off")
    if sys.platform != "linux":
        return Sandbox(False, "there is no bubblewrap on this system")
    if shutil.which("bwrap") is None:
        return Sandbox(False, "bubblewrap is not installed")
    problem = ""
    for modern in (True, False):
        problem = _probe(_wrapping(modern=modern))
        if not problem:
            return Sandbox(True, modern=modern)
    return Sandbox(False, problem)


def _probe(wrapping: Sequence[str]) -> str:
    """Try to get out; return what was wrong, or an empty string."""
    with tempfile.NamedTemporaryFile(prefix="rlm-tui-probe-") as marker, tempfile.TemporaryDirectory() as project:
        command = [*wrapping, _interpreter(), "-I", "-S", "-c", _PROBE, marker.name, f"{project}/x"]
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=_PROBE_SECONDS, check=False, stdin=subprocess.DEVNULL,
                env={"PATH": os.environ.get("PATH", os.defpath), "RLM_TUI_PROBE": "x"},
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"bubblewrap does not start: {error}"
    said = done.stdout.decode("utf-8", "replace").strip()
    if said == "confined":
        return ""
    complaint = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    return f"bubblewrap does not confine: {said or ' '.join(complaint) or f'exit code {done.returncode}'}"
