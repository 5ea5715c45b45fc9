"""Reads and writes `manifest.json`, which states what a conversion holds, so that training needs no flags for it.

It is written last: a folder without it is not a finished conversion.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files
from bert_qa_tf.text.tokenizer import with_kind

FORMAT_VERSION = 2
MANIFEST_FILE = "manifest.json"
_EXPECTED = "a manifest that `create_tfrecords` wrote"


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file: its name in the folder, "train" or "dev", how many records and bytes it has, its SHA-256."""

    file: str
    split: str
    records: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class IndexFile:
    """The index of a split: its name in the folder, "train" or "dev", its SHA-256. What it holds is in `index.py`."""

    file: str
    split: str
    sha256: str


@dataclasses.dataclass(frozen=True)
class Source:
    """One converted file: its name, its SHA-256, and what the task notes of it."""

    file: str
    sha256: str
    notes: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, str]:
        """The file's entry in the manifest."""
        return {"file": self.file, "sha256": self.sha256, **self.notes}


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a conversion wrote, key for key as in the file.

    Attributes:
      format_version: of the records; another one is refused.
      task: what the records are for, see `tasks.find`.
      settings: what the task must know of the conversion to train and to answer.
      seed: what the record order and the development split were drawn with.
      tokenizer: the settings of the tokenizer that made the ids, whose files lie beside the shards.
      sources: the converted files.
      counts: records, and one for each reason something was dropped or mended.
      length_histogram: record length in word pieces → training records.
      shards: every file of records.
      indexes: of each split, where its records lie in the shards.
      records_by_copy: training records of each copy; one number where they do not come in copies.
    """

    task: str
    settings: dict[str, Any]
    seed: int
    tokenizer: dict[str, Any]
    sources: tuple[Source, ...]
    counts: dict[str, int]
    length_histogram: dict[int, int]
    shards: tuple[Shard, ...]
    indexes: tuple[IndexFile, ...]
    records_by_copy: tuple[int, ...]
    format_version: int = FORMAT_VERSION

    def split(self, name: str) -> tuple[Shard, ...]:
        """The shards of one split, in order."""
        return tuple(shard for shard in self.shards if shard.split == name)

    def num_records(self, split: str) -> int:
        """Records in one split."""
        return sum(shard.records for shard in self.split(split))

    def to_json(self) -> str:
        """The file's text; the same manifest gives the same bytes."""
        value = {
            "format_version": self.format_version,
            "task": self.task,
            "settings": self.settings,
            "seed": self.seed,
            "tokenizer": self.tokenizer,
            "sources": [source.to_json() for source in self.sources],
            "counts": self.counts,
            "length_histogram": {str(length): count for length, count in sorted(self.length_histogram.items())},
            "records_by_copy": list(self.records_by_copy),
            "shards": [dataclasses.asdict(shard) for shard in self.shards],
            "indexes": [dataclasses.asdict(index) for index in self.indexes],
        }
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def read_manifest(directory: str) -> Manifest:
    """Reads and checks `directory/manifest.json`.

    Args:
      directory: a folder that `create_tfrecords` wrote; may be remote.

    Raises:
      InputError: there is no conversion, it was made by another version, or the manifest is not whole.
    """
    path = f"{directory}/{MANIFEST_FILE}"
    if not tf.io.gfile.exists(path):
        raise InputError(
            f"{directory}: no {MANIFEST_FILE} here, so this is no finished conversion; make one with "
            f"`python -m bert_qa_tf.create_tfrecords --input_file=… --output_dir={directory}`"
        )
    value = files.read_json(path, expected=_EXPECTED)
    if not _is_ours(value):
        raise InputError(f"{path}: not {_EXPECTED}")
    if value["format_version"] != FORMAT_VERSION:
        raise InputError(
            f"{path}: format_version is {value['format_version']}, this program reads {FORMAT_VERSION}: convert again"
        )
    try:
        return _from_json(value)
    except KeyError as error:
        raise InputError(f"{path}: {error.args[0]} is missing; convert again") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{path}: something in it has another shape ({error}); convert again") from error


def holds_conversion(directory: str) -> bool:
    """Whether a folder holds a finished conversion of any format version, and not just a file of the same name.

    Many tools call a file `manifest.json`, and what is taken for a conversion may be replaced by another one.
    """
    path = f"{directory}/{MANIFEST_FILE}"
    try:
        return tf.io.gfile.exists(path) and _is_ours(files.read_json(path))
    except InputError:
        return False


def _is_ours(value: dict[str, Any]) -> bool:
    return {"format_version", "shards"} <= value.keys()


def _from_json(value: dict[str, Any]) -> Manifest:
    return Manifest(
        format_version=value["format_version"],
        task=value["task"],
        settings=dict(value["settings"]),
        seed=value["seed"],
        tokenizer=with_kind(value["tokenizer"]),
        sources=tuple(_source_from_json(dict(source)) for source in value["sources"]),
        counts=dict(value["counts"]),
        length_histogram={int(length): count for length, count in value["length_histogram"].items()},
        shards=tuple(Shard(**shard) for shard in value["shards"]),
        indexes=tuple(IndexFile(**index) for index in value["indexes"]),
        records_by_copy=tuple(value["records_by_copy"]),
    )


def _source_from_json(value: dict[str, str]) -> Source:
    return Source(value.pop("file"), value.pop("sha256"), value)
