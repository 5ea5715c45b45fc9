"""Watches the writing system calls of a process and of all that it starts, and lets each pass, fail or be its last.

A seccomp filter (Linux 5.6 or newer, x86-64 or ARM64, no privileges) stops a thread at each such call and asks the
watcher. So the calls of C and C++ libraries are seen, those of every thread and child process, and none twice. Writing
into shared memory maps is not seen; this package has none.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import select
import signal
import struct
import time
from collections.abc import Callable
from typing import NamedTuple

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
# Where each call says what it changes: the argument of a descriptor, or (argument of its folder, or None, and of its path).
_DESCRIPTOR = {
    **dict.fromkeys("write pwrite64 writev pwritev pwritev2 ftruncate fallocate fsync fdatasync sendfile".split(), 0),
    "copy_file_range": 2,
}
_PATHS = {
    **dict.fromkeys("open creat unlink rmdir mkdir truncate access".split(), ((None, 0),)),
    **dict.fromkeys("openat openat2 unlinkat mkdirat faccessat faccessat2".split(), ((0, 1),)),
    **dict.fromkeys("renameat renameat2 linkat".split(), ((0, 1), (2, 3))),
    **dict.fromkeys("rename link".split(), ((None, 0), (None, 1))),
    "symlink": ((None, 1),),
    "symlinkat": ((1, 2),),
}
_FLAGS_ARGUMENT = {"open": 1, "openat": 2}
_MODE_ARGUMENT = {"access": 1, "faccessat": 2, "faccessat2": 2}
_REMOVING = ("unlink", "unlinkat", "rmdir")
_NAMES = {"open": "create", "creat": "create", "openat": "create", "openat2": "create", "pwrite64": "write"} | {
    name: name.removesuffix("at2").removesuffix("at") for name in "renameat renameat2 unlinkat mkdirat linkat symlinkat".split()
}
_TEARABLE = ("write", "pwrite64")

_FILTER_NUMBER = {"x86_64": 317, "aarch64": 277}  # of seccomp()
_NEW_LISTENER = 8
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CONTINUE = 1
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_RESPONSE = struct.Struct("=QqiI")
_PIDFD_GETFD = 438
_AT_FDCWD = -100
# Temporary files that TensorFlow writes when it converts Python functions, in the system's folder.
IGNORED = "__autograph_generated_file"
_LONGEST_PATH = 4096
_PATIENCE_SECS = 15.0


class Call(NamedTuple):
    """A writing call: its name (`create`, `write`, `rename`, …) and the path below the watched folder that it changes."""

    name: str
    path: str


class Fault(NamedTuple):
    """What happens to a process.

    Attributes:
      kind: "none"; "kill" (SIGKILL); "full" (no space left); "read-only".
      number: of the call that is hit, from 0; None for none.
      torn: whether half of what this call writes is still written.
      seconds: for a kill: after so many seconds, whatever it does.
      forever: whether all later calls fail, too.
      everywhere: whether caches and temporary files are read-only, too, and not only the output.
      error: the name of the error of a read-only folder.
    """

    kind: str = "none"
    number: int | None = None
    torn: bool = False
    seconds: float | None = None
    forever: bool = False
    everywhere: bool = False
    error: str = "EROFS"


class Outcome(NamedTuple):
    """What became of a process.

    Attributes:
      status: its exit status; -9 after a kill.
      calls: its writing calls, in order.
      hit: the call that the fault hit; None if none was.
      seconds: how long it ran.
      orphans: whether processes that it had started were still there after some seconds.
    """

    status: int
    calls: list[Call]
    hit: Call | None
    seconds: float
    orphans: bool


def _machine() -> tuple[int, dict[str, int]]:
    machine = platform.machine()
    if platform.system() != "Linux" or machine not in _NUMBERS:
        raise SystemExit("error: this needs Linux on x86-64 or ARM64, whose kernel can stop a process at a system call")
    arch, text = _NUMBERS[machine]
    words = text.split()
    return arch, dict(zip(words[::2], map(int, words[1::2]), strict=True))


_LIBC = ctypes.CDLL(None, use_errno=True)


def install() -> int:
    """Makes this process and its children ask before each writing call; returns the descriptor to answer at."""
    arch, numbers = _machine()
    # Classic BPF: (code, jump if true, jump if false, value).
    load, equal, any_bit, give = 0x20, 0x15, 0x45, 0x06
    allow, ask = 0x7FFF0000, 0x7FC00000
    program = [(load, 0, 0, 4), (equal, 1, 0, arch), (give, 0, 0, allow), (load, 0, 0, 0)]
    for name, number in numbers.items():
        if name in _FLAGS_ARGUMENT:  # opening for reading is not asked about
            offset = 16 + 8 * _FLAGS_ARGUMENT[name]
            changing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
            program += [
                (equal, 0, 4, number),
                (load, 0, 0, offset),
                (any_bit, 0, 1, changing),
                (give, 0, 0, ask),
                (give, 0, 0, allow),
            ]
        elif name in _MODE_ARGUMENT:
            offset = 16 + 8 * _MODE_ARGUMENT[name]
            program += [
                (equal, 0, 4, number),
                (load, 0, 0, offset),
                (any_bit, 0, 1, os.W_OK),
                (give, 0, 0, ask),
                (give, 0, 0, allow),
            ]
        else:
            program += [(equal, 0, 1, number), (give, 0, 0, ask)]
    program.append((give, 0, 0, allow))
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in program))
    header = struct.pack("@HP", len(program), ctypes.addressof(code))
    if _LIBC.prctl(38, 1, 0, 0, 0):  # PR_SET_NO_NEW_PRIVS
        raise OSError(ctypes.get_errno(), "no_new_privs")
    listener = _LIBC.syscall(_FILTER_NUMBER[platform.machine()], 1, _NEW_LISTENER, header)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "this kernel does not let a process watch another's system calls (seccomp)")
    return listener


class Watcher:
    """Answers for one process.

    Args:
      pid: the process.
      listener: the descriptor of its `install`.
      root: calls that change something below this folder are counted, and no others.
      output: the folder below `root` that a read-only output means.
      fault: what is to happen.
    """

    def __init__(self, pid: int, listener: int, root: str, output: str, fault: Fault) -> None:
        self._pid = pid
        self._listener = listener
        self._root = os.path.realpath(root)
        self._output = os.path.realpath(output)
        self._fault = fault
        self._names = {number: name for name, number in _machine()[1].items()}
        self._calls: list[Call] = []
        self._hit: Call | None = None

    def watch(self) -> Outcome:
        """Returns when the process and all that it started have ended."""
        began = time.monotonic()
        pidfd = os.pidfd_open(self._pid)
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(pidfd, select.POLLIN)
        status: int | None = None
        seconds = 0.0
        deadline = None if self._fault.seconds is None else began + self._fault.seconds
        orphans = False
        while True:
            ready = dict(poll.poll(None if deadline is None else max(0.0, 1000 * (deadline - time.monotonic()))))
            if deadline is not None and time.monotonic() >= deadline:
                if status is not None:  # what it started does not end
                    orphans = True
                    os.killpg(self._pid, signal.SIGKILL)
                else:
                    self._hit = Call("moment", f"{time.monotonic() - began:.3f}")
                    os.kill(self._pid, signal.SIGKILL)
                deadline = None
            if pidfd in ready:
                status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
                seconds = time.monotonic() - began
                poll.unregister(pidfd)
                deadline = time.monotonic() + _PATIENCE_SECS
            if ready.get(self._listener, 0) & select.POLLIN:
                self._answer()
            elif ready.get(self._listener, 0):  # nobody is left who could ask
                if status is None:
                    status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
                    seconds = time.monotonic() - began
                break
        os.close(pidfd)
        os.close(self._listener)
        return Outcome(status, self._calls, self._hit, seconds, orphans)

    def _answer(self) -> None:
        buffer = bytearray(_NOTIFICATION.size)
        try:
            fcntl.ioctl(self._listener, _RECEIVE, buffer)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):
                return  # the one who asked is dead
            raise
        identity, pid, _, number, _, _, *arguments = _NOTIFICATION.unpack(bytes(buffer))
        value, error = 0, 0
        try:
            answer = self._decide(pid, self._names[number], arguments)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            answer = None  # it died meanwhile
        if answer is not None:
            value, error = answer
        response = bytearray(_RESPONSE.pack(identity, value, -error, 0 if answer is not None else _CONTINUE))
        try:
            fcntl.ioctl(self._listener, _SEND, response)
        except OSError as failure:
            if failure.errno != errno.ENOENT:
                raise

    def _decide(self, pid: int, name: str, arguments: list[int]) -> tuple[int, int] | None:
        """Returns the value and the error to answer with; None to let the call happen."""
        path = self._changed_path(pid, name, arguments)
        if path is None:
            return None
        shown = _NAMES.get(name, name)
        counted = name not in _MODE_ARGUMENT
        if name in _FLAGS_ARGUMENT:  # opening what is there changes nothing by itself
            flags = arguments[_FLAGS_ARGUMENT[name]]
            counted = bool(flags & os.O_TRUNC) or (bool(flags & os.O_CREAT) and not os.path.lexists(path))
        elif shown == "mkdir":
            counted = not os.path.lexists(path)
        fault = self._fault
        if fault.kind == "read-only":
            if fault.everywhere or path == self._output or path.startswith(self._output + "/"):
                self._hit = self._hit or Call(shown, path.removeprefix(self._root + "/"))
                return 0, getattr(errno, fault.error)
            return None
        if not counted:
            return None
        call = Call(shown, path.removeprefix(self._root + "/"))
        self._calls.append(call)
        index = len(self._calls) - 1
        if fault.number is None or index < fault.number or (index > fault.number and not fault.forever):
            return None
        if index == fault.number:
            self._hit = call
            written = self._tear(pid, name, arguments) if fault.torn and name in _TEARABLE else 0
            if fault.kind == "kill":
                own = _group_of(pid) == self._pid
                os.kill(self._pid, signal.SIGKILL)
                return (0, errno.EIO) if own else None
            if written:
                return written, 0
        return None if name in _REMOVING else (0, errno.ENOSPC)  # a full disk lets files be removed

    def _tear(self, pid: int, name: str, arguments: list[int]) -> int:
        """Writes half of what the process wants to write, into the same open file."""
        descriptor, address, size = arguments[:3]
        half = size // 2
        if not half:
            return 0
        pidfd = os.pidfd_open(_group_of(pid))
        try:
            copy = _LIBC.syscall(_PIDFD_GETFD, pidfd, descriptor, 0)
            if copy < 0:
                return 0
            try:
                content = _memory(pid, address, half)
                return os.write(copy, content) if name == "write" else os.pwrite(copy, content, arguments[3])
            finally:
                os.close(copy)
        finally:
            os.close(pidfd)

    def _changed_path(self, pid: int, name: str, arguments: list[int]) -> str | None:
        """Returns the absolute path that a call changes; None if it is not below the watched folder."""
        if name in _DESCRIPTOR:
            path = os.readlink(f"/proc/{pid}/fd/{arguments[_DESCRIPTOR[name]]}")
            return path if self._is_watched(path) else None
        for folder, place in reversed(_PATHS[name]):  # what is renamed is shown by its new name
            path = os.fsdecode(_text(pid, arguments[place]))
            if not path.startswith("/"):
                descriptor = _AT_FDCWD if folder is None else ctypes.c_int32(arguments[folder]).value
                base = os.readlink(f"/proc/{pid}/cwd" if descriptor == _AT_FDCWD else f"/proc/{pid}/fd/{descriptor}")
                path = os.path.join(base, path)
            path = os.path.normpath(path)
            if self._is_watched(path):
                return path
        return None

    def _is_watched(self, path: str) -> bool:
        return path.startswith(self._root + "/") and not os.path.basename(path).startswith(IGNORED)


def _group_of(thread: int) -> int:
    with open(f"/proc/{thread}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Tgid:"))


def _memory(pid: int, address: int, size: int) -> bytes:
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        file.seek(address)
        return file.read(size)


def _text(pid: int, address: int) -> bytes:
    page = 4096 - address % 4096  # the next page may not be there
    content = _memory(pid, address, page)
    if b"\0" not in content:
        content += _memory(pid, address + page, _LONGEST_PATH)
    return content.split(b"\0", 1)[0]


def start(body: Callable[[], int]) -> tuple[int, int]:
    """Forks a watched process that runs `body` and exits with its status.

    Returns:
      Its process id, and the descriptor to answer at.
    """
    import socket

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
        finally:
            os._exit(status)
    there.close()
    message, descriptors, _, _ = socket.recv_fds(here, 1, 1)
    here.close()
    if not message:
        raise SystemExit("error: the process could not be watched; see above")
    return pid, descriptors[0]
