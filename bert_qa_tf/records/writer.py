"""Writes the records of a split to shuffled TFRecord shards and builds their index.

The bytes depend only on the windows and the seed, not on the order in which the windows are added.
"""

from __future__ import annotations

import hashlib
import heapq
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.records.features import FeatureSpec
from bert_qa_tf.records.framing import framed_size
from bert_qa_tf.records.index import INDEX_DTYPE
from bert_qa_tf.records.manifest import Shard
from bert_qa_tf.storage import digests

# Records are buffered in memory up to this many bytes and then sorted and spilled to disk, so that a conversion of any
# size needs no more memory than this for them.
_SPILL_BYTES = 64 * 2**20
_HEADER = struct.Struct("<IQI")  # shard, key, payload size
_PREFIX = struct.Struct(">BI")  # copy, length: buffered with a record but not part of it; big-endian to sort by copy


def order_key(seed: int, unique_id: int) -> int:
    """Returns the key that orders the records: a 64-bit fingerprint of the seed and the window.

    The key is a pure function of the two, so a record has the same place whichever process wrote it.
    """
    digest = hashlib.blake2b(struct.pack("<qq", seed, unique_id), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def serialize(values: Mapping[str, Any], table: Sequence[FeatureSpec], with_decoding: bool) -> bytes:
    """Serializes one record as a `tf.train.Example`, deterministically.

    Args:
      values: the fields by name: a number, a string, or `<int>[num_tokens]` for a field with one value per token.
      table: the fields to store.
      with_decoding: whether to store the fields that only decoding needs, too.
    """
    fields = {}
    for spec in table:
        if spec.storage == "derived" or (spec.storage == "decoding" and not with_decoding):
            continue
        value = values[spec.name]
        if spec.dtype == "string":
            feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode("utf-8", "backslashreplace")]))
        else:
            numbers = value.tolist() if spec.per_token else [value]
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=numbers))
        fields[spec.name] = feature
    return tf.train.Example(features=tf.train.Features(feature=fields)).SerializeToString(deterministic=True)


class ShardWriter:
    """Writes records in shuffled order to the shards of one split, with bounded memory (an external merge sort).

    Use it as a context manager; `finish` writes the shards.
    """

    def __init__(self, directory: str, split: str, num_shards: int, seed: int) -> None:
        self._directory = directory
        self._split = split
        self._num_shards = num_shards
        self._seed = seed
        self._buffer: list[tuple[int, int, bytes]] = []
        self._buffered_bytes = 0
        self._num_records = 0
        self._spills: list[IO[bytes]] = []

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, *_: object) -> None:
        for spill in self._spills:
            spill.close()

    def add(self, unique_id: int, length: int, payload: bytes, copy: int = 0) -> None:
        """Adds one serialized record.

        Args:
          unique_id: determines the record's place; copies of a window share it and are stored next to each other.
          length: its number of word pieces.
          payload: the serialized record.
          copy: the number of the copy of its window.
        """
        key = order_key(self._seed, unique_id)
        self._buffer.append((key % self._num_shards, key, _PREFIX.pack(copy, length) + payload))
        self._buffered_bytes += len(payload)
        self._num_records += 1
        if self._buffered_bytes >= _SPILL_BYTES:
            self._spill()

    def finish(self) -> tuple[list[Shard], np.ndarray]:
        """Writes the shards.

        Returns:
          The shards, and their index, `<INDEX_DTYPE>[num_records]`, for `write_index`.
        """
        self._buffer.sort()
        records = heapq.merge(iter(self._buffer), *(_read_spill(spill) for spill in self._spills))
        pending = next(records, None)
        shards, index, row = [], np.zeros(self._num_records, INDEX_DTYPE), 0
        for number in range(self._num_shards):
            name = f"{self._split}-{number:05d}-of-{self._num_shards:05d}.tfrecord"
            path = f"{self._directory}/{name}"
            first, offset = row, 0
            with tf.io.TFRecordWriter(path) as writer:
                while pending is not None and pending[0] == number:
                    _, key, entry = pending
                    copy, length = _PREFIX.unpack_from(entry)
                    payload = entry[_PREFIX.size :]
                    index[row] = (number, offset, length, copy, key)
                    writer.write(payload)
                    offset += framed_size(len(payload))
                    row += 1
                    pending = next(records, None)
            size, digest = digests.file_digest(path)
            shards.append(Shard(name, self._split, row - first, size, digest))
        return shards, index

    def _spill(self) -> None:
        self._buffer.sort()
        try:
            spill = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
            for shard, key, payload in self._buffer:
                spill.write(_HEADER.pack(shard, key, len(payload)))
                spill.write(payload)
            spill.seek(0)
        except OSError as error:
            raise InputError(
                f"{tempfile.gettempdir()}: cannot write temporary records ({error.strerror}); name another TMPDIR"
            ) from error
        self._spills.append(spill)
        self._buffer, self._buffered_bytes = [], 0


def _read_spill(spill: IO[bytes]) -> Iterator[tuple[int, int, bytes]]:
    while header := spill.read(_HEADER.size):
        shard, key, size = _HEADER.unpack(header)
        yield shard, key, spill.read(size)
