"""Reads questions from files, for `predict` and `client`; `answer_files` answers them.

A file of questions has one object per line, `{"question": …, "context": …}` with an optional `"id"`, or is in a form
that `squad_reader` reads. TensorFlow is imported only if a path is remote.

Instead of a `context`, a line may name a transcript or a recording (`"transcript_file": "call.vtt"` or
`"audio": "call.wav"`, relative to the file of questions), if the caller passes a reader of such files.
"""

from __future__ import annotations

import functools
import io
import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files, json_text
from bert_qa_tf.storage.json_stream import JsonRecords, NotStreamable
from bert_qa_tf.storage.packed_text import open_text
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.reading.input_formats import AUTO, is_squad, iter_examples
from bert_qa_tf.tasks.question_answering.reading.squad_reader import iter_squad
from bert_qa_tf.text.timed_text import ReadTimedText, TimedText

_EXPECTED = "a file of questions"
# Keys of the first record of a file that is left to `squad_reader`, whatever its name is.
_KEYS_OF_SQUAD = frozenset(("paragraphs", "qas", "header", "row"))


class Question(NamedTuple):
    """A question of a file.

    Attributes:
      question_id: the line's `id`, which may be any JSON value; the line's number if it has none.
      example: the question; its `qas_id` is unique: for a line it is the line's number, whatever its `id` is.
      timed: the text with its times, if it has any.
    """

    question_id: Any
    example: SquadExample
    timed: TimedText | None = None


def read_questions(
    path: str, readers: Mapping[str, ReadTimedText] | None = None, input_format: str = AUTO, *, again: bool = False
) -> Iterator[Question]:
    """Reads questions one at a time, from JSON lines, from a file that `squad_reader` reads, or from a table.

    Parquet and other forms of data sets are known by their content.

    Args:
      path: the file, which may be gzip; blank lines are skipped. A file whose name ends in `.json`, or that begins like
        no file of JSON lines with questions, is left to `squad_reader`.
      readers: key of a line that may replace `context` → the function that reads the file named there.
      input_format: see `input_formats`.
      again: whether this command has read the file before, so that nothing odd is counted twice.

    Raises:
      InputError: a line is not UTF-8, not JSON, not an object, has no question, or names a file that its reader
        refuses; the message names file and line. See also `iter_squad`.
    """
    if not is_squad(path, input_format):
        examples = iter_examples(path, input_format, again=again)
        yield from (Question(example.qas_id, example) for example in examples)
        return
    readers = readers or {}
    if _is_squad(path, readers):
        yield from (Question(example.qas_id, example) for example in iter_squad(path, again=again))
        return
    with open_text(path, _EXPECTED) as file:
        for number, line in enumerate(_lines(path, file), start=1):
            if line.strip():
                record = _parse(f"{path}:{number}", line)
                yield _question(record, path, number, readers)


def _is_squad(path: str, readers: Mapping[str, ReadTimedText]) -> bool:
    """Returns whether a file begins like one for `squad_reader`; what is no JSON is decided by its name."""
    is_named_so = path.lower().removesuffix(".gz").endswith(".json")
    try:
        with open_text(path, _EXPECTED) as file:
            records = JsonRecords(file, ("data", "rows"))
            first = next(iter(records), None)
    except NotStreamable:
        return is_named_so
    if records.arrays:
        return True
    keys = first.value.keys()
    if "question" in keys:
        return is_named_so and not readers.keys() & keys
    return is_named_so or bool(_KEYS_OF_SQUAD & keys)


def _lines(path: str, file: BinaryIO) -> Iterator[bytes]:
    """Yields the lines of a file in UTF-8."""
    encoding = json_text.encoding_of(file.peek(4)[:4])
    if encoding.startswith("utf-8"):
        yield from file
        return
    try:
        for line in io.TextIOWrapper(file, encoding=encoding, newline="\n"):
            yield line.encode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not {encoding.upper()} ({error.reason}), expected {_EXPECTED}") from error


def _parse(place: str, line: bytes) -> dict[str, Any]:
    try:
        # "-sig" skips a byte order mark, which some editors write.
        record = json_text.parse(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: not UTF-8 (byte {error.start} of the line)") from error
    except json_text.JsonError as error:
        raise InputError(f"{place}: not JSON that can be read ({error.in_line})") from error
    if not isinstance(record, dict):
        raise InputError(f"{place}: expected an object with `question` and `context`, got {type(record).__name__}")
    return record


def _question(record: dict[str, Any], path: str, number: int, readers: Mapping[str, ReadTimedText]) -> Question:
    place = f"{path}:{number}"
    sources = [name for name in ("context", *readers) if name in record]
    if len(sources) > 1:
        raise InputError(f"{place}: expected one text, got `{'` and `'.join(sources)}`")
    source = sources[0] if sources else "context"
    for name in ("question", source):
        if name not in record:
            raise InputError(f"{place}: `{name}` is missing")
        if not isinstance(record[name], str):
            raise InputError(f"{place}: `{name}` must be a string, got {type(record[name]).__name__}")
    if not record["question"].strip():
        raise InputError(f"{place}: `question` is empty")
    timed, context = None, record[source]
    if source != "context":
        # `join` returns an absolute path unchanged.
        name = context if files.is_remote(context) else os.path.join(os.path.dirname(path), context)
        try:
            timed = readers[source](name)
        except InputError as error:
            raise InputError(f"{place}: {error}") from error
        context = timed.text
    return Question(record.get("id", number), SquadExample(str(number), record["question"], context), timed)


def count_questions(
    input_file: str, readers: Mapping[str, ReadTimedText] | None = None, input_format: str = AUTO
) -> int:
    """Reads a whole file of questions, and all files that it names, and counts the questions.

    A reader may have a method `look_at`, which raises `InputError` at once for a file that it could not read. It is
    called for all files before the first is read.

    Raises:
      InputError: the file has no question; see also `read_questions`.
    """
    files.refuse_pipe(input_file)
    looks_first = any(hasattr(reader, "look_at") for reader in (readers or {}).values())
    if looks_first:
        # Of several recordings, the last one may be missing, and the first may take an hour to recognise.
        lookers = {name: functools.partial(_look_at, reader) for name, reader in readers.items()}
        for _ in read_questions(input_file, lookers, input_format):
            pass
    total = sum(1 for _ in read_questions(input_file, readers, input_format, again=looks_first))
    if not total:
        raise InputError(f"{input_file}: empty file, expected one question a line")
    return total


class _Unread:
    """Stands for the text of a file that was only looked at."""

    text = ""


def _look_at(reader: ReadTimedText, path: str) -> Any:
    if hasattr(reader, "look_at"):
        reader.look_at(path)
    return _Unread
