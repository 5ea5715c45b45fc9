"""Kills every writing command at each of its writing calls, fills the disk, forbids writing, and runs it again.

python -m experiments.crash.prove_crash                                       all: hours
python -m experiments.crash.prove_crash --commands=predict,audit --kills=20   some commands, with fewer random moments
python -m experiments.crash.prove_crash --commands=predict --fault='kill 7'   one trial again

Exits with status 1 if a trial had faults. README.md says what a fault is.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import multiprocessing
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence

from experiments.crash import cases, pieces, trials
from experiments.crash.syscalls import Call, Fault

_RESULTS = pathlib.Path(__file__).resolve().parent / "results"
_KINDS = ("kill at a moment", "kill at a call", "full disk", "read-only")
_FULL = "create write rename mkdir link symlink ftruncate truncate fallocate fsync fdatasync copy_file_range sendfile"
_SHOWN_FAULTS = 12
_PROGRESS_EVERY = 100


def main() -> None:
    """Runs the trials and writes the report."""
    values = _arguments()
    chosen = cases.find([name for name in values.commands.split(",") if name])
    work = tempfile.mkdtemp(prefix="prove_crash_", dir=values.work)
    print(f"seed {values.seed}, {values.jobs} processes; trials that fail are kept below {values.failed}", flush=True)
    began = time.monotonic()
    report = _Report(values)
    try:
        with concurrent.futures.ProcessPoolExecutor(
            values.jobs, multiprocessing.get_context("spawn"), _begin, (work, values.failed)
        ) as pool:
            pool.submit(_make_pieces, work).result()
            recorded = {case.name: pool.submit(_record, case.name) for case in chosen}
            running = {}
            for case in chosen:
                calls, seconds, faults = recorded[case.name].result()
                report.begin(case, calls, seconds, faults)
                for kind, fault in _plan(values, case, calls, seconds):
                    running[pool.submit(_try_out, case.name, fault)] = case, kind, fault
            for number, future in enumerate(concurrent.futures.as_completed(running), start=1):
                report.add(*running[future], future.result())
                if number % _PROGRESS_EVERY == 0:
                    print(f"{number} of {len(running)} trials, {time.monotonic() - began:.0f} s", flush=True)
                if values.minutes and time.monotonic() - began > 60 * values.minutes:
                    print(f"stopped after {values.minutes} minutes, {number} of {len(running)} trials", flush=True)
                    pool.shutdown(wait=False, cancel_futures=True)
                    break
    finally:
        shutil.rmtree(work, ignore_errors=True)
    report.write(time.monotonic() - began)
    sys.exit(int(report.failed))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--commands", default="", help="names of commands or their beginnings, with commas; all")
    parser.add_argument("--kills", type=int, default=200, help="kills at random moments, for each command")
    parser.add_argument("--calls", type=int, default=0, help="at most so many calls of each command are hit; 0: all")
    parser.add_argument("--kinds", default="moment,call,full,read-only", help="kinds of trials, with commas")
    parser.add_argument("--fault", default="", help="one trial only, as a report names it: 'kill 7 torn'")
    parser.add_argument("--jobs", type=int, default=2, help="trials at the same time")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    parser.add_argument("--minutes", type=float, default=0, help="stop after so many minutes; 0: when all is done")
    parser.add_argument("--work", default=None, help="folder for the trials; a memory file system is fastest")
    parser.add_argument("--failed", default="runs/crash", help="folder for trials that fail")
    parser.add_argument("--output_file", default="", help="where to write the report; default: only printed")
    values = parser.parse_args()
    values.failed = os.path.abspath(values.failed)
    return values


# === The plan ===


def _plan(
    values: argparse.Namespace, case: cases.Case, calls: Sequence[Call], seconds: float
) -> list[tuple[str, Fault]]:
    if values.fault:
        fault = _parse(values.fault)
        return [("full disk" if fault.kind == "full" else "read-only" if fault.kind == "read-only" else "kill", fault)]
    kinds = values.kinds.split(",")
    plan: list[tuple[str, Fault]] = []
    chosen = _representatives(calls)
    if values.calls and len(chosen) > values.calls:
        chosen = sorted(random.Random(f"{values.seed} {case.name}").sample(chosen, values.calls))
    if "moment" in kinds:
        moments = random.Random(f"{values.seed} {case.name}")
        count = values.kills // 4 if case.slow else values.kills
        plan += [("kill at a moment", Fault("kill", seconds=moments.uniform(0, seconds))) for _ in range(count)]
    if "call" in kinds:
        for number in chosen:
            plan.append(("kill at a call", Fault("kill", number)))
            if calls[number].name == "write":
                plan.append(("kill at a call", Fault("kill", number, torn=True)))
    if "full" in kinds:
        for number in chosen:
            if calls[number].name in _FULL.split():
                plan.append(("full disk", Fault("full", number)))
                plan.append(("full disk", Fault("full", number, torn=True, forever=True)))
    if "read-only" in kinds:
        for error in ("EROFS", "EACCES"):
            for everywhere in (False, True):
                plan.append(("read-only", Fault("read-only", error=error, everywhere=everywhere)))
    return plan


def _representatives(calls: Sequence[Call]) -> list[int]:
    """The numbers of the calls to hit: of more than four equal ones in a row, the first, second, middle and last."""
    chosen, first = [], 0
    for number in range(1, len(calls) + 1):
        if number == len(calls) or calls[number] != calls[first]:
            run = range(first, number)
            chosen += run if len(run) <= 4 else [run[0], run[1], run[len(run) // 2], run[-1]]
            first = number
    return chosen


def _describe(fault: Fault) -> str:
    words = [fault.kind]
    words += [str(fault.number)] if fault.number is not None else []
    words += [f"{fault.seconds:.6f}s"] if fault.seconds is not None else []
    words += [name for name in ("torn", "forever", "everywhere") if getattr(fault, name)]
    return " ".join(words + ([fault.error] if fault.kind == "read-only" else []))


def _parse(text: str) -> Fault:
    kind, *words = text.split()
    given: dict[str, object] = {}
    for word in words:
        if word in ("torn", "forever", "everywhere"):
            given[word] = True
        elif word.isdigit():
            given["number"] = int(word)
        elif word.endswith("s"):
            given["seconds"] = float(word[:-1])
        else:
            given["error"] = word
    return Fault(kind, **given)


# === In the processes of the pool ===

_place: trials.Workplace | None = None


def _begin(work: str, failed: str) -> None:
    global _place
    trials.import_all()
    _place = trials.Workplace(os.path.join(work, f"worker{os.getpid()}"), os.path.join(work, "pieces"), failed)


def _make_pieces(work: str) -> None:
    folder = os.path.join(work, "pieces")
    os.makedirs(folder)
    trials.run_apart(lambda: pieces.make(folder))


def _record(name: str) -> tuple[list[Call], float, list[str]]:
    return _place.record(_case(name))


def _try_out(name: str, fault: Fault) -> trials.Verdict:
    return _place.try_out(_case(name), fault)


def _case(name: str) -> cases.Case:
    return next(case for case in cases.CASES if case.name == name)


# === The report ===


class _Report:
    """Counts trials and faults for each command and kind."""

    def __init__(self, values: argparse.Namespace) -> None:
        self._values = values
        self._done: collections.Counter[tuple[str, str]] = collections.Counter()
        self._bad: collections.Counter[tuple[str, str]] = collections.Counter()
        self._missed: collections.Counter[str] = collections.Counter()
        self._lines: dict[str, list[str]] = {}
        self._calls: dict[str, Sequence[Call]] = {}
        self.failed = False

    def begin(self, case: cases.Case, calls: Sequence[Call], seconds: float, faults: Sequence[str]) -> None:
        self._calls[case.name] = calls
        print(f"{case.name}: {seconds:.2f} s, {len(calls)} writing calls, {len(_representatives(calls))} hit", flush=True)
        for line in faults:
            self._fault(case.name, f"{case.name}: {line}")

    def add(self, case: cases.Case, kind: str, fault: Fault, verdict: trials.Verdict) -> None:
        if verdict.hit is None:
            self._missed[case.name] += 1
        else:
            self._done[case.name, kind] += 1
        if verdict.faults:
            self._bad[case.name, kind] += 1
            where = f" ({verdict.hit.name} {verdict.hit.path})" if verdict.hit else ""
            again = f"--commands='{case.name}' --fault='{_describe(fault)}'"
            text = f"{case.name}: {_describe(fault)}{where}\n    again: {again}; kept: {verdict.folder}"
            self._fault(case.name, "\n    ".join([text, *verdict.faults]))

    def _fault(self, name: str, text: str) -> None:
        self.failed = True
        lines = self._lines.setdefault(name, [])
        lines.append(text)
        if len(lines) <= _SHOWN_FAULTS:
            print(f"FAULT {text}", flush=True)

    def write(self, seconds: float) -> None:
        """Prints the table, and writes it to --output_file."""
        rows = [["command", "writing calls", *_KINDS, "not reached"]]
        for name, calls in self._calls.items():
            cells = [self._cell(name, kind) for kind in _KINDS]
            rows.append([name, str(len(calls)), *cells, str(self._missed[name] or "")])
        totals = [f"{self._sum(self._done, kind):,}" for kind in _KINDS]
        rows.append(["all", f"{sum(map(len, self._calls.values())):,}", *totals, str(sum(self._missed.values()) or "")])
        names = collections.Counter(call.name for calls in self._calls.values() for call in calls)
        table = "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]])
        kinds = ", ".join(f"{count:,} {name}" for name, count in names.most_common())
        faults = sum(self._bad.values()) + sum(len(lines) for lines in self._lines.values() if not self._bad)
        text = (
            f"{table}\n\nWriting calls by kind: {kinds}.\n\n{sum(self._done.values()):,} trials, {faults:,} with faults; "
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


if __name__ == "__main__":
    main()
