"""Reads tables of questions, one question in a row, into `SquadExample`s.

A `Layout` says which columns a data set has, and how a row is read. The plainest one, `ROWS`, is that of SQuAD in the
`datasets` library: `id`, `title`, `context`, `question`, and `answers` as `{"text": […], "answer_start": […]}`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.reading import oddities
from bert_qa_tf.tasks.question_answering.reading.answer_forms import Answers
from bert_qa_tf.tasks.question_answering.reading.context_numbers import ContextNumbers
from bert_qa_tf.tasks.question_answering.reading.datasets import fields
from bert_qa_tf.tasks.question_answering.reading.field_values import OnOdd, Unreadable, is_null, read_truth
from bert_qa_tf.tasks.question_answering.reading.findings import Findings
from bert_qa_tf.tasks.question_answering.reading.questions import QuestionFields, Questions


class Row(NamedTuple):
    """The content of a row.

    Attributes:
      title: the name of what was spoken; None if there is none.
      context: the text.
      question: the question about it.
    """

    title: str | None
    context: str
    question: QuestionFields


class Layout(NamedTuple):
    """The layout of a data set.

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
    context = fields.read_text(row.get("context"), "context", on_odd)
    answers, plausible = Answers(), Answers()
    if "answers" in row:
        answers = fields.read_answers(row, "answers", context, on_odd)
    # A table has every column in every row, so null is as good as absent.
    if not is_null(row.get("plausible_answers")):
        plausible = fields.read_answers(row, "plausible_answers", context, on_odd)
    is_impossible = row.get("is_impossible")
    found = QuestionFields(
        qas_id=fields.read_id(row.get("id"), "id", on_odd),
        question=fields.read_text(row.get(question), question, on_odd),
        answers=answers,
        is_impossible=None if is_null(is_impossible) else read_truth(is_impossible, "is_impossible", on_odd),
        plausible_answers=plausible.answers,
    )
    return Row(fields.read_id(row.get("title"), "title", on_odd), context, found)


ROWS = Layout(
    "rows", ("question", "context"), ("id", "title", "answers", "is_impossible", "plausible_answers"), read_row
)


class RowReader:
    """Reads the rows of a file or of its parts; use once.

    Args:
      name: the file, for messages.
      layout: how it is laid out.
      require_answers: see `Questions`.
      keep_no_answers: see `Questions`.
      again: whether the file was read before, so that nothing odd is counted twice.
    """

    def __init__(self, name: str, layout: Layout, *, require_answers: bool, keep_no_answers: bool, again: bool) -> None:
        self._name = name
        self._layout = layout
        self._findings = Findings(name, again=again)
        self._questions = Questions(self._findings, require_answers=require_answers, keep_no_answers=keep_no_answers)
        self._numbers = ContextNumbers()
        self._last_context = ""
        self._num_rows = 0

    def read(self, source: str, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> Iterator[SquadExample]:
        """Yields the questions of some rows.

        Args:
          source: the file that holds them.
          rows: the number of each row in the file, from 1, and its columns.

        Raises:
          InputError: something odd is refused.
        """
        self._findings.name = source
        for number, columns in rows:
            self._num_rows += 1
            place = f"row {number}"
            on_odd = self._findings.at(place)
            try:
                row = self._layout.read(columns, on_odd)
                if not row.context.strip():
                    raise Unreadable("context", "is empty, expected a text")
            except Unreadable as unreadable:
                self._findings.leave_out(oddities.UNREADABLE_QUESTIONS, place, unreadable)
                continue
            if row.question.qas_id is None:
                on_odd(oddities.MADE_IDS, "id", "is missing, expected an id")
            # Rows about one text share its object, so that it is tokenized once.
            context = self._last_context if row.context == self._last_context else row.context
            self._last_context = context
            title, index, _ = self._numbers.number(row.title, context)
            example = self._questions.example(place, row.question, context, title, index)
            if example is not None:
                yield example

    def check_found(self) -> None:
        """Refuses a file of which no question was read.

        Raises:
          InputError: there is no question; the message says why.
        """
        self._findings.name = self._name
        self._questions.check_found(f"{self._num_rows} rows")
