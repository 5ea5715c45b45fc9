from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import threading

import pytest
import tensorflow as tf

from bert_qa_tf.storage import atomic_files, files, temporary_files
from tests.storage.refusals import message
from tests.testing import REPOSITORY


def _names(folder):
    return sorted(name.rstrip("/") for name in tf.io.gfile.listdir(folder))


def test_text_is_written_as_it_is_into_a_folder_that_is_made(folder):
    atomic_files.write_text(f"{folder}/new/a.txt", "café\r\n")
    assert files.read_bytes(f"{folder}/new/a.txt") == b"caf\xc3\xa9\r\n"
    assert _names(f"{folder}/new") == ["a.txt"]


def test_json_is_written_for_people_to_read(folder):
    atomic_files.write_json(f"{folder}/a.json", {"b": ["café"], "a": 1.5})
    assert files.read_text(f"{folder}/a.json") == '{\n  "b": [\n    "café"\n  ],\n  "a": 1.5\n}\n'


def test_a_lone_surrogate_is_read_back_as_it_was(folder):
    atomic_files.write_json(f"{folder}/a.json", {"path": "caf\udce9"})
    assert files.read_json(f"{folder}/a.json") == {"path": "caf\udce9"}


def test_what_is_written_takes_the_place_of_what_was_there(folder):
    for text in ("old and long", "new"):
        atomic_files.write_text(f"{folder}/a.txt", text)
        assert files.read_text(f"{folder}/a.txt") == text
    assert _names(folder) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError("no more"), OSError(errno.ENOSPC, "elsewhere"), KeyboardInterrupt()])
def test_a_write_that_is_broken_off_leaves_the_old_file_and_no_temporary_one(folder, error):
    path = f"{folder}/a.txt"
    atomic_files.write_text(path, "old")

    def broken_off():
        with atomic_files.replacing(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(type(error)) as caught:
        broken_off()
    assert caught.value is error  # not said to be this file's
    assert files.read_text(path) == "old"
    assert _names(folder) == ["a.txt"]


@pytest.mark.parametrize("value", [{"a": object()}, {"a": float}])
def test_what_is_no_json_leaves_the_old_file(folder, value):
    atomic_files.write_json(f"{folder}/a.json", {"a": 1})
    with pytest.raises(TypeError):
        atomic_files.write_json(f"{folder}/a.json", value)
    assert files.read_json(f"{folder}/a.json") == {"a": 1}
    assert _names(folder) == ["a.json"]


def _full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(params=["write", "flush", "fsync", "close"])
def full_disk(request, monkeypatch):
    """Makes one step of writing any file fail as it does on a full disk."""

    class FullDisk:
        def __init__(self, file):
            self._file = file

        def __getattr__(self, attribute):
            return _full if attribute == request.param else getattr(self._file, attribute)

    open_new = temporary_files._open_new
    if request.param == "fsync":
        monkeypatch.setattr(os, "fsync", _full)
    else:
        monkeypatch.setattr(temporary_files, "_open_new", lambda path: FullDisk(open_new(path)))


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_one_line_and_leaves_the_old_file_and_no_temporary_one(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    assert message(atomic_files.write_text, path, "new") == f"{path}: cannot write this file (No space left on device)"
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    no_folder = f"{tmp_path}/file: cannot make this folder (File exists)"
    assert message(atomic_files.write_text, tmp_path / "file" / "a.txt", "a") == no_folder
    assert message(atomic_files.write_text, tmp_path, "a") == f"{tmp_path}: cannot write this file (Is a directory)"
    assert os.listdir(tmp_path) == ["file"]


def test_two_writers_of_one_file_do_not_share_a_temporary_name(folder):
    path = f"{folder}/a.txt"
    with atomic_files.replacing(path) as first, atomic_files.replacing(path) as second:
        first.write(b"first")
        second.write(b"second")
        first.flush()
        second.flush()
        temporary = _names(folder)
    assert len(temporary) == 2
    assert {temporary_files.final_name(name) for name in temporary} == {"a.txt"}
    assert files.read_text(path) == "first"  # whose block ends last
    assert _names(folder) == ["a.txt"]


def test_a_reader_never_sees_half_a_file(tmp_path):
    path = tmp_path / "a.json"
    atomic_files.write_json(path, {"letters": "a" * 200_000})
    until = threading.Event()

    def write_often(letter):
        while not until.is_set():
            atomic_files.write_json(path, {"letters": letter * 200_000})

    writers = [threading.Thread(target=write_often, args=(letter,)) for letter in "bc"]
    for writer in writers:
        writer.start()
    seen = set()
    try:
        while not seen >= {"b", "c"}:
            letters = files.read_json(path)["letters"]
            assert letters == letters[0] * 200_000
            seen.add(letters[0])
    finally:
        until.set()
        for writer in writers:
            writer.join()
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link.txt").symlink_to(tmp_path / "disk" / "a.txt")
    for text in ("first", "second"):
        atomic_files.write_text(tmp_path / "link.txt", text)
        assert (tmp_path / "disk" / "a.txt").read_text() == text
    assert (tmp_path / "link.txt").is_symlink()
    assert os.listdir(tmp_path / "disk") == ["a.txt"]


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    atomic_files.write_json(pipe, {"a": 1})
    reader.join()
    assert json.loads(read[0]) == {"a": 1}
    assert pipe.is_fifo()


def test_a_device_is_written_to_and_not_replaced(tmp_path):
    (tmp_path / "null").symlink_to("/dev/null")
    atomic_files.write_text(tmp_path / "null", "a")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert (tmp_path / "null").is_symlink()
    assert (
        message(atomic_files.write_text, "/dev/full", "a")
        == "/dev/full: cannot write this file (No space left on device)"
    )


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_standard_output_is_not_cut_off(tmp_path, name):
    program = f"""
import sys
from bert_qa_tf.storage import atomic_files
print("before")
atomic_files.write_text({name!r}, "a\\n")
print("after")
"""
    (tmp_path / "out.txt").write_text("old\n")
    with open(tmp_path / "out.txt", "a") as file:
        subprocess.run([sys.executable, "-c", program], stdout=file, cwd=REPOSITORY, check=True)
    assert (tmp_path / "out.txt").read_text() == "old\nbefore\na\nafter\n"


def test_a_planted_link_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "secret").write_text("old")
    monkeypatch.setattr(temporary_files.secrets, "token_hex", lambda _: "0" * 16)
    (tmp_path / f"a.txt.{'0' * 16}.tmp").symlink_to(tmp_path / "secret")
    found = message(atomic_files.write_text, tmp_path / "a.txt", "new")
    assert found == f"{tmp_path}/a.txt: cannot write this file (File exists)"
    assert (tmp_path / "secret").read_text() == "old"


def test_links_that_lead_in_a_circle_are_one_line(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert "Too many levels of symbolic links" in message(atomic_files.write_text, tmp_path / "a", "a")
    assert (tmp_path / "a").is_symlink()


def test_the_mode_of_a_file_stays(tmp_path):
    atomic_files.write_text(tmp_path / "a.txt", "old")
    (tmp_path / "a.txt").chmod(0o640)
    atomic_files.write_text(tmp_path / "a.txt", "new")
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_content_is_on_the_disk_before_it_gets_its_name_and_the_name_after(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("move"), replace(*names)))
    with atomic_files.replacing_together(tmp_path / "a", tmp_path / "b") as (first, second):
        first.write(b"a")
        second.write(b"b")
    assert done == ["file", "file", "move", "move", "folder"]


# === Several files at once ===


def test_files_that_belong_together_are_all_replaced(folder):
    with atomic_files.replacing_together(f"{folder}/a", f"{folder}/new/b") as (first, second):
        first.write(b"1")
        second.write(b"2")
        assert "a" not in _names(folder)
    assert (files.read_bytes(f"{folder}/a"), files.read_bytes(f"{folder}/new/b")) == (b"1", b"2")
    assert _names(folder) == ["a", "new"]


@pytest.mark.usefixtures("full_disk")
def test_files_that_belong_together_all_stay_as_they_were_on_a_full_disk(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text("old")

    def write():
        with atomic_files.replacing_together(tmp_path / "a", tmp_path / "b") as opened:
            for file in opened:
                file.write(b"new")

    assert "No space left on device" in message(write)
    assert [(tmp_path / name).read_text() for name in "ab"] == ["old", "old"]
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_the_second_of_two_files_that_cannot_be_written_leaves_the_first_as_it_was(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").mkdir()

    def write():
        with atomic_files.replacing_together(tmp_path / "a", tmp_path / "b") as opened:
            opened[0].write(b"new")

    assert message(write) == f"{tmp_path}/b: cannot write this file (Is a directory)"
    assert (tmp_path / "a").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("were_there", ["abc", "a", ""])
def test_files_before_one_that_cannot_be_moved_are_put_back(tmp_path, monkeypatch, number, were_there):
    for name in were_there:
        (tmp_path / name).write_text("old")
    replace, moved = os.replace, []

    def fails_once(*names):
        moved.append(names)
        if len(moved) == number + 1:
            _full()
        replace(*names)

    def write():
        with atomic_files.replacing_together(*(tmp_path / name for name in "abc")) as opened:
            for file in opened:
                file.write(b"new")

    monkeypatch.setattr(os, "replace", fails_once)
    assert "No space left on device" in message(write)
    assert {name: (tmp_path / name).read_text() for name in os.listdir(tmp_path)} == dict.fromkeys(were_there, "old")


# === Leftovers ===


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path):
    program = """
import os, signal, sys
from bert_qa_tf.storage import atomic_files
with atomic_files.replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "a.txt"
    subprocess.run([sys.executable, "-c", program, str(path)], cwd=REPOSITORY, check=False)
    assert [temporary_files.final_name(name) for name in os.listdir(tmp_path)] == ["a.txt"]
    assert not path.exists()
    (tmp_path / f"b.txt.{'0' * 16}.tmp").touch()  # of another file, and not looked at
    atomic_files.write_text(path, "whole")
    assert _names(tmp_path) == ["a.txt", f"b.txt.{'0' * 16}.tmp"]


def test_a_temporary_file_that_is_still_written_to_stays(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_files.replacing(path) as file:
        file.write(b"first")
        atomic_files.write_text(path, "second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"


def test_a_folder_is_synced_with_all_its_files(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").touch()
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    atomic_files.sync(tmp_path)
    assert set(synced) == {path.stat().st_ino for path in (tmp_path, *tmp_path.rglob("*"))}
