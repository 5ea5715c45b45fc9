"""Reads the paragraphs of a file, each with its questions, and counts what is odd about them.

`squad_reader` has the functions to call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.reading import findings as kinds
from bert_qa_tf.tasks.question_answering.reading import oddities
from bert_qa_tf.tasks.question_answering.reading.answer_forms import read_answers
from bert_qa_tf.tasks.question_answering.reading.context_numbers import ContextNumbers
from bert_qa_tf.tasks.question_answering.reading.field_values import (
    OnOdd,
    Unreadable,
    id_as_text,
    is_null,
    kind_of,
    read_field,
    read_truth,
)
from bert_qa_tf.tasks.question_answering.reading.findings import Findings, Problem
from bert_qa_tf.tasks.question_answering.reading.questions import QuestionFields, Questions
from bert_qa_tf.tasks.question_answering.reading.squad_shapes import Paragraph, SquadRecords, paragraphs_of

_ID_KEYS = ("id", "qid", "question_id", "_id")


class ReadParagraph(NamedTuple):
    """A paragraph, or one of several rows about the same text.

    Attributes:
      source: what the file has.
      title: the title of the article, or a name for it.
      index: the number of the paragraph in its article.
      context: the text.
      questions: the questions, each with what the file has of it.
    """

    source: Paragraph
    title: str
    index: int
    context: str
    questions: list[tuple[SquadExample, Mapping[str, Any]]]


class ParagraphReader:
    """Reads the paragraphs of one file; use once.

    Args:
      name: the file.
      is_audit: whether to keep questions that are empty or have the id of another, and to list problems.
      require_answers: whether to leave out questions that have no answer and are not marked `is_impossible`.
      keep_no_answers: whether to keep questions whose answers are empty and that are not marked `is_impossible`.
      again: whether the file was read before, so that nothing odd is counted twice.

    Attributes:
      num_articles, num_paragraphs: see `SquadFile`, of what was read so far.
    """

    def __init__(
        self,
        name: str,
        *,
        is_audit: bool = False,
        require_answers: bool = False,
        keep_no_answers: bool = True,
        again: bool = False,
    ) -> None:
        self.name = name
        self.num_articles = self.num_paragraphs = 0
        self._findings = Findings(name, is_audit=is_audit, again=again)
        self._questions = Questions(
            self._findings, is_audit=is_audit, require_answers=require_answers, keep_no_answers=keep_no_answers
        )
        self._records = SquadRecords(name)
        # Of forms without articles.
        self._numbers = ContextNumbers()
        self._last: ReadParagraph | None = None

    @property
    def problems(self) -> list[Problem]:
        """The problems of what was read so far, if this is an audit."""
        return self._findings.problems

    @property
    def version(self) -> str:
        """The file's own `version` as far as it was read."""
        return self._records.version

    def __iter__(self) -> Iterator[ReadParagraph]:
        """Yields the paragraphs, one record in memory at a time.

        Raises:
          InputError: the file is no JSON, or something odd is refused.
        """
        for number, record in enumerate(self._records):
            self.num_articles += isinstance(record.value, dict) and "paragraphs" in record.value
            for paragraph in paragraphs_of(record, number):
                if isinstance(paragraph, Paragraph):
                    yield from self._read(paragraph)
                else:
                    self._findings.leave_out(oddities.UNREADABLE_RECORDS, *paragraph)
        self.num_articles += self._numbers.num_titles

    def check_found(self) -> None:
        """Refuses a file of which no question was read.

        Raises:
          InputError: there is no question.
        """
        self._questions.check_found(f"{self.num_paragraphs} paragraphs")

    def check_readable(self) -> None:
        """See `Questions.check_readable`."""
        self._questions.check_readable()

    def _read(self, source: Paragraph) -> Iterator[ReadParagraph]:
        qas = self._qas(source)
        if not isinstance(source.context, str):
            found = "is missing" if "context" not in source.record else f"is {kind_of(source.context)}"
            self._findings.leave_out(
                oddities.UNREADABLE_QUESTIONS,
                source.place,
                Unreadable("context", f"{found}, expected a string"),
                max(len(qas), 1),
            )
            return
        paragraph = self._placed(source, len(qas))
        if not qas:
            detail = "no question about this paragraph"
            self._findings.note(kinds.PARAGRAPHS_WITHOUT_QUESTIONS, source.place, "", detail)
        for number, qa in enumerate(qas):
            place = source.qa_place(number)
            try:
                fields = _fields(qa, paragraph.context, self._findings.at(place))
            except Unreadable as unreadable:
                self._findings.leave_out(oddities.UNREADABLE_QUESTIONS, place, unreadable)
                continue
            example = self._questions.example(place, fields, paragraph.context, paragraph.title, paragraph.index)
            if example is not None:
                paragraph.questions.append((example, qa))
        yield paragraph

    def _qas(self, source: Paragraph) -> list[Any]:
        if source.is_row:
            return source.qas
        if "qas" not in source.record:
            self._findings.odd(oddities.MISSING_QAS, source.place, "qas is missing, expected an array")
        elif is_null(source.qas):
            self._findings.odd(oddities.NULLS, f"{source.place}.qas", "is null, expected an array")
        elif isinstance(source.qas, list):
            return source.qas
        else:
            unreadable = Unreadable("qas", f"is {kind_of(source.qas)}, expected an array")
            self._findings.leave_out(oddities.UNREADABLE_RECORDS, source.place, unreadable)
        return []

    def _placed(self, source: Paragraph, num_questions: int) -> ReadParagraph:
        """Returns the paragraph without its questions; rows about one text share its object and its number."""
        last = self._last
        is_loose = source.article is None
        if (
            is_loose
            and last is not None
            and last.source.article is None
            and (last.source.context, last.source.title) == (source.context, source.title)
        ):
            return last._replace(source=source, questions=[])
        context = self._findings.valid_text(f"{source.place}.context", "", source.context)
        title = self._title(source)
        if is_loose:
            title, index, is_new = self._numbers.number(title, context)
        else:
            title = f"article_{source.article}" if title is None else title
            is_new, index = True, source.number
        self.num_paragraphs += is_new
        if is_new and not context.strip():
            detail = f"empty context of {num_questions} questions"
            self._findings.note(kinds.EMPTY_CONTEXTS, f"{source.place}.context", "", detail)
        self._last = ReadParagraph(source, title, index, context, [])
        return self._last._replace(questions=[])

    def _title(self, source: Paragraph) -> str | None:
        title = source.title
        if isinstance(title, int | float) and not is_null(title):
            return str(title)
        if title is not None and not isinstance(title, str):
            # Once for an article.
            if not source.number:
                self._findings.odd(oddities.ODD_TITLES, source.place, f"title is {kind_of(title)}")
            return None
        return title


def _fields(qa: Any, context: str, on_odd: OnOdd) -> QuestionFields:
    """Returns the fields of a question; raises `Unreadable` if it cannot be read."""
    if not isinstance(qa, dict):
        raise Unreadable("", f"is {kind_of(qa)}, expected an object")
    question = read_field(qa, "", "question", str)
    is_impossible = _read_is_impossible(qa, on_odd)
    answers = read_answers(qa, "answers", context, on_odd)
    plausible = ()
    if "plausible_answers" in qa:
        plausible = read_answers(qa, "plausible_answers", context, on_odd).answers
    return QuestionFields(_read_id(qa, on_odd), question, answers, is_impossible, plausible)


def _read_id(qa: Mapping[str, Any], on_odd: OnOdd) -> str | None:
    """Returns the id of a question; None if it has none that is a text or a number."""
    key = next((key for key in _ID_KEYS if not is_null(qa.get(key))), None)
    value = id_as_text(qa[key], key, on_odd) if key else None
    if isinstance(value, str) and value:
        return value
    found = "missing" if key is None else "an empty string" if value == "" else kind_of(value)
    on_odd(oddities.MADE_IDS, key or "id", f"is {found}, expected an id")
    return None


def _read_is_impossible(qa: Mapping[str, Any], on_odd: OnOdd) -> bool | None:
    """Returns SQuAD 2.0's `is_impossible`; None if it is absent."""
    if "is_impossible" not in qa:
        return None
    value = qa["is_impossible"]
    if is_null(value):
        on_odd(oddities.NULLS, "is_impossible", "is null, expected true or false")
        return None
    return read_truth(value, "is_impossible", on_odd)
