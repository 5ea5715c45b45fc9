"""Writes the results of an evaluation and formats them as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import atomic_files, files, lock, outputs, temporary_files

METRICS_FILE = "metrics.json"
_MIN_LABEL_WIDTH = 34
_MIN_COLUMN_WIDTH = 20


def write_results(directory: str, metrics: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    """Writes the results of one model on one file, all of them or none.

    Args:
      directory: the output folder; created if it is missing; may be remote.
      metrics: the content of `metrics.json`.
      others: file name → content: bytes, text, or a value to write as JSON.

    Raises:
      InputError: a file cannot be written.
    """
    contents = {**others, METRICS_FILE: metrics}
    with atomic_files.replacing_together(*(f"{directory}/{name}" for name in contents)) as opened:
        for file, content in zip(opened, contents.values(), strict=True):
            if isinstance(content, str):
                content = content.encode("utf-8")
            file.write(content if isinstance(content, bytes) else atomic_files.json_bytes(content))


def check_folder(directory: str, inputs: Iterable[str], overwrite: bool) -> None:
    """Checks that results may be written into a folder, before the model has run.

    Args:
      directory: the output folder; may be remote, and need not exist.
      inputs: the files and folders that are read.
      overwrite: whether to write beside, and over, files that are no results.

    Raises:
      InputError: an input lies in the folder, or the files there are no results.
    """
    outputs.check_not_read(directory, inputs)
    names = [name for name in files.list_folder(directory) if _is_in_the_way(name)]
    if names and not overwrite and not _holds_results(directory):
        raise InputError(
            f"{directory}: holds {names[0]} and no results of `evaluate`; name another --output_dir, or write "
            "there with --overwrite"
        )


def _is_in_the_way(name: str) -> bool:
    # A killed process may have left the other two.
    return name != lock.LOCK_FILE and temporary_files.final_name(name) == name


def _holds_results(directory: str) -> bool:
    path = f"{directory}/{METRICS_FILE}"
    if not files.exists(path):
        # A process that was killed while it moved its results has moved the metrics last.
        return any(temporary_files.final_name(name) == METRICS_FILE for name in files.list_folder(directory))
    try:
        return {"file", "total"} <= files.read_json(path).keys()
    except InputError:
        return False


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
