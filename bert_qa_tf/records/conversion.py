"""Converts the files of a task to sharded records, with an index, a tokenizer and a manifest.

A conversion gets its final name only when it is complete. There are two passes over the input: the first finds
everything that would stop the conversion and writes nothing, and the second makes the records.
"""

from __future__ import annotations

import collections
import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from bert_qa_tf.config import RecordsConfig
from bert_qa_tf.errors import InputError
from bert_qa_tf.records import manifest as manifests
from bert_qa_tf.records import placing, writer
from bert_qa_tf.records.features import FeatureSpec
from bert_qa_tf.records.index import write_index
from bert_qa_tf.storage import atomic_files, files, lock, outputs
from bert_qa_tf.text.tokenizer import Tokenizer

_T = TypeVar("_T")

_SPLITS = ("train", "dev")


class Record(NamedTuple):
    """One record that is to be written.

    Attributes:
      split: "train" or "dev".
      place_id: determines the record's place in the shuffled order; copies of one record share it and are stored next
        to each other.
      length: the number of word pieces.
      values: the fields by name; see `writer.serialize`.
      copy: the number of the copy, if training records come in several copies.
    """

    split: str
    place_id: int
    length: int
    values: Mapping[str, Any]
    copy: int = 0


class Converter(Protocol):
    """Turns the files of one task into records.

    Attributes:
      table: the fields of a record.
      counts: the counters so far, by name: one for each reason that changes the training data.
      num_copies: the number of copies of the training records; 1 if they are not copied.
    """

    table: Sequence[FeatureSpec]
    counts: collections.Counter[str]
    num_copies: int

    def survey(self) -> Sequence[manifests.Source]:
        """Runs the first pass, which checks the input.

        Returns:
          The files that will be converted.

        Raises:
          InputError: a file is refused.
        """

    def records(self, directory: str) -> Iterator[Record]:
        """Runs the second pass, which yields the records.

        It also writes the files that belong beside the shards into `directory`, such as the development examples.
        """

    def check(self, records_by_copy: Sequence[int]) -> None:
        """Checks the result before it is kept.

        Args:
          records_by_copy: the number of training records in each copy.

        Raises:
          InputError: there is nothing to train on.
        """

    def settings(self) -> dict[str, Any]:
        """Returns the settings that training and inference need, for the manifest."""

    def describe(self, manifest: manifests.Manifest) -> str:
        """Returns a summary of a conversion in a few lines."""


def convert(
    task: str,
    converter: Converter,
    output_dir: str,
    tokenizer: Tokenizer,
    config: RecordsConfig,
    *,
    overwrite: bool = False,
) -> manifests.Manifest:
    """Converts files to records.

    Args:
      task: the task's name, for the manifest.
      converter: makes the records.
      output_dir: the output folder, see `check_request`; may be remote.
      tokenizer: the tokenizer of the encoder that will be trained.
      config: see `RecordsConfig`.
      overwrite: whether to replace an existing conversion.

    Returns:
      The manifest that was written.

    Raises:
      InputError: a file is refused, or nothing is left to train on; another process converts to the same folder, or it
        holds something else by the time the conversion is complete. `output_dir` is not changed then.
    """
    output_dir = output_dir.rstrip("/") if files.is_remote(output_dir) else os.path.realpath(output_dir)
    with lock.held(_lock_of(output_dir), output_dir):
        placing.clear_leftovers(output_dir)
        before = placing.check_target(output_dir, overwrite)
        sources = tuple(converter.survey())
        temporary = placing.temporary_folder(output_dir)
        tf.io.gfile.makedirs(temporary)
        try:
            manifest = _write(task, converter, temporary, tokenizer, config, sources)
            atomic_files.sync(temporary)
            placing.put_in_place(temporary, output_dir, before)
        finally:
            files.remove(temporary)  # frees the space if the disk is full
    return manifest


def _lock_of(output_dir: str) -> str:
    return f"{output_dir.rstrip('/')}.lock"


def check_request(input_files: Sequence[str], output_dir: str, overwrite: bool) -> None:
    """Checks the request before anything is read, because downloading an encoder may take minutes.

    Args:
      input_files: the files to convert.
      output_dir: the output folder.
      overwrite: whether to replace an existing conversion.

    Raises:
      InputError: no input file is named, one cannot be read, or one lies in `output_dir`; or that folder must not be
        replaced.
    """
    if not input_files:
        raise InputError("no input file: name at least one with --input_file")
    files.check_inputs(input_files)
    for path in input_files:
        files.refuse_pipe(path)
    if not output_dir:
        raise InputError("--output_dir is empty: where should the records go?")
    outputs.check_not_read(output_dir, input_files)
    # A conversion that was killed in its last moment is complete, and refused below.
    lock.clear_abandoned(_lock_of(output_dir), output_dir)
    placing.check_target(output_dir, overwrite)


def progress(items: Iterator[_T], total: int, path: str, unit: str) -> Iterator[_T]:
    """Yields the items of a file and shows progress: a bar on a terminal, otherwise a single line.

    Args:
      items: the items read from the file.
      total: the number of items.
      path: the file's path.
      unit: the name of the items, in the plural.
    """
    name = os.path.basename(path)
    if sys.stderr.isatty():
        return iter(tqdm(items, desc=name, total=total, unit=f" {unit}"))
    print(f"{name}: {total} {unit}", flush=True)
    return items


def _write(
    task: str,
    converter: Converter,
    directory: str,
    tokenizer: Tokenizer,
    config: RecordsConfig,
    sources: tuple[manifests.Source, ...],
) -> manifests.Manifest:
    """Runs the second pass: writes everything except for the final move."""
    shards: list[manifests.Shard] = []
    indexes: list[manifests.IndexFile] = []
    with contextlib.ExitStack() as stack:
        writers = {
            split: stack.enter_context(writer.ShardWriter(directory, split, num_shards, config.seed))
            for split, num_shards in zip(_SPLITS, (config.num_shards, config.num_dev_shards), strict=True)
        }
        splits: set[str] = set()
        for record in converter.records(directory):
            with_decoding = record.split == "dev" or config.keep_decoding_features
            payload = writer.serialize(record.values, converter.table, with_decoding)
            writers[record.split].add(record.place_id, record.length, payload, record.copy)
            splits.add(record.split)
        if "train" not in splits:
            converter.check([0])
        histogram: dict[int, int] = {}
        by_copy: list[int] = []
        for split in _SPLITS:
            if split not in splits:
                continue
            shards_of_split, index = writers[split].finish()
            shards += shards_of_split
            indexes.append(write_index(directory, split, index))
            if split == "train":
                values, numbers = np.unique(index["length"], return_counts=True)
                histogram = dict(zip(values.tolist(), numbers.tolist(), strict=True))
                by_copy = np.bincount(index["copy"], minlength=converter.num_copies).tolist()
                converter.check(by_copy)
    tokenizer.save(directory)
    manifest = manifests.Manifest(
        task=task,
        settings=converter.settings(),
        seed=config.seed,
        tokenizer=tokenizer.settings(),
        sources=sources,
        counts=dict(converter.counts),
        length_histogram=histogram,
        records_by_copy=tuple(by_copy),
        shards=tuple(shards),
        indexes=tuple(indexes),
        files=tuple(sorted(set(files.list_folder(directory)) - {entry.file for entry in (*shards, *indexes)})),
    )
    atomic_files.write_text(f"{directory}/{manifests.MANIFEST_FILE}", manifest.to_json())
    return manifest
