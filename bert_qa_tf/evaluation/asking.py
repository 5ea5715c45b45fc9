"""What `predict` and `client` have in common: one question, or a file of them, to whoever answers.

What goes in: what the user typed, and an `Answerer`. What comes out: the answer on the screen, or JSON lines there or
in a file. No TensorFlow here, unless a path is remote: asking a server over REST must not wait for its import.
"""

from __future__ import annotations

import dataclasses

from bert_qa_tf.errors import InputError
from bert_qa_tf.evaluation import json_lines, single_answer
from bert_qa_tf.evaluation.json_lines import Answerer


@dataclasses.dataclass(frozen=True)
class Asked:
    """One question with its text, or a file of questions.

    Attributes:
      question: one question; None where a file is given.
      context: the text of that question.
      context_file: a UTF-8 file that holds it, instead of `context`.
      input_file: see `json_lines.read_questions`.
      output_file: where the answers go as JSON lines; None for the screen.

    Raises:
      InputError: not exactly one of the two is given, or the question is empty.
    """

    question: str | None = None
    context: str | None = None
    context_file: str | None = None
    input_file: str | None = None
    output_file: str | None = None

    def __post_init__(self) -> None:
        one = self.question is not None
        if one == bool(self.input_file):
            raise InputError("give either --question, with --context or --context_file, or --input_file")
        contexts = [name for name in ("context", "context_file") if getattr(self, name) is not None]
        if len(contexts) != int(one):
            wanted = "one of --context and --context_file" if one else "no --context: --input_file has the texts"
            raise InputError(f"expected {wanted}, got {' and '.join(f'--{name}' for name in contexts) or 'neither'}")
        if one and not self.question.strip():
            raise InputError("--question is empty")

    def answer_with(self, answerer: Answerer) -> None:
        """Asks, and prints or writes what was found.

        Raises:
          InputError: a file cannot be read or written, or holds what it should not.
        """
        if self.input_file:
            count = json_lines.answer_file(answerer, self.input_file, self.output_file)
            if self.output_file:
                print(f"wrote {count} answers to {self.output_file}")
            return
        context = self.context if self.context is not None else single_answer.read_context(self.context_file)
        answer = single_answer.answer_question(answerer, self.question, context)
        if self.output_file:
            json_lines.write_lines([json_lines.to_json(1, answer)], self.output_file)
            print(f"wrote 1 answer to {self.output_file}")
        else:
            print(single_answer.describe(answer))
