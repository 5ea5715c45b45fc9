"""Converts files of labelled texts to records."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import hashlib
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bert_qa_tf.errors import InputError
from bert_qa_tf.records import conversion
from bert_qa_tf.records.conversion import Record
from bert_qa_tf.records.manifest import Manifest, Source
from bert_qa_tf.storage import atomic_files, digests, json_text
from bert_qa_tf.tasks.single_text.config import TextConversionConfig
from bert_qa_tf.tasks.single_text.tokenizing import encode_examples, unique_id
from bert_qa_tf.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from bert_qa_tf.tasks.single_text.task import SingleTextTask

# The development examples, one per line, written next to the shards.
DEV_FILE = "dev.jsonl"
_COUNTERS = ("examples", "train_examples", "dev_examples", "empty_lines", "texts_cut", "texts_without_tokens")


class TextConverter:
    """The `records.conversion.Converter` of files of labelled texts.

    Args:
      task: the task, which reads the files.
      input_files: paths, which may be remote.
      tokenizer: the tokenizer of the encoder that will be trained.
      config: an instance of `task.conversion_config`.
    """

    num_copies = 1

    def __init__(
        self,
        task: type[SingleTextTask],
        input_files: Sequence[str],
        tokenizer: Tokenizer,
        config: TextConversionConfig,
    ) -> None:
        self._task = task
        self._input_files = input_files
        self._names = distinct_names(input_files)
        self._tokenizer = tokenizer
        self._config = config
        self._totals: list[int] = []
        self._bound: SingleTextTask | None = None
        self.table = task.table
        self.counts = collections.Counter(dict.fromkeys(_COUNTERS, 0))

    def survey(self) -> list[Source]:
        """See `Converter`; also determines the task's settings."""

        def read_all() -> Iterator[Any]:
            num_train = 0
            for path, name in zip(self._input_files, self._names, strict=True):
                total = 0
                # This counter is discarded, because the second pass counts.
                for example in self._task.read_examples(path, name, self._config, collections.Counter()):
                    total += 1
                    if not self._is_dev(example.text):
                        num_train += 1
                        yield example
                self._totals.append(total)
            if not num_train:
                raise InputError(
                    f"nothing to train on: all {sum(self._totals)} examples were set aside (--dev_fraction="
                    f"{self._config.dev_fraction})"
                )

        self._bound = self._task(self._task.settings_of(read_all(), self._config))
        return [Source(os.path.basename(path), digests.sha256_of(path)) for path in self._input_files]

    def records(self, directory: str) -> Iterator[Record]:
        """See `Converter`; writes `dev.jsonl`."""
        with contextlib.ExitStack() as stack:
            dev_file = None
            for path, name, total in zip(self._input_files, self._names, self._totals, strict=True):
                examples = self._task.read_examples(path, name, self._config, self.counts)
                shown = conversion.progress(examples, total, path, "examples")
                for example, ids in encode_examples(shown, self._tokenizer, self._config.max_seq_length, self.counts):
                    split = "dev" if self._is_dev(example.text) else "train"
                    self.counts["examples"] += 1
                    self.counts[f"{split}_examples"] += 1
                    if split == "dev":
                        dev_file = dev_file or stack.enter_context(atomic_files.replacing(f"{directory}/{DEV_FILE}"))
                        dev_file.write(json_text.write(dataclasses.asdict(example)).encode() + b"\n")
                    yield self._record(example, ids, split)

    def _record(self, example: Any, ids: np.ndarray, split: str) -> Record:
        place = unique_id(example.example_id)
        values = {
            "input_word_ids": ids,
            "input_type_ids": np.zeros_like(ids),
            "unique_id": place,
            "example_id": example.example_id,
            **self._bound.label_values(example),
        }
        return Record(split, place, len(ids), values)

    def check(self, records_by_copy: Sequence[int]) -> None:
        """See `Converter`; the survey has looked already."""

    def settings(self) -> dict[str, Any]:
        """See `Converter`."""
        return self._bound.settings_json()

    def describe(self, manifest: Manifest) -> str:
        """See `Converter`."""
        counts = manifest.counts
        lines = [
            f"{counts['examples']} examples: {counts['train_examples']} to train on, {counts['dev_examples']} set aside"
        ]
        noted = [name for name in _COUNTERS[_COUNTERS.index("empty_lines") :] if counts[name]]
        lines += [f"  {name.replace('_', ' ')}: {counts[name]}" for name in noted]
        return "\n".join([*lines, *self._bound.describe_settings()])

    def _is_dev(self, text: str) -> bool:
        """Whether a text is set aside; a fingerprint decides, so that equal texts are always in the same split."""
        name = f"{self._config.seed}\0{text}".encode("utf-8", "surrogatepass")
        place = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little")
        return place < self._config.dev_fraction * 2.0**64


def distinct_names(paths: Sequence[str]) -> list[str]:
    """Gives each file a unique name: its own, with a number appended if that name is taken.

    >>> distinct_names(["a/train.tsv", "b/train.tsv", "dev.tsv"])
    ['train.tsv', 'train.tsv#2', 'dev.tsv']
    """
    names: dict[str, None] = {}
    for path in paths:
        name, number = os.path.basename(path), 1
        while (candidate := name if number == 1 else f"{name}#{number}") in names:
            number += 1
        names[candidate] = None
    return list(names)
