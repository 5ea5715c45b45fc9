"""Runs inputs in worker processes, under a watchdog.

A worker that hangs, dies or takes too much memory is replaced, and the input that did it is noted. Every input is made
of the seed, the name of its target and its number, so any of them can be made again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import pathlib
import random
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from typing import Any

HANG_SECS = 2.0  # of this process on a core
_KILLED_AFTER_SECS = 60.0  # of the clock: other processes may hold the cores
_MEMORY_BYTES = 1 << 30
_CHUNK = 500


@dataclasses.dataclass(frozen=True)
class Failure:
    """An input that failed.

    Attributes:
      target: the name of its target.
      number: the number of the input.
      kind: an exception's type, "hang", "memory" or "died".
      detail: the last line of the exception and the place, or the seconds.
    """

    target: str
    number: int
    kind: str
    detail: str


@dataclasses.dataclass
class Tally:
    """What was counted of one target.

    Attributes:
      inputs: the number of inputs.
      accepted: those that were read without an error.
      slowest_secs: the longest time of an input.
      slowest: its number.
      peak_bytes: the most memory that was added to a worker's at rest.
      failures: see `Failure`.
    """

    inputs: int = 0
    accepted: int = 0
    slowest_secs: float = 0.0
    slowest: int = -1
    peak_bytes: int = 0
    failures: list[Failure] = dataclasses.field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Adds the counts of another part of the same target."""
        self.inputs += other.inputs
        self.accepted += other.accepted
        if other.slowest_secs > self.slowest_secs:
            self.slowest_secs, self.slowest = other.slowest_secs, other.slowest
        self.peak_bytes = max(self.peak_bytes, other.peak_bytes)
        self.failures += other.failures


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Some inputs of a target, from `first` to `past`, exclusive."""

    target: str
    first: int
    past: int


def make_input(samples: list[bytes], seed: int, target: str, number: int) -> bytes:
    """Makes an input again."""
    import mutation

    return mutation.mutate(random.Random(f"{seed}:{target}:{number}"), samples)


def run(chunks: Iterable[Chunk], seed: int, cases: list[pathlib.Path], jobs: int) -> Iterator[tuple[str, Tally]]:
    """Runs chunks of inputs in several processes.

    Args:
      chunks: what to run.
      seed: of the inputs.
      cases: folders with more samples.
      jobs: the number of processes.

    Yields:
      The name of a target and what was counted, for each chunk, or a part of one.
    """
    context = multiprocessing.get_context("spawn")
    waiting = list(chunks)[::-1]
    workers = [_Worker(context, seed, cases) for _ in range(jobs)]
    busy: dict[int, Chunk] = {}
    try:
        while waiting or busy:
            for place, worker in enumerate(workers):
                if place not in busy and waiting:
                    busy[place] = waiting.pop()
                    worker.start(busy[place])
            time.sleep(0.01)
            for place, chunk in list(busy.items()):
                worker = workers[place]
                reply = worker.reply()
                if reply is not None:
                    del busy[place]
                    yield chunk.target, reply
                elif (kind := worker.trouble()) is not None:
                    number = worker.number()
                    worker.stop()
                    workers[place] = _Worker(context, seed, cases)
                    del busy[place]
                    # What was counted of this chunk before is lost with the process, and run again.
                    if number > chunk.first:
                        waiting.append(Chunk(chunk.target, chunk.first, number))
                    if number + 1 < chunk.past:
                        waiting.append(Chunk(chunk.target, number + 1, chunk.past))
                    yield chunk.target, Tally(1, 0, 0.0, -1, 0, [Failure(chunk.target, number, kind, "the worker")])
    finally:
        for worker in workers:
            worker.stop()


def chunks_of(counts: dict[str, int]) -> list[Chunk]:
    """Cuts the inputs of all targets into chunks, in turn, so that a part of a run has some of each."""
    chunks = [
        (first / count, Chunk(name, first, min(first + _CHUNK, count)))
        for name, count in counts.items()
        for first in range(0, count, _CHUNK)
    ]
    return [chunk for _, chunk in sorted(chunks, key=lambda pair: pair[0])]


class _Worker:
    """A process and what this one sees of it: the input that it is at, and since when."""

    def __init__(self, context: Any, seed: int, cases: list[pathlib.Path]) -> None:
        self._here, there = context.Pipe()
        self._state = context.Array("d", 2, lock=False)  # number of the input, when it was begun
        self._folder = tempfile.mkdtemp(prefix="fuzz_", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self._process = context.Process(target=_work, args=(there, self._state, self._folder, seed, cases), daemon=True)
        self._process.start()
        there.close()

    def start(self, chunk: Chunk) -> None:
        self._state[:] = (chunk.first, 0.0)
        with contextlib.suppress(OSError):  # it died; `trouble` says so
            self._here.send(chunk)

    def reply(self) -> Tally | None:
        try:
            return self._here.recv() if self._here.poll() else None
        except EOFError:
            return None

    def number(self) -> int:
        return int(self._state[0])

    def trouble(self) -> str | None:
        if not self._process.is_alive():
            return "died"
        began = self._state[1]
        return "hang" if began and time.monotonic() - began > _KILLED_AFTER_SECS else None

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        shutil.rmtree(self._folder, ignore_errors=True)


# === In the worker ===


def _work(pipe: Any, state: Any, folder: str, seed: int, cases: list[pathlib.Path]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", XDG_CACHE_HOME=f"{folder}/cache", PATH="")
    import own_files
    import readers
    import tensorflow as tf
    from absl import logging

    logging.set_verbosity(logging.FATAL)
    tf.get_logger().setLevel("CRITICAL")
    found = {target.name: target for target in (*readers.targets(cases), *own_files.targets())}
    # What is asked for beyond this fails as MemoryError, which is no bad input.
    limit = _read_status("VmData") + 2 * _MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    with contextlib.suppress(EOFError):
        while True:
            chunk = pipe.recv()
            pipe.send(_run_chunk(found[chunk.target], chunk, seed, state, pathlib.Path(folder), readers.ALLOWED))


def _run_chunk(
    target: Any, chunk: Chunk, seed: int, state: Any, folder: pathlib.Path, allowed: tuple[type[Exception], ...]
) -> Tally:
    tally = Tally()
    with contextlib.suppress(Exception):  # what is made only once is no part of the first input's time
        target.read(target.samples[0], folder)
    at_rest = _read_status("VmRSS")
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # the peak is counted anew
    for number in range(chunk.first, chunk.past):
        content = make_input(target.samples, seed, target.name, number)
        state[:] = (number, time.monotonic())
        began = time.process_time()
        try:
            target.read(content, folder)
            tally.accepted += 1
        except allowed as error:
            if isinstance(error, ValueError) and len(str(error)) > 5000:  # an InputError
                tally.failures.append(Failure(target.name, number, "long message", f"{len(str(error))} characters"))
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{pathlib.Path(place.filename).name}:{place.lineno}"
            tally.failures.append(
                Failure(target.name, number, type(error).__name__, f"{str(error)[:100]!r} at {where}")
            )
        taken = time.process_time() - began
        tally.inputs += 1
        if taken > tally.slowest_secs:
            tally.slowest_secs, tally.slowest = taken, number
        if taken > HANG_SECS:
            tally.failures.append(Failure(target.name, number, "hang", f"{taken:.1f} s"))
    state[1] = 0.0
    tally.peak_bytes = max(0, _read_status("VmHWM") - at_rest)
    if tally.peak_bytes > _MEMORY_BYTES:
        tally.failures.append(
            Failure(
                target.name, chunk.first, "memory", f"{tally.peak_bytes >> 20} MiB in {chunk.first} to {chunk.past}"
            )
        )
    shutil.rmtree(folder / "cache", ignore_errors=True)
    return tally


def _read_status(name: str) -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        return next((1024 * int(line.split()[1]) for line in file if line.startswith(f"{name}:")), 0)
