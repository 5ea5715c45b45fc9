"""Percentile bootstrap intervals of scores, of one system or of the difference between two (Efron & Tibshirani 1993).

Scores that are means over items have `bootstrap_intervals` and `paired_bootstrap`. Scores that are not, such as F1 over
a whole data set, have `bootstrap_counts`, where they follow from how many items there are of each kind.

Items are resampled as if they were independent. Questions about one paragraph are not quite, so their intervals are a
little narrow; that is usual for SQuAD.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from bert_qa_tf.errors import InputError

_Key = TypeVar("_Key", bound=Hashable)

_DRAWS_PER_BLOCK = 1_000_000


class ItemScores(Protocol):
    """The scores of each item of a data set, 0 to 1."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The items."""

    def by_metric(self) -> Mapping[str, np.ndarray]:
        """Metric → `<float64>[num_items]`."""


class Interval(NamedTuple):
    """A percentile bootstrap interval, in the unit of the score: of means 0 to 100 (differences: −100 to 100)."""

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


def bootstrap_counts(
    counts: np.ndarray,
    scores: Callable[[np.ndarray], Mapping[_Key, np.ndarray]],
    *,
    num_resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[_Key, Interval]:
    """Intervals of scores that depend only on how many items there are of each kind.

    A kind may be a pair of gold and predicted class: then the counts are a confusion matrix. The counts of a set of
    items that is drawn with replacement are one draw of a multinomial distribution, so items are not drawn one by one.

    Args:
      counts: `<int64>[num_kinds]`, the number of items of each kind; at least one item.
      scores: resampled counts, `<int64>[num_draws, num_kinds]`, to each score's value for each draw,
        `<float64>[num_draws]`.
      num_resamples: how many sets of items to draw with replacement.
      confidence: the share of the resampled scores inside the interval.
      seed: decides the draws; the same seed gives the same interval.
    """
    random = np.random.default_rng(seed)
    num_items = int(counts.sum())
    # Kinds without an item are never drawn: of many classes, most pairs.
    seen = np.flatnonzero(counts)
    block = max(1, _DRAWS_PER_BLOCK // len(counts))
    parts: list[Mapping[_Key, np.ndarray]] = []
    for start in range(0, num_resamples, block):
        drawn = np.zeros((min(block, num_resamples - start), len(counts)), np.int64)
        drawn[:, seen] = random.multinomial(num_items, counts[seen] / num_items, len(drawn))
        parts.append(scores(drawn))
    return {key: _interval(np.concatenate([part[key] for part in parts]), confidence) for key in parts[0]}


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


def _interval(resampled: np.ndarray, confidence: float) -> Interval:
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(resampled, (tail, 100.0 - tail))
    return Interval(float(low), float(high))
