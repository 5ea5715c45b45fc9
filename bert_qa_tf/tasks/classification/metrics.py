"""Scores predicted classes: accuracy, precision, recall, F1 and Matthews correlation, with confidence intervals.

All scores are computed from the confusion matrix. Accuracy, precision, recall and F1 are 0 to 100; the Matthews
correlation is −1 to 1. A quotient with divisor 0 is 0, as in scikit-learn by default: the precision of a class that is
never predicted, the recall of a class without a gold example, the correlation if all predictions are of one class.
Macro averages are over all classes of the label set, including those without an example in the file, like those of
scikit-learn when it is given all labels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from bert_qa_tf.errors import InputError
from bert_qa_tf.evaluation.bootstrap import Interval, bootstrap_counts

# The scores of the whole data set, in the order in which they are shown.
METRICS = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "matthews_correlation")
CLASS_METRICS = ("precision", "recall", "f1")


class Score(NamedTuple):
    """Identifies a score: one of `METRICS`, or one of `CLASS_METRICS` and the index of a class."""

    metric: str
    class_index: int | None = None


class ClassScores(NamedTuple):
    """The scores of one class.

    Attributes:
      precision, recall, f1: 0 to 100.
      support: the number of examples with this gold label.
      predicted: the number of examples with this predicted label.
    """

    precision: float
    recall: float
    f1: float
    support: int
    predicted: int


@dataclasses.dataclass(frozen=True)
class ClassificationScores:
    """The scores of a set of examples.

    Attributes:
      accuracy: the share of examples whose label was predicted correctly, 0 to 100.
      macro_precision, macro_recall, macro_f1: the means over the classes, 0 to 100.
      matthews_correlation: −1 to 1; for more than two classes it is Gorodkin's R_K (2004,
        doi:10.1016/j.compbiolchem.2004.09.006).
      total: the number of examples.
      classes: the scores of each class, in the order of `labels`.
      labels: the names of the classes.
      confusion: `<int64>[num_classes, num_classes]`, the number of examples by gold (row) and predicted class (column).
    """

    accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    matthews_correlation: float
    total: int
    classes: tuple[ClassScores, ...]
    labels: tuple[str, ...]
    confusion: np.ndarray

    def to_dict(self, intervals: Mapping[Score, Interval] | None = None) -> dict[str, Any]:
        """Returns the scores for JSON, with 95 % intervals if `confidence_intervals` computed them."""
        figures: dict[str, Any] = {metric: getattr(self, metric) for metric in METRICS} | {"total": self.total}
        by_class = {name: scores._asdict() for name, scores in zip(self.labels, self.classes, strict=True)}
        if intervals is not None:
            figures["confidence_intervals_95"] = {name: intervals[Score(name)]._asdict() for name in METRICS}
            for index, name in enumerate(self.labels):
                by_class[name]["confidence_intervals_95"] = {
                    metric: intervals[Score(metric, index)]._asdict() for metric in CLASS_METRICS
                }
        return figures | {
            "classes": by_class,
            "confusion_matrix": {"labels": list(self.labels), "gold_by_predicted": self.confusion.tolist()},
        }


def confusion_matrix(gold: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Counts the pairs of gold and predicted class.

    Args:
      gold: `<int>[num_examples]`, the indices of the gold labels.
      predicted: `<int>[num_examples]`, the indices of the predicted labels.
      num_classes: the number of labels.

    Returns:
      `<int64>[num_classes, num_classes]`; rows are gold classes, columns are predicted classes.
    """
    gold, predicted = np.asarray(gold, np.int64), np.asarray(predicted, np.int64)
    if gold.shape != predicted.shape:
        raise ValueError(f"{gold.shape} gold and {predicted.shape} predicted classes, expected a pair for each example")
    for classes in (gold, predicted):
        if classes.size and not 0 <= classes.min() <= classes.max() < num_classes:
            raise ValueError(f"classes from {classes.min()} to {classes.max()}, expected 0 to {num_classes - 1}")
    pairs = np.bincount(gold * num_classes + predicted, minlength=num_classes * num_classes)
    return pairs.reshape(num_classes, num_classes)


def score(confusion: np.ndarray, labels: tuple[str, ...]) -> ClassificationScores:
    """Computes the scores of a confusion matrix.

    Args:
      confusion: `<int64>[num_classes, num_classes]`, from `confusion_matrix`.
      labels: the names of the classes.

    Raises:
      InputError: there is no example.
    """
    if not confusion.sum():
        raise InputError("no example to score, expected at least one")
    figures = {key: float(value[0]) for key, value in _figures(confusion[None]).items()}
    support, predicted = confusion.sum(axis=1).tolist(), confusion.sum(axis=0).tolist()
    classes = tuple(
        ClassScores(*(figures[Score(metric, index)] for metric in CLASS_METRICS), support[index], predicted[index])
        for index in range(len(labels))
    )
    return ClassificationScores(
        **{metric: figures[Score(metric)] for metric in METRICS},
        total=int(confusion.sum()),
        classes=classes,
        labels=tuple(labels),
        confusion=confusion,
    )


def confidence_intervals(
    confusion: np.ndarray, *, num_resamples: int = 2000, confidence: float = 0.95, seed: int = 0
) -> dict[Score, Interval]:
    """Computes bootstrap intervals of all scores of a confusion matrix; see `bootstrap.bootstrap_counts`.

    A resampled set of examples may lack a class altogether, which then scores 0 in it. So the interval of a rare class
    is wide and has a low lower bound.
    """
    shape = confusion.shape
    return bootstrap_counts(
        confusion.ravel(),
        lambda counts: _figures(counts.reshape(-1, *shape)),
        num_resamples=num_resamples,
        confidence=confidence,
        seed=seed,
    )


def _figures(confusions: np.ndarray) -> dict[Score, np.ndarray]:
    """Computes every score of several confusion matrices with the same number of examples.

    Args:
      confusions: `<int64>[num_matrices, num_classes, num_classes]`.

    Returns:
      Score → `<float64>[num_matrices]`.
    """
    counts = confusions.astype(np.float64)
    hits = np.diagonal(counts, axis1=1, axis2=2)  # [num_matrices, num_classes], as are the next five
    support, predicted = counts.sum(axis=2), counts.sum(axis=1)
    by_class = {
        "precision": 100.0 * _divide(hits, predicted),
        "recall": 100.0 * _divide(hits, support),
        "f1": 100.0 * _divide(2.0 * hits, support + predicted),
    }
    total, right = counts.sum(axis=(1, 2)), hits.sum(axis=1)
    figures = {Score("accuracy"): 100.0 * right / total}
    figures |= {Score(f"macro_{metric}"): by_class[metric].mean(axis=1) for metric in CLASS_METRICS}
    # Covariance and variances of the indicator vectors of gold and predicted class, all times the total squared.
    covariance = right * total - (support * predicted).sum(axis=1)
    gold_variance = np.square(total) - np.square(support).sum(axis=1)
    predicted_variance = np.square(total) - np.square(predicted).sum(axis=1)
    deviations = np.sqrt(gold_variance) * np.sqrt(predicted_variance)
    figures[Score("matthews_correlation")] = _divide(covariance, deviations)
    for metric, values in by_class.items():
        figures |= {Score(metric, index): values[:, index] for index in range(values.shape[1])}
    return figures


def _divide(dividend: np.ndarray, divisor: np.ndarray) -> np.ndarray:
    """The quotient; 0 where the divisor is 0."""
    return np.divide(dividend, divisor, out=np.zeros_like(dividend), where=divisor != 0)
