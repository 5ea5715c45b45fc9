"""Reads single records of a split by their numbers and checks each one."""

from __future__ import annotations

import hashlib
import itertools
import os
import tempfile
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from bert_qa_tf.errors import InputError
from bert_qa_tf.records.features import FeatureSpec
from bert_qa_tf.records.framing import unframe
from bert_qa_tf.records.index import read_index
from bert_qa_tf.records.manifest import Manifest, Shard
from bert_qa_tf.storage import cache, digests, files


class Columns:
    """Some records in columns, as flat arrays.

    Attributes:
      offsets: `<int64>[num_records + 1]`; record `i` owns `flat[name][offsets[i]:offsets[i + 1]]`.
      flat: the per-token fields, `<int32>[total_tokens]` each.
      scalars: the per-record fields: arrays `[num_records]` of integers, or lists of strings.
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
        """The number of word pieces of each record, `<int32>[num_records]`."""
        return np.diff(self.offsets).astype(np.int32)


class RecordReader:
    """Reads the records of a split from their shards one by one; only the index is held in memory.

    A record's number is its place in the order of the shards, counted from 0.

    Args:
      directory: the folder of the shards. Remote shards are copied to the system's temporary folder first, because
        network storage sends megabytes for each record. The copy is deleted with the reader.
      shards: the shards, as the manifest lists them.
      index: the index of the shards, `<INDEX_DTYPE>[num_records]`.
      table: the fields of the records.
      with_decoding: whether to read the fields that only decoding needs, too.

    Attributes:
      lengths: the number of word pieces of each record, `<int32>[num_records]`.
      copies: the number of the copy of its window that each record is, `<uint8>[num_records]`.
      keys: the `order_key` of each record's window, `<uint64>[num_records]`.

    Raises:
      InputError: a shard is missing or has another size or SHA-256 than in the manifest (the message says how many
        records are readable), or the index belongs to other shards.
    """

    def __init__(
        self,
        directory: str,
        shards: Sequence[Shard],
        index: np.ndarray,
        table: Sequence[FeatureSpec],
        with_decoding: bool = False,
    ) -> None:
        self._shards = shards
        self._names = [os.path.join(directory, shard.file) for shard in shards]
        self._specs = [s for s in table if s.storage == "always" or (with_decoding and s.storage == "decoding")]
        self._shard_of, self._starts = index["shard"].copy(), index["offset"].copy()
        self.lengths, self.copies, self.keys = (index[name].copy() for name in ("length", "copy", "key"))
        counts = np.bincount(self._shard_of, minlength=len(shards)).tolist()
        if counts != [shard.records for shard in shards]:
            raise InputError(
                f"{directory}: the index has {counts} records by shard, the manifest expects "
                f"{[shard.records for shard in shards]}; convert again"
            )
        self._first_of_shard = np.concatenate([[0], np.cumsum(counts)])
        self._temporary = tempfile.TemporaryDirectory(prefix="bert_qa_tf_") if files.is_remote(directory) else None
        self._paths = [self._local_path(name, shard) for name, shard in zip(self._names, shards, strict=True)]
        self._check_digests()

    def __len__(self) -> int:
        return len(self.lengths)

    def read(self, record_ids: np.ndarray) -> Columns:
        """Reads some records.

        Args:
          record_ids: `<int64>[num_read]`, the numbers of the records.

        Returns:
          The records, in the order of `record_ids`.

        Raises:
          InputError: a record is damaged or does not belong to this task.
        """
        record_ids = np.asarray(record_ids, np.int64)
        payloads = [b""] * len(record_ids)
        # The file is read in its own order, which is fastest on disks.
        order = np.argsort(record_ids, kind="stable")
        for shard, places in itertools.groupby(order, key=lambda place: self._shard_of[record_ids[place]]):
            with files.open_binary(self._paths[shard]) as file:
                for place in places:
                    payloads[place] = self._read_payload(file, int(record_ids[place]))
        return self._parse(payloads, record_ids)

    def _read_payload(self, file: BinaryIO, record_id: int) -> bytes:
        shard = self._shard_of[record_id]
        is_last = record_id + 1 == self._first_of_shard[shard + 1]
        start, end = self._starts[record_id], self._shards[shard].bytes if is_last else self._starts[record_id + 1]
        file.seek(int(start))
        payload = unframe(file.read(int(end - start)))
        if payload is None:
            number, expected = record_id - self._first_of_shard[shard], self._shards[shard].records
            raise InputError(
                f"{self._names[shard]}: truncated or corrupt after {number} of {expected} records: the checksum of "
                "the next one does not fit"
            )
        return payload

    def _parse(self, payloads: Sequence[bytes], record_ids: np.ndarray) -> Columns:
        parts: dict[str, list] = {spec.name: [] for spec in self._specs}
        for payload, record_id in zip(payloads, record_ids, strict=True):
            try:
                feature = tf.train.Example.FromString(payload).features.feature
                for spec in self._specs:
                    stored = feature[spec.name]  # an empty feature if the record has none of this name
                    values = stored.bytes_list.value if spec.dtype == "string" else stored.int64_list.value
                    if len(values) != (self.lengths[record_id] if spec.per_token else 1):
                        raise self._not_of_this_task(record_id)
                    parts[spec.name].append(
                        [value.decode("utf-8") for value in values]
                        if spec.dtype == "string"
                        else np.fromiter(values, spec.dtype)
                    )
            except (DecodeError, UnicodeDecodeError, OverflowError) as error:
                raise self._not_of_this_task(record_id) from error
        flat, scalars = {}, {}
        for spec in self._specs:
            if spec.dtype == "string":
                scalars[spec.name] = [value for (value,) in parts[spec.name]]
            else:
                nothing = np.zeros(0, spec.dtype)
                (flat if spec.per_token else scalars)[spec.name] = np.concatenate([nothing, *parts[spec.name]])
        return Columns(np.concatenate([[0], np.cumsum(self.lengths[record_ids], dtype=np.int64)]), flat, scalars)

    def _not_of_this_task(self, record_id: int) -> InputError:
        return InputError(
            f"{self._names[self._shard_of[record_id]]}: its records are not those of this task; convert again"
        )

    def _local_path(self, name: str, shard: Shard) -> str:
        """Checks a shard's size and returns the path to read it from."""
        if not files.exists(name) or files.is_folder(name):
            raise InputError(f"{name}: this shard is missing; the manifest expects {shard.records} records in it")
        path = name
        if self._temporary is not None:
            path = os.path.join(self._temporary.name, shard.file)
            try:
                tf.io.gfile.copy(name, path)
            except tf.errors.OpError as error:
                raise InputError(f"{name}: cannot copy this shard to {path} ({error.message})") from error
        if os.path.getsize(path) != shard.bytes:
            raise InputError(f"{name}: {_difference(path, shard)}")
        return path

    def _check_digests(self) -> None:
        """Compares the shards with the manifest's SHA-256, unless that was done before and no file was touched since.

        A changed label is a sound record with a sound checksum, and would be trained on.
        """
        states = [(path, os.stat(path)) for path in self._paths]
        seen = [(os.path.realpath(path), s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns) for path, s in states]
        known = hashlib.sha256(repr([*seen, *(shard.sha256 for shard in self._shards)]).encode()).hexdigest()
        if self._temporary is None and cache.was_checked(known):
            return
        for name, path, shard in zip(self._names, self._paths, self._shards, strict=True):
            if digests.sha256_of(path) != shard.sha256:
                raise InputError(f"{name}: {_difference(path, shard)}")
        if self._temporary is None:
            cache.mark_checked(known)


def open_split(
    directory: str, manifest: Manifest, split: str, table: Sequence[FeatureSpec], with_decoding: bool = False
) -> RecordReader:
    """Opens the records of a split; see `RecordReader`.

    Args:
      directory: a folder that `create_tfrecords` wrote; may be remote.
      manifest: its manifest.
      split: "train" or "dev".
      table: the fields of the records.
      with_decoding: whether to read the fields that only decoding needs, too.

    Raises:
      InputError: the index or a shard is missing or does not match the manifest.
    """
    return RecordReader(directory, manifest.split(split), read_index(directory, manifest, split), table, with_decoding)


def _difference(path: str, shard: Shard) -> str:
    """Describes what is wrong with a shard whose size or SHA-256 is not the one in the manifest."""
    count = 0
    try:
        for _ in tf.data.TFRecordDataset(path, buffer_size=1 << 20):
            count += 1
    except (tf.errors.DataLossError, tf.errors.OutOfRangeError):
        return f"truncated or corrupt after {count} of {shard.records} records"
    if count != shard.records:
        return f"holds {count} records, the manifest expects {shard.records}"
    if os.path.getsize(path) != shard.bytes:
        return f"has {os.path.getsize(path)} bytes, the manifest expects {shard.bytes}; convert again"
    return "was changed after the conversion, its SHA-256 is not that of the manifest; convert again"
