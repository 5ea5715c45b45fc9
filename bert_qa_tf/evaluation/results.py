"""Writes the results of an evaluation and formats them as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bert_qa_tf.storage import files

METRICS_FILE = "metrics.json"
_MIN_LABEL_WIDTH = 34
_MIN_COLUMN_WIDTH = 20


def write_results(directory: str, metrics: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    """Writes the results of one model on one file.

    Args:
      directory: the output folder; created if it is missing; may be remote.
      metrics: the content of `metrics.json`.
      others: file name → content: bytes, text, or a value to write as JSON.

    Raises:
      InputError: a file cannot be written.
    """
    for name, content in {METRICS_FILE: metrics, **others}.items():
        if isinstance(content, bytes):
            with files.replacing(f"{directory}/{name}") as file:
                file.write(content)
        elif isinstance(content, str):
            files.write_text(f"{directory}/{name}", content)
        else:
            files.write_json(f"{directory}/{name}", content)


def format_numbers(file: str, by_model: Mapping[str, Mapping[str, Any]]) -> str:
    """Formats a table of all metrics that are floats, with a row for each metric and a column for each model.

    Args:
      file: the name of the file that was scored.
      by_model: metrics by the model's name, in the order to show.
    """
    names = [name for name, value in next(iter(by_model.values())).items() if isinstance(value, float)]
    return format_rows(
        file, by_model, {name.replace("_", " "): lambda metrics, name=name: f"{metrics[name]:.2f}" for name in names}
    )


def format_rows(
    file: str, by_model: Mapping[str, Mapping[str, Any]], rows: Mapping[str, Callable[[Mapping[str, Any]], str]]
) -> str:
    """Formats a table of scores for the terminal, with a column for each model.

    Args:
      file: the name of the file that was scored.
      by_model: metrics by the model's name, in the order to show; they include `total`.
      rows: label → a function that formats the cell from a model's metrics.
    """
    columns = list(by_model.values())
    label_width = max(_MIN_LABEL_WIDTH, *(len(label) + 2 for label in rows))
    table = {f"{file} ({columns[0]['total']} examples)": list(by_model)}
    table |= {label: [cell(metrics) for metrics in columns] for label, cell in rows.items()}
    width = max(_MIN_COLUMN_WIDTH, *(len(cell) + 2 for cells in table.values() for cell in cells))
    return "\n".join(
        (label.ljust(label_width) + "".join(cell.rjust(width) for cell in cells)).rstrip()
        for label, cells in table.items()
    )


def with_interval(metrics: Mapping[str, Any], name: str, decimals: int = 2) -> str:
    """Formats a score with its 95 % interval: `91.28 (89.3–93.1)`."""
    interval = metrics["confidence_intervals_95"][name]
    low, high = (f"{interval[end]:.{decimals - 1}f}" for end in ("low", "high"))
    return f"{metrics[name]:.{decimals}f} ({low}–{high})"
