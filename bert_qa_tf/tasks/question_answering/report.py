"""Formats the scores of several models on a file as a table with one row per metric and one column per model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LABEL_WIDTH = 34
_MIN_COLUMN_WIDTH = 20


def format_table(file: str, by_model: Mapping[str, Mapping[str, Any]]) -> str:
    """Formats the table of one file.

    Args:
      file: the file's name.
      by_model: model name → metrics (from `evaluation.evaluate`), in the order to show them.
    """
    columns = list(by_model.values())
    width = max(_MIN_COLUMN_WIDTH, *(len(name) + 2 for name in by_model))

    def row(label: str, cells: list[str]) -> str:
        return label.ljust(_LABEL_WIDTH) + "".join(cell.rjust(width) for cell in cells)

    lines = [row(f"{file} ({columns[0]['total']} questions)", list(by_model))]
    for label, name in (("exact match", "exact_match"), ("F1", "f1")):
        lines.append(row(label, [_with_interval(metrics, name) for metrics in columns]))
    lines += [
        row("precision / recall", [_pair(m["precision"], m["recall"]) for m in columns]),
        row("best any span can score, EM / F1", [_pair(m["ceiling_exact_match"], m["ceiling_f1"]) for m in columns]),
        row("share of that reached, F1", [_percent(m["share_of_ceiling_f1"]) for m in columns]),
    ]
    for label, name in (
        ("answer survived recognition", "answer_survived_recognition"),
        ("answer lost in recognition", "answer_lost_in_recognition"),
    ):
        total = columns[0][name]["total"]
        cells = [_pair(m[name]["exact_match"], m[name]["f1"]) for m in columns]
        lines.append(row(f"  {label} ({total})", cells))
    cells = [_pair(metrics["start_accuracy"], metrics["end_accuracy"]) for metrics in columns]
    lines.append(row("start / end right", cells))
    reasons = {metrics["span_accuracy_reason"] for metrics in columns if metrics.get("span_accuracy_reason")}
    lines += [f"  (start / end: {reason})" for reason in sorted(reasons)]
    if any("seconds" in metrics for metrics in columns):
        total = max(metrics["seconds"]["total"] for metrics in columns if "seconds" in metrics)
        cells = [_pair(found.get("aos"), found.get("frame_f1")) for m in columns for found in [m.get("seconds", {})]]
        lines.append(row(f"seconds, AOS / frame F1 ({total})", cells))
    reasons = {metrics["seconds_reason"] for metrics in columns if metrics.get("seconds_reason")}
    lines += [f"  (seconds: {reason})" for reason in sorted(reasons)]
    for name, label in (("has_answer", "questions with an answer"), ("no_answer", "questions without one")):
        if any(name in metrics for metrics in columns):
            cells = [_pair(m.get(name, {}).get("exact_match"), m.get(name, {}).get("f1")) for m in columns]
            lines.append(row(f"  {label}, EM / F1", cells))
    if any(metrics.get("questions_cut") for metrics in columns):
        cells = ["–" if (count := metrics.get("questions_cut")) is None else str(count) for metrics in columns]
        lines.append(row("questions cut, too long to read", cells))
    return "\n".join(line.rstrip() for line in lines)


def _with_interval(metrics: Mapping[str, Any], name: str) -> str:
    interval = metrics["confidence_intervals_95"][name]
    return f"{metrics[name]:.2f} ({interval['low']:.1f}–{interval['high']:.1f})"


def _pair(first: float | None, second: float | None) -> str:
    return " / ".join("–" if value is None else f"{value:.2f}" for value in (first, second))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
