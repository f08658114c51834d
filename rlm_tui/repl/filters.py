"""A system-call filter for the worker: no processes, sockets, signals to others, raised limits, or machine settings.

Runs inside the worker, with the standard library alone. It is a classic BPF program over `struct seccomp_data`
(seccomp(2), linux/filter.h, linux/seccomp.h); the numbers are those of asm/unistd_64.h for x86-64 and of
asm-generic/unistd.h for AArch64. What is denied fails with EPERM, so that Python raises `PermissionError`.
"""

import ctypes
import os
import platform
import struct
import sys

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW = 0x7FFF0000
_FAIL = 0x00050000  # | errno
_EPERM, _ENOSYS = 1, 38
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets within struct seccomp_data

_CLONE_THREAD = 0x00010000
_SET_OWNER = (8, 15)  # F_SETOWN, F_SETOWN_EX of asm-generic/fcntl.h
_IOCTL_SET_OWNER = (0x8901, 0x8902)  # FIOSETOWN, SIOCSPGRP of asm-generic/sockios.h
_X32_BIT = 0x40000000

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2

_DENIED = {
    "x86_64": {
        "socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "accept4": 288,
        "fork": 57, "vfork": 58, "execve": 59, "execveat": 322,
        "kill": 62, "tkill": 200, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "pidfd_send_signal": 424,
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_open": 434, "pidfd_getfd": 438,
        "setrlimit": 160, "setpriority": 141, "perf_event_open": 298, "keyctl": 250,
        "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "unshare": 272, "setns": 308,
        "open_by_handle_at": 304, "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425,
        "adjtimex": 159, "settimeofday": 164, "clock_settime": 227, "clock_adjtime": 305, "sethostname": 170,
        "setdomainname": 171, "swapon": 167, "swapoff": 168, "acct": 163, "iopl": 172, "ioperm": 173,
        "reboot": 169, "kexec_load": 246, "init_module": 175, "finit_module": 313, "delete_module": 176,
    },
    "aarch64": {
        "socket": 198, "connect": 203, "accept": 202, "bind": 200, "listen": 201, "accept4": 242,
        "execve": 221, "execveat": 281,
        "kill": 129, "tkill": 130, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "pidfd_send_signal": 424,
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "pidfd_open": 434, "pidfd_getfd": 438,
        "setrlimit": 164, "setpriority": 140, "perf_event_open": 241, "keyctl": 219,
        "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "unshare": 97, "setns": 268,
        "open_by_handle_at": 265, "bpf": 280, "userfaultfd": 282, "io_uring_setup": 425,
        "adjtimex": 171, "settimeofday": 170, "clock_settime": 112, "clock_adjtime": 266, "sethostname": 161,
        "setdomainname": 162, "swapon": 224, "swapoff": 225, "acct": 89,
        "reboot": 142, "kexec_load": 104, "init_module": 105, "finit_module": 273, "delete_module": 106,
    },
}  # fmt: skip
"""What always fails. The last two lines of each matter where root runs a worker outside of bubblewrap."""

_SPECIAL = {
    "x86_64": {
        "arch": 0xC000003E,
        "clone": 56,
        "tgkill": 234,
        "prlimit64": 302,
        "clone3": 435,
        "fcntl": 72,
        "ioctl": 16,
    },
    "aarch64": {
        "arch": 0xC00000B7,
        "clone": 220,
        "tgkill": 131,
        "prlimit64": 261,
        "clone3": 435,
        "fcntl": 25,
        "ioctl": 29,
    },
}


def forbid_system_calls() -> str:
    """Install the filter for this thread and all that it starts; return why that is impossible, or an empty string."""
    machine = platform.machine()
    if sys.platform != "linux" or machine not in _DENIED:
        return f"no system-call filter for {sys.platform} on {machine}"
    code = _program(machine, os.getpid())
    buffer = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return f"no_new_privs: {os.strerror(ctypes.get_errno())}"
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, program, 0, 0):
        return f"seccomp: {os.strerror(ctypes.get_errno())}"
    return ""


def _program(machine: str, pid: int) -> bytes:
    """Return the filter as packed `struct sock_filter`s. Jumps count the instructions that are skipped."""
    special = _SPECIAL[machine]
    fail, missing = _FAIL | _EPERM, _FAIL | _ENOSYS
    code = [
        (_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, special["arch"]), (_RETURN, 0, 0, fail),
        (_LOAD, 0, 0, _NUMBER),
    ]  # fmt: skip
    if machine == "x86_64":
        code += [(_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, fail)]
    for number in sorted(_DENIED[machine].values()):
        code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, fail)]
    # glibc falls back to clone, whose flags can be looked at, where clone3 does not exist.
    code += [(_EQUAL, 0, 1, special["clone3"]), (_RETURN, 0, 0, missing)]
    code += [
        (_EQUAL, 0, 4, special["clone"]),
        (_LOAD, 0, 0, _ARGUMENTS), (_ANY_BIT, 0, 1, _CLONE_THREAD), (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, fail),
        (_EQUAL, 0, 4, special["tgkill"]),
        (_LOAD, 0, 0, _ARGUMENTS), (_EQUAL, 0, 1, pid), (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, fail),
    ]  # fmt: skip
    # An owner of a descriptor is sent a signal of one's choice when there is something to read.
    for call, commands in (("fcntl", _SET_OWNER), ("ioctl", _IOCTL_SET_OWNER)):
        code += [(_EQUAL, 0, 2 * len(commands) + 2, special[call]), (_LOAD, 0, 0, _ARGUMENTS + 8)]
        for command in commands:
            code += [(_EQUAL, 0, 1, command), (_RETURN, 0, 0, fail)]
        code += [(_RETURN, 0, 0, _ALLOW)]
    code += [
        # Limits may be read but not set: the third argument, a pointer to new ones, must be null in both halves.
        (_EQUAL, 0, 5, special["prlimit64"]),
        (_LOAD, 0, 0, _ARGUMENTS + 16), (_EQUAL, 0, 2, 0), (_LOAD, 0, 0, _ARGUMENTS + 20), (_EQUAL, 1, 0, 0),
        (_RETURN, 0, 0, fail), (_RETURN, 0, 0, _ALLOW),
    ]  # fmt: skip
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)
