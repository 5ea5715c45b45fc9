"""The expected numbers are those of scikit-learn 1.9.1."""

import numpy as np
import pytest

from bert_qa_tf.errors import InputError
from bert_qa_tf.tasks.classification import metrics
from bert_qa_tf.tasks.classification.metrics import METRICS, Score

SST2 = np.array([[397, 31], [36, 408]])
THREE = np.array([[5, 1, 0], [2, 3, 4], [0, 1, 9]])
# The third class is predicted once and has no example; the second class of ONE_SIDED is never predicted.
WITHOUT_GOLD = np.array([[4, 0, 1], [2, 3, 0], [0, 0, 0]])
ONE_SIDED = np.array([[7, 0], [3, 0]])


def _names(confusion):
    return tuple("abc"[: len(confusion)])


def test_pairs_are_counted_with_gold_in_rows():
    counts = metrics.confusion_matrix(np.array([0, 0, 1, 2]), np.array([1, 1, 1, 0]), 3)

    assert counts.dtype == np.int64
    assert counts.tolist() == [[0, 2, 0], [0, 1, 0], [1, 0, 0]]


@pytest.mark.parametrize(("gold", "predicted"), [([0], [0, 1]), ([0], [2]), ([-1], [0])])
def test_classes_that_are_none_are_no_pairs(gold, predicted):
    with pytest.raises(ValueError, match="expected"):
        metrics.confusion_matrix(np.array(gold), np.array(predicted), 2)


@pytest.mark.parametrize(
    ("confusion", "expected"),
    [
        (SST2, (92.31651376146789, 92.31220441166413, 92.32445061884314, 92.31529089275685, 0.8463665414454604)),
        (THREE, (68.0, 66.88644688644688, 68.8888888888889, 66.01369644847907, 0.5268676967316912)),
        (WITHOUT_GOLD, (70.0, 55.55555555555555, 46.666666666666664, 49.24242424242424, 0.4811252243246881)),
        (ONE_SIDED, (70.0, 35.0, 50.0, 41.17647058823529, 0.0)),
    ],
)
def test_scores_of_a_data_set_are_scikit_learns(confusion, expected):
    scores = metrics.score(confusion, _names(confusion))

    assert [getattr(scores, name) for name in METRICS] == pytest.approx(list(expected), rel=1e-12)
    assert scores.total == confusion.sum()


@pytest.mark.parametrize(
    ("confusion", "precision", "recall", "f1"),
    [
        (
            THREE,
            (71.42857142857143, 60.0, 69.23076923076923),
            (83.33333333333334, 33.33333333333333, 90.0),
            (76.92307692307693, 42.857142857142854, 78.26086956521739),
        ),
        (WITHOUT_GOLD, (66.66666666666666, 100.0, 0.0), (80.0, 60.0, 0.0), (72.72727272727273, 75.0, 0.0)),
        (ONE_SIDED, (70.0, 0.0), (100.0, 0.0), (82.35294117647058, 0.0)),
    ],
)
def test_scores_of_each_class_are_scikit_learns(confusion, precision, recall, f1):
    classes = metrics.score(confusion, _names(confusion)).classes

    assert [scores.precision for scores in classes] == pytest.approx(list(precision), rel=1e-12)
    assert [scores.recall for scores in classes] == pytest.approx(list(recall), rel=1e-12)
    assert [scores.f1 for scores in classes] == pytest.approx(list(f1), rel=1e-12)
    assert [scores.support for scores in classes] == confusion.sum(axis=1).tolist()
    assert [scores.predicted for scores in classes] == confusion.sum(axis=0).tolist()


def test_all_right_and_all_wrong_are_the_ends_of_the_scales():
    right = metrics.score(np.diag([3, 4]), ("a", "b"))
    wrong = metrics.score(np.array([[0, 3], [4, 0]]), ("a", "b"))

    assert (right.accuracy, right.macro_f1, right.matthews_correlation) == (100.0, 100.0, pytest.approx(1.0))
    assert (wrong.accuracy, wrong.macro_f1, wrong.matthews_correlation) == (0.0, 0.0, pytest.approx(-1.0))


def test_nothing_is_scored_without_an_example():
    with pytest.raises(InputError, match="no example to score"):
        metrics.score(np.zeros((2, 2), np.int64), ("a", "b"))


# === Intervals ===


def test_the_interval_of_accuracy_is_that_of_the_normal_approximation():
    # 805 right of 872: 92.32 % ± 1.96 · sqrt(0.9232 · 0.0768 / 872) = 90.55 … 94.08
    low, high = metrics.confidence_intervals(SST2)[Score("accuracy")]

    assert (low, high) == (pytest.approx(90.55, abs=0.2), pytest.approx(94.08, abs=0.2))


def test_intervals_are_those_of_drawing_the_examples_themselves():
    # 4,000 sets of examples drawn with replacement, scored one by one by scikit-learn 1.9.1.
    intervals = metrics.confidence_intervals(THREE, num_resamples=4000)

    assert intervals[Score("macro_f1")] == (pytest.approx(45.4, abs=1.5), pytest.approx(82.3, abs=1.5))
    assert intervals[Score("matthews_correlation")] == (pytest.approx(0.24, abs=0.03), pytest.approx(0.77, abs=0.03))


def test_every_score_lies_in_its_interval():
    scores = metrics.score(THREE, ("a", "b", "c"))
    intervals = metrics.confidence_intervals(THREE)

    for name in METRICS:
        assert intervals[Score(name)].low < getattr(scores, name) < intervals[Score(name)].high
    for index, classes in enumerate(scores.classes):
        for name in metrics.CLASS_METRICS:
            assert intervals[Score(name, index)].low < getattr(classes, name) < intervals[Score(name, index)].high
    assert len(intervals) == len(METRICS) + 3 * len(metrics.CLASS_METRICS)


def test_figures_are_ready_for_json():
    scores = metrics.score(ONE_SIDED, ("no", "yes"))

    assert scores.to_dict() == {
        "accuracy": 70.0,
        "macro_precision": 35.0,
        "macro_recall": 50.0,
        "macro_f1": pytest.approx(41.176, abs=0.001),
        "matthews_correlation": 0.0,
        "total": 10,
        "classes": {
            "no": {"precision": 70.0, "recall": 100.0, "f1": pytest.approx(82.353), "support": 7, "predicted": 10},
            "yes": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 3, "predicted": 0},
        },
        "confusion_matrix": {"labels": ["no", "yes"], "gold_by_predicted": [[7, 0], [3, 0]]},
    }


def test_figures_have_their_intervals():
    figures = metrics.score(SST2, ("0", "1")).to_dict(metrics.confidence_intervals(SST2))

    assert set(figures["confidence_intervals_95"]) == set(METRICS)
    assert figures["confidence_intervals_95"]["macro_f1"].keys() == {"low", "high"}
    assert figures["classes"]["1"]["confidence_intervals_95"]["f1"]["low"] < 92.4
