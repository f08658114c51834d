"""Files that the worker may reach, by Landlock: for machines where no bubblewrap works.

Runs inside the worker, with the standard library alone. Format: landlock(7), linux/landlock.h; the three system
calls have the same numbers on every architecture.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | (1 << 14) | (1 << 15)
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_RIGHTS_BY_VERSION = (0, (1 << 13) - 1, (1 << 14) - 1, (1 << 15) - 1, (1 << 15) - 1, (1 << 16) - 1)
"""All rights over files that each version of the interface knows; what is not handled is not restricted."""


def restrict_files(readable: Iterable[str], writable: Iterable[str]) -> str:
    """Deny all files but those beneath `readable` and `writable`; return why that is impossible, or an empty string.

    Paths that do not exist are passed over. It holds for this thread and all that it starts.
    """
    if sys.platform != "linux":
        return "no Landlock"
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION_FLAG)
    if version < 1:
        return "no Landlock"
    handled = _RIGHTS_BY_VERSION[min(version, len(_RIGHTS_BY_VERSION) - 1)]
    attributes = struct.pack("Q", handled)
    rules = libc.syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        return f"Landlock: {os.strerror(ctypes.get_errno())}"
    try:
        for path in readable:
            _allow(libc, rules, path, _READ & handled)
        for path in writable:
            _allow(libc, rules, path, handled & ~_EXECUTE)
        if libc.prctl(38, 1, 0, 0, 0) or libc.syscall(_RESTRICT, rules, 0):
            return f"Landlock: {os.strerror(ctypes.get_errno())}"
    finally:
        os.close(rules)
    return ""


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - pathlib is not worth its import here
            rights &= _FILE_RIGHTS
        libc.syscall(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)
