import pathlib

import numpy as np
import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.records.index import INDEX_DTYPE, read_index, write_index
from bert_qa_tf.records.manifest import IndexFile, Manifest

INDEX = np.array([(0, 0, 5, 0, 7), (0, 40, 3, 1, 2**64 - 1), (1, 0, 384, 0, 8)], INDEX_DTYPE)


def _manifest(*indexes: IndexFile) -> Manifest:
    return Manifest("", {}, 0, {}, (), {}, {}, (), indexes, (3,))


def test_an_index_is_read_back_as_it_was_written(tmp_path):
    entry = write_index(str(tmp_path), "train", INDEX)
    assert (entry.file, entry.split) == ("train.index.npy", "train")
    read = read_index(str(tmp_path), _manifest(entry), "train")
    assert read.dtype == INDEX_DTYPE
    assert read.tolist() == INDEX.tolist()


def test_it_lies_in_a_remote_place_too():
    manifest = _manifest(write_index("ram://index_test", "dev", INDEX))
    assert read_index("ram://index_test", manifest, "dev").tolist() == INDEX.tolist()


def test_a_split_without_an_index_is_named(tmp_path):
    manifest = _manifest(write_index(str(tmp_path), "train", INDEX))
    with pytest.raises(InputError, match=r"manifest\.json: names no index of the dev records; convert again"):
        read_index(str(tmp_path), manifest, "dev")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(b"nothing"), "has SHA-256 [0-9a-f]{64}, the manifest expects"),
        (lambda path: np.save(path, INDEX[:2]), "has SHA-256 [0-9a-f]{64}, the manifest expects"),
        (pathlib.Path.unlink, "cannot read this file"),
    ],
)
def test_an_index_that_is_not_the_one_written_is_refused(tmp_path, damage, message):
    manifest = _manifest(write_index(str(tmp_path), "train", INDEX))
    damage(tmp_path / "train.index.npy")
    with pytest.raises(InputError, match=rf"train\.index\.npy: {message}"):
        read_index(str(tmp_path), manifest, "train")
