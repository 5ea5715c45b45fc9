"""Reads the paragraphs of a file, each with its questions, and counts what is odd about them.

`squad_reader` has the functions to call.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError
from bert_qa_tf.odd_items import OddItems, OddKind
from bert_qa_tf.storage.json_stream import WHOLE
from bert_qa_tf.tasks.question_answering.examples import Answer, SquadExample
from bert_qa_tf.tasks.question_answering.reading import oddities, squad_coercion
from bert_qa_tf.tasks.question_answering.reading.squad_coercion import Unreadable, is_null, kind_of
from bert_qa_tf.tasks.question_answering.reading.squad_shapes import Paragraph, SquadRecords, paragraphs_of
from bert_qa_tf.text.surrogates import replace_surrogates

# Kinds of `Problem`.
DUPLICATE_IDS = "duplicate_ids"
EMPTY_QUESTIONS = "empty_questions"
INVALID_UNICODE = "invalid_unicode"
EMPTY_CONTEXTS = "empty_contexts"
EMPTY_ANSWERS = "empty_answers"
PARAGRAPHS_WITHOUT_QUESTIONS = "paragraphs_without_questions"

_HASH_DIGITS = 16


class Problem(NamedTuple):
    """Something wrong with a file that does not stop it from being read.

    Attributes:
      kind: one of the kinds above.
      place: the JSON path, such as `data[0].paragraphs[3]`.
      qas_id: the id of the question; "" for a problem with a paragraph.
      detail: a description of the problem.
    """

    kind: str
    place: str
    qas_id: str
    detail: str


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
      num_articles, num_paragraphs, problems: see `SquadFile`, of what was read so far.
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
        self.problems: list[Problem] = []
        self.num_articles = self.num_paragraphs = self.num_questions = 0
        self._is_audit = is_audit
        self._require_answers = require_answers
        self._keep_no_answers = keep_no_answers
        self._add_odd = OddItems().add if again else odd_items.add
        self._records = SquadRecords(name)
        self._label = os.path.basename(name)
        self._first_refusal = ""
        self._unanswered: list[str] = []
        # Id → a hash of the question's content, and its place.
        self._first_of_id: dict[str, str] = {}
        # Of forms without articles: title → hash of a context → the number of that context.
        self._numbers: dict[str, dict[bytes, int]] = {}
        self._last: ReadParagraph | None = None

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
                    self._leave_out(oddities.UNREADABLE_RECORDS, *paragraph)
        self.num_articles += len(self._numbers)

    def check_found(self) -> None:
        """Refuses a file of which no question was read.

        Raises:
          InputError: there is no question.
        """
        if self.num_questions:
            return
        if self._unanswered:
            raise InputError(
                f"{self.name}: {len(self._unanswered)} of {len(self._unanswered)} questions have no answer and are not "
                f"marked is_impossible, the first is {self._unanswered[0]!r}"
            )
        self.check_readable()
        raise InputError(f"{self.name}: holds no question in {self.num_paragraphs} paragraphs")

    def check_readable(self) -> None:
        """Refuses a file that has questions of which none can be read.

        Raises:
          InputError: there are only such; the message says what is wrong with the first.
        """
        if self._first_refusal and not self.num_questions:
            raise InputError(f"{self.name}: {self._first_refusal}")

    # === Paragraphs ===

    def _read(self, source: Paragraph) -> Iterator[ReadParagraph]:
        qas = self._qas(source)
        if not isinstance(source.context, str):
            found = "is missing" if "context" not in source.record else f"is {kind_of(source.context)}"
            self._leave_out(
                oddities.UNREADABLE_QUESTIONS,
                source.place,
                Unreadable("context", f"{found}, expected a string"),
                max(len(qas), 1),
            )
            return
        paragraph = self._placed(source, len(qas))
        if not qas:
            self._note(PARAGRAPHS_WITHOUT_QUESTIONS, source.place, "", "no question about this paragraph")
        for number, qa in enumerate(qas):
            place = source.qa_place(number)
            try:
                example = self._question(place, qa, paragraph)
            except Unreadable as unreadable:
                self._leave_out(oddities.UNREADABLE_QUESTIONS, place, unreadable)
                continue
            if example is not None:
                self.num_questions += 1
                paragraph.questions.append((example, qa))
        yield paragraph

    def _qas(self, source: Paragraph) -> list[Any]:
        if source.is_row:
            return source.qas
        if "qas" not in source.record:
            self._add_odd(oddities.MISSING_QAS, self.name, source.place, "qas is missing, expected an array")
        elif is_null(source.qas):
            self._add_odd(oddities.NULLS, self.name, f"{source.place}.qas", "is null, expected an array")
        elif isinstance(source.qas, list):
            return source.qas
        else:
            unreadable = Unreadable("qas", f"is {kind_of(source.qas)}, expected an array")
            self._leave_out(oddities.UNREADABLE_RECORDS, source.place, unreadable)
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
        context = self._valid(f"{source.place}.context", "", source.context)
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
            self._note(EMPTY_CONTEXTS, f"{source.place}.context", "", detail)
        self._last = ReadParagraph(source, title, index, context, [])
        return self._last._replace(questions=[])

    def _title(self, source: Paragraph) -> str | None:
        title = source.title
        if isinstance(title, int | float) and not is_null(title):
            return str(title)
        if title is not None and not isinstance(title, str):
            # Once for an article.
            if not source.number:
                self._add_odd(oddities.ODD_TITLES, self.name, source.place, f"title is {kind_of(title)}")
            return None
        return title

    # === Questions ===

    def _question(self, place: str, qa: Any, paragraph: ReadParagraph) -> SquadExample | None:
        """Reads a question; None if it is left out."""
        if not isinstance(qa, dict):
            raise Unreadable("", f"is {kind_of(qa)}, expected an object")

        def on_odd(kind: OddKind, path: str, detail: str) -> None:
            self._add_odd(kind, self.name, f"{place}.{path}", detail)

        question = squad_coercion.read_field(qa, "", "question", str)
        is_impossible = squad_coercion.read_is_impossible(qa, on_odd)
        answers = squad_coercion.read_answers(qa, "answers", paragraph.context, on_odd)
        plausible = ()
        if "plausible_answers" in qa:
            plausible = squad_coercion.read_answers(qa, "plausible_answers", paragraph.context, on_odd).answers
        qas_id = squad_coercion.read_id(qa, on_odd)
        is_made = qas_id is None
        qas_id = self._made_id(place) if is_made else self._valid(f"{place}.id", qas_id, qas_id)
        is_empty = bool(answers.num_empty)
        if is_empty:
            self._note(EMPTY_ANSWERS, place, qas_id, "no answer has a text", times=answers.num_empty)
            if not (is_impossible or self._keep_no_answers):
                self._add_odd(oddities.NO_ANSWERS_LEFT_OUT, self.name, place, "the answer is empty")
                return None
            on_odd(oddities.NO_ANSWERS, "answers", "is an answer without a text, expected is_impossible")
        no_answer = is_empty or (answers.is_empty_list and is_null(qa.get("is_impossible")))
        example = SquadExample(
            qas_id=qas_id,
            question=self._valid(f"{place}.question", qas_id, question),
            context=paragraph.context,
            answers=tuple(self._valid_answer(answer, f"{place}.answers", qas_id) for answer in answers.answers),
            is_impossible=is_impossible or no_answer,
            title=paragraph.title,
            paragraph_index=paragraph.index,
            plausible_answers=plausible,
        )
        return self._kept(example, place, is_made)

    def _kept(self, example: SquadExample, place: str, is_made: bool) -> SquadExample | None:
        """Returns the question, perhaps under another id; None if it is left out."""
        qas_id = example.qas_id
        if not example.question.strip():
            detail = f"empty question (id {qas_id!r})"
            self._note(EMPTY_QUESTIONS, f"{place}.question", qas_id, detail)
            self._add_odd(oddities.EMPTY_QUESTIONS, self.name, f"{place}.question", detail)
            if not self._is_audit:
                self._first_refusal = self._first_refusal or f"{place}.question: {detail}"
                return None
        mark = f"{_content_hash(example)}{place}"
        first = self._first_of_id.setdefault(qas_id, mark)
        if first is not mark and not is_made:
            detail = f"duplicate id {qas_id!r}, first used at {first[_HASH_DIGITS:]}"
            self._note(DUPLICATE_IDS, place, qas_id, detail)
            if first[:_HASH_DIGITS] == mark[:_HASH_DIGITS]:
                self._add_odd(oddities.REPEATED_RECORDS, self.name, place, detail)
                return example if self._is_audit else None
            self._add_odd(oddities.DUPLICATE_IDS, self.name, place, detail)
            if not self._is_audit:
                example = dataclasses.replace(example, qas_id=self._made_id(place))
                self._first_of_id[example.qas_id] = mark
        if self._require_answers and not example.answers and not example.is_impossible:
            self._unanswered.append(example.qas_id)
            detail = f"question {example.qas_id!r} has no answer and is not marked is_impossible"
            self._add_odd(oddities.UNANSWERED, self.name, place, detail)
            return None
        return example

    def _made_id(self, place: str) -> str:
        """Returns an id that is made of the file's name and a place in it, and that no question has yet."""
        made = f"{self._label}:{place}"
        while made in self._first_of_id:
            made += "'"
        return made

    def _valid_answer(self, answer: Answer, place: str, qas_id: str) -> Answer:
        text = self._valid(f"{place}.text", qas_id, answer.text)
        return answer if text is answer.text else Answer(text, answer.start_char)

    def _valid(self, place: str, qas_id: str, text: str) -> str:
        r"""Returns a text that UTF-8 can hold.

        JSON may escape half a surrogate pair (`\ud83d`). Python reads it, but a record cannot hold it.
        """
        if text.isascii():
            return text
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            detail = f"half a surrogate pair at character {error.start}"
            self._note(INVALID_UNICODE, place, qas_id, detail)
            self._add_odd(oddities.INVALID_UNICODE, self.name, place, detail)
            return replace_surrogates(text)
        return text

    # === What is wrong ===

    def _leave_out(self, kind: OddKind, place: str, unreadable: Unreadable, times: int = 1) -> None:
        path = ".".join(part for part in ("" if place == WHOLE and unreadable.path else place, unreadable.path) if part)
        found = f"{path} {unreadable.reason}"
        self._first_refusal = self._first_refusal or found
        self._add_odd(kind, self.name, found, "this cannot be read", times)

    def _note(self, kind: str, place: str, qas_id: str, detail: str, times: int = 1) -> None:
        if self._is_audit:
            self.problems += [Problem(kind, place, qas_id, detail)] * times


def _digest(context: str) -> bytes:
    return hashlib.blake2b(context.encode("utf-8"), digest_size=8).digest()


def _content_hash(example: SquadExample) -> str:
    content = (example.question, example.context, example.answers, example.is_impossible)
    return f"{hash(content) & (2**64 - 1):0{_HASH_DIGITS}x}"
