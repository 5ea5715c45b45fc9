"""Counts the problems of question-answering data before it is used for training or scoring.

`audit_file` takes a file that was read tolerantly and returns an `AuditReport`: counts, and the first few ids of each
kind of problem. `ceiling` computes the best reachable score, and `audit_report` prints the table. This module does not
import TensorFlow.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from bert_qa_tf.tasks.question_answering.ceiling import ContextIndex, span_ceiling
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.tasks.question_answering.reading import findings, squad_reader
from bert_qa_tf.text.normalization import normalized_tokens

_DIGIT = re.compile(r"\d")
# Characters that BERT's tokenizer deletes silently: control and invisible formatting characters and U+FFFD. Tab, line
# feed and carriage return are not among them, because they are ordinary white space.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufffd]")
_PERCENTILES = (50, 90, 95, 99, 100)


class AlignedCount(NamedTuple):
    """How many questions have a correct answer offset.

    Attributes:
      aligned: the number of questions with at least one answer whose text is found at its offset.
      answerable: the number of questions that have an answer and are not marked impossible.
    """

    aligned: int
    answerable: int

    @property
    def fraction(self) -> float:
        """The aligned share of the answerable questions, 0 to 1; 1 if none is answerable."""
        return self.aligned / self.answerable if self.answerable else 1.0


def aligned_question_count(examples: Iterable[SquadExample]) -> AlignedCount:
    """Counts the questions that can be trained on as they are, for `--min_aligned_fraction`."""
    aligned = answerable = 0
    for example in examples:
        if example.answers and not example.is_impossible:
            answerable += 1
            aligned += has_valid_offset(example)
    return AlignedCount(aligned, answerable)


def has_valid_offset(example: SquadExample) -> bool:
    """Whether the text of at least one gold answer is found at its offset."""
    return any(bool(answer.text.strip()) and answer.fits(example.context) for answer in example.answers)


def answer_survived(examples: Sequence[SquadExample]) -> np.ndarray:
    """Whether the transcript still contains an answer, `<bool>[num_questions]`.

    True if the normalized words of some gold answer occur consecutively in the normalized context. False if speech
    recognition garbled every answer, or if there is none.
    """
    survived = np.zeros(len(examples), bool)
    for row, (index, example) in enumerate(_with_index(examples)):
        survived[row] = any(index.contains(normalized_tokens(answer.text)) for answer in example.answers)
    return survived


@dataclasses.dataclass(frozen=True)
class AuditReport:
    """The result of auditing one file.

    Attributes:
      file: its path.
      counts: figures by name, in the order to show them; whole numbers, except for the two ceilings (0 to 100).
      lengths: percentiles of lengths in words, such as `{"context_words": {"p50": 120, …, "max": 656}}`.
      first_of_each: the first ids (JSON paths, for paragraphs) of each kind of problem found.
      aligned: see `AlignedCount`.
      odd_items: what was odd, see `OddItems.to_json`.
    """

    file: str
    counts: dict[str, int | float]
    lengths: dict[str, dict[str, int]]
    first_of_each: dict[str, list[str]]
    aligned: AlignedCount
    odd_items: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Returns the file's entry in the JSON of `audit --output_file`."""
        return {
            "file": self.file,
            **self.counts,
            "aligned_fraction": self.aligned.fraction,
            "lengths": self.lengths,
            "first_of_each": self.first_of_each,
            "odd_items": self.odd_items,
        }


def audit_file(squad_file: squad_reader.SquadFile, *, max_answer_words: int = 30, show: int = 3) -> AuditReport:
    """Counts a file's problems, and other figures to know before using it.

    Args:
      squad_file: the file, from `squad_reader.load_squad(path, strict=False)`.
      max_answer_words: the longest span, in words, that the ceiling may choose.
      show: how many ids to keep for each kind of problem.

    Returns:
      The report. `misaligned_answers` counts answers whose text is not found at its offset; answers without a text
      count as `empty_answers`.
    """
    examples = squad_file.examples
    ceiling = span_ceiling(examples, max_answer_words)
    found = _Findings(show)
    for problem in squad_file.problems:
        found.add(problem.kind, problem.qas_id or problem.place)
    _check_contexts(examples, found)
    for index, example in _with_index(examples):
        _check_question(example, index, max_answer_words, found)
    counts: dict[str, int | float] = {
        "articles": squad_file.num_articles,
        "paragraphs": squad_file.num_paragraphs,
        "questions": len(examples),
        "answers": sum(len(example.answers) for example in examples),
        **{kind: found.counts[kind] for kind in _FIGURES},
        "ceiling_exact_match": ceiling.mean_exact_match,
        "ceiling_f1": ceiling.mean_f1,
    }
    shown = {kind: found.ids[kind] for kind in PROBLEMS if kind in found.ids}
    return AuditReport(squad_file.path, counts, _lengths(examples), shown, aligned_question_count(examples))


# Every figure that is counted one by one, in the order shown. Those in PROBLEMS are defects; the others only describe
# the file.
_FIGURES = (
    "misaligned_answers",
    "empty_answers",
    "answers_with_outer_white_space",
    "answers_cut_inside_a_word",
    "answers_longer_than_max_words",
    "questions_with_a_valid_offset",
    "questions_with_answer_in_context",
    "questions_with_answer_in_context_normalized",
    "questions_with_answer_lost",
    "questions_with_first_answer_repeated_in_context",
    "questions_without_answers",
    "impossible_questions",
    "impossible_questions_with_answers",
    "questions_with_answer_seconds",
    findings.DUPLICATE_IDS,
    findings.EMPTY_QUESTIONS,
    "repeated_questions",
    "questions_with_digits",
    "questions_with_control_characters",
    findings.EMPTY_CONTEXTS,
    findings.PARAGRAPHS_WITHOUT_QUESTIONS,
    "repeated_contexts",
    "contexts_with_digits",
    "contexts_with_control_characters",
    findings.INVALID_UNICODE,
)
_DESCRIPTIONS = (
    "questions_with_a_valid_offset",
    "questions_with_answer_in_context",
    "questions_with_answer_in_context_normalized",
    "questions_with_first_answer_repeated_in_context",
    "impossible_questions",
    "questions_with_answer_seconds",
    "questions_with_digits",
    "contexts_with_digits",
)
PROBLEMS = tuple(kind for kind in _FIGURES if kind not in _DESCRIPTIONS)


class _Findings:
    """Counts by kind, with the first ids of each kind."""

    def __init__(self, show: int) -> None:
        self.counts: Counter[str] = Counter()
        self.ids: dict[str, list[str]] = {}
        self._show = show

    def add(self, kind: str, where: str, times: int = 1) -> None:
        if not times:
            return
        self.counts[kind] += times
        ids = self.ids.setdefault(kind, []) if self._show else []
        if len(ids) < self._show:
            ids.append(where)


def _check_question(example: SquadExample, index: ContextIndex, max_answer_words: int, found: _Findings) -> None:
    context, qas_id, answers = example.context, example.qas_id, example.answers
    texts = [answer.text for answer in answers if answer.text.strip()]
    found.add("empty_answers", qas_id, len(answers) - len(texts))
    fitting = [answer for answer in answers if answer.text.strip() and answer.fits(context)]
    found.add("misaligned_answers", qas_id, len(texts) - len(fitting))
    found.add("answers_with_outer_white_space", qas_id, sum(text != text.strip() for text in texts))
    found.add("answers_cut_inside_a_word", qas_id, sum(_is_cut(context, a.start_char, a.end_char) for a in fitting))
    too_long = sum(len(text.split()) > max_answer_words for text in texts)
    found.add("answers_longer_than_max_words", qas_id, too_long)
    found.add("questions_with_a_valid_offset", qas_id, int(bool(fitting)))
    found.add("questions_with_answer_in_context", qas_id, int(any(text in context for text in texts)))
    survived = any(index.contains(normalized_tokens(text)) for text in texts)
    found.add("questions_with_answer_in_context_normalized", qas_id, int(survived))
    found.add("questions_with_answer_lost", qas_id, int(bool(texts) and not survived))
    if answers and answers[0].text.strip():
        found.add("questions_with_first_answer_repeated_in_context", qas_id, int(context.count(answers[0].text) > 1))
    found.add("questions_without_answers", qas_id, int(not answers and not example.is_impossible))
    found.add("impossible_questions", qas_id, int(example.is_impossible))
    found.add("impossible_questions_with_answers", qas_id, int(example.is_impossible and bool(answers)))
    found.add("questions_with_answer_seconds", qas_id, int(bool(example.gold_secs)))
    found.add("questions_with_digits", qas_id, int(bool(_DIGIT.search(example.question))))
    found.add("questions_with_control_characters", qas_id, int(bool(_CONTROL.search(example.question))))


def _check_contexts(examples: Sequence[SquadExample], found: _Findings) -> None:
    """Finds problems of paragraphs and repeated texts; a paragraph is identified by its first question."""
    paragraph_of_context: dict[str, tuple[str, int]] = {}
    asked: set[tuple[str, str]] = set()
    for example in _first_of_each_paragraph(examples):
        paragraph = (example.title, example.paragraph_index)
        is_repeated = paragraph_of_context.setdefault(example.context, paragraph) != paragraph
        found.add("repeated_contexts", example.qas_id, int(is_repeated))
        found.add("contexts_with_digits", example.qas_id, int(bool(_DIGIT.search(example.context))))
        found.add("contexts_with_control_characters", example.qas_id, int(bool(_CONTROL.search(example.context))))
    for example in examples:
        key = (example.question.strip(), example.context)
        found.add("repeated_questions", example.qas_id, int(key in asked))
        asked.add(key)


def _is_cut(context: str, start_char: int, end_char: int) -> bool:
    """Whether a span starts or ends between two letters or digits, and so in the middle of a word."""
    starts_inside = start_char > 0 and context[start_char - 1].isalnum() and context[start_char].isalnum()
    ends_inside = end_char < len(context) and context[end_char].isalnum() and context[end_char - 1].isalnum()
    return starts_inside or ends_inside


def _first_of_each_paragraph(examples: Iterable[SquadExample]) -> Iterator[SquadExample]:
    context: str | None = None
    for example in examples:
        if example.context is not context:
            context = example.context
            yield example


def _with_index(examples: Iterable[SquadExample]) -> Iterator[tuple[ContextIndex, SquadExample]]:
    """Yields each example with the index of its context, which is made once per paragraph."""
    index: ContextIndex | None = None
    for example in examples:
        if index is None or index.context is not example.context:
            index = ContextIndex(example.context)
        yield index, example


def _lengths(examples: Sequence[SquadExample]) -> dict[str, dict[str, int]]:
    return {
        "context_words": _percentiles(len(e.context.split()) for e in _first_of_each_paragraph(examples)),
        "question_words": _percentiles(len(e.question.split()) for e in examples),
        "answer_words": _percentiles(len(a.text.split()) for e in examples for a in e.answers),
    }


def _percentiles(lengths: Iterable[int]) -> dict[str, int]:
    values = list(lengths)
    if not values:
        return {}
    # "higher" gives a length that occurs; p95 = 30 means that 95 % are at most 30 words long.
    cuts = np.percentile(values, _PERCENTILES, method="higher")
    return {f"p{p}" if p < 100 else "max": int(cut) for p, cut in zip(_PERCENTILES, cuts, strict=True)}
