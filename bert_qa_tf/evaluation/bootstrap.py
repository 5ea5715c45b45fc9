"""Percentile bootstrap intervals of scores, of one system or of the difference between two (Efron & Tibshirani 1993).

Items are resampled as if they were independent. Questions about one paragraph are not quite, so their intervals are a
little narrow; that is usual for SQuAD.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np

from bert_qa_tf.errors import InputError

_DRAWS_PER_BLOCK = 1_000_000


class ItemScores(Protocol):
    """The scores of each item of a data set, 0 to 1."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The items."""

    def by_metric(self) -> Mapping[str, np.ndarray]:
        """Metric → `<float64>[num_items]`."""


class Interval(NamedTuple):
    """A percentile bootstrap interval, 0 to 100 (differences: −100 to 100)."""

    low: float
    high: float


def bootstrap_intervals(
    scores: ItemScores, *, num_resamples: int = 2000, confidence: float = 0.95, seed: int = 0
) -> dict[str, Interval]:
    """Intervals of the means, by metric.

    Args:
      scores: the scores of each item.
      num_resamples: how many sets of items to draw with replacement.
      confidence: the share of the resampled means inside the interval.
      seed: decides the draws; the same seed gives the same interval.
    """
    by_metric = scores.by_metric()
    means = _resampled_means(np.stack(list(by_metric.values())), num_resamples, seed)
    return {metric: _interval(row, confidence) for metric, row in zip(by_metric, means, strict=True)}


def paired_bootstrap(
    first: ItemScores,
    second: ItemScores,
    *,
    num_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """Intervals of `second − first` on the same items, by metric; one that excludes 0 shows a difference.

    Raises:
      InputError: the two are not about the same items in the same order.
    """
    if first.ids != second.ids:
        raise InputError("a paired comparison needs the same items in the same order on both sides")
    one, other = first.by_metric(), second.by_metric()
    differences = np.stack([other[metric] - one[metric] for metric in one])
    means = _resampled_means(differences, num_resamples, seed)
    return {metric: _interval(row, confidence) for metric, row in zip(one, means, strict=True)}


def _resampled_means(scores: np.ndarray, num_resamples: int, seed: int) -> np.ndarray:
    """Means of resampled items: `<float64>[num_metrics, num_resamples]`, 0 to 100."""
    random = np.random.default_rng(seed)
    num_items = scores.shape[1]
    by_item = np.ascontiguousarray(scores.T)
    means = np.empty((num_resamples, scores.shape[0]))
    # A block of draws at a time: memory stays at some tens of MB however many items there are.
    block = max(1, _DRAWS_PER_BLOCK // num_items)
    for start in range(0, num_resamples, block):
        size = min(block, num_resamples - start)
        draws = random.integers(0, num_items, (size, num_items), dtype=np.int32)
        # How often each item was drawn; its product with the scores is the sum over the draws.
        rows = np.arange(size)[:, None] * num_items
        times = np.bincount((draws + rows).ravel(), minlength=size * num_items).reshape(size, num_items)
        means[start : start + size] = times @ by_item / num_items
    return 100.0 * means.T


def _interval(means: np.ndarray, confidence: float) -> Interval:
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(means, (tail, 100.0 - tail))
    return Interval(float(low), float(high))
