"""Computes percentile bootstrap intervals of scores and of score differences (Efron & Tibshirani 1993).

`bootstrap_intervals` and `paired_bootstrap` are for scores that are means over items. `bootstrap_counts` is for scores
that are computed from the number of items of each kind, such as F1 over a whole data set.

Items are resampled as if they were independent. Questions about the same paragraph are not fully independent, so their
intervals are slightly too narrow. This is common practice for SQuAD.
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
        """The ids of the items."""

    def by_metric(self) -> Mapping[str, np.ndarray]:
        """Returns the scores of all items by metric, `<float64>[num_items]` each."""


class Interval(NamedTuple):
    """A percentile bootstrap interval, in the unit of the score: 0 to 100 for means, −100 to 100 for differences."""

    low: float
    high: float


def bootstrap_intervals(
    scores: ItemScores, *, num_resamples: int = 2000, confidence: float = 0.95, seed: int = 0
) -> dict[str, Interval]:
    """Computes the interval of each metric's mean.

    Args:
      scores: the scores of each item.
      num_resamples: how many sets of items to draw with replacement.
      confidence: the share of the resampled means inside the interval.
      seed: the seed of the draws; the same seed gives the same interval.

    Returns:
      The intervals by metric.
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
    """Computes the intervals of `second − first` on the same items.

    An interval that excludes 0 shows a difference.

    Args:
      first: the scores of the first system.
      second: the scores of the second system.
      num_resamples: how many sets of items to draw with replacement.
      confidence: the share of the resampled differences inside the interval.
      seed: the seed of the draws; the same seed gives the same interval.

    Returns:
      The intervals by metric.

    Raises:
      InputError: the two systems were not scored on the same items in the same order.
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
    """Computes the intervals of scores that depend only on the number of items of each kind.

    A kind may be a pair of gold and predicted class; the counts are then a confusion matrix. Drawing a set of items
    with replacement is the same as one draw of their counts from a multinomial distribution, so items are not drawn
    one by one.

    Args:
      counts: `<int64>[num_kinds]`, the number of items of each kind; at least one item.
      scores: maps resampled counts, `<int64>[num_draws, num_kinds]`, to the value of each score for each draw,
        `<float64>[num_draws]`.
      num_resamples: how many sets of items to draw with replacement.
      confidence: the share of the resampled scores inside the interval.
      seed: the seed of the draws; the same seed gives the same interval.

    Returns:
      The intervals by score.
    """
    random = np.random.default_rng(seed)
    num_items = int(counts.sum())
    # Kinds without an item are never drawn. With many classes, most pairs have none.
    seen = np.flatnonzero(counts)
    block = max(1, _DRAWS_PER_BLOCK // len(counts))
    parts: list[Mapping[_Key, np.ndarray]] = []
    for start in range(0, num_resamples, block):
        drawn = np.zeros((min(block, num_resamples - start), len(counts)), np.int64)
        drawn[:, seen] = random.multinomial(num_items, counts[seen] / num_items, len(drawn))
        parts.append(scores(drawn))
    return {key: _interval(np.concatenate([part[key] for part in parts]), confidence) for key in parts[0]}


def _resampled_means(scores: np.ndarray, num_resamples: int, seed: int) -> np.ndarray:
    """Returns the means of resampled items, `<float64>[num_metrics, num_resamples]`, 0 to 100."""
    random = np.random.default_rng(seed)
    num_items = scores.shape[1]
    by_item = np.ascontiguousarray(scores.T)
    means = np.empty((num_resamples, scores.shape[0]))
    # Draws are made in blocks, so that memory stays at some tens of MB for any number of items.
    block = max(1, _DRAWS_PER_BLOCK // num_items)
    for start in range(0, num_resamples, block):
        size = min(block, num_resamples - start)
        draws = random.integers(0, num_items, (size, num_items), dtype=np.int32)
        # `times` is how often each item was drawn; its product with the scores is the sum over the draws.
        rows = np.arange(size)[:, None] * num_items
        times = np.bincount((draws + rows).ravel(), minlength=size * num_items).reshape(size, num_items)
        means[start : start + size] = times @ by_item / num_items
    return 100.0 * means.T


def _interval(resampled: np.ndarray, confidence: float) -> Interval:
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(resampled, (tail, 100.0 - tail))
    return Interval(float(low), float(high))
