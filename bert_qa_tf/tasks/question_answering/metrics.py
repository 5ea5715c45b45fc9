"""Scores answers as the official SQuAD scripts do, v1.1 and v2.0.

The scores are exact match, and F1, precision and recall of shared words, 0 to 100 for a file and 0 to 1 for a question.
Confidence intervals are in `bootstrap`, the best possible score is in `ceiling`, and `validation` finds the answers
that survived speech recognition. This module does not import TensorFlow.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files
from bert_qa_tf.tasks.question_answering.examples import SquadExample
from bert_qa_tf.text.normalization import normalized_tokens

METRICS = ("exact_match", "f1", "precision", "recall")


class AnswerScores(NamedTuple):
    """The scores of one answer against one gold answer, each 0 to 1."""

    exact_match: float
    f1: float
    precision: float
    recall: float


@dataclass(frozen=True)
class QuestionScores:
    """The scores of each question, 0 to 1, in the order of the examples.

    Attributes:
      qas_ids: the ids of the questions.
      exact_match, f1: `<float64>[num_questions]`, the best over the gold answers.
      precision, recall: `<float64>[num_questions]`, against the gold answer that gives the best F1.
    """

    qas_ids: tuple[str, ...]
    exact_match: np.ndarray
    f1: np.ndarray
    precision: np.ndarray
    recall: np.ndarray

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the questions."""
        return self.qas_ids

    def by_metric(self) -> dict[str, np.ndarray]:
        """Each of `METRICS` → `<float64>[num_questions]`."""
        return {metric: getattr(self, metric) for metric in METRICS}


@dataclass(frozen=True)
class SquadScores:
    """The scores of a set of questions, 0 to 100.

    Attributes:
      exact_match, f1: equal to the official script's scores to the last digit.
      precision, recall: the means over the questions.
      total: the number of questions.
      questions: the scores of each.
      has_answer, no_answer: for SQuAD 2.0, the scores of the questions with and without a gold answer; None for an
        empty set and under v1.1 rules.
      best_exact_match, best_exact_match_threshold, best_f1, best_f1_threshold: for SQuAD 2.0 with null odds, the best
        score that any single threshold on them reaches, and that threshold.
    """

    exact_match: float
    f1: float
    precision: float
    recall: float
    total: int
    questions: QuestionScores
    has_answer: SquadScores | None = None
    no_answer: SquadScores | None = None
    best_exact_match: float | None = None
    best_exact_match_threshold: float | None = None
    best_f1: float | None = None
    best_f1_threshold: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns the scores for JSON, without those of each question and those that do not apply."""
        figures: dict[str, Any] = {metric: getattr(self, metric) for metric in METRICS} | {"total": self.total}
        for name in ("has_answer", "no_answer"):
            part = getattr(self, name)
            if part is not None:
                figures[name] = part.to_dict()
        if self.best_f1 is not None:
            for name in ("best_exact_match", "best_exact_match_threshold", "best_f1", "best_f1_threshold"):
                figures[name] = getattr(self, name)
        return figures


def score_answer(prediction: str, gold: str, *, version_2: bool = False) -> AnswerScores:
    """Scores one answer against one gold answer.

    If either normalizes to nothing, v2.0 scores 1 if both do and 0 otherwise. In v1.1 this may be an exact match, but
    F1 is 0, because no word is shared.

    Args:
      prediction: the predicted answer.
      gold: the gold answer.
      version_2: whether to apply SQuAD 2.0's rules.
    """
    return _score_tokens(normalized_tokens(prediction), normalized_tokens(gold), version_2)


def score(
    examples: Sequence[SquadExample],
    predictions: Mapping[str, str],
    *,
    version_2: bool = False,
    null_odds: Mapping[str, float] | None = None,
    null_threshold: float | None = None,
    source: str = "predictions",
) -> SquadScores:
    """Scores predictions by SQuAD's rules; raises an error unless every question can be scored.

    Args:
      examples: the questions, with gold answers.
      predictions: answer text by question id, for exactly these questions.
      version_2: whether to apply SQuAD 2.0's rules: a question without gold answers expects "".
      null_odds: for SQuAD 2.0, a number for each question id, higher if no answer is more likely; given these, the best
        thresholds are searched.
      null_threshold: for SQuAD 2.0, count a question as unanswered if its null odds exceed this, like the official
        script's `--na-prob-thresh` (1.0 there); None uses the predictions as they are.
      source: the source of the predictions, such as a file's name, for messages.

    Returns:
      The scores, equal to those of the official `evaluate-v1.1.py` under v1.1 and `evaluate-v2.0.py` under v2.0.

    Raises:
      InputError: an id is missing, unknown or repeated, an answer is not a string, or under v1.1 a question has no gold
        answer.
    """
    _check_ids(examples, predictions, source, "predictions")
    if null_odds is not None:
        _check_ids(examples, null_odds, source, "null odds")
    questions = _score_questions(examples, predictions, version_2, source)
    if not version_2:
        return _summarize(questions, _running_mean)
    has_answer = np.array([bool(example.answers) for example in examples])
    thresholded = questions
    if null_odds is not None and null_threshold is not None:
        thresholded = _apply_null_threshold(questions, has_answer, null_odds, null_threshold)
    scores = _summarize(thresholded, _official_mean)
    best: dict[str, float] = {}
    if null_odds is not None:
        for metric in ("exact_match", "f1"):
            raw = dict(zip(questions.qas_ids, getattr(questions, metric), strict=True))
            with_answer = dict(zip(questions.qas_ids, has_answer, strict=True))
            value, threshold = _best_threshold(predictions, raw, null_odds, with_answer)
            best |= {f"best_{metric}": value, f"best_{metric}_threshold": threshold}
    parts = {"has_answer": subset(thresholded, has_answer), "no_answer": subset(thresholded, ~has_answer)}
    split = {name: _summarize(part, _official_mean) if part.qas_ids else None for name, part in parts.items()}
    figures = {metric: getattr(scores, metric) for metric in METRICS}
    return SquadScores(**figures, total=scores.total, questions=thresholded, **split, **best)


def join(parts: Sequence[QuestionScores], *, version_2: bool = False) -> SquadScores:
    """Combines the scores of questions that were scored in parts, with the same result as scoring them at once.

    Args:
      parts: the scores of the questions of each part.
      version_2: whether to apply SQuAD 2.0's rules.
    """
    ids = tuple(itertools.chain.from_iterable(part.qas_ids for part in parts))
    columns = (np.concatenate([getattr(part, metric) for part in parts]) for metric in METRICS)
    return _summarize(QuestionScores(ids, *columns), _official_mean if version_2 else _running_mean)


def subset(questions: QuestionScores, mask: np.ndarray) -> QuestionScores:
    """Returns the scores of the questions for which `mask`, `<bool>[num_questions]`, is true."""
    ids = tuple(qas_id for qas_id, keep in zip(questions.qas_ids, mask, strict=True) if keep)
    return QuestionScores(ids, *(getattr(questions, metric)[mask] for metric in METRICS))


def split_scores(scores: SquadScores, mask: np.ndarray) -> tuple[SquadScores | None, SquadScores | None]:
    """Splits scores into those where `mask` is true and those where it is false; None for a side without questions.

    With `validation.answer_survived(examples)` as the mask, these are the questions whose answer survived speech
    recognition, and the rest.
    """
    mask = np.asarray(mask, bool)
    sides = (subset(scores.questions, mask), subset(scores.questions, ~mask))
    return tuple(_summarize(side, _running_mean) if side.qas_ids else None for side in sides)  # type: ignore[return-value]


def read_predictions(path: files.PathLike) -> dict[str, str]:
    """Reads `predictions.json`, a JSON object of question id → answer text.

    Raises:
      InputError: the file is missing, is not JSON or has another form.
    """
    document = files.read_json(path, expected="an object of question id → answer text")
    for qas_id, answer in document.items():
        if not isinstance(answer, str):
            raise InputError(f"{path}: the answer to {qas_id!r} is {answer!r}, expected a string")
    return document


# --- Scoring --------------------------------------------------------------------------------------------------------


def _score_tokens(predicted: list[str], gold: list[str], version_2: bool) -> AnswerScores:
    exact = float(predicted == gold)
    if version_2 and not (predicted and gold):
        return AnswerScores(exact, exact, exact, exact)
    shared = sum((Counter(predicted) & Counter(gold)).values())
    if not shared:
        return AnswerScores(exact, 0.0, 0.0, 0.0)
    precision, recall = shared / len(predicted), shared / len(gold)
    return AnswerScores(exact, (2 * precision * recall) / (precision + recall), precision, recall)


def _score_questions(
    examples: Sequence[SquadExample], predictions: Mapping[str, str], version_2: bool, source: str
) -> QuestionScores:
    rows = np.zeros((len(METRICS), len(examples)))
    for column, example in enumerate(examples):
        prediction = predictions[example.qas_id]
        if not isinstance(prediction, str):
            raise InputError(f"{source}: the answer to {example.qas_id!r} is {prediction!r}, expected a string")
        golds = [normalized_tokens(answer.text) for answer in example.answers]
        if version_2:
            golds = [gold for gold in golds if gold] or [[]]
        elif not golds:
            raise InputError(
                f"question {example.qas_id!r} has no gold answer, expected at least one (SQuAD 2.0 data is scored with "
                "version_2_with_negative)"
            )
        predicted = normalized_tokens(prediction)
        scores = [_score_tokens(predicted, gold, version_2) for gold in golds]
        best = max(scores, key=lambda s: s.f1)
        rows[:, column] = max(s.exact_match for s in scores), best.f1, best.precision, best.recall
    return QuestionScores(tuple(example.qas_id for example in examples), *rows)


def _running_mean(values: np.ndarray) -> float:
    # The v1.1 script adds the scores one by one; NumPy's pairwise sum, and `sum` since Python 3.12, differ in the last
    # digit.
    total = 0.0
    for value in values.tolist():
        total += value
    return 100.0 * total / len(values)


def _official_mean(values: np.ndarray) -> float:
    return 100.0 * sum(values.tolist()) / len(values)  # the v2.0 script uses the built-in `sum`


def _summarize(questions: QuestionScores, mean: Any) -> SquadScores:
    figures = {metric: mean(getattr(questions, metric)) for metric in METRICS}
    return SquadScores(**figures, total=len(questions.qas_ids), questions=questions)


def _check_ids(examples: Sequence[SquadExample], by_id: Mapping[str, Any], source: str, what: str) -> None:
    if not examples:
        raise InputError(f"{source}: no question to score")
    counts = Counter(example.qas_id for example in examples)
    for ids, problem in (
        (
            [qas_id for qas_id, count in counts.items() if count > 1],
            f"questions to score with {what} have a repeated id",
        ),
        (
            [qas_id for qas_id in counts if qas_id not in by_id],
            f"of {len(counts)} questions have no entry in the {what}",
        ),
        ([qas_id for qas_id in by_id if qas_id not in counts], f"of {len(by_id)} {what} are for unknown questions"),
    ):
        if ids:
            raise InputError(f"{source}: {len(ids)} {problem}, first {', '.join(map(repr, ids[:3]))}")


# --- SQuAD 2.0 ------------------------------------------------------------------------------------------------------


def _apply_null_threshold(
    questions: QuestionScores, has_answer: np.ndarray, null_odds: Mapping[str, float], threshold: float
) -> QuestionScores:
    """Scores each question whose null odds exceed the threshold as if it were answered by ""."""
    is_null = np.array([null_odds[qas_id] > threshold for qas_id in questions.qas_ids])
    null_score = (~has_answer).astype(float)
    rows = (np.where(is_null, null_score, getattr(questions, metric)) for metric in METRICS)
    return QuestionScores(questions.qas_ids, *rows)


def _best_threshold(
    predictions: Mapping[str, str],
    scores: Mapping[str, float],
    null_odds: Mapping[str, float],
    has_answer: Mapping[str, bool],
) -> tuple[float, float]:
    """Finds the best mean score (0 to 100) over all thresholds, and the threshold, as the official script does.

    The search starts with no question answered, then adds answers in ascending order of null odds.
    """
    current = best = float(sum(not answerable for answerable in has_answer.values()))
    best_threshold = 0.0
    for qas_id in sorted(null_odds, key=lambda k: null_odds[k]):
        if has_answer[qas_id]:
            current += scores[qas_id]
        elif predictions[qas_id]:
            current -= 1
        if current > best:
            best, best_threshold = current, null_odds[qas_id]
    return float(100.0 * best / len(scores)), best_threshold
