import os
import subprocess
import sys

import pytest
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import atomic_files, files
from tests.storage.refusals import message


def _put(path, content):
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(content)


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
    assert message(read, path).startswith(f"{path}: cannot read this file (")
    assert message(read, path, expected="a song").endswith("), expected a song")


def test_the_reason_is_the_system_s(tmp_path):
    assert message(files.read_json, tmp_path) == f"{tmp_path}: cannot read this file (Is a directory)"
    assert (
        message(files.read_json, tmp_path / "a") == f"{tmp_path}/a: cannot read this file (No such file or directory)"
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
    assert message(files.read_json, path) == f"{path}: {found}, expected {expected}"
    assert message(files.read_json, path, expected="a song") == f"{path}: {found}, expected a song"


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/urandom"])
def test_a_device_that_never_ends_is_not_read(name, tmp_path):
    link = tmp_path / "config.json"
    link.symlink_to(name)

    with pytest.raises(InputError, match=r"config\.json: is a device, which may never end; expected a file"):
        files.read_bytes(link)
    assert files.read_bytes("/dev/null") == b""


# === Folders ===


def test_a_folder_is_made_with_those_above_it(folder):
    files.make_folder(f"{folder}/a/b")
    files.make_folder(f"{folder}/a/b")
    assert files.is_folder(f"{folder}/a/b")
    assert not files.is_folder(f"{folder}/c")


def test_a_file_in_the_place_of_a_folder_is_one_line(tmp_path):
    (tmp_path / "a").touch()
    assert message(files.make_folder, tmp_path / "a") == f"{tmp_path}/a: cannot make this folder (File exists)"


def test_local_files_need_no_tensorflow(tmp_path):
    program = """
import sys
from bert_qa_tf.storage import atomic_files, cache, digests, files, json_stream, transfer
atomic_files.write_text("a.txt", "a")
atomic_files.write_json("a.json", {"a": 1})
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
    atomic_files.write_text(tmp_path / "kept" / "a", "precious")
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    (tmp_path / "folder" / "inner" / "link").symlink_to(tmp_path / "kept", target_is_directory=True)
    (tmp_path / "link").symlink_to(tmp_path / "kept", target_is_directory=True)
    (tmp_path / "dangling").symlink_to(tmp_path / "none")
    for name in ("folder", "link", "dangling", "none"):
        files.remove(tmp_path / name)
    assert os.listdir(tmp_path) == ["kept"]
    assert files.read_text(tmp_path / "kept" / "a") == "precious"
