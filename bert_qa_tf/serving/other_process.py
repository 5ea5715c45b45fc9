"""Does the work of a request in a process of its own, with limits, which ends when its client goes away."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable
from multiprocessing import reduction
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from bert_qa_tf.serving.rest import RestError
from bert_qa_tf.speech import processes

_LOOKS_FOR_CLIENT_EVERY_SECS = 0.5
# Answering is quick, and other clients wait for it; this work has a lower priority.
_NICENESS = 10
_Result = TypeVar("_Result")


async def call(
    request: Request,
    waiters: concurrent.futures.Executor,
    work: Callable[[], _Result],
    *,
    stopped: str,
    max_memory_bytes: int | None,
    max_cpu_secs: int,
) -> _Result:
    """Returns the result of `work`, which is called in another process.

    Args:
      request: the work is stopped when its client disconnects.
      waiters: threads, one of which waits for the process.
      work: must be picklable, as must be its result.
      stopped: what the client is told when the server stops before the work is done.
      max_memory_bytes: see `processes.Call`.
      max_cpu_secs: see `processes.Call`.

    Raises:
      InputError: as the call raised it.
      RestError: the server stops.
      ClientDisconnect: the client disconnected.
      processes.DiedError: the process died or exceeded a limit.
    """
    running = processes.Call(work, _NICENESS, max_memory_bytes=max_memory_bytes, max_cpu_secs=max_cpu_secs)
    waiting = asyncio.get_running_loop().run_in_executor(waiters, running.wait)
    try:
        while not waiting.done():
            await asyncio.wait([waiting], timeout=_LOOKS_FOR_CLIENT_EVERY_SECS)
            if not waiting.done() and await request.is_disconnected():
                raise ClientDisconnect
        return waiting.result()
    except asyncio.CancelledError as error:
        # The server's grace period is over. The client gets an error reply instead of a closed connection.
        raise RestError(503, stopped) from error
    finally:
        # Nothing may be awaited here: a stopping server cancels twice, and after the second time there is no reply.
        running.stop()
        waiting.cancel()


class SharedFile:
    """An open file, to be handed to a process that is being started. Its name there is `path`."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @property
    def path(self) -> str:
        """Names the file in this process."""
        return f"/dev/fd/{self.descriptor}"

    def __reduce__(self) -> tuple[Callable[..., SharedFile], tuple[Any]]:
        return _receive_file, (reduction.DupFd(self.descriptor),)


def _receive_file(handed: Any) -> SharedFile:
    return SharedFile(handed.detach())
