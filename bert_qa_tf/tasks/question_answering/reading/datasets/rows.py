"""Reads tables of questions, one question in a row, into `SquadExample`s.

A `Layout` says which columns a data set has, and how a row is read. The plainest one, `ROWS`, is that of SQuAD in the
`datasets` library: `id`, `title`, `context`, `question`, and `answers` as `{"text": […], "answer_start": […]}`.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddItems, OddKind
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample, TimedWords
from bert_qa_tf.tasks.question_answering.reading import oddities
from bert_qa_tf.tasks.question_answering.reading.datasets import fields
from bert_qa_tf.tasks.question_answering.reading.datasets.fields import OnOdd, Unreadable

_HASH_DIGITS = 8


class Row(NamedTuple):
    """What a row holds.

    Attributes:
      qas_id: the id; "" if there is none.
      title: the name of what was spoken; None if there is none.
      question, context, answers, is_impossible, plausible_answers, gold_secs, word_times: see `SquadExample`.
    """

    qas_id: str
    title: str | None
    question: str
    context: str
    answers: tuple[Answer, ...] = ()
    is_impossible: bool = False
    plausible_answers: tuple[Answer, ...] = ()
    gold_secs: tuple[tuple[float, float], ...] = ()
    word_times: TimedWords = TimedWords()


class Layout(NamedTuple):
    """How a data set is laid out.

    Attributes:
      name: as in `--input_format`.
      required: the columns without which a file is not of this layout.
      optional: further columns that are read.
      read: reads a row; it raises `Unreadable` for one that cannot be read.
    """

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    read: Callable[[Mapping[str, Any], OnOdd], Row]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read."""
        return (*self.required, *self.optional)


def read_row(row: Mapping[str, Any], on_odd: OnOdd, question: str = "question") -> Row:
    """Reads a row of SQuAD in the form of `datasets`.

    Args:
      row: column → value.
      on_odd: is told what is odd.
      question: the column that holds the question.

    Raises:
      Unreadable: it cannot be read.
    """
    answers = fields.read_answers(row["answers"], "answers", on_odd) if "answers" in row else ()
    plausible = row.get("plausible_answers")
    title = row.get("title")
    # SQuAD 2.0 has no column for questions without an answer there: their lists are empty.
    is_empty = isinstance(row.get("answers"), dict) and not answers and fields.is_null(row.get("is_impossible"))
    return Row(
        qas_id=fields.read_id(row.get("id"), "id", on_odd),
        title=None if fields.is_null(title) else fields.read_id(title, "title", on_odd),
        question=fields.read_text(row.get(question), question, on_odd),
        context=fields.read_text(row.get("context"), "context", on_odd),
        answers=answers,
        is_impossible=is_empty or fields.read_truth(row.get("is_impossible"), "is_impossible"),
        plausible_answers=(
            () if fields.is_null(plausible) else fields.read_answers(plausible, "plausible_answers", on_odd)
        ),
    )


ROWS = Layout(
    "rows", ("question", "context"), ("id", "title", "answers", "is_impossible", "plausible_answers"), read_row
)


class RowReader:
    """Reads the rows of a file or of its parts; use once.

    Args:
      name: the file, for messages.
      layout: how it is laid out.
      require_answers: whether to leave out, and count, questions without an answer that are not `is_impossible`.
      again: whether the file was read before, so that nothing odd is counted twice.

    Attributes:
      titles: the number of contexts of each title read so far.
    """

    def __init__(self, name: str, layout: Layout, *, require_answers: bool = False, again: bool = False) -> None:
        self.name = name
        self.titles: dict[str, dict[bytes, int]] = {}
        self._layout = layout
        self._require_answers = require_answers
        self._add_odd = OddItems().add if again else odd_items.add
        self._of_id: dict[str, bytes] = {}
        self._last_context = ""
        self._first_refusal = ""
        self._num_rows = 0

    def read(self, source: str, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> Iterator[SquadExample]:
        """Yields the questions of some rows.

        Args:
          source: the file that holds them.
          rows: the number of each row in the file, from 1, and its columns.

        Raises:
          InputError: something odd is refused.
        """
        for number, row in rows:
            self._num_rows += 1
            place = f"row {number}"

            def on_odd(kind: OddKind, column: str, detail: str, place: str = place) -> None:
                self._add_odd(kind, source, place, f"{column} {detail}")

            try:
                found = self._checked(self._layout.read(row, on_odd))
                example = self._example(found, source, place, number)
            except _Unanswered as unanswered:
                self._first_refusal = self._first_refusal or f"{source}: {place}: {unanswered}"
                self._add_odd(oddities.UNANSWERED, source, place, str(unanswered))
                continue
            except Unreadable as unreadable:
                self._first_refusal = self._first_refusal or f"{source}: {place}: {unreadable}"
                self._add_odd(oddities.UNREADABLE_QUESTIONS, source, place, str(unreadable))
                continue
            if example is not None:
                yield example

    def check_found(self) -> None:
        """Refuses a file of which no question was read.

        Raises:
          InputError: there is no question; the message says why.
        """
        if not self._of_id:
            raise InputError(self._first_refusal or f"{self.name}: holds no question in {self._num_rows} rows")

    def _checked(self, row: Row) -> Row:
        if not row.question.strip():
            raise Unreadable("the question is empty")
        if not row.context.strip():
            raise Unreadable("the text is empty")
        if self._require_answers and not row.answers and not row.is_impossible:
            raise _Unanswered("has no answer and is not marked is_impossible")
        return row

    def _example(self, row: Row, source: str, place: str, number: int) -> SquadExample | None:
        """Returns the question, perhaps under another id; None if it is left out."""
        # Rows about one text share its object, so that it is tokenized once.
        context = self._last_context if row.context == self._last_context else row.context
        self._last_context = context
        digest = hashlib.blake2b(context.encode(), digest_size=_HASH_DIGITS).digest()
        title = f"context_{digest.hex()}" if row.title is None else row.title
        numbers = self.titles.setdefault(title, {})
        example = SquadExample(
            qas_id=row.qas_id or f"row_{number}",
            question=row.question,
            context=context,
            answers=row.answers,
            is_impossible=row.is_impossible,
            title=title,
            paragraph_index=numbers.setdefault(digest, len(numbers)),
            plausible_answers=row.plausible_answers,
            gold_secs=row.gold_secs,
            word_times=row.word_times,
        )
        if not row.qas_id:
            self._add_odd(oddities.MADE_IDS, source, place, "id is missing, expected a string")
        content = (row.question, digest, row.answers, row.is_impossible, row.gold_secs)
        mark = hashlib.blake2b(repr(content).encode(), digest_size=_HASH_DIGITS).digest()
        first = self._of_id.setdefault(example.qas_id, mark)
        if first is mark:
            return example
        detail = f"duplicate id {example.qas_id!r}"
        if first == mark:
            self._add_odd(oddities.REPEATED_RECORDS, source, place, detail)
            return None
        self._add_odd(oddities.DUPLICATE_IDS, source, place, detail)
        qas_id = f"{example.qas_id}#row_{number}"
        while qas_id in self._of_id:
            qas_id += "+"
        self._of_id[qas_id] = mark
        return dataclasses.replace(example, qas_id=qas_id)


class _Unanswered(Unreadable):
    """There is no answer where one is required."""
