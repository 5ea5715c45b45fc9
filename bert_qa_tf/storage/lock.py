"""Keeps two processes from writing to the same output at the same time.

The lock is the operating system's (`flock`) on a small file, which also says who holds it. The system releases it when
its process ends, however that ends, so a lock file that a killed process left does not count. A remote output cannot
be locked, and neither can one on a file system without locks.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import stat
import sys
import time
from collections.abc import Iterator

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files, json_text

# The lock file in a folder that belongs to one run of a command at a time.
LOCK_FILE = ".lock"
_PROGRAM = "bert_qa_tf"
_BEGINNING = json_text.write({"program": _PROGRAM})[:-1].encode()
_MAX_BYTES = 4096
# Each time, another process has removed the folder or the lock at the same moment.
_MAX_TRIES = 1000


@contextlib.contextmanager
def held(path: files.PathLike, output: str) -> Iterator[None]:
    """Holds the lock of an output; it is not waited for.

    Args:
      path: the lock file. It is created, with its folder, and removed in the end; so is a new folder that is empty.
      output: the output that it is for, for the error message.

    Raises:
      InputError: another process holds the lock, or the file cannot be created, or is not a lock of this program.
    """
    name = os.path.abspath(path) if not files.is_remote(path) else os.fspath(path)
    if files.is_remote(name):
        yield
        return
    folder = os.path.dirname(name)
    is_new = not os.path.isdir(folder)
    descriptor = _take(name, output)
    try:
        yield
    finally:
        # Removed before it is released: who opens it from now on gets another file.
        with contextlib.suppress(OSError):
            if _is_at(name, descriptor):
                os.remove(name)
            if is_new:
                os.rmdir(folder)  # if nothing came of it
        os.close(descriptor)


def clear_abandoned(path: files.PathLike, output: str) -> None:
    """Removes the lock of a process that was killed; does nothing if there is none, or its process lives."""
    if not files.is_remote(path) and os.path.lexists(path):
        with contextlib.suppress(InputError), held(path, output):
            pass


def _take(name: str, output: str) -> int:
    for _ in range(_MAX_TRIES):
        files.make_folder(os.path.dirname(name))
        descriptor = _open(name, output)
        if descriptor is None:
            continue
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InputError(
                    f"{output}: {_holder(descriptor)} is writing here; wait until it ends, or name another output"
                ) from error
            except OSError:
                pass  # a file system without locks
            if _is_at(name, descriptor):
                _sign(name, descriptor, output)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the process that held it has just removed it
    raise InputError(f"{output}: cannot be locked with {name}, which disappears when it is made")  # as in /proc


def _open(name: str, output: str) -> int | None:
    """Opens a lock file; returns None if its folder has just been removed."""
    flags = os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        try:
            return os.open(name, flags | os.O_RDWR, 0o666)
        except PermissionError:
            return os.open(name, (flags & ~os.O_CREAT) | os.O_RDONLY)  # that of another user
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{output}: cannot be locked with {name} ({error.strerror})") from error


def _is_at(name: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.lstat(name), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sign(name: str, descriptor: int, output: str) -> None:
    status = os.fstat(descriptor)
    is_own = stat.S_ISREG(status.st_mode) and status.st_nlink <= 1
    if is_own:
        content = os.pread(descriptor, _MAX_BYTES, 0)
        # A process that was killed while it signed leaves the beginning of a signature.
        is_own = content.startswith(_BEGINNING) or _BEGINNING.startswith(content)
    if not is_own:
        raise InputError(f"{output}: {name} is not a lock of this program; move it away, or name another output")
    signature = {
        "program": _PROGRAM,
        "command": os.path.basename(sys.argv[0]).removesuffix(".py"),
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    with contextlib.suppress(OSError):  # without it the lock holds too, but has no name
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json_text.write(signature).encode(), 0)


def _signature(content: bytes) -> dict[str, object] | None:
    with contextlib.suppress(UnicodeDecodeError, json_text.JsonError):
        value = json_text.parse(content.decode("utf-8"))
        if isinstance(value, dict) and value.get("program") == _PROGRAM:
            return value
    return None


def _holder(descriptor: int) -> str:
    """Names the process that holds a lock."""
    try:
        value = _signature(os.pread(descriptor, _MAX_BYTES, 0))
    except OSError:  # a pipe
        value = None
    if value is None:
        return "another process"
    return f"`{value.get('command')}` (process {value.get('pid')} on {value.get('host')} since {value.get('since')})"
