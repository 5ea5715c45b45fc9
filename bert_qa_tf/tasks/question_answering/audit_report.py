"""Audits SQuAD-form files and reports what was found.

The report says first whether a file is fit for training, then what is wrong with it, by weight, and then its figures.
It may be written as JSON, too: `{"files": [AuditReport.to_dict(), …]}`. A file that falls short of a given limit raises
an `InputError`. The counting is in `validation`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import Any

from bert_qa_tf import odd_items
from bert_qa_tf.errors import InputError, shortened
from bert_qa_tf.odd_items import OddItems, Severity
from bert_qa_tf.storage import atomic_files, files, outputs
from bert_qa_tf.tasks.question_answering import validation
from bert_qa_tf.tasks.question_answering.config import ConversionConfig
from bert_qa_tf.tasks.question_answering.reading import findings, input_formats

_NAME_WIDTH = 28
_MAX_ID_CHARS = 400
# Of a file that `run_audit` wrote.
_BEGINNING = re.compile(rb'\s*\{\s*"files"\s*:\s*\[')
# Problems that other commands leave out or change, beside the odd items of that severity.
_CHANGED = (findings.DUPLICATE_IDS, findings.EMPTY_QUESTIONS, findings.INVALID_UNICODE)
# Problems with answers come first.
_PROBLEMS = sorted(
    (name for name in validation.PROBLEMS if name not in _CHANGED), key=lambda name: "answer" not in name
)
# Figures that are shown even if they are 0.
_ALWAYS = ("articles", "paragraphs", "questions", "answers", "ceiling_exact_match", "ceiling_f1")


def run_audit(
    paths: Sequence[str],
    *,
    output_file: str | None = None,
    overwrite: bool = False,
    max_answer_words: int = 30,
    show: int = 3,
    show_all: bool = False,
    fail_under_aligned: float | None = None,
    fail_under_ceiling_f1: float | None = None,
    strict: bool = False,
    input_format: str = input_formats.AUTO,
) -> list[validation.AuditReport]:
    """Audits files, prints the report, writes the JSON, and then raises an error if a file falls short of a limit.

    Args:
      paths: files of questions, or folders of Parquet files, local or remote.
      output_file: where to write the figures as JSON; None to write none.
      overwrite: whether to replace a file there that is no audit.
      max_answer_words: the longest span, in words, that the ceiling may choose.
      show: how many ids to show for each kind of problem.
      show_all: whether to print figures that are 0, too.
      fail_under_aligned: the smallest acceptable share (0 to 1) of answerable questions with a correct answer offset.
      fail_under_ceiling_f1: the smallest acceptable F1 (0 to 100) of the best span.
      strict: whether anything odd raises an error, after the report.
      input_format: the form of the files, see `input_formats`.

    Returns:
      One report per file.

    Raises:
      InputError: no file is given, one cannot be read, or one falls short of a limit; or `output_file` is one of them,
        or must not be replaced.
    """
    if not paths:
        raise InputError("nothing to audit: give at least one --input_file")
    files.check_inputs(input_formats.with_shards(paths))
    if output_file:
        outputs.check_file(
            output_file, paths, overwrite=overwrite, is_own=lambda head: _BEGINNING.match(head) is not None
        )
    all_odd = OddItems()
    reports = [_audit(path, input_format, max_answer_words, show, all_odd) for path in paths]
    print(format_reports(reports, show_all=show_all))
    if output_file:
        document = {"files": [report.to_dict() for report in reports]}
        atomic_files.write_json(output_file, document)
        print(f"\nwrote {output_file}")
    if all_odd and not strict:
        print(f"\n{all_odd.summary()}")
    _refuse(reports, fail_under_aligned, fail_under_ceiling_f1, strict)
    return reports


def _audit(path: str, input_format: str, max_answer_words: int, show: int, all_odd: OddItems) -> validation.AuditReport:
    # Collected here, since the report shows them, and since even what is refused must not end it.
    with odd_items.collect(max_places=show) as odd:
        squad_file = input_formats.load_file(path, input_format, strict=False)
    all_odd.merge(odd)
    report = validation.audit_file(squad_file, max_answer_words=max_answer_words, show=show)
    found = [{**kind, "first": [place.removeprefix(f"{path}: ") for place in kind["first"]]} for kind in odd.to_json()]
    return dataclasses.replace(report, odd_items=found)


def format_reports(reports: Sequence[validation.AuditReport], *, show_all: bool = False) -> str:
    """Formats a verdict for each file, a table with one column per file, and the first ids of each problem.

    Args:
      reports: at least one.
      show_all: whether to show figures that are 0 in all files, too.
    """
    lines = [line for report in reports for line in _verdict(report)]
    lines += ["", *_table(reports, show_all)]
    for report in reports:
        found = list(_first_of_each(report))
        if found:
            lines += ["", f"{report.file}: first of each kind of problem", *found]
    return "\n".join(lines)


# === The verdict ===


def _verdict(report: validation.AuditReport) -> Iterator[str]:
    counts, aligned = report.counts, report.aligned
    if not counts["questions"]:
        yield f"{report.file}: no question in it can be read"
        return
    share = f"of {aligned.answerable:,} questions with an answer, {aligned.aligned:,} ({aligned.fraction:.1%})"
    least = ConversionConfig().min_aligned_fraction
    if not aligned.answerable:
        yield f"{report.file}: not fit for training: no question in it has an answer"
    elif aligned.fraction >= least:
        yield f"{report.file}: fit for training: {share} have it where the file says"
    else:
        yield (
            f"{report.file}: not fit for training as it is: {share} have it where the file says; create_tfrecords "
            "--relabel=find looks for the others in the text"
        )
    if counts["impossible_questions"]:
        yield (
            f"  {counts['impossible_questions']:,} of {counts['questions']:,} questions have no answer: convert with "
            "--version_2_with_negative"
        )
    left_out = sum(kind["count"] for kind in _odd(report, Severity.WARNING))
    unanswered = counts["questions_without_answers"]
    if left_out:
        yield f"  {left_out:,} {'item is' if left_out == 1 else 'items are'} left out or changed when it is read"
    if unanswered:
        of = f"{unanswered:,} {'question has' if unanswered == 1 else 'questions have'}"
        yield f"  {of} no answer and no is_impossible, and cannot be used for training or scoring"
    yield (
        f"  the best score that any answer from the texts can reach: exact match {counts['ceiling_exact_match']:.2f}, "
        f"F1 {counts['ceiling_f1']:.2f}"
    )


def _odd(report: validation.AuditReport, severity: Severity) -> list[dict[str, Any]]:
    return [kind for kind in report.odd_items if kind["severity"] == severity.value]


# === The table ===


def _table(reports: Sequence[validation.AuditReport], show_all: bool) -> list[str]:
    """Formats the figures in groups: what matters first."""
    changed = list(dict.fromkeys([*_names(reports, Severity.WARNING), *_CHANGED]))
    noted = _names(reports, Severity.NOTE)
    figures = [name for name in reports[0].counts if name not in (*_PROBLEMS, *_CHANGED)]
    groups = {
        "left out or changed": changed,
        "problems": _PROBLEMS,
        "odd, but read as meant": noted,
        "figures": [*figures, "aligned_fraction", *reports[0].lengths],
    }
    columns = [_cells(report) for report in reports]
    shown = {
        title: [name for name in names if show_all or name not in _hidden(names, columns)]
        for title, names in groups.items()
    }
    heads = [_short(report.file) for report in reports]
    label_width = max(len(_row_label(name)) for names in shown.values() for name in names) + 2
    widths = [
        max(len(head), *(len(cells.get(name, "0")) for names in shown.values() for name in names))
        for head, cells in zip(heads, columns, strict=True)
    ]
    lines = [_line("", heads, label_width, widths)]
    for title, names in shown.items():
        if names:
            lines.append(title)
            lines += [
                _line(f"  {_row_label(name)}", [cells.get(name, "0") for cells in columns], label_width, widths)
                for name in names
            ]
    return lines


def _names(reports: Sequence[validation.AuditReport], severity: Severity) -> list[str]:
    return list(dict.fromkeys(kind["kind"] for report in reports for kind in _odd(report, severity)))


def _hidden(names: Sequence[str], columns: Sequence[dict[str, str]]) -> set[str]:
    """Returns the names of rows that are 0 for every file."""
    return {
        name for name in names if name not in _ALWAYS and all(cells.get(name, "0") in ("0", "-") for cells in columns)
    }


def _cells(report: validation.AuditReport) -> dict[str, str]:
    cells = {kind["kind"]: f"{kind['count']:,}" for kind in report.odd_items}
    cells |= {name: f"{v:.2f}" if isinstance(v, float) else f"{v:,}" for name, v in report.counts.items()}
    cells["aligned_fraction"] = f"{100 * report.aligned.fraction:.2f}"
    for name, percentiles in report.lengths.items():
        cells[name] = "/".join(str(length) for length in percentiles.values()) or "-"
    return cells


def _row_label(name: str) -> str:
    if name == "aligned_fraction":
        return "aligned questions, %"
    return f"{_label(name)} p50/p90/p95/p99/max" if name.endswith("_words") and "max" not in name else _label(name)


def _first_of_each(report: validation.AuditReport) -> Iterator[str]:
    """Yields a line for each kind of problem: what is left out or changed first."""
    found = {kind["kind"]: kind for kind in (*_odd(report, Severity.WARNING), *_odd(report, Severity.NOTE))}
    warnings = [kind["kind"] for kind in _odd(report, Severity.WARNING)]
    others = [name for name in (*_CHANGED, *_PROBLEMS) if name in report.first_of_each and name not in found]
    notes = [name for name in found if name not in warnings]
    for name in (*warnings, *others, *notes):
        if name in found and found[name]["first"]:
            first, count, text = found[name]["first"], found[name]["count"], f", {found[name]['text']}"
        elif name in report.first_of_each:
            first, count, text = report.first_of_each[name], report.counts[name], ""
        else:
            continue
        shown = ", ".join(shortened(where, _MAX_ID_CHARS) for where in first)
        yield f"  {_label(name)} ({count:,}){text}: {shown}{', …' if count > len(first) else ''}"


def _label(name: str) -> str:
    return name.replace("_", " ").replace("f1", "F1")


def _short(path: str) -> str:
    name = path.rstrip("/").rsplit("/", 1)[-1].removesuffix(".json")
    return name if len(name) <= _NAME_WIDTH else f"…{name[1 - _NAME_WIDTH :]}"


def _line(label: str, cells: Sequence[str], label_width: int, widths: Sequence[int]) -> str:
    return "  ".join([label.ljust(label_width), *(c.rjust(w) for c, w in zip(cells, widths, strict=True))]).rstrip()


def _refuse(
    reports: Sequence[validation.AuditReport],
    fail_under_aligned: float | None,
    fail_under_ceiling_f1: float | None,
    strict: bool,
) -> None:
    shortfalls = []
    for report in reports:
        aligned = report.aligned
        if not report.counts["questions"] and (unreadable := _odd(report, Severity.WARNING)):
            first = f": {unreadable[0]['first'][0]}" if unreadable[0]["first"] else ""
            shortfalls.append(f"{report.file}: no question in it can be read{first}")
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
        if strict and report.odd_items:
            kinds = ", ".join(f"{_label(kind['kind'])} ({kind['count']:,})" for kind in report.odd_items)
            first = f"; the first is {report.odd_items[0]['first'][0]}" if report.odd_items[0]["first"] else ""
            shortfalls.append(f"{report.file}: holds odd items, which --strict refuses: {kinds}{first}")
    if shortfalls:
        raise InputError("; ".join(shortfalls))
