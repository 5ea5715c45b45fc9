"""Reads SQuAD-form JSON (v1.1 and v2.0, and data sets in that form such as Spoken-SQuAD) and forms like it.

A file, local or remote, gives `SquadExample`s, one per question, in the file's order. `squad_shapes` says which forms
are read, `answer_forms` which answers, and `field_values` how values of another type are. What is odd is counted
(`oddities`), and a question that cannot be read is left out and counted with its place, such as
`data[0].paragraphs[3].qas[1].question`.

`read_squad` reads all questions, and `iter_squad` yields them one at a time. `load_squad(strict=False)` is for audits:
it also lists what is wrong with questions that others leave out or rename. `validation` finds problems with answers.
TensorFlow is imported only if the path is remote.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bert_qa_tf.storage import files
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.reading.findings import Problem
from bert_qa_tf.tasks.question_answering.reading.squad_paragraphs import ParagraphReader, ReadParagraph

# Keys of a row that its paragraph or its question holds under SQuAD's names.
_KEYS_OF_ROWS = frozenset(("title", "context", "id", "qid", "question_id", "_id", "answer"))
# Places in the text as it was: whoever writes another text would leave them wrong, and MRQA's go before `answers`.
_KEYS_OF_PLACES = frozenset(("detected_answers",))


@dataclass(frozen=True)
class SquadFile:
    """A whole file: its questions and facts about the file itself.

    Attributes:
      path: the path as given.
      version: the file's own `version`; "" if it has none.
      examples: one per question, in the file's order.
      num_articles: the number of articles; of a form without articles, the number of titles.
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
    """Reads the questions of a file.

    Examples of one paragraph share one `context` object. An article without a title is named after its position
    (`article_12`), so that articles stay apart; a row without one after its context, so that its questions stay
    together.

    Args:
      path: a local path or an address that TensorFlow's file system layer can read.
      require_answers: whether questions that have no answer and are not marked `is_impossible` are left out, and
        counted. Training and scoring need this; for prediction, a file may have no answers.

    Returns:
      One example per question, in the file's order; at least one.

    Raises:
      InputError: the file cannot be read, or no question in it can; the message is one line that names the file, the
        place, what was found and what was expected. Or it holds something odd, and odd items are refused.
    """
    return list(iter_squad(path, require_answers=require_answers))


def iter_squad(
    path: files.PathLike, *, require_answers: bool = False, keep_no_answers: bool = True, again: bool = False
) -> Iterator[SquadExample]:
    """Yields the questions of a file, with one record (an article, a paragraph or a row) in memory at a time.

    Args:
      path: see `read_squad`.
      require_answers: see `read_squad`.
      keep_no_answers: whether to keep questions whose answers are empty; otherwise they are left out, and counted.
        Those that are marked `is_impossible` are always kept.
      again: whether this command has read the file before, so that nothing odd is counted twice.

    Yields:
      The examples that `read_squad` returns.

    Raises:
      InputError: as for `read_squad`, but possibly after some examples.
    """
    name = os.fspath(path)
    reader = ParagraphReader(name, require_answers=require_answers, keep_no_answers=keep_no_answers, again=again)
    for paragraph in reader:
        for example, _ in paragraph.questions:
            yield example
    reader.check_found()


def load_squad(path: files.PathLike, *, strict: bool = True) -> SquadFile:
    """Reads a file completely and finds its problems.

    Args:
      path: a local path or an address that TensorFlow's file system layer can read.
      strict: whether to return the questions that `read_squad` returns. Otherwise ids may repeat and questions may be
        empty, as they are in the file, and `problems` lists these; and there may be no question at all.

    Returns:
      The file.

    Raises:
      InputError: as for `read_squad`.
    """
    reader = ParagraphReader(os.fspath(path), is_audit=not strict)
    examples = [example for paragraph in reader for example, _ in paragraph.questions]
    if strict:
        reader.check_readable()
    return SquadFile(reader.name, reader.version, examples, reader.num_articles, reader.num_paragraphs, reader.problems)


def iter_articles(path: files.PathLike, *, again: bool = False) -> Iterator[dict[str, Any]]:
    """Yields the articles of a file in SQuAD form, whatever form the file has.

    Other keys of articles and questions are kept. Rows and paragraphs of one title that follow each other become an
    article.

    Args:
      path: see `read_squad`.
      again: see `iter_squad`.

    Raises:
      InputError: as for `read_squad`, but possibly after some articles.
    """
    key: Any = None
    article: dict[str, Any] = {}
    last: ReadParagraph | None = None
    for paragraph in ParagraphReader(os.fspath(path), again=again):
        source = paragraph.source
        if (source.article, paragraph.title) != key:
            if article:
                yield article
            key = source.article, paragraph.title
            article = _article_keys(paragraph) | {"paragraphs": []}
            last = None
        if last is None or last.index != paragraph.index or source.article is not None:
            article["paragraphs"].append({"context": paragraph.context, "qas": []})
        article["paragraphs"][-1]["qas"] += [_normal(example, qa) for example, qa in paragraph.questions]
        last = paragraph
    if article:
        yield article


def _article_keys(paragraph: ReadParagraph) -> dict[str, Any]:
    source = paragraph.source
    if source.article is None:
        return {"title": paragraph.title}
    return {name: value for name, value in source.article_record.items() if name != "paragraphs"}


def _normal(example: SquadExample, qa: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a question in SQuAD form, with other keys that the file has of it."""
    is_row = "context" in qa
    dropped = _KEYS_OF_PLACES | _KEYS_OF_ROWS if is_row else _KEYS_OF_PLACES
    kept = {name: value for name, value in qa.items() if name not in dropped}
    has_negatives = example.is_impossible or "is_impossible" in qa
    return kept | example_to_json(example, has_negatives)


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
