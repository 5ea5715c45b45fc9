"""Counts trials and faults for each command and kind."""

from __future__ import annotations

import argparse
import collections
import pathlib
from collections.abc import Sequence

from experiments.crash import plan
from experiments.crash.cases import Case
from experiments.crash.trials import Verdict
from experiments.crash.watcher import Call, Fault

_SHOWN_FAULTS = 12


class Report:
    """Counts trials and faults for each command and kind."""

    def __init__(self, values: argparse.Namespace) -> None:
        self._values = values
        self._done: collections.Counter[tuple[str, str]] = collections.Counter()
        self._bad: collections.Counter[tuple[str, str]] = collections.Counter()
        self._missed: collections.Counter[str] = collections.Counter()
        self._lines: dict[str, list[str]] = {}
        self._calls: dict[str, Sequence[Call]] = {}
        self.failed = False

    def begin(self, case: Case, calls: Sequence[Call], seconds: float, faults: Sequence[str]) -> None:
        """Takes the undisturbed run of a command."""
        self._calls[case.name] = calls
        print(
            f"{case.name}: {seconds:.2f} s, {len(calls)} writing calls, {len(plan.representatives(calls))} hit",
            flush=True,
        )
        for line in faults:
            self._fault(case.name, f"{case.name}: {line}")

    def add(self, case: Case, kind: str, fault: Fault, verdict: Verdict) -> None:
        """Counts a trial, and prints what is wrong."""
        if verdict.hit is None:
            self._missed[case.name] += 1
        else:
            self._done[case.name, kind] += 1
        if verdict.faults:
            self._bad[case.name, kind] += 1
            where = f" ({verdict.hit.name} {verdict.hit.path})" if verdict.hit else ""
            again = f"--commands='{case.name}' --fault='{plan.describe(fault)}'"
            text = f"{case.name}: {plan.describe(fault)}{where}\n    again: {again}; kept: {verdict.folder}"
            self._fault(case.name, "\n    ".join([text, *verdict.faults]))

    def _fault(self, name: str, text: str) -> None:
        self.failed = True
        lines = self._lines.setdefault(name, [])
        lines.append(text)
        if len(lines) <= _SHOWN_FAULTS:
            print(f"FAULT {text}", flush=True)

    def write(self, seconds: float) -> None:
        """Prints the table, and writes it to --output_file."""
        rows = [["command", "writing calls", *plan.KINDS, "not reached"]]
        for name, calls in self._calls.items():
            cells = [self._cell(name, kind) for kind in plan.KINDS]
            rows.append([name, str(len(calls)), *cells, str(self._missed[name] or "")])
        totals = [f"{self._sum(self._done, kind):,}" for kind in plan.KINDS]
        rows.append(["all", f"{sum(map(len, self._calls.values())):,}", *totals, str(sum(self._missed.values()) or "")])
        names = collections.Counter(call.name for calls in self._calls.values() for call in calls)
        table = "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]])
        kinds = ", ".join(f"{count:,} {name}" for name, count in names.most_common())
        faults = sum(self._bad.values()) + sum(len(lines) for lines in self._lines.values() if not self._bad)
        text = (
            f"{table}\n\nWriting calls by kind: {kinds}.\n\n"
            f"{sum(self._done.values()):,} trials, {faults:,} with faults; "
            f"seed {self._values.seed}, {seconds / 60:.0f} minutes with {self._values.jobs} processes.\n"
        )
        print(f"\n{text}")
        if self._values.output_file:
            lines = [f"- {line}" for lines in self._lines.values() for line in lines]
            more = "\n## Faults\n\n" + "\n".join(lines) + "\n" if lines else ""
            pathlib.Path(self._values.output_file).parent.mkdir(parents=True, exist_ok=True)
            pathlib.Path(self._values.output_file).write_text(f"# Trials\n\n{text}{more}", encoding="utf-8")

    def _cell(self, name: str, kind: str) -> str:
        bad = self._bad[name, kind]
        return f"{self._done[name, kind]:,}" + (f" ({bad:,} with faults)" if bad else "")

    def _sum(self, counts: collections.Counter, kind: str) -> int:
        return sum(count for (_, of), count in counts.items() if of == kind)
