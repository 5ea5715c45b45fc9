"""Makes a process ask another before each system call that writes.

A seccomp filter (Linux 5.6 or newer, x86-64 or ARM64, no privileges) stops a thread at each such call until the other
has answered. So the calls of C and C++ libraries are seen, and those of every thread and child process.
"""

from __future__ import annotations

import ctypes
import os
import platform
import socket
import struct
import sys
from collections.abc import Callable

# Numbers of the calls by machine. ARM64 has only the newer ones.
_NUMBERS = {
    "x86_64": (
        0xC000003E,
        "open 2 creat 85 openat 257 openat2 437 write 1 pwrite64 18 writev 20 pwritev 296 pwritev2 328 rename 82 "
        "renameat 264 renameat2 316 unlink 87 unlinkat 263 rmdir 84 mkdir 83 mkdirat 258 link 86 linkat 265 symlink 88 "
        "symlinkat 266 truncate 76 ftruncate 77 fallocate 285 fsync 74 fdatasync 75 copy_file_range 326 sendfile 40 "
        "access 21 faccessat 269 faccessat2 439",
    ),
    "aarch64": (
        0xC00000B7,
        "openat 56 openat2 437 write 64 pwrite64 68 writev 66 pwritev 70 pwritev2 287 renameat 38 renameat2 276 "
        "unlinkat 35 mkdirat 34 linkat 37 symlinkat 36 truncate 45 ftruncate 46 fallocate 47 fsync 82 fdatasync 83 "
        "copy_file_range 285 sendfile 71 faccessat 48 faccessat2 439",
    ),
}
# The argument with the flags of opening, and with the mode of asking for access.
FLAGS_ARGUMENT = {"open": 1, "openat": 2}
MODE_ARGUMENT = {"access": 1, "faccessat": 2, "faccessat2": 2}
_SECCOMP = {"x86_64": 317, "aarch64": 277}  # the number of seccomp()
_SET_MODE_FILTER, _NEW_LISTENER, _SET_NO_NEW_PRIVS = 1, 8, 38
_LIBC = ctypes.CDLL(None, use_errno=True)


def numbers() -> dict[int, str]:
    """Returns the watched calls of this machine: number → name.

    Raises:
      OSError: they are not known for this machine.
    """
    return {number: name for name, number in _machine()[1].items()}


def _machine() -> tuple[int, dict[str, int]]:
    machine = platform.machine()
    if platform.system() != "Linux" or machine not in _NUMBERS:
        raise OSError("system calls can be watched on Linux on x86-64 or ARM64 only")
    arch, text = _NUMBERS[machine]
    words = text.split()
    return arch, dict(zip(words[::2], map(int, words[1::2]), strict=True))


def install() -> int:
    """Makes this process, and all that it starts, ask before each writing call.

    Returns:
      The descriptor to answer at.

    Raises:
      OSError: this kernel or container does not allow it.
    """
    arch, known = _machine()
    # Classic BPF: (code, steps to skip if true, if false, value).
    load, equal, any_bit, give = 0x20, 0x15, 0x45, 0x06
    allow, ask = (give, 0, 0, 0x7FFF0000), (give, 0, 0, 0x7FC00000)
    program = [(load, 0, 0, 4), (equal, 1, 0, arch), allow, (load, 0, 0, 0)]
    for name, number in known.items():
        bits = None
        if name in FLAGS_ARGUMENT:  # opening for reading is not asked about
            bits = (FLAGS_ARGUMENT[name], os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        elif name in MODE_ARGUMENT:
            bits = (MODE_ARGUMENT[name], os.W_OK)
        if bits is None:
            program += [(equal, 0, 1, number), ask]
        else:
            program += [(equal, 0, 4, number), (load, 0, 0, 16 + 8 * bits[0]), (any_bit, 0, 1, bits[1]), ask, allow]
    program.append(allow)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    header = struct.pack("@HP", len(program), ctypes.addressof(code))
    if _LIBC.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs is not allowed")
    listener = _LIBC.syscall(_SECCOMP[platform.machine()], _SET_MODE_FILTER, _NEW_LISTENER, header)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "this kernel or container does not let system calls be watched (seccomp)")
    return listener


def start(body: Callable[[], int]) -> tuple[int, int]:
    """Forks a watched process that runs `body` and exits with its status.

    Returns:
      Its process id, and the descriptor to answer at.

    Raises:
      OSError: it cannot be watched.
    """
    here, there = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            here.close()
            os.setsid()
            listener = install()
            socket.send_fds(there, [b"x"], [listener])
            os.close(listener)
            there.close()
            status = body()
        except OSError as error:
            print(error, file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    there.close()
    message, descriptors, _, _ = socket.recv_fds(here, 1, 1)
    here.close()
    if not message:
        os.waitpid(pid, 0)
        raise OSError("system calls cannot be watched here")
    return pid, descriptors[0]
