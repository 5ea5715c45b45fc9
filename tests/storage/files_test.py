import errno
import json
import os
import stat
import subprocess
import sys
import threading

import pytest
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files, temporary_files
from tests.testing import REPOSITORY


@pytest.fixture(params=["local", "remote"])
def folder(request, tmp_path):
    """A new folder, on disk or in TensorFlow's own file system in memory."""
    if request.param == "local":
        yield str(tmp_path)
        return
    path = f"ram://{tmp_path.name}"
    tf.io.gfile.makedirs(path)
    yield path
    tf.io.gfile.rmtree(path)


def _put(path, content):
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(content)


def _names(folder):
    return sorted(name.rstrip("/") for name in tf.io.gfile.listdir(folder))


def _message(function, *arguments, **options):
    with pytest.raises(InputError) as caught:
        function(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# === Reading ===


def test_a_file_is_read_as_it_is(folder):
    _put(f"{folder}/a", "\ufeffcafé\r\n".encode())
    assert files.read_bytes(f"{folder}/a") == b"\xef\xbb\xbfcaf\xc3\xa9\r\n"
    assert files.read_text(f"{folder}/a") == "\ufeffcafé\r\n"


def test_a_file_is_read_in_blocks(folder):
    _put(f"{folder}/a", b"abcdef")
    with files.open_binary(f"{folder}/a") as file:
        assert [file.read(4), file.read(4), file.read(4)] == [b"abcd", b"ef", b""]


def test_an_object_is_read_with_or_without_a_byte_order_mark(folder):
    for name, mark in (("a.json", b""), ("b.json", b"\xef\xbb\xbf")):
        _put(f"{folder}/{name}", mark + b'{"name": "caf\xc3\xa9"}')
        assert files.read_json(f"{folder}/{name}") == {"name": "café"}


@pytest.mark.parametrize("read", [files.read_bytes, files.read_text, files.read_json])
def test_a_missing_file_is_one_line_that_can_say_what_was_expected(folder, read):
    path = f"{folder}/none.json"
    assert _message(read, path).startswith(f"{path}: cannot read this file (")
    assert _message(read, path, expected="a song").endswith("), expected a song")


def test_the_reason_is_the_system_s(tmp_path):
    assert _message(files.read_json, tmp_path) == f"{tmp_path}: cannot read this file (Is a directory)"
    assert (
        _message(files.read_json, tmp_path / "a") == f"{tmp_path}/a: cannot read this file (No such file or directory)"
    )


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
        (b"", "not JSON (Expecting value: line 1 column 1 (char 0))"),
        (b'{"a": 1', "not JSON (Expecting ',' delimiter: line 1 column 8 (char 7))"),
        (b"[1]", "holds list"),
        (b"null", "holds NoneType"),
        (b'{"a": ' + b"[" * 100_000, "JSON nested too deeply"),
    ],
    ids=["not UTF-8", "empty", "cut short", "array", "null", "deep"],
)
def test_what_is_no_json_object_is_one_line(folder, content, found):
    path = f"{folder}/a.json"
    _put(path, content)
    expected = "UTF-8 text" if "UTF-8" in found else "a JSON object"
    assert _message(files.read_json, path) == f"{path}: {found}, expected {expected}"
    assert _message(files.read_json, path, expected="a song") == f"{path}: {found}, expected a song"


# === Writing ===


def test_text_is_written_as_it_is_into_a_folder_that_is_made(folder):
    files.write_text(f"{folder}/new/a.txt", "café\r\n")
    assert files.read_bytes(f"{folder}/new/a.txt") == b"caf\xc3\xa9\r\n"
    assert _names(f"{folder}/new") == ["a.txt"]


def test_json_is_written_for_people_to_read(folder):
    files.write_json(f"{folder}/a.json", {"b": ["café"], "a": 1.5})
    assert files.read_text(f"{folder}/a.json") == '{\n  "b": [\n    "café"\n  ],\n  "a": 1.5\n}\n'


def test_a_lone_surrogate_is_read_back_as_it_was(folder):
    files.write_json(f"{folder}/a.json", {"path": "caf\udce9"})
    assert files.read_json(f"{folder}/a.json") == {"path": "caf\udce9"}


def test_what_is_written_takes_the_place_of_what_was_there(folder):
    for text in ("old and long", "new"):
        files.write_text(f"{folder}/a.txt", text)
        assert files.read_text(f"{folder}/a.txt") == text
    assert _names(folder) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError("no more"), OSError(errno.ENOSPC, "elsewhere"), KeyboardInterrupt()])
def test_a_write_that_is_broken_off_leaves_the_old_file_and_no_temporary_one(folder, error):
    path = f"{folder}/a.txt"
    files.write_text(path, "old")

    def broken_off():
        with files.replacing(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(type(error)) as caught:
        broken_off()
    assert caught.value is error  # not said to be this file's
    assert files.read_text(path) == "old"
    assert _names(folder) == ["a.txt"]


@pytest.mark.parametrize("value", [{"a": object()}, {"a": float}])
def test_what_is_no_json_leaves_the_old_file(folder, value):
    files.write_json(f"{folder}/a.json", {"a": 1})
    with pytest.raises(TypeError):
        files.write_json(f"{folder}/a.json", value)
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
    assert _message(files.write_text, path, "new") == f"{path}: cannot write this file (No space left on device)"
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    message = f"{tmp_path}/file: cannot make this folder (File exists)"
    assert _message(files.write_text, tmp_path / "file" / "a.txt", "a") == message
    assert _message(files.write_text, tmp_path, "a") == f"{tmp_path}: cannot write this file (Is a directory)"
    assert os.listdir(tmp_path) == ["file"]


def test_two_writers_of_one_file_do_not_share_a_temporary_name(folder):
    path = f"{folder}/a.txt"
    with files.replacing(path) as first, files.replacing(path) as second:
        first.write(b"first")
        second.write(b"second")
        first.flush()
        second.flush()
        temporary = _names(folder)
    assert len(temporary) == 2
    assert {temporary_files.final_name(name) for name in temporary} == {"a.txt"}
    assert files.read_text(path) == "first"  # whose block ends last
    assert _names(folder) == ["a.txt"]


def test_only_a_temporary_name_stands_for_another(folder):
    for name in ("a.txt", "a.txt.tmp", "notes.2024.tmp", ".tmp"):
        assert temporary_files.final_name(name) == name
    assert temporary_files.final_name("a.txt.0123456789abcdef.tmp") == "a.txt"


def test_a_reader_never_sees_half_a_file(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"letters": "a" * 200_000})
    until = threading.Event()

    def write_often(letter):
        while not until.is_set():
            files.write_json(path, {"letters": letter * 200_000})

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
        files.write_text(tmp_path / "link.txt", text)
        assert (tmp_path / "disk" / "a.txt").read_text() == text
    assert (tmp_path / "link.txt").is_symlink()
    assert os.listdir(tmp_path / "disk") == ["a.txt"]


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    files.write_json(pipe, {"a": 1})
    reader.join()
    assert json.loads(read[0]) == {"a": 1}
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/urandom"])
def test_a_device_that_never_ends_is_not_read(name, tmp_path):
    link = tmp_path / "config.json"
    link.symlink_to(name)

    with pytest.raises(InputError, match=r"config\.json: is a device, which may never end; expected a file"):
        files.read_bytes(link)
    assert files.read_bytes("/dev/null") == b""


def test_a_device_is_written_to_and_not_replaced(tmp_path):
    (tmp_path / "null").symlink_to("/dev/null")
    files.write_text(tmp_path / "null", "a")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert (tmp_path / "null").is_symlink()
    assert _message(files.write_text, "/dev/full", "a") == "/dev/full: cannot write this file (No space left on device)"


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1"])
def test_standard_output_is_not_cut_off(tmp_path, name):
    program = f"""
import sys
from bert_qa_tf.storage import files
print("before")
files.write_text({name!r}, "a\\n")
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
    message = _message(files.write_text, tmp_path / "a.txt", "new")
    assert message == f"{tmp_path}/a.txt: cannot write this file (File exists)"
    assert (tmp_path / "secret").read_text() == "old"


def test_links_that_lead_in_a_circle_are_one_line(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert "Too many levels of symbolic links" in _message(files.write_text, tmp_path / "a", "a")
    assert (tmp_path / "a").is_symlink()


def test_the_mode_of_a_file_stays(tmp_path):
    files.write_text(tmp_path / "a.txt", "old")
    (tmp_path / "a.txt").chmod(0o640)
    files.write_text(tmp_path / "a.txt", "new")
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_content_is_on_the_disk_before_it_gets_its_name_and_the_name_after(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("move"), replace(*names)))
    with files.replacing_together(tmp_path / "a", tmp_path / "b") as (first, second):
        first.write(b"a")
        second.write(b"b")
    assert done == ["file", "file", "move", "move", "folder"]


# === Several files at once ===


def test_files_that_belong_together_are_all_replaced(folder):
    with files.replacing_together(f"{folder}/a", f"{folder}/new/b") as (first, second):
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
        with files.replacing_together(tmp_path / "a", tmp_path / "b") as opened:
            for file in opened:
                file.write(b"new")

    assert "No space left on device" in _message(write)
    assert [(tmp_path / name).read_text() for name in "ab"] == ["old", "old"]
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_the_second_of_two_files_that_cannot_be_written_leaves_the_first_as_it_was(tmp_path):
    (tmp_path / "a").write_text("old")
    (tmp_path / "b").mkdir()

    def write():
        with files.replacing_together(tmp_path / "a", tmp_path / "b") as opened:
            opened[0].write(b"new")

    assert _message(write) == f"{tmp_path}/b: cannot write this file (Is a directory)"
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
        with files.replacing_together(*(tmp_path / name for name in "abc")) as opened:
            for file in opened:
                file.write(b"new")

    monkeypatch.setattr(os, "replace", fails_once)
    assert "No space left on device" in _message(write)
    assert {name: (tmp_path / name).read_text() for name in os.listdir(tmp_path)} == dict.fromkeys(were_there, "old")


# === Leftovers ===


def test_what_a_killed_writer_left_is_removed_by_the_next(tmp_path):
    program = """
import os, signal, sys
from bert_qa_tf.storage import files
with files.replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "a.txt"
    subprocess.run([sys.executable, "-c", program, str(path)], cwd=REPOSITORY, check=False)
    assert [temporary_files.final_name(name) for name in os.listdir(tmp_path)] == ["a.txt"]
    assert not path.exists()
    (tmp_path / f"b.txt.{'0' * 16}.tmp").touch()  # of another file, and not looked at
    files.write_text(path, "whole")
    assert _names(tmp_path) == ["a.txt", f"b.txt.{'0' * 16}.tmp"]


def test_a_temporary_file_that_is_still_written_to_stays(tmp_path):
    path = tmp_path / "a.txt"
    with files.replacing(path) as file:
        file.write(b"first")
        files.write_text(path, "second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"


def test_a_folder_is_synced_with_all_its_files(tmp_path, monkeypatch):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").touch()
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    files.sync(tmp_path)
    assert set(synced) == {path.stat().st_ino for path in (tmp_path, *tmp_path.rglob("*"))}


# === Folders ===


def test_a_folder_is_made_with_those_above_it(folder):
    files.make_folder(f"{folder}/a/b")
    files.make_folder(f"{folder}/a/b")
    assert files.is_folder(f"{folder}/a/b")
    assert not files.is_folder(f"{folder}/c")


def test_a_file_in_the_place_of_a_folder_is_one_line(tmp_path):
    (tmp_path / "a").touch()
    assert _message(files.make_folder, tmp_path / "a") == f"{tmp_path}/a: cannot make this folder (File exists)"


def test_local_files_need_no_tensorflow(tmp_path):
    program = """
import sys
from bert_qa_tf.storage import cache, digests, files, json_stream, transfer
files.write_text("a.txt", "a")
files.write_json("a.json", {"a": 1})
files.read_text("a.txt"), files.read_json("a.json"), digests.file_digest("a.txt"), cache.cache_dir()
sys.exit("tensorflow" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)


@pytest.mark.parametrize("name", ["a\0b", "\ud83d.json"])
def test_a_name_that_no_file_can_have_is_refused(name):
    assert not files.exists(name)
    for read in (files.read_bytes, files.read_json, lambda path: files.check_inputs([path])):
        with pytest.raises(InputError, match="no file can have this name"):
            read(name)


def test_all_inputs_are_looked_at(tmp_path):
    (tmp_path / "a").write_text("a")
    files.check_inputs([tmp_path / "a"])
    with pytest.raises(InputError, match=r"b: cannot read this file \(No such file or directory\)"):
        files.check_inputs([tmp_path / "a", tmp_path / "b"])
    with pytest.raises(InputError, match="is a folder, expected a file"):
        files.check_inputs([tmp_path / "a", tmp_path])


def test_a_pipe_is_left_for_its_reader(tmp_path):
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer
    files.check_inputs([tmp_path / "pipe"])


def test_what_a_link_leads_to_is_not_removed_with_the_link(tmp_path):
    files.write_text(tmp_path / "kept" / "a", "precious")
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "folder" / "inner" / "link").symlink_to(tmp_path / "kept", target_is_directory=True)
    (tmp_path / "link").symlink_to(tmp_path / "kept", target_is_directory=True)
    (tmp_path / "dangling").symlink_to(tmp_path / "none")
    for name in ("folder", "link", "dangling", "none"):
        files.remove(tmp_path / name)
    assert os.listdir(tmp_path) == ["kept"]
    assert files.read_text(tmp_path / "kept" / "a") == "precious"
