import hashlib

import pytest
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import digests

# SHA-256 of "abc", the standard's own example.
_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_file_s_digest_and_length(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert digests.file_digest(tmp_path / "a") == (3, _ABC)
    assert digests.sha256_of(str(tmp_path / "a")) == _ABC


def test_an_empty_file_has_a_digest(tmp_path):
    (tmp_path / "a").touch()
    assert digests.file_digest(tmp_path / "a") == (0, hashlib.sha256(b"").hexdigest())


def test_a_remote_file_has_the_same_digest():
    with tf.io.gfile.GFile("ram://digests_a", "wb") as file:
        file.write(b"abc")
    assert digests.file_digest("ram://digests_a") == (3, _ABC)


@pytest.mark.parametrize("block_bytes", [1, 2, 3, 4])
def test_the_size_of_a_block_makes_no_difference(tmp_path, monkeypatch, block_bytes):
    monkeypatch.setattr(digests, "_BLOCK_BYTES", block_bytes)
    (tmp_path / "a").write_bytes(b"abc")
    assert digests.file_digest(tmp_path / "a") == (3, _ABC)


def test_several_files_have_the_digest_of_their_contents_one_after_the_other(tmp_path):
    for name, content in (("a", b"a"), ("b", b""), ("c", b"bc")):
        (tmp_path / name).write_bytes(content)
    assert digests.sha256_of_files([tmp_path / name for name in "abc"]) == _ABC
    assert digests.sha256_of_files([tmp_path / name for name in "cba"]) != _ABC


@pytest.mark.parametrize("digest", [digests.file_digest, lambda path: digests.sha256_of_files([path])])
def test_a_missing_file_is_named(tmp_path, digest):
    with pytest.raises(InputError, match=r"none: cannot read this file \(No such file or directory\)"):
        digest(tmp_path / "none")
