"""Watches the writing system calls of a process and of all that it starts, and lets each pass, fail or be its last.

`seccomp.start` starts such a process. Writing into shared memory maps is not seen; this package has none.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import select
import signal
import struct
import time
from typing import NamedTuple

from experiments.crash import seccomp

# Where each call says what it changes. First those that have a descriptor: the number of that argument.
_DESCRIPTOR = {
    **{
        name: 0 for name in ("write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate", "fallocate", "sendfile")
    },
    **{name: 0 for name in ("ftruncate", "fallocate", "fsync", "fdatasync")},
    "copy_file_range": 2,
}
# Those that have paths: for each the arguments of its folder (None: the working folder) and of the path.
_PATHS = {
    **{name: ((None, 0),) for name in ("open", "creat", "unlink", "rmdir", "mkdir", "truncate", "access")},
    **{name: ((0, 1),) for name in ("openat", "openat2", "unlinkat", "mkdirat", "faccessat", "faccessat2")},
    **{name: ((0, 1), (2, 3)) for name in ("renameat", "renameat2", "linkat")},
    **{name: ((None, 0), (None, 1)) for name in ("rename", "link")},
    "symlink": ((None, 1),),
    "symlinkat": ((1, 2),),
}
_REMOVING = ("unlink", "unlinkat", "rmdir")
# Calls of one kind are shown by one name.
_NAMES = {
    **{name: "create" for name in ("open", "creat", "openat", "openat2")},
    **{name: "rename" for name in ("renameat", "renameat2")},
    **{"pwrite64": "write", "unlinkat": "unlink", "mkdirat": "mkdir", "linkat": "link", "symlinkat": "symlink"},
}
_TEARABLE = ("write", "pwrite64")

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
    """A writing call.

    Attributes:
      name: `create`, `write`, `rename` and so on.
      path: what it changes, below the watched folder.
    """

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


_LIBC = ctypes.CDLL(None, use_errno=True)


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
        self._names = seccomp.numbers()
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
        counted = name not in seccomp.MODE_ARGUMENT
        if name in seccomp.FLAGS_ARGUMENT:  # opening what is there changes nothing by itself
            flags = arguments[seccomp.FLAGS_ARGUMENT[name]]
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
        if name in _REMOVING or (shown == "rename" and index > fault.number):
            return None  # a full disk lets files be removed and moved back
        return 0, errno.ENOSPC

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
