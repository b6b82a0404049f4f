"""What the system itself holds a child to.

There are resource limits, and on Linux no write outside its folders (Landlock).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterable

from hub_core.model.limits import MB

_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION, _BENEATH = 1, 1
_REACH = {
    1: (1 << 1) | 0x1FF0,
    2: 1 << 13,
    3: 1 << 14,
}  # rights to change files, by the version that brought them
_SPECIAL = 0x0E40  # of them those to make devices, sockets and pipes, which nobody has
_FILE = (1 << 1) | (1 << 14)  # and those that a file has
_SIGNALS = 6, 1 << 1  # no signals to others: the version, and the bit
_CAPABILITIES = 0x20080522  # the version of their calls
_KEPT = 1 << 1 | 1 << 2  # to read and write files, which a department's folder may need
_SPARE = 2048 * MB  # address space that allocators and threads set aside and never touch


def set_limits(memory_mb: int, file_mb: int, *, own_user: bool) -> None:
    """Put the hard limits on this process and all that it will start.

    The watch of the hub, which sees what memory is really used, comes before the address space runs
    out.
    """
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, file_mb * MB)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # a name for it, whatever library writes
    if own_user:
        _lower(resource.RLIMIT_NPROC, 1024)
    if _LINUX:
        _lower(resource.RLIMIT_AS, _mapped() + 2 * memory_mb * MB + _SPARE)


def end_with_the_hub() -> None:
    """Let the system kill this process when the hub that started it is killed."""
    if _LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def limit_writes_to(folders: Iterable[str]) -> None:
    """Let this thread, and those that it starts, change files in these folders alone.

    Nothing is done where the kernel cannot. What no audit hook sees is held too: a library in C or
    Rust. A process held so reads no other's memory or environment.
    """
    if not _LINUX:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    if version < 1:
        return
    rights = sum(bits for since, bits in _REACH.items() if since <= version)
    scoped = _SIGNALS[1] if version >= _SIGNALS[0] else 0
    attributes = struct.pack("QQQ", rights, 0, scoped)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    if rules < 0:
        return
    for path in (*folders, os.devnull):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        path_rule = struct.pack(
            "=Qi", rights & (_FILE if path == os.devnull else ~_SPECIAL), descriptor
        )
        libc.syscall(_ADD_RULE, rules, _BENEATH, path_rule, 0)
        os.close(descriptor)
    libc.syscall(_RESTRICT_SELF, rules, 0)
    os.close(rules)


def drop_privileges() -> None:
    """Give up, for good, what root may do beyond reading and writing files.

    What this process starts has given it up too.
    """
    if not _LINUX:
        return
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header, sets = struct.pack("II", _CAPABILITIES, 0), ctypes.create_string_buffer(24)
    if libc.capget(header, sets) == 0:
        permitted = struct.unpack("6I", sets.raw)[1] & _KEPT
        libc.capset(header, struct.pack("6I", permitted, permitted, 0, 0, 0, 0))


def _lower(which: int, value: int) -> None:
    """Set a limit, or leave the one that is lower already."""
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def _mapped() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * resource.getpagesize()
