"""The same work on many items, on several cores.

What goes in: items, and how to make the worker that handles one. What comes out: results, in the order they are ready.
Workers are made once a process (they load models), in fresh processes: a forked one would inherit locks of libraries.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import Any, TypeVar

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


def _initialize(make_worker: Callable[[], Callable[[Any], Any]]) -> None:
    global _work
    # Ctrl-C goes to all processes of a terminal; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _work = make_worker()


def _die_with_parent() -> None:
    """Ends this process when the one that started it is killed: the queue it waits at would never close."""
    connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _call(item: Any) -> Any:
    return _work(item)
