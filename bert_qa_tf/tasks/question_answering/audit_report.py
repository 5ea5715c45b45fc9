"""Audits SQuAD-form files and reports what was found.

The report is printed as a table and may be written as JSON, `{"files": [AuditReport.to_dict(), …]}`. A file that falls
short of a given limit raises an `InputError`. The counting is in `validation`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bert_qa_tf.errors import InputError
from bert_qa_tf.storage import files, outputs
from bert_qa_tf.tasks.question_answering import squad_reader, validation

_NAME_WIDTH = 28
# Of a file that `run_audit` wrote.
_BEGINNING = re.compile(rb'\s*\{\s*"files"\s*:\s*\[')


def run_audit(
    paths: Sequence[str],
    *,
    output_file: str | None = None,
    overwrite: bool = False,
    max_answer_words: int = 30,
    show: int = 3,
    fail_under_aligned: float | None = None,
    fail_under_ceiling_f1: float | None = None,
) -> list[validation.AuditReport]:
    """Audits files, prints the table, writes the JSON, and then raises an error if a file falls short of a limit.

    Args:
      paths: SQuAD-form files, local or remote.
      output_file: where to write the figures as JSON; None to write none.
      overwrite: whether to replace a file there that is no audit.
      max_answer_words: the longest span, in words, that the ceiling may choose.
      show: how many ids to show for each kind of problem.
      fail_under_aligned: the smallest acceptable share (0 to 1) of answerable questions with a correct answer offset.
      fail_under_ceiling_f1: the smallest acceptable F1 (0 to 100) of the best span.

    Returns:
      One report per file.

    Raises:
      InputError: no file is given, one cannot be read, or one falls short of a limit; or `output_file` is one of them,
        or must not be replaced.
    """
    if not paths:
        raise InputError("nothing to audit: give at least one --input_file")
    files.check_inputs(paths)
    if output_file:
        outputs.check_file(
            output_file, paths, overwrite=overwrite, is_own=lambda head: _BEGINNING.match(head) is not None
        )
    reports = []
    for path in paths:
        squad_file = squad_reader.load_squad(path, strict=False)
        reports.append(validation.audit_file(squad_file, max_answer_words=max_answer_words, show=show))
    print(format_reports(reports))
    if output_file:
        document = {"files": [report.to_dict() for report in reports]}
        files.write_json(output_file, document)
        print(f"\nwrote {output_file}")
    _refuse(reports, fail_under_aligned, fail_under_ceiling_f1)
    return reports


def format_reports(reports: Sequence[validation.AuditReport]) -> str:
    """Formats a table with one column per file, followed by the first ids of each problem."""
    columns = [_column(report) for report in reports]
    heads = [_short(report.file) for report in reports]
    rows = list(columns[0])
    label_width = max(len(row) for row in rows)
    widths = [max(len(head), *(len(column[row]) for row in rows)) for head, column in zip(heads, columns, strict=True)]
    lines = [_line("", heads, label_width, widths)]
    lines += [_line(row, [column[row] for column in columns], label_width, widths) for row in rows]
    for report in reports:
        if report.first_of_each:
            lines += ["", f"{report.file}: first of each kind of problem"]
            lines += [
                f"  {_label(kind)} ({report.counts[kind]:,}): {', '.join(ids)}"
                for kind, ids in report.first_of_each.items()
            ]
    return "\n".join(lines)


def _column(report: validation.AuditReport) -> dict[str, str]:
    column = {_label(name): f"{v:.2f}" if isinstance(v, float) else f"{v:,}" for name, v in report.counts.items()}
    column["aligned questions, %"] = f"{100 * report.aligned.fraction:.2f}"
    for name, percentiles in report.lengths.items():
        key = f"{_label(name)} p50/p90/p95/p99/max"
        column[key] = "/".join(str(length) for length in percentiles.values()) or "-"
    return column


def _label(name: str) -> str:
    return name.replace("_", " ").replace("f1", "F1")


def _short(path: str) -> str:
    name = path.rstrip("/").rsplit("/", 1)[-1].removesuffix(".json")
    return name if len(name) <= _NAME_WIDTH else f"…{name[1 - _NAME_WIDTH :]}"


def _line(label: str, cells: Sequence[str], label_width: int, widths: Sequence[int]) -> str:
    return "  ".join([label.ljust(label_width), *(c.rjust(w) for c, w in zip(cells, widths, strict=True))]).rstrip()


def _refuse(
    reports: Sequence[validation.AuditReport], fail_under_aligned: float | None, fail_under_ceiling_f1: float | None
) -> None:
    shortfalls = []
    for report in reports:
        aligned = report.aligned
        if fail_under_aligned is not None and aligned.fraction < fail_under_aligned:
            shortfalls.append(
                f"{report.file}: {aligned.aligned} of {aligned.answerable} questions have an answer offset that fits "
                f"({aligned.fraction:.4f}), expected at least {fail_under_aligned}"
            )
        ceiling_f1 = report.counts["ceiling_f1"]
        if fail_under_ceiling_f1 is not None and ceiling_f1 < fail_under_ceiling_f1:
            shortfalls.append(
                f"{report.file}: no span can score more than F1 {ceiling_f1:.2f}, expected at least "
                f"{fail_under_ceiling_f1}"
            )
    if shortfalls:
        raise InputError("; ".join(shortfalls))
