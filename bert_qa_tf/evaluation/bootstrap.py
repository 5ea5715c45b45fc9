"""How sure a score is: percentile bootstrap intervals over questions, alone and in pairs.

What goes in: the per-question scores of `squad_metrics`. What comes out: 95 % intervals of their means, or of the
difference of two systems on the same questions. Questions about one paragraph are resampled as if independent, as is
usual for SQuAD; so the intervals are a little narrow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bert_qa_tf.errors import InputError
from bert_qa_tf.evaluation.squad_metrics import METRICS, QuestionScores

_DRAWS_PER_BLOCK = 1_000_000


class Interval(NamedTuple):
    """A percentile bootstrap interval, 0 to 100 (differences: −100 to 100)."""

    low: float
    high: float


def bootstrap_intervals(
    questions: QuestionScores, *, num_resamples: int = 2000, confidence: float = 0.95, seed: int = 0
) -> dict[str, Interval]:
    """Percentile bootstrap intervals over questions (Efron & Tibshirani 1993), by metric.

    Args:
      questions: the scores of each question.
      num_resamples: how many sets of questions to draw with replacement.
      confidence: the share of the resampled means inside the interval.
      seed: decides the draws; the same seed gives the same interval.
    """
    means = _resampled_means(questions.matrix(), num_resamples, seed)
    return {metric: _interval(row, confidence) for metric, row in zip(METRICS, means, strict=True)}


def paired_bootstrap(
    first: QuestionScores,
    second: QuestionScores,
    *,
    num_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Intervals of `second − first` on the same questions, by metric; one that excludes 0 shows a difference.

    Raises:
      InputError: the two are not about the same questions in the same order.
    """
    if first.qas_ids != second.qas_ids:
        raise InputError("a paired comparison needs the same questions in the same order on both sides")
    means = _resampled_means(second.matrix() - first.matrix(), num_resamples, seed)
    return {metric: _interval(row, confidence) for metric, row in zip(METRICS, means, strict=True)}


def _resampled_means(scores: np.ndarray, num_resamples: int, seed: int) -> np.ndarray:
    """Means of resampled questions: `<float64>[num_metrics, num_resamples]`, 0 to 100."""
    random = np.random.default_rng(seed)
    num_questions = scores.shape[1]
    by_question = np.ascontiguousarray(scores.T)
    means = np.empty((num_resamples, scores.shape[0]))
    # A block of draws at a time: memory stays at some tens of MB however many questions there are.
    block = max(1, _DRAWS_PER_BLOCK // num_questions)
    for start in range(0, num_resamples, block):
        size = min(block, num_resamples - start)
        draws = random.integers(0, num_questions, (size, num_questions), dtype=np.int32)
        # How often each question was drawn; its product with the scores is the sum over the draws.
        rows = np.arange(size)[:, None] * num_questions
        times = np.bincount((draws + rows).ravel(), minlength=size * num_questions).reshape(size, num_questions)
        means[start : start + size] = times @ by_question / num_questions
    return 100.0 * means.T


def _interval(means: np.ndarray, confidence: float) -> Interval:
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(means, (tail, 100.0 - tail))
    return Interval(float(low), float(high))
