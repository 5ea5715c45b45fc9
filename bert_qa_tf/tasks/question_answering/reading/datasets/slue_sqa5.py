"""Reads SLUE-SQA-5, spoken questions of five data sets about spoken Wikipedia (Shon et al. 2023, arXiv:2212.10525).

Layout: the loading script of huggingface.co/datasets/asapp/slue-phase-2 (configuration `sqa5`), and public programs
that read its Parquet and its TSV. A row has `question_id`, `normalized_question_text`, `document_id`,
`normalized_document_text`, `answer_spans` and `word2time`. In Parquet these two are structs of lists: `answer`,
`start_second`, `end_second`, and `word`, `normalized_word`, `start_second`, `end_second`, where -1 marks a token
without a time. In the TSV, `answer_spans` is JSON, `[["answer", start, end], …]`, and word times are in
`<split>/word2time/<document_id>.txt`, a word in a line: word, normalized word, start and end, apart by tabs; a token
without a time is alone in its line.

The data set says when an answer is spoken, not where it stands in the text. The place is found by the word times.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files, json_text
from bert_qa_tf.tasks.question_answering.examples import Answer, TimedWord, TimedWords
from bert_qa_tf.tasks.question_answering.reading import oddities
from bert_qa_tf.tasks.question_answering.reading.answer_forms import Answers
from bert_qa_tf.tasks.question_answering.reading.datasets import fields, parquet
from bert_qa_tf.tasks.question_answering.reading.datasets.rows import Layout, Row
from bert_qa_tf.tasks.question_answering.reading.field_values import OnOdd, Unreadable, is_null
from bert_qa_tf.tasks.question_answering.reading.questions import QuestionFields

QUESTION, CONTEXT = "normalized_question_text", "normalized_document_text"
_SPAN = ("answer", "start_second", "end_second")
_WORD = ("word", "normalized_word", "start_second", "end_second")
# Times are compared after rounding: the TSV's have six digits, the Parquet's are floats.
_SAME_SECS = 1e-3
# A name of a document that is also one of a file, and of no folder above it.
_FILE_NAME = re.compile(r"[\w-][\w.-]{0,200}")
# How far ahead a word is looked for in the text, in characters, where words of the text have no time.
_AHEAD_CHARS = 200
_WORD_FILE_FIELDS = 4


def _read(row: Mapping[str, Any], on_odd: OnOdd, spans_of: Callable[[Any], list[tuple[Any, ...]]]) -> Row:
    context = fields.read_text(row.get(CONTEXT), CONTEXT, on_odd)
    words = _timed_words(row.get("word2time"), context, on_odd)
    answers, secs = [], []
    for text, start, end in spans_of(row.get("answer_spans")):
        text = fields.read_text(text, "answer_spans.answer", on_odd)
        if fields.are_secs(start, end):
            secs.append((float(start), float(end)))
            answers.append(_placed(text, context, words, float(start), float(end)))
        else:
            on_odd(oddities.BAD_SECONDS, "answer_spans", f"has an answer from {start} to {end} seconds")
            answers.append(Answer(text, -1))
    qas_id = row.get("unique_id")
    question = QuestionFields(
        qas_id=fields.read_id(row.get("question_id") if is_null(qas_id) else qas_id, "question_id", on_odd),
        question=fields.read_text(row.get(QUESTION), QUESTION, on_odd),
        answers=Answers(tuple(answers)),
        gold_secs=tuple(secs),
        word_times=words,
    )
    return Row(fields.read_id(row.get("document_id"), "document_id", on_odd), context, question)


def _spans(value: Any) -> list[tuple[Any, ...]]:
    return [] if is_null(value) else fields.columns_of(value, "answer_spans", _SPAN)


def _read_parquet_row(row: Mapping[str, Any], on_odd: OnOdd) -> Row:
    return _read(row, on_odd, _spans)


LAYOUT = Layout(
    "slue_sqa5",
    ("question_id", "document_id", QUESTION, CONTEXT, "answer_spans"),
    ("unique_id", "word2time"),
    _read_parquet_row,
)


# === Times and places ===


def _timed_words(value: Any, context: str, on_odd: OnOdd) -> TimedWords:
    """Finds each word that has a time in the text, one after the other."""
    if is_null(value):
        return TimedWords()
    try:
        tokens = fields.columns_of(value, "word2time", _WORD)
    except Unreadable as unreadable:
        on_odd(oddities.BAD_WORD_TIMES, "word2time", unreadable.reason)
        return TimedWords()
    found: list[TimedWord] = []
    lowered = context.lower()
    if len(lowered) != len(context):  # a few letters have a longer small form
        lowered = context
    place = 0
    for word, normalized, start, end in tokens:
        if start == end == -1:
            continue
        if not fields.are_secs(start, end):
            on_odd(oddities.BAD_WORD_TIMES, "word2time", f"has a word from {start} to {end} seconds")
            continue
        for text in (normalized, word):
            at = lowered.find(text.lower(), place, place + _AHEAD_CHARS) if isinstance(text, str) and text else -1
            if at >= 0:
                place = at + len(text)
                found.append(TimedWord(at, place, float(start), float(end)))
                break
    return TimedWords(found)


def _placed(text: str, context: str, words: TimedWords, start: float, end: float) -> Answer:
    """Returns the answer with its place by the times of its words; else that of its only occurrence, or -1."""
    first = next((word for word in words if abs(word.start_secs - start) < _SAME_SECS), None)
    last = next((word for word in reversed(words) if abs(word.end_secs - end) < _SAME_SECS), None)
    if first and last and first.start_char < last.end_char:
        spoken = context[first.start_char : last.end_char]
        if spoken.lower().split() == text.lower().split():
            return Answer(spoken, first.start_char)
    at = context.find(text) if text.strip() else -1
    return Answer(text, at if context.find(text, at + 1) < 0 else -1)


# === TSV ===


def is_header(line: bytes) -> bool:
    """Returns whether a file's first line names the columns of the data set's TSV."""
    names = line.decode("utf-8-sig", "replace").rstrip("\r\n").split("\t")
    return {QUESTION, CONTEXT, "answer_spans"} <= set(names)


def rows_of_tsv(path: str, on_odd: Callable[..., None]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields the rows of a TSV with their numbers, as a Parquet file has them.

    Args:
      path: the file, which may be remote.
      on_odd: is called with a kind, a file, a place and a detail.

    Raises:
      InputError: the file cannot be read, or a column is missing.
    """
    times = _WordFiles(path, on_odd)
    with files.open_binary(path) as file:
        names = _text_of(file.readline(), path, 1).removeprefix("\ufeff").split("\t")
        missing = [name for name in LAYOUT.required if name not in names]
        if missing:
            raise InputError(f"{path}: line 1: column {missing[0]} is missing, found {parquet.listed(names)}")
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            values = _text_of(line, path, number + 1).split("\t")
            row: dict[str, Any] = dict(zip(names, values, strict=False)) if len(values) == len(names) else {}
            if row:
                row["answer_spans"] = _json_spans(row["answer_spans"])
                row["word2time"] = times.of(row["document_id"])
            else:
                row[CONTEXT] = None  # says where
                on_odd(
                    oddities.UNREADABLE_QUESTIONS,
                    path,
                    f"row {number}",
                    f"has {len(values)} columns, expected {len(names)} apart by tabs",
                )
                continue
            yield number, row


def _text_of(line: bytes, path: str, number: int) -> str:
    try:
        return line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: line {number}: not UTF-8 at byte {error.start}, expected a TSV in UTF-8") from error


def _json_spans(text: str) -> Any:
    """Returns the spans as a list of structs, or the text if it is no such JSON."""
    try:
        spans = json_text.parse(text)
    except json_text.JsonError:
        return text
    if not isinstance(spans, list) or not all(isinstance(span, list) and len(span) == len(_SPAN) for span in spans):
        return text
    return [dict(zip(_SPAN, span, strict=True)) for span in spans]


class _WordFiles:
    """The files of word times beside a TSV."""

    def __init__(self, path: str, on_odd: Callable[..., None]) -> None:
        folder, name = os.path.split(path)
        # slue-sqa5_dev.tsv → dev
        split = os.path.splitext(name)[0].split("_", 1)[-1]
        folders = (os.path.join(folder, split, "word2time"), os.path.join(folder, "word2time"))
        self._folder = next((folder for folder in folders if files.is_folder(folder)), None)
        self._path, self._on_odd = path, on_odd
        self._last: tuple[str | None, Any] = (None, None)

    def of(self, document_id: str) -> Any:
        """Returns the times of a document as a list of structs; None if there are none."""
        if self._last[0] != document_id:
            self._last = document_id, self._read(document_id)
        return self._last[1]

    def _read(self, document_id: str) -> Any:
        if self._folder is None:
            return None
        path = os.path.join(self._folder, f"{document_id}.txt")
        if not _FILE_NAME.fullmatch(document_id) or not files.exists(path):
            self._on_odd(oddities.MISSING_WORD_TIMES, self._path, "", f"there is no {document_id[:80]!a}.txt")
            return None
        tokens = []
        for number, line in enumerate(files.read_text(path, expected="times of words").splitlines(), start=1):
            values = line.strip().split("\t")
            if len(values) < _WORD_FILE_FIELDS:
                continue  # a token without a time
            try:
                start, end = float(values[-2]), float(values[-1])
            except ValueError:
                self._on_odd(oddities.BAD_WORD_TIMES, path, f"line {number}", "expected word, word, start and end")
                continue
            tokens.append(dict(zip(_WORD, (values[0], values[1], start, end), strict=True)))
        return tokens
