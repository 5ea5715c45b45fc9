"""Records on disk: windows to TFRecord shards and back, driven by a feature table.

What goes in: windows and a table of `features.py`. What comes out: shards whose bytes depend on the windows and the
seed only, and columns of arrays read back from them. The folder's other files are `manifest.py`'s and
`conversion.py`'s.
"""

from __future__ import annotations

import hashlib
import heapq
import io
import os
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any

import numpy as np
import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.records.features import FeatureSpec
from bert_qa_tf.records.manifest import Manifest, Shard
from bert_qa_tf.storage import digests, files

# Records wait in memory up to this many bytes and are then spilled sorted to disk, so that a conversion of any size
# needs no more memory than this for them.
_SPILL_BYTES = 64 * 2**20
_HEADER = struct.Struct("<IQI")  # shard, key, payload size
_PREFIX = struct.Struct(">BI")  # copy, length: what waits with a record and is not part of it; sorts by copy
_PARSE_BATCH = 512
# Beside the shards: the copy of each training record, where there are copies.
COPIES_FILE = "train.copies.npy"


def order_key(seed: int, unique_id: int) -> int:
    """Where a record stands in the shuffled order: a 64-bit fingerprint of the seed and the window.

    A pure function of the two, so that records land in the same place whichever process wrote them.
    """
    digest = hashlib.blake2b(struct.pack("<qq", seed, unique_id), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def serialize(values: Mapping[str, Any], table: Sequence[FeatureSpec], with_decoding: bool) -> bytes:
    """One record as a `tf.train.Example`, deterministically.

    Args:
      values: by name: a number, a string, or `<int>[num_tokens]` for a field with one value for each token.
      table: what to store and how.
      with_decoding: also store the fields that only decoding needs.
    """
    fields = {}
    for spec in table:
        if spec.storage == "derived" or (spec.storage == "decoding" and not with_decoding):
            continue
        value = values[spec.name]
        if spec.dtype == "string":
            feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode("utf-8")]))
        else:
            numbers = value.tolist() if spec.per_token else [value]
            feature = tf.train.Feature(int64_list=tf.train.Int64List(value=numbers))
        fields[spec.name] = feature
    return tf.train.Example(features=tf.train.Features(feature=fields)).SerializeToString(deterministic=True)


class ShardWriter:
    """Writes records in shuffled order to the shards of one split, in bounded memory (an external merge sort).

    Use as a context manager; `finish` writes the shards.
    """

    def __init__(self, directory: str, split: str, num_shards: int, seed: int) -> None:
        self._directory = directory
        self._split = split
        self._num_shards = num_shards
        self._seed = seed
        self._buffer: list[tuple[int, int, bytes]] = []
        self._buffered_bytes = 0
        self._spills: list[IO[bytes]] = []

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, *_: object) -> None:
        for spill in self._spills:
            spill.close()

    def add(self, unique_id: int, length: int, payload: bytes, copy: int = 0) -> None:
        """Takes one serialized record.

        Args:
          unique_id: what its place follows from; the same for copies of a window, which then stand side by side.
          length: its number of word pieces.
          payload: the record.
          copy: which copy of its window it is.
        """
        key = order_key(self._seed, unique_id)
        self._buffer.append((key % self._num_shards, key, _PREFIX.pack(copy, length) + payload))
        self._buffered_bytes += len(payload)
        if self._buffered_bytes >= _SPILL_BYTES:
            self._spill()

    def finish(self) -> tuple[list[Shard], np.ndarray, np.ndarray]:
        """Writes the shards.

        Returns:
          The shards; and of every record in shard order its length, `<int32>[num_records]`, and which copy it is,
          `<uint8>[num_records]`.
        """
        self._buffer.sort()
        records = heapq.merge(iter(self._buffer), *(_read_spill(spill) for spill in self._spills))
        pending = next(records, None)
        shards, lengths, copies = [], [], []
        for index in range(self._num_shards):
            name = f"{self._split}-{index:05d}-of-{self._num_shards:05d}.tfrecord"
            path = f"{self._directory}/{name}"
            count = 0
            with tf.io.TFRecordWriter(path) as writer:
                while pending is not None and pending[0] == index:
                    copy, length = _PREFIX.unpack_from(pending[2])
                    copies.append(copy)
                    lengths.append(length)
                    writer.write(pending[2][_PREFIX.size :])
                    count += 1
                    pending = next(records, None)
            size, digest = digests.file_digest(path)
            shards.append(Shard(name, self._split, count, size, digest))
        return shards, np.asarray(lengths, np.int32), np.asarray(copies, np.uint8)

    def _spill(self) -> None:
        self._buffer.sort()
        spill = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__
        for shard, key, payload in self._buffer:
            spill.write(_HEADER.pack(shard, key, len(payload)))
            spill.write(payload)
        spill.seek(0)
        self._spills.append(spill)
        self._buffer, self._buffered_bytes = [], 0


def _read_spill(spill: IO[bytes]) -> Iterator[tuple[int, int, bytes]]:
    while header := spill.read(_HEADER.size):
        shard, key, size = _HEADER.unpack(header)
        yield shard, key, spill.read(size)


class Columns:
    """Records read back, by column: what every record has, as flat arrays.

    Attributes:
      offsets: `<int64>[num_records + 1]`: record `i` owns `flat[name][offsets[i]:offsets[i + 1]]`.
      flat: per-token fields, `<int32>[total_tokens]` each.
      scalars: per-record fields: integers `[num_records]`, strings a list.
    """

    def __init__(
        self, offsets: np.ndarray, flat: dict[str, np.ndarray], scalars: dict[str, np.ndarray | list[str]]
    ) -> None:
        self.offsets = offsets
        self.flat = flat
        self.scalars = scalars

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Word pieces of each record, `<int32>[num_records]`."""
        return np.diff(self.offsets).astype(np.int32)


def read_columns(
    directory: str, shards: Sequence[Shard], table: Sequence[FeatureSpec], with_decoding: bool = False
) -> Columns:
    """Reads whole shards, checking each against the manifest.

    Args:
      directory: where they are; may be remote.
      shards: as the manifest lists them.
      table: what they hold.
      with_decoding: also read the fields that only decoding needs.

    Raises:
      InputError: a shard is missing, truncated or corrupt (said with the records read before that), or holds
        another number of records than the manifest says.
    """
    specs = [s for s in table if s.storage == "always" or (with_decoding and s.storage == "decoding")]
    parser = {s.name: tf.io.RaggedFeature(tf.string if s.dtype == "string" else tf.int64) for s in specs}
    parts: dict[str, list[np.ndarray]] = {s.name: [] for s in specs}
    lengths = [np.zeros(1, np.int64)]
    first_per_token = next(s.name for s in specs if s.per_token)
    for shard in shards:
        path = os.path.join(directory, shard.file)
        for batch in _read_batches(path, shard.records):
            try:
                parsed = tf.io.parse_example(batch, parser)
            except tf.errors.InvalidArgumentError as error:
                raise InputError(f"{path}: its records are not those of this task; convert again") from error
            for spec in specs:
                values = parsed[spec.name].flat_values.numpy()
                if not spec.per_token and len(values) != len(batch):
                    raise InputError(f"{path}: {len(values)} values of {spec.name} for {len(batch)} records")
                parts[spec.name].append(values)
            lengths.append(parsed[first_per_token].row_lengths().numpy())
    flat, scalars = {}, {}
    for spec in specs:
        values = np.concatenate(parts[spec.name]) if parts[spec.name] else np.zeros(0, np.int64)
        if spec.dtype == "string":
            scalars[spec.name] = [value.decode("utf-8") for value in values]
        elif spec.per_token:
            flat[spec.name] = values.astype(spec.dtype)
        else:
            scalars[spec.name] = values.astype(spec.dtype)
    return Columns(np.cumsum(np.concatenate(lengths)), flat, scalars)


def read_copies(directory: str, manifest: Manifest) -> np.ndarray | None:
    """Which copy each training record is of, `<uint8>[num_records]`; None where there is one copy of each window.

    Args:
      directory: where the records are; may be remote.
      manifest: theirs.

    Raises:
      InputError: the file that says it is missing, or does not fit the records.
    """
    if len(manifest.records_by_copy) < 2:
        return None
    path = os.path.join(directory, COPIES_FILE)
    content = files.read_bytes(path)
    try:
        copies = np.load(io.BytesIO(content), allow_pickle=False)
        counts = np.bincount(copies, minlength=len(manifest.records_by_copy)).tolist()
    except (ValueError, TypeError, EOFError) as error:
        raise InputError(f"{path}: not the numbers of the records' copies; convert again") from error
    if counts != list(manifest.records_by_copy):
        raise InputError(
            f"{path}: counts {counts} records by copy, the manifest expects {list(manifest.records_by_copy)}; convert "
            "again"
        )
    return copies


def _read_batches(path: str, expected: int) -> Iterator[list[bytes]]:
    if not tf.io.gfile.exists(path) or tf.io.gfile.isdir(path):
        raise InputError(f"{path}: this shard is missing; the manifest expects {expected} records in it")
    batch: list[bytes] = []
    count = 0
    records = iter(tf.data.TFRecordDataset(path, buffer_size=1 << 20))
    while True:
        try:
            record = next(records, None)
        except (tf.errors.DataLossError, tf.errors.OutOfRangeError) as error:
            raise InputError(f"{path}: truncated or corrupt after {count} of {expected} records") from error
        if record is None:
            break
        batch.append(record.numpy())
        count += 1
        if len(batch) == _PARSE_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
    if count != expected:
        raise InputError(f"{path}: holds {count} records, the manifest expects {expected}")
