"""Defines the question-answering requests of `predict` and `client`: one question with its text, or a file of them.

TensorFlow is imported only if a path is remote, because a request over REST should not wait for its import.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping

from bert_qa_tf.errors import InputError, printable
from bert_qa_tf.storage import atomic_files
from bert_qa_tf.tasks.question_answering import answer_files, answer_text, question_files
from bert_qa_tf.tasks.question_answering.answer_files import Answerer
from bert_qa_tf.tasks.question_answering.reading import input_formats
from bert_qa_tf.text.timed_text import ReadTimedText, TimedText


@dataclasses.dataclass(frozen=True)
class QuestionRequest:
    """One question with its text, or a file of questions.

    Attributes:
      question: one question; None if a file is given.
      context: the text of that question.
      context_file: a UTF-8 file that holds the text, instead of `context`.
      input_format: the form of `input_file`, see `input_formats`.
      input_file: see `question_files.read_questions`.
      output_file: the file to write answers to, as JSON lines; None to print them.
      timed_texts: flag → the transcript or recording that it names, to be searched instead of `context` (None if the
        flag is not given), and the function that reads such files. Lines of `input_file` may name such a file under the
        flag's name.

    Raises:
      InputError: not exactly one of question and file is given, or the question is empty.
    """

    question: str | None = None
    context: str | None = None
    context_file: str | None = None
    input_format: str = input_formats.AUTO
    input_file: str | None = None
    output_file: str | None = None
    timed_texts: Mapping[str, tuple[str | None, ReadTimedText]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        one = self.question is not None
        given = {"context": self.context, "context_file": self.context_file}
        given |= {name: path for name, (path, _) in self.timed_texts.items()}
        if one == bool(self.input_file):
            raise InputError(f"give either --question, with {_listed(given, 'or')}, or --input_file")
        texts = [name for name, value in given.items() if value is not None]
        if len(texts) != int(one):
            wanted = f"one of {_listed(given, 'and')}" if one else f"no --{texts[0]}: --input_file has the texts"
            raise InputError(f"expected {wanted}, got {_listed(texts, 'and') or 'none'}")
        if one and not self.question.strip():
            raise InputError("--question is empty")

    def read(self) -> None:
        """Reads the question and its text, so that a mistake in them is reported before a model is loaded.

        Raises:
          InputError: a file cannot be read, or its contents are invalid.
        """
        _ = self._num_questions if self.input_file else self._text

    def answer_with(self, answerer: Answerer) -> None:
        """Answers the questions, and prints or writes the answers.

        Raises:
          InputError: a file cannot be read or written, or its contents are invalid.
        """
        if self.input_file:
            total = self._num_questions
            answer_files.answer_file(
                answerer, self.input_file, self.output_file, self._readers, total, self.input_format
            )
            if self.output_file:
                print(f"wrote {total} answers to {self.output_file}")
            return
        context, timed = self._text
        answer = answer_text.answer_question(answerer, self.question, context)
        answer_files.note_cut_question(answer, "--question", "")
        if self.output_file:
            atomic_files.write_lines(self.output_file, [answer_files.to_json(1, answer, timed)])
            print(f"wrote 1 answer to {self.output_file}")
        else:
            print(printable(answer_text.describe(answer, timed)))

    @functools.cached_property
    def _text(self) -> tuple[str, TimedText | None]:
        for path, read in self.timed_texts.values():
            if path is not None:
                timed = read(path)
                if not timed.text.strip():
                    raise InputError(f"{path}: no word was heard in it, or cleaning left none: nothing to ask about")
                return timed.text, timed
        return self.context if self.context is not None else answer_text.read_context(self.context_file), None

    @functools.cached_property
    def _num_questions(self) -> int:
        return question_files.count_questions(self.input_file, self._readers, self.input_format)

    @property
    def _readers(self) -> Mapping[str, ReadTimedText]:
        return {name: read for name, (_, read) in self.timed_texts.items()}


def _listed(names: Iterable[str], word: str) -> str:
    *first, last = [f"--{name}" for name in names] or [""]
    return f"{', '.join(first)} {word} {last}" if first else last
