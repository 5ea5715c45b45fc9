"""Questions and answers as JSON lines: what `predict` and `client` read and write.

What goes in: a file with one object a line, `{"question": …, "context": …}` and, if you like, `"id"`; or a SQuAD-form
file. What comes out: a line per question in the same order, `{"id": …, "answer": …, "answer_start": …, "answer_end": …,
"score": …}`, offsets being code points into the context, the end exclusive. Whoever answers is given in (`Answerer`).
No TensorFlow here, unless a path is remote.
"""

from __future__ import annotations

import collections
import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import tqdm

from bert_qa_tf.data import files
from bert_qa_tf.data.examples import SquadExample
from bert_qa_tf.data.squad import iter_squad
from bert_qa_tf.errors import InputError
from bert_qa_tf.evaluation.answer_decoding import DecodedAnswer


class Answerer(Protocol):
    """Whatever answers questions: a `Predictor`, an exported model or a client of a server."""

    def answer(self, examples: Iterable[SquadExample]) -> Iterator[DecodedAnswer]:
        """One answer per question, in their order."""


def read_questions(path: str) -> Iterator[tuple[Any, SquadExample]]:
    """Reads questions, one at a time: of a SQuAD-form file where the name ends in `.json`, else of JSON lines.

    Yields:
      The question's id (of a line: any JSON value, or the line's number where it has none; blank lines are passed over)
      and the question, whose `qas_id` is unique: of a line it is the line's number, whatever the ids are.

    Raises:
      InputError: naming file and line: not UTF-8, not JSON, no object, or no question. See `iter_squad` too.
    """
    if files.is_folder(path):
        raise InputError(f"{path}: is a folder, expected a file of questions")
    if path.endswith(".json"):
        yield from ((example.qas_id, example) for example in iter_squad(path))
        return
    with files.open_binary(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield _parse(f"{path}:{number}", line, number)


def _parse(place: str, line: bytes, number: int) -> tuple[Any, SquadExample]:
    try:
        # A byte order mark, which some editors write, is no part of the JSON.
        record = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: not UTF-8 (byte {error.start} of the line)") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{place}: not JSON ({error.msg} at character {error.pos} of the line)") from error
    if not isinstance(record, dict):
        raise InputError(f"{place}: expected an object with `question` and `context`, got {type(record).__name__}")
    for name in ("question", "context"):
        if name not in record:
            raise InputError(f"{place}: `{name}` is missing")
        if not isinstance(record[name], str):
            raise InputError(f"{place}: `{name}` must be a string, got {type(record[name]).__name__}")
    if not record["question"].strip():
        raise InputError(f"{place}: `question` is empty")
    return record.get("id", number), SquadExample(str(number), record["question"], record["context"])


def to_json(question_id: Any, answer: DecodedAnswer) -> str:
    """An answer as one line, named as the outputs of the `serving_default` signature are."""
    record = {
        "id": question_id,
        "answer": answer.text,
        "answer_start": answer.start_char,
        "answer_end": answer.end_char,
        "score": round(answer.score, 6),
    }
    return json.dumps(record, ensure_ascii=False)


def answer_file(answerer: Answerer, input_file: str, output_file: str | None) -> int:
    """Answers all questions of a file.

    The whole input is checked first: a mistake in its last line does not cost an hour of answers.

    Args:
      answerer: answers.
      input_file: JSON lines.
      output_file: where the answers go, whole or not at all; None for standard output, each as it is ready.

    Returns:
      The number of questions.

    Raises:
      InputError: see `read_questions`; or there is no question, or the output cannot be written.
    """
    total = sum(1 for _ in read_questions(input_file))
    if not total:
        raise InputError(f"{input_file}: empty file, expected one question a line")
    ids: collections.deque[Any] = collections.deque()

    def questions() -> Iterator[SquadExample]:
        for question_id, example in read_questions(input_file):
            ids.append(question_id)
            yield example

    answers = answerer.answer(questions())
    shown = tqdm.tqdm(answers, total=total, unit="question", disable=not sys.stderr.isatty())
    lines = (to_json(ids.popleft(), answer) for answer in shown)
    if output_file is None:
        for line in lines:
            print(line)
    else:
        write_lines(lines, output_file)
    return total


def write_lines(lines: Iterable[str], path: str) -> None:
    """Writes a file under a temporary name and moves it into place.

    Raises:
      InputError: it cannot be written.
    """
    if files.is_folder(path):
        raise InputError(f"{path}: is a folder, expected the name of a file to write")
    with files.replacing(path) as file:
        for line in lines:
            file.write(line.encode("utf-8") + b"\n")
