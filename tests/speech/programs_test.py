"""Other programs end with the call that started them."""

import pathlib
import subprocess
import sys
import time

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.speech import programs
from tests.testing import REPOSITORY

needs_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
# A program that starts another, says its number, and waits for ever.
WITH_CHILD = ["sh", "-c", "sleep 600 & echo $!; wait"]


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_the_end_of(pid):
    deadline = time.monotonic() + 60
    while is_running(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@needs_linux
def test_a_program_ends_with_its_block_and_so_does_what_it_started():
    with programs.running(WITH_CHILD, stdout=subprocess.PIPE) as process:
        child = int(process.stdout.readline())
        assert is_running(child)
    assert process.returncode is not None
    wait_for_the_end_of(child)


@needs_linux
def test_a_program_ends_when_its_parent_is_killed():
    code = (
        "import os, signal\n"
        "from bert_qa_tf.speech import programs\n"
        "with programs.running(['sleep', '600']) as process:\n"
        "    print(process.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    wait_for_the_end_of(int(done.stdout))


@needs_linux
def test_a_program_has_limits_unless_it_needs_none():
    command = ["sh", "-c", "sleep 0.2; ulimit -v; ulimit -t"]
    assert programs.run(command, 60, stream="stdout") == (0, f"{4 * 2**20}\n3600\n")
    unlimited = subprocess.run(["sh", "-c", "ulimit -v; ulimit -t"], capture_output=True, text=True, check=True).stdout
    assert programs.run(command, 60, has_limits=False, stream="stdout") == (0, unlimited)


def test_a_program_that_takes_too_long_is_stopped():
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        programs.run(["sleep", "600"], 0.1)
    with programs.running(["sleep", "600"], stdout=subprocess.PIPE) as process, pytest.raises(TimeoutError):
        programs.read(process, 10, 0.1)
    assert time.monotonic() - began < 60


def test_output_is_read_in_pieces_of_one_size():
    with programs.running(["sh", "-c", "printf 123; sleep 0.1; printf 45678"], stdout=subprocess.PIPE) as process:
        assert [programs.read(process, 5, 60) for _ in range(3)] == [b"12345", b"678", b""]


def test_a_program_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setattr(programs, "_dying_with_parent", lambda: ())
    with pytest.raises(InputError, match="no-such-program: cannot be started"):
        programs.run(["no-such-program"], 1)
