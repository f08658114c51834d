"""What the worker gives up before it runs any code: memory, processes, files, system calls.

Runs inside the worker, with the standard library alone.
"""

import os
import sys
from typing import NamedTuple

from rlm_tui.repl.filters import forbid_system_calls
from rlm_tui.repl.landlock import restrict_files

MIB = 1024 * 1024


class Limits(NamedTuple):
    """What one worker may use. `memory` is address space, `file` one file's size (bytes both)."""

    memory: int = 768 * MIB
    file: int = 64 * MIB
    processes: int = 32
    open_files: int = 128


def confine(limits: Limits, *, files: bool) -> dict[str, str]:
    """Apply the limits for good; return for each measure why it could not be taken, or an empty string.

    `files` also restricts which files can be reached, for where no mount namespace does that.
    """
    measures = {"limits": _set_limits(limits)}
    _die_with_parent()
    if files:
        readable = (sys.base_prefix, os.path.dirname(os.__file__), "/usr", "/lib", "/lib64", "/etc/ld.so.cache")  # noqa: PTH120
        devices = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
        measures["files"] = restrict_files(readable, (os.getcwd(), *devices))  # noqa: PTH109 - one import less
    measures["system calls"] = forbid_system_calls()
    return measures


def _set_limits(limits: Limits) -> str:
    try:
        import resource
    except ImportError:
        return "no limits on this system"
    wanted = {
        resource.RLIMIT_AS: limits.memory,
        resource.RLIMIT_FSIZE: limits.file,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,
    }
    if hasattr(resource, "RLIMIT_NPROC"):
        wanted[resource.RLIMIT_NPROC] = limits.processes + _own_tasks()
    problems = []
    for kind, most in wanted.items():
        hard = resource.getrlimit(kind)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (OSError, ValueError) as error:
            problems.append(str(error))
    return "; ".join(problems)


def _own_tasks() -> int:
    """Return how many threads this user already runs: the limit counts all of them, not only the worker's."""
    count = 0
    try:
        with os.scandir("/proc") as processes:
            for process in processes:
                if process.name.isdigit() and process.stat().st_uid == os.getuid():
                    with os.scandir(f"/proc/{process.name}/task") as tasks:
                        count += sum(1 for _ in tasks)
    except OSError:  # a process that ended meanwhile, or no such file system: plenty
        return 4096
    return count


def _die_with_parent() -> None:
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
