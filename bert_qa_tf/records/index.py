"""Reads and writes the index of a split, which says where each record is and how long it is.

With the index, records can be read in any order. It is a NumPy array with a row for each record, in the order of the
shards, and is stored beside them. The manifest holds the file's SHA-256.
"""

from __future__ import annotations

import hashlib
import io

import numpy as np

from bert_qa_tf.errors import InputError
from bert_qa_tf.records.manifest import MANIFEST_FILE, IndexFile, Manifest
from bert_qa_tf.storage import atomic_files, files

INDEX_DTYPE = np.dtype(
    [
        ("shard", "<i4"),  # the number of the shard, from 0
        ("offset", "<i8"),  # bytes before the record's frame in the shard
        ("length", "<i4"),  # number of word pieces
        ("copy", "u1"),  # the number of the copy of its window; 0 if there is only one
        ("key", "<u8"),  # `order_key` of the window; records are sorted by it within their shard
    ]
)


def write_index(directory: str, split: str, index: np.ndarray) -> IndexFile:
    """Writes the index of a split.

    Args:
      directory: the folder of the shards; may be remote.
      split: "train" or "dev".
      index: `<INDEX_DTYPE>[num_records]`.

    Returns:
      The file's entry in the manifest.

    Raises:
      InputError: the file cannot be written.
    """
    content = io.BytesIO()
    np.save(content, index, allow_pickle=False)
    name = f"{split}.index.npy"
    with atomic_files.replacing(f"{directory}/{name}") as file:
        file.write(content.getvalue())
    return IndexFile(name, split, hashlib.sha256(content.getvalue()).hexdigest())


def read_index(directory: str, manifest: Manifest, split: str) -> np.ndarray:
    """Reads the index of a split.

    Args:
      directory: the folder of the records; may be remote.
      manifest: the manifest of the records.
      split: "train" or "dev".

    Returns:
      `<INDEX_DTYPE>[num_records]`.

    Raises:
      InputError: the manifest names no index of this split, or the file is missing or has another SHA-256.
    """
    entry = next((entry for entry in manifest.indexes if entry.split == split), None)
    if entry is None:
        raise InputError(f"{directory}/{MANIFEST_FILE}: names no index of the {split} records; convert again")
    path = f"{directory}/{entry.file}"
    content = files.read_bytes(path)
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry.sha256:
        raise InputError(f"{path}: has SHA-256 {digest}, the manifest expects {entry.sha256}; convert again")
    index = _parse(content, path)
    shards, starts = manifest.split(split), index["offset"]
    follows = (index["shard"][1:] > index["shard"][:-1]) | (starts[1:] > starts[:-1])
    sizes = np.array([shard.bytes for shard in shards] or [0], np.int64)
    is_sound = (
        np.all((index["shard"] >= 0) & (index["shard"] < len(shards)))
        and np.all(follows & (index["shard"][1:] >= index["shard"][:-1]))
        and np.all((starts >= 0) & (starts < sizes[np.minimum(index["shard"], len(sizes) - 1)]))
        and np.all(index["length"] >= 1)
    )
    if not is_sound:
        raise InputError(f"{path}: names places that are not in the shards; convert again")
    return index


def _parse(content: bytes, path: str) -> np.ndarray:
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file) if version == (1, 0) else (None, None, None)
    except Exception as error:  # of a damaged header, NumPy raises what its parser of Python raises
        raise InputError(f"{path}: not an array of NumPy; convert again") from error
    if dtype != INDEX_DTYPE or shape != ((len(content) - file.tell()) // INDEX_DTYPE.itemsize,):
        raise InputError(f"{path}: not an index of records, or cut; convert again")
    return np.frombuffer(content, INDEX_DTYPE, shape[0], file.tell())
