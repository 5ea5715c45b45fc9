"""The table of several classifiers' scores on one file."""

import numpy as np

from bert_qa_tf.tasks.classification import metrics, report

# The second model knows a label more, and always says "good".
MODELS = {
    "first": ([[4, 0], [0, 6]], ("bad", "good")),
    "second": ([[0, 4, 0], [0, 6, 0], [0, 0, 0]], ("bad", "good", "fair")),
}


def _scored(confusion, labels):
    counts = np.array(confusion)
    return metrics.score(counts, labels).to_dict(metrics.confidence_intervals(counts))


def test_models_stand_side_by_side_and_their_confusion_matrices_below():
    by_model = {name: _scored(*scores) for name, scores in MODELS.items()}
    table, *matrices = report.format_table("dev.tsv", by_model).split("\n\n")
    lines = [line.split() for line in table.splitlines()]
    assert lines[0] == ["dev.tsv", "(10", "examples)", "first", "second"]
    assert lines[1] == ["accuracy", "100.00", "(100.0–100.0)", "60.00", "(30.0–90.0)"]
    assert " ".join(lines[5]) == "bad: precision / recall / F1 100.00 / 100.00 / 100.00 0.00 / 0.00 / 0.00"
    assert " ".join(lines[7]) == "fair: precision / recall / F1 – 0.00 / 0.00 / 0.00"
    assert [matrix.splitlines()[0] for matrix in matrices] == ["first:", "second:"]
    assert matrices[1].splitlines()[3].split()[:5] == ["good", "·", "6", "·", "6"]
