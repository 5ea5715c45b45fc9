"""Defines the requests of `predict` and `client` for one text or a file of texts, without importing TensorFlow."""

from __future__ import annotations

import collections
import dataclasses
import functools
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import tqdm

from bert_qa_tf.errors import InputError, printable
from bert_qa_tf.storage import atomic_files, files, json_text
from bert_qa_tf.tasks.base import Answerer
from bert_qa_tf.tasks.single_text.config import TextRequestConfig

if TYPE_CHECKING:
    from bert_qa_tf.tasks.single_text.task import SingleTextTask


@dataclasses.dataclass(frozen=True)
class Text:
    """A text without an id or labels."""

    example_id: str
    text: str


@dataclasses.dataclass(frozen=True)
class TextRequest:
    """One text, or a file of them.

    Attributes:
      task: the task, which reads files and formats answers.
      options: the single text.
      input_file: a file of texts; see `SingleTextTask.read_examples`.
      output_file: the file to write answers to, as JSON lines; None to print them.

    Raises:
      InputError: not exactly one of text and file is given.
    """

    task: type[SingleTextTask]
    options: TextRequestConfig
    input_file: str | None = None
    output_file: str | None = None

    def __post_init__(self) -> None:
        given = [
            name
            for name, value in (
                ("text", self.options.text),
                ("text_file", self.options.text_file),
                ("input_file", self.input_file),
            )
            if value is not None
        ]
        if len(given) != 1:
            found = " and ".join(f"--{name}" for name in given) or "none"
            raise InputError(f"give one of --text, --text_file and --input_file, got {found}")

    def read(self) -> None:
        """See `tasks.base.Request`."""
        _ = self._total if self.input_file else self._text

    def answer_with(self, answerer: Answerer) -> None:
        """See `tasks.base.Request`."""
        if self.input_file:
            lines = self._lines(answerer)
            if self.output_file is None:
                for line in lines:
                    print(line)
                return
            atomic_files.write_lines(self.output_file, lines)
            print(f"wrote {self._total} answers to {self.output_file}")
            return
        [answer] = answerer.answer([Text("1", self._text)])
        if self.output_file:
            atomic_files.write_lines(self.output_file, [to_json(self.task, 1, answer)])
            print(f"wrote 1 answer to {self.output_file}")
        else:
            print(printable(self.task.describe_answer(answer)))

    def _lines(self, answerer: Answerer) -> Iterator[str]:
        asked: list[str] = []

        def examples() -> Iterator[Any]:
            for example in self._examples():
                asked.append(example.example_id)
                yield example

        answers = answerer.answer(examples())
        for number, answer in enumerate(
            tqdm.tqdm(answers, total=self._total, unit="text", disable=not sys.stderr.isatty())
        ):
            yield to_json(self.task, asked[number], answer)

    def _examples(self) -> Iterator[Any]:
        name = os.path.basename(self.input_file)
        return self.task.read_examples(self.input_file, name, self.options, collections.Counter(), require_labels=False)

    @functools.cached_property
    def _total(self) -> int:
        return sum(1 for _ in self._examples())

    @functools.cached_property
    def _text(self) -> str:
        text = self.options.text
        if text is None:
            text = files.read_text(self.options.text_file)
        if not text.strip():
            raise InputError(f"{self.options.text_file or '--text'}: is empty, expected a text")
        return text


def to_json(task: type[SingleTextTask], example_id: str | int, answer: Any) -> str:
    """Formats an answer as one line of JSON."""
    return json_text.write({"id": example_id, **task.answer_fields(answer)})
