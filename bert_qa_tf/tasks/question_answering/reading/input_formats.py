"""Reads files of questions in any supported form; the form is given by name, or found by looking at the file.

Parquet, folders of Parquet files and the TSV of SLUE-SQA-5 are read by `datasets`, everything else by `squad_reader`.
What a file holds decides about its form, not its name. TensorFlow is imported only if the path is remote.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddItems
from bert_qa_tf.storage import files
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.reading import squad_reader
from bert_qa_tf.tasks.question_answering.reading.datasets import heysquad, nmsqa, parquet, slue_sqa5
from bert_qa_tf.tasks.question_answering.reading.datasets.parquet import ParquetFile
from bert_qa_tf.tasks.question_answering.reading.datasets.rows import ROWS, Layout, RowReader
from bert_qa_tf.tasks.question_answering.reading.squad_reader import SquadFile

AUTO, SQUAD = "auto", "squad"
LAYOUTS: Mapping[str, Layout] = {
    layout.name: layout for layout in (ROWS, nmsqa.LAYOUT, slue_sqa5.LAYOUT, heysquad.LAYOUT, heysquad.WRITTEN)
}
INPUT_FORMATS = (AUTO, SQUAD, *LAYOUTS)

# Of train-00000-of-00012.parquet, as `datasets` names its files.
_SHARD = re.compile(r"(?P<split>.+?)-\d+-of-\d+")
_HEADER_BYTES = 1 << 16
_LFS_POINTER = b"version https://git-lfs"


def iter_examples(
    path: files.PathLike,
    input_format: str = AUTO,
    *,
    require_answers: bool = False,
    keep_no_answers: bool = True,
    again: bool = False,
) -> Iterator[SquadExample]:
    """Yields the questions of a file, or of all Parquet files of a folder.

    Args:
      path: a local path or an address that TensorFlow's file system layer can read.
      input_format: one of `INPUT_FORMATS`.
      require_answers: see `squad_reader.read_squad`.
      keep_no_answers: see `squad_reader.iter_squad`.
      again: whether this command has read the file before, so that nothing odd is counted twice.

    Raises:
      InputError: the file cannot be read, or is of another form, possibly after some examples.
    """
    name = os.fspath(path)
    options = {"require_answers": require_answers, "keep_no_answers": keep_no_answers, "again": again}
    source = _find_source(name, input_format)
    if source is None:
        yield from squad_reader.iter_squad(name, **options)
        return
    reader = RowReader(name, source.layout, **options)
    add_odd = OddItems().add if again else odd_items.add
    for shard in source.shards:
        yield from reader.read(shard, source.rows(shard, add_odd))
    reader.check_found()


def read_examples(
    path: files.PathLike, input_format: str = AUTO, *, require_answers: bool = False
) -> list[SquadExample]:
    """Returns the questions of a file; see `iter_examples`."""
    name = os.fspath(path)
    if _find_source(name, input_format) is None:
        return squad_reader.read_squad(name, require_answers=require_answers)
    return list(iter_examples(name, input_format, require_answers=require_answers))


def load_file(path: files.PathLike, input_format: str = AUTO, *, strict: bool = True) -> SquadFile:
    """Reads a file completely and finds its problems; see `squad_reader.load_squad`."""
    name = os.fspath(path)
    source = _find_source(name, input_format)
    if source is None:
        return squad_reader.load_squad(name, strict=strict)
    examples = list(iter_examples(name, input_format))
    paragraphs = {(example.title, example.paragraph_index) for example in examples}
    return SquadFile(name, "", examples, len({title for title, _ in paragraphs}), len(paragraphs))


def is_squad(path: files.PathLike, input_format: str = AUTO) -> bool:
    """Returns whether a file is left to `squad_reader`."""
    return _find_source(os.fspath(path), input_format) is None


def with_shards(paths: Sequence[str]) -> list[str]:
    """Returns the paths with each folder of Parquet files replaced by its files."""
    return [shard for path in paths for shard in (parquet_shards(path) if files.is_folder(path) else [path])]


def parquet_shards(folder: str) -> list[str]:
    """Returns the Parquet files of a folder, in order.

    Raises:
      InputError: there are none, or those of several splits.
    """
    names = files.list_folder(folder)
    shards = [name for name in names if name.lower().endswith(".parquet")]
    if not shards:
        if any(name.endswith(".arrow") for name in names) or "dataset_dict.json" in names:
            raise InputError(
                f"{folder}: is a folder of datasets.save_to_disk, which is not read; write it as Parquet with "
                "load_from_disk(…).to_parquet(…)"
            )
        raise InputError(f"{folder}: is a folder, expected a file of questions, or a folder of Parquet files")
    splits = {match["split"] for name in shards if (match := _SHARD.match(name))}
    if len(splits) > 1:
        raise InputError(
            f"{folder}: holds files of several splits ({', '.join(sorted(splits)[:5])}); name the files of one"
        )
    return [f"{folder.rstrip('/')}/{name}" for name in shards]


# === Finding the form ===


class _Source:
    """The files of a table, and their layout."""

    def __init__(self, shards: Sequence[str], layout: Layout, is_tsv: bool = False) -> None:
        self.shards, self.layout, self._is_tsv = shards, layout, is_tsv

    def rows(self, shard: str, add_odd: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
        if self._is_tsv:
            yield from slue_sqa5.rows_of_tsv(shard, add_odd)
            return
        with ParquetFile(shard) as file:
            _check_columns(file, self.layout)
            yield from enumerate(file.rows(self.layout.columns), start=1)


def _find_source(name: str, input_format: str) -> _Source | None:
    """Returns the table that a path leads to; None for what `squad_reader` reads.

    Raises:
      InputError: it is of a form that is not read, or of another than the one that was given.
    """
    if files.is_folder(name):
        shards = parquet_shards(name)
    elif not files.exists(name) or (not files.is_remote(name) and not os.path.isfile(name)):
        return None  # a pipe can be opened only once
    else:
        shards = [name]
        with files.open_binary(name) as file:
            head = file.read(len(parquet.MAGIC) + 2)
            header = head + file.readline(_HEADER_BYTES)
        if head.startswith(parquet.ARROW_MAGICS):
            raise InputError(f"{name}: an Arrow file, which is not read; write it as Parquet or JSON lines")
        if not head.startswith(parquet.MAGIC):
            return _tsv(name, header, input_format)
    if input_format == SQUAD:
        raise InputError(f"{name}: Parquet, expected JSON for --input_format={SQUAD}")
    if input_format != AUTO:
        return _Source(shards, LAYOUTS[input_format])
    with ParquetFile(shards[0]) as file:
        return _Source(shards, _layout_of(file))


def _tsv(name: str, header: bytes, input_format: str) -> _Source | None:
    is_tsv = slue_sqa5.is_header(header)
    if is_tsv and input_format in (AUTO, slue_sqa5.LAYOUT.name):
        return _Source([name], slue_sqa5.LAYOUT, is_tsv=True)
    if header.startswith(_LFS_POINTER):
        raise InputError(f"{name}: a pointer of Git LFS, not the file itself; fetch it with: git lfs pull")
    if input_format in (SQUAD, AUTO, ROWS.name):  # rows in JSON are read by `squad_reader`
        _refuse_csv(name, header)
        return None
    expected = "Parquet, or a TSV with its columns" if input_format == slue_sqa5.LAYOUT.name else "Parquet"
    raise InputError(f"{name}: no Parquet file, expected {expected} for --input_format={input_format}")


def _refuse_csv(name: str, header: bytes) -> None:
    columns = re.split(r"[,;\t]", header.decode("utf-8-sig", "replace").strip().lower())
    if {"question", "context"} <= {column.strip('"') for column in columns}:
        raise InputError(f"{name}: a table of text (CSV), which is not read; write it as Parquet or JSON lines")


def _layout_of(file: ParquetFile) -> Layout:
    columns = set(file.columns)
    if columns.issuperset(slue_sqa5.LAYOUT.required):
        return slue_sqa5.LAYOUT
    if columns.issuperset(heysquad.LAYOUT.required):
        return heysquad.LAYOUT
    if {nmsqa.START, nmsqa.END} <= file.children("answers"):
        return nmsqa.LAYOUT
    return ROWS


def _check_columns(file: ParquetFile, layout: Layout) -> None:
    missing = [name for name in layout.required if name not in file.columns]
    if missing:
        raise InputError(
            f"{file.path}: expected the columns {parquet.listed(layout.required)} of --input_format={layout.name}, "
            f"found {parquet.listed(file.columns)}"
        )
