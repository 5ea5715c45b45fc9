"""Finds paragraphs and questions in a file of SQuAD form or of a form with the same content.

What a record holds decides its form, so that files need no flag:

    {"title": …, "paragraphs": [{"context": …, "qas": […]}, …]}     an article of SQuAD
    {"context": …, "qas": [{"question": …, "answers": …}, …]}       a paragraph: simpletransformers, KorQuAD 2.0, MRQA
    {"context": …, "question": …, "answers": …}                     a row: `datasets`, `run_qa.py`
    {"row": {…}}, {"data": {…}}                                     one of these, wrapped as servers of data sets do
    {"header": {…}}                                                 the first line of MRQA; holds no question

Records may be in `data`, in an array, or on lines, and the file may be gzip (`storage.json_stream`,
`storage.packed_text`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files, json_text
from bert_qa_tf.storage.json_stream import WHOLE, JsonRecords, NotStreamable, Record
from bert_qa_tf.storage.packed_text import open_text
from bert_qa_tf.tasks.question_answering.reading.field_values import Unreadable, is_null, kind_of, read_field

EXPECTED = "SQuAD-form JSON"
_ARRAYS = ("data", "rows")
_KNOWN_KEYS = frozenset(("paragraphs", "qas", "question", "context"))
_READ_BYTES = 1 << 20
# A key that only another data set's own form has → the name of that form.
_OTHER_FORMS = {
    "story": "CoQA's own form",
    "EntityPages": "TriviaQA's own form",
    "supporting_facts": "HotpotQA's own form",
    "document_tokens": "the form of Natural Questions",
    "document_text": "the form of Natural Questions",
    "context_text": "CMRC 2018's own form",
    "passage": "a form whose text is named `passage`",
    "annotations": "an export of Label Studio (docs/data.md has a script for it)",
}
# Keys that only transcripts have at their top, or in an entry of a list.
_KEYS_OF_TRANSCRIPTS = frozenset(
    ("segments", "chunks", "words", "word_segments", "result", "results", "monologues", "recognizedPhrases")
)
_KEYS_OF_SEGMENTS = ({"audio_filepath", "text"}, {"text", "start"}, {"text", "timestamp"}, {"word", "start"})


class Paragraph(NamedTuple):
    """A text with its questions, as the file has them; nothing is checked.

    Attributes:
      place: where it is, such as `data[0].paragraphs[3]`.
      article: the number of the article, or None if it is no part of one.
      number: the number in the article, or None.
      title: the title, or None.
      context: the text.
      qas: the questions; anything, or None if there is no such key.
      record: the object that holds it.
      article_record: the object that holds the article; empty if it is no part of one.
    """

    place: str
    article: int | None
    number: int | None
    title: Any
    context: Any
    qas: Any
    record: Mapping[str, Any]
    article_record: Mapping[str, Any] = MappingProxyType({})

    def qa_place(self, number: int) -> str:
        """Returns the place of a question, such as `data[0].paragraphs[3].qas[1]`."""
        return self.place if self.is_row else f"{self.place}.qas[{number}]"

    @property
    def is_row(self) -> bool:
        """Returns whether the question and its text are one object."""
        return isinstance(self.qas, list) and len(self.qas) == 1 and self.qas[0] is self.record


class SquadRecords:
    """The records of a file, one at a time; iterate once.

    Args:
      name: the file, which may be remote.

    Attributes:
      version: the file's own `version` as far as it was read; "" if it has none.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.version = ""
        self._count = 0

    def __iter__(self) -> Iterator[Record]:
        """Yields the records; at least one.

        Raises:
          InputError: the file cannot be read, or is not JSON; possibly after some records.
        """
        try:
            yield from self._stream()
            return
        except NotStreamable:
            pass
        files.refuse_pipe(self.name)
        # Something is wrong with the file. Parsing it as a whole gives an error that says what and where.
        text, error = self._parse_error()
        if not self._count and _is_lines(text):
            yield from self._stream(lines=True)
            return
        raise error

    def _stream(self, *, lines: bool = False) -> Iterator[Record]:
        with open_text(self.name, EXPECTED) as file:
            records = JsonRecords(file, _ARRAYS, allow_nan=True, lines=lines)
            for record in records:
                self._count += 1
                self.version = self.version or _version(records.members)
                yield _unwrapped(record)
            self.version = self.version or _version(records.members)
        if not self._count:
            raise InputError(f"{self.name}: {records.arrays[0]} is an empty array, expected at least one article")

    def _parse_error(self) -> tuple[str, InputError]:
        content = b""
        with open_text(self.name, EXPECTED) as file:
            content = b"".join(iter(lambda: file.read(_READ_BYTES), b""))
        if not content.strip():
            return "", InputError(f"{self.name}: empty file, expected {EXPECTED}")
        text = ""
        try:
            text = content.decode(json_text.encoding_of(content))
            json_text.parse(text, allow_nan=True)
        except UnicodeDecodeError as error:
            # Without a mark, another encoding than UTF-8 was only a guess.
            name = "UTF-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "UTF-8"
            return "", InputError(f"{self.name}: not {name} at byte {error.start}, expected {EXPECTED}")
        except json_text.JsonError as error:
            if error.offset is None:
                return text, InputError(f"{self.name}: JSON {error.reason}, expected {EXPECTED}")
            return text, InputError(
                f"{self.name}: not JSON at line {error.line} column {error.column} ({error.reason}), expected "
                f"{EXPECTED}"
            )
        return text, InputError(f"{self.name}: holds no object or array, expected {EXPECTED}")


def paragraphs_of(record: Record, number: int) -> Iterator[Paragraph | tuple[str, Unreadable]]:
    """Yields the paragraphs of a record, and in place of one that cannot be read its place and why.

    Args:
      record: the record.
      number: the number of the record in the file.
    """
    place, value = record.place, record.value
    if record.error is not None:
        yield place, Unreadable("", f"is not JSON ({record.error.in_line}), expected an object")
    elif not isinstance(value, dict):
        yield place, Unreadable("", f"is {kind_of(value)}, expected an object")
    elif "paragraphs" in value:
        yield from _of_article(place, value, number)
    elif "qas" in value:
        yield _paragraph(place, value)
    elif "question" in value:
        yield Paragraph(place, None, None, value.get("title"), value.get("context"), [value], value)
    elif "context" in value:
        yield _paragraph(place, value)
    elif "header" not in value:
        yield place, _explained(place, value)


def _of_article(place: str, article: Mapping[str, Any], number: int) -> Iterator[Paragraph | tuple[str, Unreadable]]:
    path = "" if place == WHOLE else f"{place}."
    paragraphs = article["paragraphs"]
    if is_null(paragraphs):
        paragraphs = []
    if not isinstance(paragraphs, list):
        yield place, Unreadable("paragraphs", f"is {kind_of(paragraphs)}, expected an array")
        return
    for index, paragraph in enumerate(paragraphs):
        where = f"{path}paragraphs[{index}]"
        if isinstance(paragraph, dict):
            title, context, qas = article.get("title"), paragraph.get("context"), paragraph.get("qas")
            yield Paragraph(where, number, index, title, context, qas, paragraph, article)
        else:
            yield where, Unreadable("", f"is {kind_of(paragraph)}, expected an object")


def _paragraph(place: str, value: Mapping[str, Any]) -> Paragraph:
    return Paragraph(place, None, None, value.get("title"), value.get("context"), value.get("qas"), value)


def _explained(place: str, value: Mapping[str, Any]) -> Unreadable:
    """Returns why an object of no known form cannot be read."""
    form = next((form for key, form in _OTHER_FORMS.items() if key in value), None)
    if form is not None:
        return Unreadable("", f"is in {form}, which is not read: convert it to SQuAD form")
    if _KEYS_OF_TRANSCRIPTS & value.keys() or any(keys <= value.keys() for keys in _KEYS_OF_SEGMENTS):
        return Unreadable("", "is a transcript, which holds no question: predict --transcript_file takes it")
    key = "data" if place == WHOLE else "paragraphs"
    try:
        read_field(value, "", key, list)
    except Unreadable as error:
        return error
    return Unreadable("", "holds no question, expected an article, a paragraph or a row")


def _unwrapped(record: Record) -> Record:
    value = record.value
    if isinstance(value, dict) and not _KNOWN_KEYS & value.keys():
        for key in ("row", "data"):
            inner = value.get(key)
            if isinstance(inner, dict) and _KNOWN_KEYS & inner.keys():
                return record._replace(value=inner)
    return record


def _version(members: Mapping[str, Any]) -> str:
    version = members.get("version", "")
    return "" if is_null(version) or isinstance(version, dict | list) else str(version)


def _is_lines(text: str) -> bool:
    """Returns whether a text that is not JSON has a line after the first that is a JSON object."""
    for line in text.split("\n", 3)[1:3]:
        try:
            if isinstance(json_text.parse(line), dict):
                return True
        except json_text.JsonError:
            pass
    return False
