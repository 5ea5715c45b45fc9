"""Runs other programs, such as ffmpeg and flite, so that they end with the call that started them.

A program gets a process group of its own, which is killed when the call is over, however that happens. On Linux it is
also killed when the thread that started it ends, and with it this process; and it can have limits of memory and
processor time.
"""

from __future__ import annotations

import contextlib
import functools
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import IO, Any

from bert_qa_tf.errors import InputError

# Far more than reading sound or saying a sentence takes.
_MEMORY_BYTES = 4 * 2**30
_CPU_SECS = 3600
_KEPT_BYTES = 1 << 16


@contextlib.contextmanager
def running(arguments: Sequence[str], *, has_limits: bool = True, **streams: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Starts a program, and kills it and all that it has started at the end of the block.

    Args:
      arguments: the program and its arguments.
      has_limits: whether it may use 4 GiB of memory and an hour of processor time, and no more.
      **streams: `stdin`, `stdout` and `stderr` as `subprocess.Popen` takes them.

    Raises:
      InputError: the program cannot be started.
    """
    try:
        process = subprocess.Popen([*_dying_with_parent(), *arguments], start_new_session=True, **streams)
    except OSError as error:
        raise InputError(f"{arguments[0]}: cannot be started ({error.strerror})") from error
    with process:  # closes its pipes and waits
        try:
            if has_limits:
                _limit(process.pid)
            yield process
        finally:
            _kill_group(process)


def run(
    arguments: Sequence[str], timeout_secs: float, *, has_limits: bool = True, stream: str = "stderr"
) -> tuple[int, str]:
    """Runs a program to its end.

    Args:
      arguments: see `running`.
      timeout_secs: how long it may take.
      has_limits: see `running`.
      stream: what to return, "stdout" or "stderr".

    Returns:
      Its exit status, and the beginning of what it wrote to that stream.

    Raises:
      InputError: the program cannot be started.
      TimeoutError: it took longer.
    """
    with tempfile.TemporaryFile() as said:
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: said}
        with running(arguments, has_limits=has_limits, stdin=subprocess.DEVNULL, **streams) as process:
            try:
                status = process.wait(timeout_secs)
            except subprocess.TimeoutExpired as error:
                raise TimeoutError from error
        said.seek(0)
        return status, said.read(_KEPT_BYTES).decode("utf-8", "replace")


def read(process: subprocess.Popen[bytes], size: int, timeout_secs: float) -> bytes:
    """Reads from a program's output.

    Args:
      process: of `running`, with `stdout=subprocess.PIPE`.
      size: in bytes; fewer come only at the end.
      timeout_secs: for all of them.

    Raises:
      TimeoutError: the program took longer.
    """
    pipe: IO[bytes] = process.stdout
    deadline = time.monotonic() + timeout_secs
    chunks, missing = [], size
    while missing:
        if not select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError
        chunk = os.read(pipe.fileno(), missing)
        if not chunk:
            break
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)


@functools.cache
def _dying_with_parent() -> tuple[str, ...]:
    """The beginning of a command that kills the rest of it when this process dies; empty where there is none."""
    if not sys.platform.startswith("linux") or shutil.which("setpriv") is None:
        return ()
    command = ("setpriv", "--pdeathsig", "KILL", "--")
    known = subprocess.run([*command, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return command if known.returncode == 0 else ()


def _limit(pid: int) -> None:
    try:
        from resource import RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, prlimit
    except ImportError:  # Linux alone has prlimit
        return
    for kind, value in ((RLIMIT_AS, _MEMORY_BYTES), (RLIMIT_CPU, _CPU_SECS), (RLIMIT_CORE, 0)):
        # It may have ended already, or have lower limits.
        with contextlib.suppress(OSError, ValueError):
            hard = prlimit(pid, kind)[1]
            prlimit(pid, kind, (value if hard < 0 else min(value, hard),) * 2)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # The group outlives its first member: what a script started is killed too.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
