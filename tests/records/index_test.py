import hashlib
import pathlib

import numpy as np
import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.records.index import INDEX_DTYPE, read_index, write_index
from bert_qa_tf.records.manifest import IndexFile, Manifest, Shard

INDEX = np.array([(0, 0, 5, 0, 7), (0, 40, 3, 1, 2**64 - 1), (1, 0, 384, 0, 8)], INDEX_DTYPE)


def _manifest(*indexes: IndexFile) -> Manifest:
    shards = tuple(Shard(f"{split}-{n}", split, 2 - n, 100, "") for split in ("train", "dev") for n in (0, 1))
    return Manifest("", {}, 0, {}, (), {}, {}, shards, indexes, (3,))


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


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (b"nothing", "not an array of NumPy"),
        (INDEX.astype(INDEX_DTYPE).tobytes(), "not an array of NumPy"),
        (np.arange(3), "not an index of records, or cut"),
        (INDEX.reshape(3, 1), "not an index of records, or cut"),
        (INDEX[["shard", "offset"]], "not an index of records, or cut"),
        (INDEX[::-1], "names places that are not in the shards"),
        (np.array([(0, 100, 5, 0, 7)], INDEX_DTYPE), "names places that are not in the shards"),
        (np.array([(0, -1, 5, 0, 7)], INDEX_DTYPE), "names places that are not in the shards"),
        (np.array([(2, 0, 5, 0, 7)], INDEX_DTYPE), "names places that are not in the shards"),
        (np.array([(-1, 0, 5, 0, 7)], INDEX_DTYPE), "names places that are not in the shards"),
        (np.array([(0, 0, 0, 0, 7)], INDEX_DTYPE), "names places that are not in the shards"),
    ],
)
def test_an_index_that_holds_something_else_is_refused_in_spite_of_its_digest(tmp_path, index, message):
    path = tmp_path / "train.index.npy"
    path.write_bytes(index) if isinstance(index, bytes) else np.save(path, index)
    entry = IndexFile(path.name, "train", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(InputError, match=rf"train\.index\.npy: {message}; convert again"):
        read_index(str(tmp_path), _manifest(entry), "train")


def test_an_index_that_is_cut_is_refused_in_spite_of_its_digest(tmp_path):
    write_index(str(tmp_path), "train", INDEX)
    path = tmp_path / "train.index.npy"
    for size in (0, 5, 60, path.stat().st_size - 1):
        path.write_bytes(path.read_bytes()[:size])
        entry = IndexFile(path.name, "train", hashlib.sha256(path.read_bytes()).hexdigest())
        with pytest.raises(InputError, match=r"train\.index\.npy: not an "):
            read_index(str(tmp_path), _manifest(entry), "train")
