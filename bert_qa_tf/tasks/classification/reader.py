"""Reads labelled sentences from tables (TSV, CSV) and JSON lines, which may be compressed with gzip, and remote.

Files are UTF-8, with or without a byte order mark, and are read line by line:

    .tsv     fields separated by tabs, one row per line, quotes have no special meaning, as in GLUE's files
    .csv     fields separated by commas, as in RFC 4180: a field in double quotes may contain commas, line ends, and ""
             for "; it has at most 131,072 characters, so that an unclosed quote does not swallow the file
    .jsonl   one object per line; a label is a string, a whole number, or true or false

`config.ColumnsConfig` says which columns hold texts and labels. Each error is one line that names the file and the
line. TensorFlow is imported only if a path is remote.
"""

from __future__ import annotations

import collections
import csv
import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from bert_qa_tf.config import ColumnsConfig, column_position
from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files
from bert_qa_tf.tasks.classification.examples import ClassificationExample
from bert_qa_tf.tasks.single_text.lines import (
    COMPRESSED,
    check_unicode,
    filled,
    parse_object,
    read_lines,
    required_value,
    stripped_lines,
    text_value,
)

EXTENSIONS = (".tsv", ".csv", ".jsonl")
# The default names of the columns, as in GLUE's SST-2 and in most other data sets.
_TEXT_NAMES = ("sentence", "text")
_LABEL_NAMES = ("label",)


class _Fields(NamedTuple):
    """The fields of a row, with the number of its first line, counted from 1."""

    line: int
    text: str
    label: str | None


def read_examples(
    path: files.PathLike,
    columns: ColumnsConfig | None = None,
    *,
    require_labels: bool = False,
    counts: collections.Counter[str] | None = None,
    name: str | None = None,
) -> Iterator[ClassificationExample]:
    """Yields the examples of a file.

    Args:
      path: a local path or an address that TensorFlow's file system layer can read. Its name ends in one of
        `EXTENSIONS`, which `.gz` may follow.
      columns: which columns hold texts and labels; None for the default names.
      require_labels: whether each text must have a label, as training and scoring need. If not, a file may have no
        label column, and labels may be missing.
      counts: the counters, of which `empty_lines` is increased for empty lines before the last row; empty lines at the
        end of a file are normal.
      name: the first part of the ids; None for the name of the file.

    Yields:
      One example per row, in the file's order, with the id `<name>:<line>`; at least one.

    Raises:
      InputError: the file is invalid, which may show only after some examples. The message is one line that names file
        and line, what was found and what was expected.
    """
    path = os.fspath(path)
    name = os.path.basename(path) if name is None else name
    columns = ColumnsConfig() if columns is None else columns
    counts = collections.Counter() if counts is None else counts
    extension = _extension(path)
    if extension == ".jsonl":
        rows = _json_fields(path, filled(stripped_lines(path), counts), columns, require_labels)
    else:
        table = _csv_rows(path) if extension == ".csv" else _tsv_rows(path)
        rows = _table_fields(path, filled(table, counts), columns, require_labels)
    found = False
    for row in rows:
        found = True
        if not row.text.strip():
            raise InputError(f"{path}:{row.line}: the text is empty, expected a sentence")
        if row.label is None and require_labels:
            raise InputError(f"{path}:{row.line}: the label is missing, expected one for each text")
        yield ClassificationExample(f"{name}:{row.line}", row.text, row.label)
    if not found:
        raise InputError(f"{path}: holds no example, expected at least one row")


# === Lines and rows ===


def _extension(path: str) -> str:
    extension = os.path.splitext(path.lower().removesuffix(COMPRESSED))[1]
    if extension not in EXTENSIONS:
        found = f"the extension is {extension!r}" if extension else "the name has no extension"
        raise InputError(f"{path}: {found}, expected {', '.join(EXTENSIONS)}, with or without {COMPRESSED} after it")
    return extension


def _tsv_rows(path: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in read_lines(path):
        row = line.removesuffix("\n").removesuffix("\r")
        # A line with only tabs is a row of empty fields.
        yield number, row.split("\t") if row.strip(" ") else []


def _csv_rows(path: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader((line for _, line in read_lines(path)), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise InputError(f"{path}:{number}: the row that begins here is not CSV ({error})") from error
        if row is None:
            return
        yield number, row if len(row) > 1 or "".join(row).strip() else []


# === Tables ===


def _table_fields(
    path: str, rows: Iterator[tuple[int, list[str]]], columns: ColumnsConfig, require_labels: bool
) -> Iterator[_Fields]:
    number, first = next(rows, (0, None))
    if first is None:
        raise InputError(f"{path}: empty file, expected one example a line")
    place = f"{path}:{number}"
    header = [column.strip() for column in first] if columns.has_header else None
    text = _find_column(place, header, len(first), columns.text, _TEXT_NAMES)
    label = _find_column(place, header, len(first), columns.label, _LABEL_NAMES, optional=not require_labels)
    if header is None:
        if columns.header is None:
            _refuse_header(place, first, text, label)
        yield _Fields(number, first[text], _label_field(first, label))
    for number, row in rows:
        if len(row) != len(first):
            raise InputError(
                f"{path}:{number}: {len(row)} fields, expected {len(first)} as in the "
                f"{'first row' if header is None else 'header'}"
            )
        yield _Fields(number, row[text], _label_field(row, label))


def _find_column(
    place: str,
    header: list[str] | None,
    width: int,
    column: str | None,
    defaults: tuple[str, ...],
    optional: bool = False,
) -> int | None:
    """The position of a column; None if it is optional, is not named in the settings and is missing in the header."""
    there = f"{width} columns" if header is None else f"columns are {', '.join(map(repr, header))}"
    if column is None:
        candidates = [name for name in defaults if name in (header or ())]
        if len(candidates) > 1:
            raise InputError(f"{place}: both {' and '.join(map(repr, candidates))} are there; name one of them")
        if not candidates and optional:
            return None
        if not candidates:
            raise InputError(f"{place}: no column {' or '.join(map(repr, defaults))}; {there}; name one of them")
        [column] = candidates
    position = column_position(column)
    if position is not None:
        if position >= width:
            raise InputError(f"{place}: no column at position {position}, counted from 0; {there}")
        return position
    if header is None or column not in header:
        raise InputError(f"{place}: no column {column!r}; {there}")
    if header.count(column) > 1:
        raise InputError(f"{place}: column {column!r} is there {header.count(column)} times; give its position instead")
    return header.index(column)


def _refuse_header(place: str, row: list[str], text: int, label: int | None) -> None:
    # If a header were read as data, it would become an example, and its label a class.
    if row[text].strip() in _TEXT_NAMES and (label is None or row[label].strip() in _LABEL_NAMES):
        raise InputError(
            f"{place}: the columns are given by position, but this line reads like a header "
            f"({', '.join(map(repr, row))}); name the columns, or say whether there is a header"
        )


def _label_field(row: list[str], position: int | None) -> str | None:
    return None if position is None else row[position].strip() or None


# === JSON lines ===


def _json_fields(
    path: str, lines: Iterator[tuple[int, str]], columns: ColumnsConfig, require_labels: bool
) -> Iterator[_Fields]:
    text_key = columns.text
    for number, line in lines:
        place = f"{path}:{number}"
        record = parse_object(place, line, "an object with a text and a label")
        if text_key is None:
            keys = list(record)
            text_key = keys[_find_column(place, keys, len(keys), None, _TEXT_NAMES)]
        label = None
        if columns.label is not None or require_labels or _LABEL_NAMES[0] in record:
            label = _json_label(place, record, columns.label or _LABEL_NAMES[0])
        yield _Fields(number, text_value(place, record, text_key), label)


def _json_label(place: str, record: dict[str, Any], key: str) -> str | None:
    label = required_value(place, record, key)
    if isinstance(label, str):
        check_unicode(place, key, label)
        return label.strip() or None
    if label is None:
        return None
    if not isinstance(label, int):
        raise InputError(f"{place}: {key!r} must be a string or a whole number, got {json.dumps(label)[:40]}")
    return json.dumps(label)  # such as 1 or true
