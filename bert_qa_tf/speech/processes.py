"""Does the same work on many items, on several cores; or one call in a process of its own.

Results come in the order they are ready. Each process makes its worker once, since workers load models. Processes are
fresh ones: a forked one would inherit locks of libraries.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import Any, Generic, TypeVar

from bert_qa_tf.errors import InputError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# Enough for no worker to wait, and few enough to hold in memory.
_QUEUED_FOR_EACH = 4

_work: Callable[[Any], Any] | None = None


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def each(
    make_worker: Callable[[], Callable[[_Item], _Result]], items: Iterable[_Item], num_processes: int
) -> Iterator[_Result]:
    """Handles every item.

    Args:
      make_worker: called once in each process; must be picklable, as must be items and results.
      items: taken from as workers become free.
      num_processes: with 1, all is done in this process.

    Yields:
      Results as they become ready.

    Raises:
      InputError: a process died.
    """
    if num_processes <= 1:
        yield from map(make_worker(), items)
        return
    pending = iter(items)
    with concurrent.futures.ProcessPoolExecutor(
        num_processes, multiprocessing.get_context("spawn"), _initialize, (make_worker,)
    ) as pool:
        try:
            first = itertools.islice(pending, num_processes * _QUEUED_FOR_EACH)
            running = {pool.submit(_call, item) for item in first}
            while running:
                done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                running |= {pool.submit(_call, item) for item in itertools.islice(pending, len(done))}
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise InputError("a worker process died (out of memory?): the same command goes on") from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class DiedError(Exception):
    """A process ended without a result."""


class Call(Generic[_Result]):
    """One call in a fresh process of its own, which can be stopped.

    Args:
      work: called there; must be picklable, as must be its result.
      niceness: how far others go before it, from 0 to 19.
      max_memory_bytes: the address space that it, and each process that it starts, may take beside what it has before
        the call; None for no limit.
      max_cpu_secs: the processor time that it, and each process that it starts, may take; None for no limit.
    """

    def __init__(
        self,
        work: Callable[[], _Result],
        niceness: int = 0,
        *,
        max_memory_bytes: int | None = None,
        max_cpu_secs: int | None = None,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._reply, reply_there = context.Pipe(duplex=False)
        arguments = (reply_there, work, niceness, max_memory_bytes, max_cpu_secs)
        self._process = context.Process(target=_reply_with, args=arguments)
        self._process.start()
        reply_there.close()  # the other end is closed when the process ends, however it does

    def wait(self) -> _Result:
        """The result, once it is there; to be called once, from any thread.

        Raises:
          InputError: as the call raised it.
          DiedError: the process died, was stopped, or raised anything else, which it has printed.
        """
        try:
            result, refusal = self._reply.recv()
        except EOFError as error:
            raise DiedError from error
        finally:
            self._process.join()
            self._reply.close()
        if refusal is not None:
            raise InputError(refusal)
        return result

    def stop(self) -> None:
        """Ends the process, and with it those that it has started; nothing happens where it has ended."""
        self._process.kill()


def _reply_with(
    reply: connection.Connection,
    work: Callable[[], Any],
    niceness: int,
    max_memory_bytes: int | None,
    max_cpu_secs: int | None,
) -> None:
    _end_with_parent()
    os.nice(niceness)
    if max_memory_bytes is not None:
        _limit("RLIMIT_AS", _address_space_bytes() + max_memory_bytes)
    if max_cpu_secs is not None:
        _limit("RLIMIT_CPU", max_cpu_secs)
    try:
        outcome = work(), None
    except InputError as error:
        outcome = None, str(error)
    reply.send(outcome)


def _limit(kind: str, value: int) -> None:
    import resource  # of Unix alone

    hard = resource.getrlimit(getattr(resource, kind))[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with contextlib.suppress(OSError, ValueError):  # macOS knows the limit of memory, and refuses to set it
        resource.setrlimit(getattr(resource, kind), (value, hard))


def _address_space_bytes() -> int:
    """Returns the size of this process's address space; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _initialize(make_worker: Callable[[], Callable[[Any], Any]]) -> None:
    global _work
    _end_with_parent()
    _work = make_worker()


def _end_with_parent() -> None:
    # Ctrl-C goes to all processes of a terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """Ends this process when the one that started it is killed: the queue it waits at would never close."""
    connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _call(item: Any) -> Any:
    return _work(item)
