import json
import os
import signal
import subprocess
import sys

import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import lock
from tests.testing import REPOSITORY

_HOLDER = """
import sys, time
from bert_qa_tf.storage import lock
with lock.held(sys.argv[1], "out"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def path(tmp_path):
    """A lock file in a folder that does not exist yet."""
    return tmp_path / "new" / ".lock"


@pytest.fixture
def holder(path):
    """Another process, which holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def _take(path):
    with lock.held(path, "out"):
        pass


def test_a_lock_says_who_holds_it_and_is_removed(path):
    with lock.held(path, "out"):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not path.exists()


def test_a_folder_that_is_made_for_a_lock_alone_is_removed_with_it(path):
    _take(path)
    assert not path.parent.exists()
    path.parent.mkdir()
    _take(path)
    assert path.parent.exists()
    path.parent.rmdir()
    with lock.held(path, "out"):
        (path.parent / "result").touch()
    assert path.parent.exists()


def test_the_second_process_is_refused_in_one_line_that_names_the_first(path, holder):
    with pytest.raises(InputError) as caught:
        _take(path)
    assert str(caught.value).startswith(f"out: `-c` (process {holder.pid} on ")
    assert str(caught.value).endswith(") is writing here; wait until it ends, or name another output")
    assert "\n" not in str(caught.value)


def test_the_lock_of_a_killed_process_does_not_count(path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert path.exists()
    _take(path)
    assert not path.exists()


def test_a_lock_that_names_nobody_counts(path):
    with lock.held(path, "out"):
        os.truncate(path, 0)
        with pytest.raises(InputError, match="out: another process is writing here"):
            _take(path)


def test_the_same_process_is_refused_too(path):
    with lock.held(path, "out"), pytest.raises(InputError, match=f"process {os.getpid()} on "):
        _take(path)


@pytest.mark.parametrize("length", [0, 1, 20, 24, 40])
def test_a_lock_that_was_cut_off_while_it_was_signed_does_not_count(path, length):
    with lock.held(path, "out"):
        content = path.read_bytes()
    path.parent.mkdir()
    path.write_bytes(content[:length])
    _take(path)
    assert not path.exists()


@pytest.mark.parametrize("content", ["mine", '{"program": "another"}', "[" * 4000])
def test_a_file_that_is_no_lock_of_this_program_stays(path, content):
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(InputError, match="is not a lock of this program"):
        _take(path)
    assert path.read_text() == content


def test_a_planted_link_is_not_followed(path):
    path.parent.mkdir()
    path.symlink_to(path.parent / "secret")
    with pytest.raises(InputError, match="out: cannot be locked with"):
        _take(path)
    assert not (path.parent / "secret").exists()


def test_a_pipe_and_a_file_of_another_name_are_no_locks(path, tmp_path):
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(InputError, match="is not a lock of this program"), lock.held(path, "out"):
        pass
    path.unlink()
    (tmp_path / "other").touch()
    os.link(tmp_path / "other", path)
    with pytest.raises(InputError, match="is not a lock of this program"), lock.held(path, "out"):
        pass
    assert not (tmp_path / "other").read_bytes()


def test_a_folder_in_which_nothing_can_be_made_is_one_line(path, monkeypatch):
    def vanish(*arguments):
        raise FileNotFoundError

    monkeypatch.setattr(os, "open", vanish)  # as in /proc
    with pytest.raises(InputError, match="cannot be locked"), lock.held(path, "out"):
        pass


def test_a_lock_that_is_removed_while_it_is_taken_is_taken_anew(path, monkeypatch):
    opened = lock._open
    removed = []

    def open_and_remove(name, output):
        descriptor = opened(name, output)
        if not removed:
            removed.append(os.remove(name))
        return descriptor

    monkeypatch.setattr(lock, "_open", open_and_remove)
    with lock.held(path, "out"):
        assert path.exists()


def test_a_file_system_without_locks_is_written_to(path, monkeypatch):
    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(lock.fcntl, "flock", unsupported)
    with lock.held(path, "out"):
        assert path.exists()
    assert not path.exists()


def test_a_remote_output_is_not_locked():
    with lock.held("gs://bucket/.lock", "out"):
        pass


def test_the_lock_of_a_dead_process_is_removed_and_that_of_a_live_one_is_kept(tmp_path):
    path = tmp_path / "out.lock"
    lock.clear_abandoned(path, "out")
    assert not path.exists()
    with lock.held(path, "out"):
        lock.clear_abandoned(path, "out")
        assert path.exists()
        left = path.read_bytes()
    path.write_bytes(left)
    lock.clear_abandoned(path, "out")
    assert not path.exists()
