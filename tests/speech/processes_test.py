"""Work on several cores."""

import functools
import os
import signal
import subprocess
import sys
import time

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech import processes
from tests.testing import REPOSITORY


def make_adder(number):
    return functools.partial(add, number)


def add(number, item):
    if item == "bad":
        raise InputError("item is bad")
    if item == "fatal":
        os._exit(3)
    return number + item


@pytest.mark.parametrize("num_processes", [1, 2])
def test_every_item_is_handled(num_processes):
    results = processes.each(functools.partial(make_adder, 100), range(20), num_processes)
    assert sorted(results) == list(range(100, 120))


@pytest.mark.parametrize("num_processes", [1, 2])
def test_bad_input_in_a_worker_is_bad_input_here(num_processes):
    with pytest.raises(InputError, match="item is bad"):
        list(processes.each(functools.partial(make_adder, 1), [1, "bad"], num_processes))


def test_a_process_that_dies_is_one_clear_line():
    with pytest.raises(InputError, match="a worker process died"):
        list(processes.each(functools.partial(make_adder, 1), ["fatal"], 2))


def test_items_are_taken_as_workers_become_free():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    results = processes.each(functools.partial(make_adder, 1), items(), 2)
    next(results)
    assert len(taken) < 20
    results.close()


def test_a_call_in_a_process_of_its_own_gives_its_result_or_what_is_wrong():
    assert processes.Call(functools.partial(add, 1, 2)).wait() == 3
    with pytest.raises(InputError, match="item is bad"):
        processes.Call(functools.partial(add, 1, "bad")).wait()
    with pytest.raises(processes.DiedError):
        processes.Call(functools.partial(add, 1, "fatal")).wait()


def test_a_call_that_is_stopped_has_died():
    call = processes.Call(functools.partial(time.sleep, 600))
    call.stop()
    with pytest.raises(processes.DiedError):
        call.wait()
    call.stop()


def test_a_call_may_let_others_go_first():
    assert processes.Call(functools.partial(os.nice, 0), niceness=5).wait() == os.nice(0) + 5


@pytest.fixture
def job(tmp_path):
    """Starts a command whose two workers sleep for so many seconds each; gives it and its workers' numbers."""
    jobs = []

    def start(secs):
        program = (
            "import functools, os, pathlib, time\n"
            "from bert_qa_tf import cli\n"
            "from bert_qa_tf.speech import processes\n"
            "def make(folder):\n"
            "    pathlib.Path(folder, str(os.getpid())).touch()\n"
            "    return time.sleep\n"
            "def main(values):\n"
            f"    list(processes.each(functools.partial(make, {str(tmp_path)!r}), [{secs}] * 2, 2))\n"
            "if __name__ == '__main__':\n"
            "    cli.run(main, '', [])\n"
        )
        script = tmp_path / "job.script.py"
        script.write_text(program, encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        jobs.append(subprocess.Popen([sys.executable, str(script)], env=environment, stderr=subprocess.PIPE, text=True))
        deadline = time.monotonic() + 120
        while len(workers := [int(path.name) for path in tmp_path.iterdir() if path.name.isdigit()]) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return jobs[0], workers

    yield start
    for process in jobs:
        process.kill()
        process.communicate()


def _wait_for_the_end_of(workers):
    deadline = time.monotonic() + 120
    while any(os.path.exists(f"/proc/{worker}") for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)


needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")


@pytest.mark.slow
@needs_proc
def test_workers_end_with_a_parent_that_is_killed(job):
    parent, workers = job(600)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _wait_for_the_end_of(workers)


# Told twice at once, it waits for its workers; told again later, it does not.
@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize(("worker_secs", "between_secs"), [(3, 0.2), (600, 1.5)])
def test_a_job_that_is_interrupted_twice_ends_with_one_line(job, worker_secs, between_secs):
    parent, workers = job(worker_secs)
    parent.send_signal(signal.SIGINT)
    time.sleep(between_secs)
    assert parent.poll() is None
    parent.send_signal(signal.SIGINT)
    _, printed = parent.communicate(timeout=120)
    assert (parent.returncode, printed) == (130, "interrupted: the same command goes on or starts again\n")
    _wait_for_the_end_of(workers)


def take_bytes(size):
    return len(bytearray(size))


@pytest.mark.slow
@needs_proc
def test_a_call_may_have_limits_of_memory_and_time():
    assert processes.Call(functools.partial(take_bytes, 10**8), max_memory_bytes=2**29).wait() == 10**8
    with pytest.raises(processes.DiedError):
        processes.Call(functools.partial(take_bytes, 10**9), max_memory_bytes=2**29).wait()
    with pytest.raises(processes.DiedError):
        processes.Call(functools.partial(_work_for_ever), max_cpu_secs=1).wait()


def _work_for_ever():
    while True:
        pass
