"""Reads SQuAD-form JSON (v1.1 and v2.0, and data sets in that form such as Spoken-SQuAD).

A file, local or remote, gives `SquadExample`s, one per question, in the file's order. A file of another form is refused
with the JSON path of what is missing, such as `data[0].paragraphs[3].qas[1].question`.

`read_squad` reads all questions, and `iter_squad` yields them one at a time. Both refuse anything that would corrupt
training or scores, such as a duplicate id or an empty question. `load_squad(strict=False)` lists such problems instead.
`validation` finds problems with answers. TensorFlow is imported only if the path is remote.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files, json_text
from bert_qa_tf.storage.json_stream import NotStreamable, iter_array
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample

# Kinds of `Problem`. Tolerant reading lists all of them; strict reading refuses the fatal ones.
DUPLICATE_IDS = "duplicate_ids"
EMPTY_QUESTIONS = "empty_questions"
INVALID_UNICODE = "invalid_unicode"
EMPTY_CONTEXTS = "empty_contexts"
PARAGRAPHS_WITHOUT_QUESTIONS = "paragraphs_without_questions"
FATAL_KINDS = (DUPLICATE_IDS, EMPTY_QUESTIONS, INVALID_UNICODE)
PROBLEM_KINDS = (*FATAL_KINDS, EMPTY_CONTEXTS, PARAGRAPHS_WITHOUT_QUESTIONS)

_JSON_TYPES = {dict: "an object", list: "an array", str: "a string", int: "an integer", bool: "true or false"}


class Problem(NamedTuple):
    """Something wrong with a file that does not stop it from being read.

    Attributes:
      kind: one of `PROBLEM_KINDS`.
      place: the JSON path, such as `data[0].paragraphs[3]`.
      qas_id: the id of the question; "" for a problem with a paragraph.
      detail: a description of the problem.
    """

    kind: str
    place: str
    qas_id: str
    detail: str


@dataclass(frozen=True)
class SquadFile:
    """A whole file: its questions and facts about the file itself.

    Attributes:
      path: the path as given.
      version: the file's own `version`; "" if it has none.
      examples: one per question, in the file's order.
      num_articles: the number of entries in `data`.
      num_paragraphs: the number of paragraphs, including those without questions.
      problems: the problems in the file's order; see `Problem`.
    """

    path: str
    version: str
    examples: list[SquadExample]
    num_articles: int
    num_paragraphs: int
    problems: list[Problem] = field(default_factory=list)


def read_squad(path: files.PathLike, *, require_answers: bool = False) -> list[SquadExample]:
    """Reads the questions of a SQuAD-form file.

    Examples of one paragraph share one `context` object. An article without a title is named after its position
    (`article_12`), so that articles stay apart.

    Args:
      path: a local path or an address that TensorFlow's file system layer can read.
      require_answers: whether each question must have an answer or be marked `is_impossible`. Training and scoring need
        this; for prediction, a file may have no answers.

    Returns:
      One example per question, in the file's order; at least one.

    Raises:
      InputError: the file is invalid; the message is one line that names the file, the place, what was found and what
        was expected.
    """
    squad_file = load_squad(path)
    if not squad_file.examples:
        raise InputError(f"{squad_file.path}: holds no question in {squad_file.num_paragraphs} paragraphs")
    if require_answers:
        missing = [e.qas_id for e in squad_file.examples if not e.answers and not e.is_impossible]
        if missing:
            raise InputError(
                f"{squad_file.path}: {len(missing)} of {len(squad_file.examples)} questions have no answer and are not "
                f"marked is_impossible, the first is {missing[0]!r}"
            )
    return squad_file.examples


def iter_squad(path: files.PathLike, *, require_answers: bool = False) -> Iterator[SquadExample]:
    """Yields the questions of a SQuAD-form file, with one article in memory at a time.

    Args:
      path: see `read_squad`.
      require_answers: see `read_squad`.

    Yields:
      The examples that `read_squad` returns.

    Raises:
      InputError: as for `read_squad`, but possibly after some examples.
    """
    reader = _Reader(os.fspath(path), strict=True)
    found = False
    for index, article in enumerate(_articles(reader.name)):
        reader.read_article(index, article)
        for example in reader.examples:
            found = True
            if require_answers and not example.answers and not example.is_impossible:
                raise InputError(
                    f"{reader.name}: question {example.qas_id!r} has no answer and is not marked is_impossible"
                )
            yield example
        reader.examples.clear()
    if not found:
        raise InputError(f"{reader.name}: holds no question in {reader.num_paragraphs} paragraphs")


def load_squad(path: files.PathLike, *, strict: bool = True) -> SquadFile:
    """Reads a file completely and finds its problems.

    Args:
      path: a local path or an address that TensorFlow's file system layer can read.
      strict: whether to raise an error for problems of `FATAL_KINDS` instead of listing them.

    Returns:
      The file. With `strict=False`, ids may repeat and questions may be empty; `problems` lists these.

    Raises:
      InputError: the file is missing, empty, not JSON or of another form; or, if strict, has a fatal problem.
    """
    name = os.fspath(path)
    root, articles = _parse_root(name)
    reader = _Reader(name, strict)
    for index in range(len(articles)):
        # Each article is released once it is read, so that the whole parsed JSON and all examples are never in memory
        # at the same time.
        article, articles[index] = articles[index], None
        reader.read_article(index, article)
    version = root.get("version", "")
    return SquadFile(name, str(version), reader.examples, len(articles), reader.num_paragraphs, reader.problems)


def example_to_json(example: SquadExample, has_negatives: bool) -> dict[str, Any]:
    """Converts one question to an entry of `qas`; `has_negatives` adds SQuAD 2.0's `is_impossible`."""
    record: dict[str, Any] = {
        "id": example.qas_id,
        "question": example.question,
        "answers": [{"text": a.text, "answer_start": a.start_char} for a in example.answers],
    }
    if example.plausible_answers:
        record["plausible_answers"] = [
            {"text": a.text, "answer_start": a.start_char} for a in example.plausible_answers
        ]
    if has_negatives:
        record["is_impossible"] = example.is_impossible
    return record


class _Reader:
    """Reads the articles of one file and collects examples and problems."""

    def __init__(self, name: str, strict: bool) -> None:
        self.name = name
        self.strict = strict
        self.examples: list[SquadExample] = []
        self.problems: list[Problem] = []
        self.num_paragraphs = 0
        self._place_of_id: dict[str, tuple[int, int, int]] = {}

    def read_article(self, index: int, article: Any) -> None:
        place = f"data[{index}]"
        article = _object(self.name, article, place)
        title = _get(self.name, article, place, "title", str, default=None)
        title = f"article_{index}" if title is None else title
        for number, paragraph in enumerate(_get(self.name, article, place, "paragraphs", list)):
            self._read_paragraph(index, number, title, paragraph)

    def _read_paragraph(self, article_index: int, number: int, title: str, paragraph: Any) -> None:
        place = f"data[{article_index}].paragraphs[{number}]"
        paragraph = _object(self.name, paragraph, place)
        context = _get(self.name, paragraph, place, "context", str)
        qas = _get(self.name, paragraph, place, "qas", list)
        self.num_paragraphs += 1
        if not context.strip():
            self._note(EMPTY_CONTEXTS, f"{place}.context", "", f"empty context of {len(qas)} questions")
        if not qas:
            self._note(PARAGRAPHS_WITHOUT_QUESTIONS, place, "", "no question about this paragraph")
        self._check_unicode(f"{place}.context", "", context)
        for qa_number, qa in enumerate(qas):
            qa_place = f"{place}.qas[{qa_number}]"
            example = self._read_question(qa_place, _object(self.name, qa, qa_place), title, number, context)
            first = self._place_of_id.setdefault(example.qas_id, (article_index, number, qa_number))
            if first != (article_index, number, qa_number):
                detail = f"duplicate id {example.qas_id!r}, first used at data[%d].paragraphs[%d].qas[%d]" % first
                self._note(DUPLICATE_IDS, qa_place, example.qas_id, detail)
            self.examples.append(example)

    def _read_question(
        self, place: str, qa: Mapping[str, Any], title: str, paragraph_index: int, context: str
    ) -> SquadExample:
        qas_id = _get(self.name, qa, place, "id", str)
        if not qas_id:
            raise InputError(f"{self.name}: {place}.id is an empty string, expected an id")
        self._check_unicode(f"{place}.id", qas_id, qas_id)
        question = _get(self.name, qa, place, "question", str)
        if not question.strip():
            self._note(EMPTY_QUESTIONS, f"{place}.question", qas_id, f"empty question (id {qas_id!r})")
        self._check_unicode(f"{place}.question", qas_id, question)
        return SquadExample(
            qas_id=qas_id,
            question=question,
            context=context,
            answers=tuple(self._read_answers(qa, place, "answers", qas_id)),
            is_impossible=_get(self.name, qa, place, "is_impossible", bool, default=False),
            title=title,
            paragraph_index=paragraph_index,
            plausible_answers=tuple(self._read_answers(qa, place, "plausible_answers", qas_id)),
        )

    def _read_answers(self, qa: Mapping[str, Any], place: str, key: str, qas_id: str) -> Iterator[Answer]:
        # `answers` may be missing in a test set; `require_answers` checks for them where they are needed.
        for number, answer in enumerate(_get(self.name, qa, place, key, list, default=())):
            answer_place = f"{place}.{key}[{number}]"
            answer = _object(self.name, answer, answer_place)
            text = _get(self.name, answer, answer_place, "text", str)
            self._check_unicode(f"{answer_place}.text", qas_id, text)
            yield Answer(text, _get(self.name, answer, answer_place, "answer_start", int))

    def _check_unicode(self, place: str, qas_id: str, text: str) -> None:
        # JSON may escape half a surrogate pair ("\ud83d"). Python reads it, but UTF-8 and so a record cannot hold it.
        if text.isascii():
            return
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            self._note(INVALID_UNICODE, place, qas_id, f"half a surrogate pair at character {error.start}")

    def _note(self, kind: str, place: str, qas_id: str, detail: str) -> None:
        if self.strict and kind in FATAL_KINDS:
            raise InputError(f"{self.name}: {place}: {detail}")
        self.problems.append(Problem(kind, place, qas_id, detail))


def _articles(name: str) -> Iterator[Any]:
    count = 0
    try:
        with files.open_binary(name) as file:
            for article in iter_array(file, "data"):
                yield article
                count += 1
        if count:
            return
    except NotStreamable:
        pass
    # Something is wrong with the file. Parsing it as a whole gives an error that says what and where.
    _, articles = _parse_root(name)
    yield from articles[count:]


def _parse_root(name: str) -> tuple[dict[str, Any], list[Any]]:
    root = _object(name, _parse_json(name), "the top level")
    articles = _get(name, root, "", "data", list)
    if not articles:
        raise InputError(f"{name}: data is an empty array, expected at least one article")
    return root, articles


def _parse_json(name: str) -> Any:
    content = files.read_bytes(name)
    if not content.strip():
        raise InputError(f"{name}: empty file, expected SQuAD-form JSON")
    try:
        # "-sig" skips a byte order mark, which some editors write.
        return json_text.parse(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8 at byte {error.start}, expected SQuAD-form JSON") from error
    except json_text.JsonError as error:
        if error.offset is None:
            raise InputError(f"{name}: JSON {error.reason}, expected SQuAD-form JSON") from error
        raise InputError(
            f"{name}: not JSON at line {error.line} column {error.column} ({error.reason}), expected SQuAD-form JSON"
        ) from error


def _object(name: str, value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{name}: {place} is {_kind(value)}, expected an object")
    return value


_REQUIRED = object()
_MAX_OFFSET = 2**31 - 1  # of a place in a text, in characters


def _get(name: str, record: Mapping[str, Any], place: str, key: str, kind: type, default: Any = _REQUIRED) -> Any:
    """Returns `record[key]`, which must be of type `kind`, or `default` if one is given and the key is missing."""
    path = f"{place}.{key}" if place else key
    if key not in record:
        if default is not _REQUIRED:
            return default
        raise InputError(f"{name}: {path} is missing, expected {_JSON_TYPES[kind]}")
    value = record[key]
    # In Python true is an integer; in JSON it is not.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise InputError(f"{name}: {path} is {_kind(value)}, expected {_JSON_TYPES[kind]}")
    if kind is int and abs(value) > _MAX_OFFSET:
        raise InputError(f"{name}: {path} is a number of {len(str(abs(value)))} digits, expected a place in a text")
    return value


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return "a number" if isinstance(value, float) else _JSON_TYPES[type(value)]
