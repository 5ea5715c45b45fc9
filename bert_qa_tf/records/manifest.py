"""Reads and writes `manifest.json`, which describes a conversion, so that training needs no flags for it.

The manifest is written last: a folder without it is not a finished conversion.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from bert_qa_tf.config import schema
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files, json_text
from bert_qa_tf.text.tokenizer import with_kind

FORMAT_VERSION = 2
MANIFEST_FILE = "manifest.json"
# The files of conversions whose manifest does not name them.
_UNNAMED_FILES = ("dev.json", "dev.jsonl", "vocab.txt")
_EXPECTED = "a manifest that `create_tfrecords` wrote"


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file.

    Attributes:
      file: its name in the folder.
      split: "train" or "dev".
      records: the number of records.
      bytes: the size of the file.
      sha256: the file's SHA-256, in hexadecimal.
    """

    file: str
    split: str
    records: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class IndexFile:
    """The index file of a split; its content is described in `index.py`.

    Attributes:
      file: its name in the folder.
      split: "train" or "dev".
      sha256: the file's SHA-256, in hexadecimal.
    """

    file: str
    split: str
    sha256: str


@dataclasses.dataclass(frozen=True)
class Source:
    """One converted file.

    Attributes:
      file: its name.
      sha256: its SHA-256, in hexadecimal.
      notes: further entries that the task records.
    """

    file: str
    sha256: str
    notes: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, str]:
        """Returns the file's entry in the manifest."""
        return {"file": self.file, "sha256": self.sha256, **self.notes}


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The description of a conversion, with the same keys as in the file.

    Attributes:
      format_version: the version of the record format; any other version is refused.
      task: the name of the task, see `tasks.find`.
      settings: the settings of the conversion that the task needs for training and inference.
      seed: the seed of the record order and the development split.
      tokenizer: the settings of the tokenizer that made the ids; its files are stored beside the shards.
      sources: the converted files.
      counts: the counters: records, and one for each reason that something was dropped or corrected.
      length_histogram: record length in word pieces → number of training records.
      shards: all files of records.
      indexes: the index file of each split.
      records_by_copy: the number of training records in each copy; one number if there are no copies.
      files: the names of the other files of the conversion; empty in older manifests.
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
    files: tuple[str, ...] = ()
    format_version: int = FORMAT_VERSION

    def split(self, name: str) -> tuple[Shard, ...]:
        """Returns the shards of one split, in order."""
        return tuple(shard for shard in self.shards if shard.split == name)

    def num_records(self, split: str) -> int:
        """Returns the number of records in one split."""
        return sum(shard.records for shard in self.split(split))

    def to_json(self) -> str:
        """Returns the text of the file; the same manifest always gives the same bytes."""
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
            "files": list(self.files),
        }
        return json_text.write(value, indent=2) + "\n"


def read_manifest(directory: str) -> Manifest:
    """Reads and checks `directory/manifest.json`.

    Args:
      directory: a folder that `create_tfrecords` wrote; may be remote.

    Raises:
      InputError: there is no conversion, it has another format version, or the manifest is incomplete.
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
        return _from_json(value, path)
    except InputError as error:
        raise InputError(f"{error}; convert again") from error


def holds_conversion(directory: str) -> bool:
    """Returns whether a folder holds a finished conversion, of any format version.

    The content of `manifest.json` is checked too, because many tools write a file of that name and a conversion may be
    overwritten.
    """
    path = f"{directory}/{MANIFEST_FILE}"
    try:
        return tf.io.gfile.exists(path) and _is_ours(files.read_json(path))
    except InputError:
        return False


def written_files(directory: str) -> frozenset[str]:
    """Returns the names of all files that a conversion wrote into its folder, whatever its format version.

    Raises:
      InputError: there is no finished conversion in the folder, or its manifest names something else.
    """
    value = files.read_json(f"{directory}/{MANIFEST_FILE}", expected=_EXPECTED)
    try:
        named = [entry["file"] for key in ("shards", "indexes") for entry in value.get(key, ())]
        names = {MANIFEST_FILE, *named, *value.get("files", _UNNAMED_FILES)}
        if all(map(_is_file_name, names)):
            return frozenset(names)
    except (KeyError, TypeError):
        pass
    raise InputError(f"{directory}/{MANIFEST_FILE}: not {_EXPECTED}")


def _is_file_name(name: str) -> bool:
    """Returns whether a name can only be that of a file in the folder itself, and not elsewhere."""
    return os.path.basename(name) == name and name not in ("", ".", "..") and "\0" not in name


def _is_ours(value: dict[str, Any]) -> bool:
    return {"format_version", "shards"} <= value.keys()


def _from_json(value: dict[str, Any], path: str) -> Manifest:
    def member(name: str, kind: Any) -> Any:
        return schema.member(kind, value, name, path)

    manifest = Manifest(
        format_version=FORMAT_VERSION,
        task=member("task", str),
        settings=member("settings", dict[str, Any]),
        seed=member("seed", int),
        tokenizer=with_kind(member("tokenizer", dict[str, Any])),
        sources=tuple(_source_from_json(source, path) for source in member("sources", list[dict[str, str]])),
        counts=member("counts", dict[str, int]),
        length_histogram={
            _whole_number(length, path): count for length, count in member("length_histogram", dict[str, int]).items()
        },
        shards=member("shards", tuple[Shard, ...]),
        indexes=member("indexes", tuple[IndexFile, ...]),
        records_by_copy=member("records_by_copy", tuple[int, ...]),
        files=member("files", tuple[str, ...]) if "files" in value else (),
    )
    for name in (*(entry.file for entry in (*manifest.shards, *manifest.indexes)), *manifest.files):
        if not _is_file_name(name):
            raise InputError(f"{path}: expected the names of files in this folder, got {name!r}")
    return manifest


def _source_from_json(value: dict[str, str], path: str) -> Source:
    file, sha256 = (schema.member(str, value, name, f"{path}: `sources`") for name in ("file", "sha256"))
    return Source(file, sha256, {name: note for name, note in value.items() if name not in ("file", "sha256")})


def _whole_number(text: str, path: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise schema.wrong(f"{path}: `length_histogram`", "lengths as keys", text)
    return int(text)
