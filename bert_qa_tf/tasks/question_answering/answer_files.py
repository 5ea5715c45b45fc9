"""Answers the questions of files and writes the answers as JSON lines, for `predict` and `client`.

The output has one line per question in the same order, `{"id": …, "answer": …, "answer_start": …, "answer_end": …,
"score": …}`, with `"question_cut": true` if the question is longer than the model reads. Offsets are code points into
the context, and the end is exclusive.

The answer to a question about a transcript or a recording also has `start_secs` and `end_secs` if they are known,
`times_estimated` if they were not measured, and `as_said` if cleaning removed something from its middle. Its offsets
refer to the whole transcript. `question_files` says what is read. TensorFlow is imported only if a path is remote.
"""

from __future__ import annotations

import collections
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import tqdm

from bert_qa_tf import odd_items
from bert_qa_tf.odd_items import OddKind, Severity
from bert_qa_tf.storage import atomic_files, json_text
from bert_qa_tf.tasks.question_answering.decoding import DecodedAnswer
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.question_files import count_questions, read_questions
from bert_qa_tf.tasks.question_answering.reading.input_formats import AUTO
from bert_qa_tf.text.timed_text import ReadTimedText, TimedText, time_fields

QUESTIONS_CUT = OddKind(
    "questions_cut", "questions that are longer than the model reads, whose end it did not see", Severity.WARNING
)


class Answerer(Protocol):
    """An object that answers questions: a `QuestionAnswerer`, an exported model or a client of a server."""

    def answer(self, examples: Iterable[SquadExample]) -> Iterator[DecodedAnswer]:
        """Yields one answer per question, in the order of the questions."""


def to_json(question_id: Any, answer: DecodedAnswer, timed: TimedText | None = None) -> str:
    """Formats an answer as one line, with the output names of the `serving_default` signature as keys.

    Args:
      question_id: any JSON value.
      answer: the answer to a question about `timed.text`, or about a text without times.
      timed: the text with its times, if it has any.
    """
    record: dict[str, Any] = {
        "id": question_id,
        "answer": answer.text,
        "answer_start": answer.start_char,
        "answer_end": answer.end_char,
        "score": round(answer.score, 6),
    }
    if timed is not None and answer.text:
        said = timed.said(answer.start_char, answer.end_char)
        record |= {"answer_start": said.start_char, "answer_end": said.end_char} | time_fields(said)
        if said.text != answer.text:
            record["as_said"] = said.text
    if answer.question_tokens_cut:
        record["question_cut"] = True
    return json_text.write(record)


def note_cut_question(answer: DecodedAnswer, source: str, place: str) -> None:
    """Counts a question of which the model did not read the end.

    Raises:
      InputError: odd items are refused.
    """
    if answer.question_tokens_cut:
        detail = f"the question is {answer.question_tokens_cut} word pieces longer than the model reads"
        odd_items.add(QUESTIONS_CUT, source, place, detail)


def answer_file(
    answerer: Answerer,
    input_file: str,
    output_file: str | None,
    readers: Mapping[str, ReadTimedText] | None = None,
    total: int | None = None,
    input_format: str = AUTO,
) -> int:
    """Answers all questions of a file.

    The whole input is checked first, so that a mistake in its last line does not waste an hour of answering.

    Args:
      answerer: answers the questions.
      input_file: the file of questions; see `read_questions`.
      output_file: the file of answers, which is written completely or not at all; None prints each answer when it is
        ready.
      readers: see `read_questions`; each is called twice for the same file, and should cache its results.
      total: the result of `count_questions`, if the input was checked before.
      input_format: see `input_formats`.

    Returns:
      The number of questions.

    Raises:
      InputError: the file has no question, or the output cannot be written; see also `read_questions`.
    """
    total = count_questions(input_file, readers, input_format) if total is None else total
    asked: collections.deque[tuple[Any, TimedText | None]] = collections.deque()

    def questions() -> Iterator[SquadExample]:
        for question in read_questions(input_file, readers, input_format, again=True):
            asked.append((question.question_id, question.timed))
            yield question.example

    answers = answerer.answer(questions())
    shown = tqdm.tqdm(answers, total=total, unit="question", disable=not sys.stderr.isatty())

    def line(answer: DecodedAnswer) -> str:
        question_id, timed = asked.popleft()
        note_cut_question(answer, input_file, f"question {question_id!r}")
        return to_json(question_id, answer, timed)

    lines = map(line, shown)
    if output_file is None:
        for text in lines:
            print(text)
    else:
        atomic_files.write_lines(output_file, lines)
    return total
