"""Formats the scores of several classifiers on one file as a table for the terminal."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from bert_qa_tf.evaluation.results import format_rows, with_interval
from bert_qa_tf.tasks.classification.confusion_matrix import format_table as format_confusion

_Metrics = Mapping[str, Any]


def format_table(file: str, by_model: Mapping[str, _Metrics]) -> str:
    """Formats the table of one file, with the confusion matrix of each model below it.

    Args:
      file: the file's name.
      by_model: model name → metrics, in the order to show them.
    """
    rows = {
        "accuracy": functools.partial(with_interval, name="accuracy"),
        "macro F1": functools.partial(with_interval, name="macro_f1"),
        "macro precision / recall": lambda m: f"{m['macro_precision']:.2f} / {m['macro_recall']:.2f}",
        "Matthews correlation": functools.partial(with_interval, name="matthews_correlation", decimals=3),
    }
    labels = dict.fromkeys(label for metrics in by_model.values() for label in metrics["classes"])
    rows |= {f"  {label}: precision / recall / F1": functools.partial(_class_cell, label=label) for label in labels}
    parts = [format_rows(file, by_model, rows)]
    for name, metrics in by_model.items():
        matrix = metrics["confusion_matrix"]
        shown = format_confusion(np.array(matrix["gold_by_predicted"]), matrix["labels"])
        parts.append(f"{name}:\n{shown}")
    return "\n\n".join(parts)


def _class_cell(metrics: _Metrics, label: str) -> str:
    scores = metrics["classes"].get(label)
    return "–" if scores is None else " / ".join(f"{scores[name]:.2f}" for name in ("precision", "recall", "f1"))
