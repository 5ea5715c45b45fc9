"""Reads the paragraphs of a file, each with its questions, and counts what is odd about them.

`squad_questions` reads a question; `squad_reader` has the functions to call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.reading import findings as kinds
from bert_qa_tf.tasks.question_answering.reading import oddities
from bert_qa_tf.tasks.question_answering.reading.field_values import Unreadable, is_null, kind_of
from bert_qa_tf.tasks.question_answering.reading.findings import Findings, Problem
from bert_qa_tf.tasks.question_answering.reading.squad_questions import QuestionReader
from bert_qa_tf.tasks.question_answering.reading.squad_shapes import Paragraph, SquadRecords, paragraphs_of


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
      num_questions: the number of questions read so far.
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
        self.num_articles = self.num_paragraphs = self.num_questions = 0
        self._findings = Findings(name, is_audit=is_audit, again=again)
        self._questions = QuestionReader(
            self._findings, is_audit=is_audit, require_answers=require_answers, keep_no_answers=keep_no_answers
        )
        self._records = SquadRecords(name)
        # Of forms without articles: title → hash of a context → the number of that context.
        self._numbers: dict[str, dict[bytes, int]] = {}
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
        self.num_articles += len(self._numbers)

    def check_found(self) -> None:
        """Refuses a file of which no question was read.

        Raises:
          InputError: there is no question.
        """
        if self.num_questions:
            return
        unanswered = self._questions.unanswered
        if unanswered:
            raise InputError(
                f"{self.name}: {len(unanswered)} of {len(unanswered)} questions have no answer and are not marked "
                f"is_impossible, the first is {unanswered[0]!r}"
            )
        self.check_readable()
        raise InputError(f"{self.name}: holds no question in {self.num_paragraphs} paragraphs")

    def check_readable(self) -> None:
        """Refuses a file that has questions of which none can be read.

        Raises:
          InputError: there are only such; the message says what is wrong with the first.
        """
        if self._findings.first_refusal and not self.num_questions:
            raise InputError(f"{self.name}: {self._findings.first_refusal}")

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
                example = self._questions.read(place, qa, paragraph.context, paragraph.title, paragraph.index)
            except Unreadable as unreadable:
                self._findings.leave_out(oddities.UNREADABLE_QUESTIONS, place, unreadable)
                continue
            if example is not None:
                self.num_questions += 1
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
            digest = _digest(context)
            title = f"context_{digest.hex()}" if title is None else title
            numbers = self._numbers.setdefault(title, {})
            is_new = digest not in numbers
            index = numbers.setdefault(digest, len(numbers))
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


def _digest(context: str) -> bytes:
    return hashlib.blake2b(context.encode("utf-8"), digest_size=8).digest()
