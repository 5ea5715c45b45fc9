"""Makes examples of the fields of questions, whatever form they were in, and tells those with the same id apart.

`squad_paragraphs` and `datasets.rows` have the texts.
"""

from __future__ import annotations

import dataclasses
import os
from typing import NamedTuple

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample, TimedWords
from bert_qa_tf.tasks.question_answering.reading import findings as kinds
from bert_qa_tf.tasks.question_answering.reading import oddities
from bert_qa_tf.tasks.question_answering.reading.answer_forms import Answers
from bert_qa_tf.tasks.question_answering.reading.findings import Findings

_HASH_DIGITS = 16


class QuestionFields(NamedTuple):
    """The fields of a question in a file, its text aside.

    Attributes:
      qas_id: the id; None if there is none.
      question: the question.
      answers: the answers.
      is_impossible: whether there is no answer; None if the file does not say.
      plausible_answers, gold_secs, word_times: see `SquadExample`.
    """

    qas_id: str | None
    question: str
    answers: Answers
    is_impossible: bool | None = None
    plausible_answers: tuple[Answer, ...] = ()
    gold_secs: tuple[tuple[float, float], ...] = ()
    word_times: TimedWords = TimedWords()


class Questions:
    """The questions of one file, or of several that belong together.

    Args:
      findings: takes in what is wrong or odd.
      is_audit: whether to keep questions that are empty or have the id of another.
      require_answers: whether to leave out questions that have no answer and are not marked `is_impossible`.
      keep_no_answers: whether to keep questions whose answers are empty and that are not marked `is_impossible`.
    """

    def __init__(
        self,
        findings: Findings,
        *,
        is_audit: bool = False,
        require_answers: bool = False,
        keep_no_answers: bool = True,
    ) -> None:
        self._findings = findings
        self._is_audit = is_audit
        self._require_answers = require_answers
        self._keep_no_answers = keep_no_answers
        self._count = 0
        self._unanswered: list[str] = []
        # Id → a hash of the question's content, and its place.
        self._first_of_id: dict[str, str] = {}

    def check_found(self, where: str) -> None:
        """Refuses a file of which no question was read.

        Args:
          where: how much was looked at, such as `12 paragraphs`.

        Raises:
          InputError: there is no question; the message says why.
        """
        if self._count:
            return
        name = self._findings.name
        if self._unanswered:
            raise InputError(
                f"{name}: {len(self._unanswered)} of {len(self._unanswered)} questions have no answer and are not "
                f"marked is_impossible, the first is {self._unanswered[0]!r}"
            )
        self.check_readable()
        raise InputError(f"{name}: holds no question in {where}")

    def check_readable(self) -> None:
        """Refuses a file that has questions of which none can be read.

        Raises:
          InputError: there are only such; the message says what is wrong with the first.
        """
        if self._findings.first_refusal and not self._count:
            raise InputError(self._findings.first_refusal)

    def example(
        self, place: str, fields: QuestionFields, context: str, title: str, paragraph_index: int
    ) -> SquadExample | None:
        """Returns a question, perhaps under another id; None if it is left out.

        Args:
          place: where it is.
          fields: what the file says of it.
          context: the text that it is about.
          title: the title of the article.
          paragraph_index: the number of the text in the article.

        Raises:
          InputError: something odd is refused.
        """
        valid = self._findings.valid_text
        is_made, answers = fields.qas_id is None, fields.answers
        qas_id = self._made_id(place) if is_made else valid(f"{place}.id", fields.qas_id, fields.qas_id)
        if answers.num_empty:
            self._findings.note(kinds.EMPTY_ANSWERS, place, qas_id, "no answer has a text", times=answers.num_empty)
            if not (fields.is_impossible or self._keep_no_answers):
                self._findings.odd(oddities.NO_ANSWERS_LEFT_OUT, place, "the answer is empty")
                return None
            detail = "is an answer without a text, expected is_impossible"
            self._findings.odd(oddities.NO_ANSWERS, f"{place}.answers", detail)
        no_answer = bool(answers.num_empty) or (answers.is_empty_list and fields.is_impossible is None)
        example = SquadExample(
            qas_id=qas_id,
            question=valid(f"{place}.question", qas_id, fields.question),
            context=context,
            answers=tuple(self._valid_answer(answer, f"{place}.answers", qas_id) for answer in answers.answers),
            is_impossible=bool(fields.is_impossible) or no_answer,
            title=title,
            paragraph_index=paragraph_index,
            plausible_answers=fields.plausible_answers,
            gold_secs=fields.gold_secs,
            word_times=fields.word_times,
        )
        kept = self._kept(example, place, is_made)
        self._count += kept is not None
        return kept

    def _kept(self, example: SquadExample, place: str, is_made: bool) -> SquadExample | None:
        """Returns the question, perhaps under another id; None if it is left out."""
        qas_id = example.qas_id
        if not example.question.strip():
            detail = f"empty question (id {qas_id!r})"
            self._findings.note(kinds.EMPTY_QUESTIONS, f"{place}.question", qas_id, detail)
            self._findings.odd(oddities.EMPTY_QUESTIONS, f"{place}.question", detail)
            if not self._is_audit:
                self._findings.refuse(f"{place}.question: {detail}")
                return None
        mark = f"{_content_hash(example)}{place}"
        first = self._first_of_id.setdefault(qas_id, mark)
        if first is not mark and not is_made:
            detail = f"duplicate id {qas_id!r}, first used at {first[_HASH_DIGITS:]}"
            self._findings.note(kinds.DUPLICATE_IDS, place, qas_id, detail)
            if first[:_HASH_DIGITS] == mark[:_HASH_DIGITS]:
                self._findings.odd(oddities.REPEATED_RECORDS, place, detail)
                return example if self._is_audit else None
            self._findings.odd(oddities.DUPLICATE_IDS, place, detail)
            if not self._is_audit:
                example = dataclasses.replace(example, qas_id=self._made_id(place))
                self._first_of_id[example.qas_id] = mark
        if self._require_answers and not example.answers and not example.is_impossible:
            self._unanswered.append(example.qas_id)
            detail = f"question {example.qas_id!r} has no answer and is not marked is_impossible"
            self._findings.odd(oddities.UNANSWERED, place, detail)
            return None
        return example

    def _made_id(self, place: str) -> str:
        """Returns an id that is made of the file's name and a place in it, and that no question has yet."""
        made = f"{os.path.basename(self._findings.name)}:{place}"
        while made in self._first_of_id:
            made += "'"
        return made

    def _valid_answer(self, answer: Answer, place: str, qas_id: str) -> Answer:
        text = self._findings.valid_text(f"{place}.text", qas_id, answer.text)
        return answer if text is answer.text else Answer(text, answer.start_char)


def _content_hash(example: SquadExample) -> str:
    content = (example.question, example.context, example.answers, example.is_impossible, example.gold_secs)
    return f"{hash(content) & (2**64 - 1):0{_HASH_DIGITS}x}"
