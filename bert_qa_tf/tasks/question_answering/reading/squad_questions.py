"""Reads the questions of a paragraph, and tells those with the same id apart.

`squad_paragraphs` has the paragraphs, `squad_reader` the functions to call.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from bert_qa_tf.odd_items import OddKind
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from bert_qa_tf.tasks.question_answering.reading import findings as kinds
from bert_qa_tf.tasks.question_answering.reading import oddities
from bert_qa_tf.tasks.question_answering.reading.answer_forms import read_answers
from bert_qa_tf.tasks.question_answering.reading.field_values import (
    OnOdd,
    Unreadable,
    id_as_text,
    is_null,
    kind_of,
    read_field,
    read_truth,
)
from bert_qa_tf.tasks.question_answering.reading.findings import Findings

_ID_KEYS = ("id", "qid", "question_id", "_id")
_HASH_DIGITS = 16


class QuestionReader:
    """Reads the questions of one file.

    Args:
      findings: takes in what is wrong or odd.
      is_audit: whether to keep questions that are empty or have the id of another.
      require_answers: whether to leave out questions that have no answer and are not marked `is_impossible`.
      keep_no_answers: whether to keep questions whose answers are empty and that are not marked `is_impossible`.

    Attributes:
      unanswered: the ids of questions that were left out since they have no answer.
    """

    def __init__(self, findings: Findings, *, is_audit: bool, require_answers: bool, keep_no_answers: bool) -> None:
        self.unanswered: list[str] = []
        self._findings = findings
        self._is_audit = is_audit
        self._require_answers = require_answers
        self._keep_no_answers = keep_no_answers
        self._label = os.path.basename(findings.name)
        # Id → a hash of the question's content, and its place.
        self._first_of_id: dict[str, str] = {}

    def read(self, place: str, qa: Any, context: str, title: str, paragraph_index: int) -> SquadExample | None:
        """Reads a question.

        Args:
          place: where it is.
          qa: the question.
          context: the text that it is about.
          title: the title of the article.
          paragraph_index: the number of the text in the article.

        Returns:
          The question; None if it is left out.

        Raises:
          Unreadable: it cannot be read.
          InputError: something odd is refused.
        """
        if not isinstance(qa, dict):
            raise Unreadable("", f"is {kind_of(qa)}, expected an object")

        def on_odd(kind: OddKind, path: str, detail: str) -> None:
            self._findings.odd(kind, f"{place}.{path}", detail)

        valid = self._findings.valid_text
        question = read_field(qa, "", "question", str)
        is_impossible = _read_is_impossible(qa, on_odd)
        answers = read_answers(qa, "answers", context, on_odd)
        plausible = ()
        if "plausible_answers" in qa:
            plausible = read_answers(qa, "plausible_answers", context, on_odd).answers
        qas_id = _read_id(qa, on_odd)
        is_made = qas_id is None
        qas_id = self._made_id(place) if is_made else valid(f"{place}.id", qas_id, qas_id)
        is_empty = bool(answers.num_empty)
        if is_empty:
            self._findings.note(kinds.EMPTY_ANSWERS, place, qas_id, "no answer has a text", times=answers.num_empty)
            if not (is_impossible or self._keep_no_answers):
                self._findings.odd(oddities.NO_ANSWERS_LEFT_OUT, place, "the answer is empty")
                return None
            on_odd(oddities.NO_ANSWERS, "answers", "is an answer without a text, expected is_impossible")
        no_answer = is_empty or (answers.is_empty_list and is_null(qa.get("is_impossible")))
        example = SquadExample(
            qas_id=qas_id,
            question=valid(f"{place}.question", qas_id, question),
            context=context,
            answers=tuple(self._valid_answer(answer, f"{place}.answers", qas_id) for answer in answers.answers),
            is_impossible=is_impossible or no_answer,
            title=title,
            paragraph_index=paragraph_index,
            plausible_answers=plausible,
        )
        return self._kept(example, place, is_made)

    def _kept(self, example: SquadExample, place: str, is_made: bool) -> SquadExample | None:
        """Returns the question, perhaps under another id; None if it is left out."""
        qas_id = example.qas_id
        if not example.question.strip():
            detail = f"empty question (id {qas_id!r})"
            self._findings.note(kinds.EMPTY_QUESTIONS, f"{place}.question", qas_id, detail)
            self._findings.odd(oddities.EMPTY_QUESTIONS, f"{place}.question", detail)
            if not self._is_audit:
                self._findings.first_refusal = self._findings.first_refusal or f"{place}.question: {detail}"
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
            self.unanswered.append(example.qas_id)
            detail = f"question {example.qas_id!r} has no answer and is not marked is_impossible"
            self._findings.odd(oddities.UNANSWERED, place, detail)
            return None
        return example

    def _made_id(self, place: str) -> str:
        """Returns an id that is made of the file's name and a place in it, and that no question has yet."""
        made = f"{self._label}:{place}"
        while made in self._first_of_id:
            made += "'"
        return made

    def _valid_answer(self, answer: Answer, place: str, qas_id: str) -> Answer:
        text = self._findings.valid_text(f"{place}.text", qas_id, answer.text)
        return answer if text is answer.text else Answer(text, answer.start_char)


def _read_id(qa: Mapping[str, Any], on_odd: OnOdd) -> str | None:
    """Returns the id of a question; None if it has none that is a text or a number."""
    key = next((key for key in _ID_KEYS if not is_null(qa.get(key))), None)
    value = id_as_text(qa[key], key, on_odd) if key else None
    if isinstance(value, str) and value:
        return value
    found = "missing" if key is None else "an empty string" if value == "" else kind_of(value)
    on_odd(oddities.MADE_IDS, key or "id", f"is {found}, expected an id")
    return None


def _read_is_impossible(qa: Mapping[str, Any], on_odd: OnOdd) -> bool:
    """Returns SQuAD 2.0's `is_impossible`; False if it is absent."""
    value = qa.get("is_impossible", False)
    if is_null(value):
        on_odd(oddities.NULLS, "is_impossible", "is null, expected true or false")
        return False
    return read_truth(value, "is_impossible", on_odd)


def _content_hash(example: SquadExample) -> str:
    content = (example.question, example.context, example.answers, example.is_impossible)
    return f"{hash(content) & (2**64 - 1):0{_HASH_DIGITS}x}"
